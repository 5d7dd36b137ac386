/* SPDX-License-Identifier: MIT
 *
 * Out of memory at every allocation of a connection's life. The whole of it, from making the loop
 * to freeing it, is run again and again, each time with another allocation that fails: just that
 * one, or it and all that follow until the attempt is over. Each must end with an error that says
 * so, leave nothing behind, and let the next attempt succeed.
 *
 * A thread for each, because what a thread keeps for later would hide allocations. In simulated
 * time, because a server waits when it is out of memory.
 */
#include "net/streams.h"

#include "base/os.h"
#include "base/reports.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

/* A connection's stack is of a size that nothing else has, so that it takes memory of its own. */
enum { LARGE = 200000, STACK = 256 << 10 };

static const struct hkt_server_opts server_opts = {.stack_size = STACK};

/* Memory that fails */

static struct hkt__os real;
static struct {
    int calls;     /* so far */
    int fail_from; /* the first one that fails; -1: none does */
    bool for_good; /* as do those that follow */
    bool failed;
    size_t mapped;
} memory;

static bool fails(void)
{
    int call = memory.calls++;

    if (memory.fail_from < 0 || call < memory.fail_from ||
        (call > memory.fail_from && !memory.for_good))
        return false;
    memory.failed = true;
    return true;
}

static void *failing_alloc(size_t size)
{
    return fails() ? NULL : real.alloc(size);
}

static void *failing_map(size_t size)
{
    void *addr = fails() ? NULL : real.map(size);

    memory.mapped += addr ? size : 0;
    return addr;
}

static void counting_unmap(void *addr, size_t size)
{
    memory.mapped -= size;
    real.unmap(addr, size);
}

static void recover(void)
{
    memory.fail_from = -1;
}

/* Simulated time */

static int64_t simulated_now;

static int64_t simulated_clock(void *ctx)
{
    (void)ctx;
    return simulated_now;
}

static void simulated_sleep(void *ctx, int64_t until)
{
    (void)ctx;
    simulated_now = until;
}

/* A life */

struct life {
    const char *listen, *connect; /* with %d for the port */
    const char *poller;
    int rc;     /* of the run */
    int lived;  /* whether it came so far that a connection was served at the end */
    int failed; /* attempts */
    bool hit;   /* the failure came to pass */
};

static bool is_answer(ssize_t rc)
{
    return rc == -ENOMEM || rc == -ECONNRESET || rc == -EPIPE || rc == -EAGAIN;
}

/* The data there and back, in one piece that is larger than what is kept unsent. */

struct sending {
    struct hkt_stream *s;
    const char *data;
};

static int send_large(void *arg)
{
    const struct sending *out = arg;

    HKT_TRY(hkt_stream_write(out->s, out->data, LARGE));
    return hkt_stream_write_eof(out->s);
}

static int receive_large(struct hkt_stream *s, const char *data)
{
    char buf[10000];
    size_t got = 0;
    ssize_t n;

    while ((n = hkt_stream_read(s, buf, sizeof buf)) > 0) {
        cr_assert(got + (size_t)n <= LARGE);
        cr_assert_eq(memcmp(buf, data + got, (size_t)n), 0);
        got += (size_t)n;
    }
    return n < 0 ? (int)n : got == LARGE ? 0 : -ECONNRESET;
}

static int there_and_back(struct hkt_stream *s)
{
    static char data[LARGE];
    char line[16];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7 + i / 251);
    HKT_TRY(hkt_stream_write(s, "hello\n", 6));
    ssize_t n = hkt_stream_readline(s, line, sizeof line);
    if (n != 6)
        return n < 0 ? (int)n : -ECONNRESET;
    struct sending out = {s, data};
    struct hkt_task *sender = hkt_spawn(send_large, &out);
    if (!sender)
        return -ENOMEM;
    int rc = receive_large(s, data);
    if (rc < 0)
        hkt_stream_abort(s);
    int sent = hkt_join(sender);
    return rc < 0 ? rc : sent;
}

static int attempt(const char *url)
{
    struct hkt_timeout limit = {0};
    struct hkt_stream *s;

    HKT_TRY(hkt_timeout_enter(&limit, HKT_SEC(3600)));
    int rc = hkt_open_connection(url, NULL, &s);
    cr_assert((rc == 0) == (s != NULL));
    if (rc == 0)
        rc = there_and_back(s);
    if (rc == 0)
        rc = hkt_stream_close(s);
    hkt_stream_free(s);
    return (int)hkt_timeout_exit(&limit, rc);
}

static struct hkt_server *begin_server(struct life *l)
{
    struct hkt_server *server;
    int rc = hkt_start_server(l->listen, echo, NULL, &server_opts, &server);

    if (rc < 0) {
        cr_assert(is_answer(rc), "start: %d", rc);
        cr_assert_null(server);
        recover();
        l->failed++;
        rc = hkt_start_server(l->listen, echo, NULL, &server_opts, &server);
    }
    cr_assert_eq(rc, 0, "start: %d", rc);
    return server;
}

static void url_to(char url[64], const struct life *l, const struct hkt_server *server)
{
    struct hkt_addr addr;

    cr_assert_eq(hkt_server_addr(server, 0, &addr), 0);
    snprintf(url, 64, l->connect, ntohs(((struct sockaddr_in *)&addr.sockaddr)->sin_port));
}

static int live(void *arg)
{
    struct life *l = arg;
    char url[64];
    struct hkt_server *server = begin_server(l);

    url_to(url, l, server);
    int rc = attempt(url);
    cr_assert(rc == 0 || is_answer(rc), "%d", rc);
    recover();
    if (rc < 0) {
        cr_assert(memory.failed);
        l->failed++;
        rc = attempt(url);
        cr_assert_eq(rc, 0, "the next one: %d", rc);
    }
    hkt_server_close(server);
    rc = hkt_server_wait_closed(server);
    cr_assert(rc == 0 || rc == -ENOMEM, "%d", rc);
    hkt_server_free(server);
    l->lived = true;
    return 0;
}

static void *run_life(void *arg)
{
    struct life *l = arg;
    const struct hkt_loop_opts opts = {
        .poller = l->poller, .clock = simulated_clock, .sleep_until = simulated_sleep};

    l->rc = hkt_run_opts(live, l, &opts);
    l->hit = memory.failed;
    recover();
    return NULL;
}

static int count_fds(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* Whether the k-th allocation was there to fail. */
static bool without(struct life *l, int k, bool for_good)
{
    pthread_t thread;

    memory.calls = 0;
    memory.fail_from = k;
    memory.for_good = for_good;
    memory.failed = false;
    l->lived = l->failed = 0;
    cr_assert_eq(pthread_create(&thread, NULL, run_life, l), 0);
    pthread_join(thread, NULL);
    cr_assert(l->rc == 0 || (l->rc == -ENOMEM && !l->lived), "without %d: %d", k, l->rc);
    cr_assert_eq(l->rc == 0, l->lived);
    return l->hit;
}

static void ignore(void *ctx, const char *line)
{
    (void)ctx, (void)line;
}

static void without_each(struct life *l, bool for_good)
{
    int fds = 0;
    size_t mapped = 0;

    (void)without(l, -1, false);
    cr_assert_eq(l->rc, 0);
    cr_assert_eq(l->failed, 0);
    for (int k = 0; without(l, k, for_good); k++) {
        if (k == 0) {
            fds = count_fds();
            mapped = memory.mapped;
        }
        cr_assert_eq(count_fds(), fds, "without %d", k);
        cr_assert(memory.mapped <= mapped, "without %d", k);
        cr_assert(k < 1000);
    }
}

static void on_each(const char *listen, const char *connect, bool for_good)
{
    hkt_on_report(ignore, NULL);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        struct life l = {.listen = listen, .connect = connect, .poller = backends[i]};
        if (!have_backend(backends[i]))
            continue;
        real = hkt__os;
        hkt__os.alloc = failing_alloc;
        hkt__os.map = failing_map;
        hkt__os.unmap = counting_unmap;
        memory.mapped = 0;
        without_each(&l, for_good);
        hkt__os = real;
    }
}

Test(oom, one_allocation_fails, .timeout = 120)
{
    on_each("tcp://127.0.0.1:0", "tcp://127.0.0.1:%d", false);
}

Test(oom, all_fail_from_one_on, .timeout = 120)
{
    on_each("tcp://127.0.0.1:0", "tcp://127.0.0.1:%d", true);
}

Test(oom, one_allocation_fails_of_a_name_with_several_addresses, .timeout = 120)
{
    on_each("tcp://localhost:0", "tcp://localhost:%d", false);
}

Test(oom, all_fail_from_one_on_of_a_name_with_several_addresses, .timeout = 120)
{
    on_each("tcp://localhost:0", "tcp://localhost:%d", true);
}

Test(oom, one_allocation_fails_of_a_unix_socket, .timeout = 120)
{
    on_each("unix:@hocket-test-oom", "unix:@hocket-test-oom", false);
}

Test(oom, all_fail_from_one_on_of_a_unix_socket, .timeout = 120)
{
    on_each("unix:@hocket-test-oom", "unix:@hocket-test-oom", true);
}

/* What is known of descriptors is kept in pieces of so many, found by their numbers. Where the list
 * of pieces is full and has to grow, each descriptor of a life is once the first of a new piece. */

enum { PIECE = 256, ROOM = 5 };

/* None below that number is free then. */
static void fill_up_to(int number)
{
    int fd;

    do
        fd = dup(0);
    while (fd >= 0 && fd < number);
    cr_assert(fd >= 0);
    close(fd);
}

Test(oom, an_allocation_fails_at_the_edge_of_the_table, .timeout = 120)
{
    const int edge = 4 * PIECE;
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 2 * (rlim_t)edge)
        cr_skip_test("no more than %d descriptors", (int)limit.rlim_max);
    limit.rlim_cur = 2 * (rlim_t)edge;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = ROOM; i > 0; i--) {
        fill_up_to(edge - i);
        on_each("tcp://127.0.0.1:0", "tcp://127.0.0.1:%d", i % 2);
    }
}
