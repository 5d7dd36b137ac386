/* SPDX-License-Identifier: MIT
 *
 * Out of memory at every allocation of a connection's life; in simulated time, because a server
 * waits when it is out of memory.
 */
#include "base/failing.h"
#include "net/streams.h"
#include "sched/simulated.h"

#include <sys/resource.h>

/* A connection's stack is of a size that nothing else has, so that it takes memory of its own. */
enum { LARGE = 200000, STACK = 256 << 10 };

static const struct hkt_server_opts server_opts = {.stack_size = STACK};

/* A life */

struct urls {
    const char *listen, *connect; /* with %d for the port */
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

static struct hkt_server *begin_server(const struct urls *urls)
{
    struct hkt_server *server;
    int rc = hkt_start_server(urls->listen, echo, NULL, &server_opts, &server);

    if (rc < 0) {
        cr_assert(is_answer(rc) && memory.failed, "start: %d", rc);
        cr_assert_null(server);
        memory_recovers();
        rc = hkt_start_server(urls->listen, echo, NULL, &server_opts, &server);
    }
    cr_assert_eq(rc, 0, "start: %d", rc);
    return server;
}

static void url_to(char url[64], const struct urls *urls, const struct hkt_server *server)
{
    struct hkt_addr addr;

    cr_assert_eq(hkt_server_addr(server, 0, &addr), 0);
    snprintf(url, 64, urls->connect, ntohs(((struct sockaddr_in *)&addr.sockaddr)->sin_port));
}

static int live(void *arg)
{
    const struct urls *urls = arg;
    char url[64];
    struct hkt_server *server = begin_server(urls);

    url_to(url, urls, server);
    int rc = attempt(url);
    cr_assert(rc == 0 || is_answer(rc), "%d", rc);
    memory_recovers();
    if (rc < 0) {
        cr_assert(memory.failed);
        rc = attempt(url);
        cr_assert_eq(rc, 0, "the next one: %d", rc);
    }
    hkt_server_close(server);
    rc = hkt_server_wait_closed(server);
    cr_assert(rc == 0 || rc == -ENOMEM, "%d", rc);
    hkt_server_free(server);
    return 0;
}

static void on_each(const char *listen, const char *connect, bool for_good)
{
    struct urls urls = {listen, connect};

    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        struct life l = {.opts = simulated, .fn = live, .arg = &urls};
        l.opts.poller = backends[i];
        fail_in(&l, for_good);
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
