/* SPDX-License-Identifier: MIT
 *
 * A crowd that comes at once and is dropped at once: the server ends with no connections, and no
 * descriptor is lost. The clients are a process of their own, so that each side has as many
 * descriptors as a process may.
 */
#include "net/streams.h"

#include "base/fds.h"
#include "base/reports.h"
#include "base/where.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { CROWD = 20000, SMALL_CROWD = 600, FEWER = 2000, SOURCES = 16, SPARE = 200 };

/* Whoever waits longer than this waits for ever. */
#define BOUND HKT_SEC(60)

static struct reports reports;

/* How many may be there at the same time: all, if this process may have so many descriptors, or may
 * allow itself to. */
static size_t at_once(void)
{
    const struct rlimit enough = {CROWD + SPARE, CROWD + SPARE};
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < CROWD + SPARE && setrlimit(RLIMIT_NOFILE, &enough) == 0)
        return CROWD;
    limit.rlim_cur = limit.rlim_max < CROWD + SPARE ? limit.rlim_max : CROWD + SPARE;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert(limit.rlim_cur > 2 * SPARE);
    return limit.rlim_cur - SPARE;
}

static size_t crowd(void)
{
    return where_emulator() || where_valgrind() || where_sanitizer() ? SMALL_CROWD : CROWD;
}

/* The clients' process, which does as it is told and says when that is done */

struct order {
    enum { COME, DROP, SEE_THE_END } what;
    size_t n;
    struct hkt_addr to;
};

static bool told(bool worked, const char *what, size_t i)
{
    if (!worked)
        fprintf(stderr, "client %zu cannot %s: %s\n", i, what, strerror(errno));
    return worked;
}

/* From one of several addresses, so that ports suffice. */
static int client(const struct hkt_addr *to, size_t i)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (!told(fd >= 0, "be made", i))
        return -1;
#if defined(__linux__)
    struct sockaddr_in from = {.sin_family = AF_INET};
    const int on = 1;
    /* The port is found by connect(), which knows of more that are free, and sooner. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(i % SOURCES));
    if (!told(bind(fd, (struct sockaddr *)&from, sizeof from) == 0, "bind", i))
        return -1;
#endif
    return told(connect(fd, (const struct sockaddr *)&to->sockaddr, to->size) == 0, "connect", i)
               ? fd
               : -1;
}

static bool come(int *fds, const struct order *o)
{
    for (size_t i = 0; i < o->n; i++) {
        fds[i] = client(&o->to, i);
        if (fds[i] < 0 || (i % 3 == 0 && send(fds[i], "hello", 5, MSG_NOSIGNAL) != 5))
            return false;
    }
    return true;
}

/* Every second one by a reset; so the others' ports only are not free for a while. */
static bool drop(const int *fds, size_t n)
{
    const struct linger hard = {1, 0};

    for (size_t i = 0; i < n; i++) {
        if (i % 2 && setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &hard, sizeof hard) != 0)
            return false;
        if (close(fds[i]) != 0)
            return false;
    }
    return true;
}

/* The end, or a reset, perhaps behind what was echoed. */
static bool see_the_end(const int *fds, size_t n)
{
    const struct timeval bound = {BOUND / HKT_SEC(1), 0};
    char buf[16];

    for (size_t i = 0; i < n; i++) {
        ssize_t got = setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound) ? -1 : 1;
        while (got > 0)
            got = recv(fds[i], buf, sizeof buf, 0);
        if (!told(got == 0 || errno == ECONNRESET, "see the end", i) || close(fds[i]) != 0)
            return false;
    }
    return true;
}

static bool obey(int *fds, const struct order *o)
{
    switch (o->what) {
    case COME:
        return come(fds, o);
    case DROP:
        return drop(fds, o->n);
    default:
        return see_the_end(fds, o->n);
    }
}

static int be_the_clients(int orders)
{
    int *fds = calloc(CROWD, sizeof *fds);
    struct order o;

    while (fds && recv(orders, &o, sizeof o, 0) == (ssize_t)sizeof o)
        if (!obey(fds, &o) || send(orders, "", 1, MSG_NOSIGNAL) != 1)
            return 1;
    free(fds);
    return 0;
}

/* How the process is talked to, and how many clients it has at most. */
struct clients {
    size_t most;
    pid_t pid;
    int orders;
};

/* Before there is a loop, whose descriptors the child would keep. */
static struct clients start_clients(void)
{
    struct clients c = {.most = at_once()};
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    fflush(NULL);
    c.pid = fork();
    if (c.pid == 0) {
        close(pair[0]);
        _exit(be_the_clients(pair[1]));
    }
    close(pair[1]);
    c.orders = pair[0];
    return c;
}

static void end_clients(const struct clients *c)
{
    int status;

    close(c->orders);
    cr_assert_eq(waitpid(c->pid, &status, 0), c->pid);
    cr_assert_eq(status, 0);
}

static void give_order(const struct clients *c, const struct hkt_server *server, int what, size_t n)
{
    struct order o = {.what = what, .n = n};

    if (server)
        cr_assert_eq(hkt_server_addr(server, 0, &o.to), 0);
    cr_assert_eq(hkt_send(c->orders, &o, sizeof o, 0), (ssize_t)sizeof o);
}

static void wait_for_clients(const struct clients *c)
{
    char done;

    cr_assert_eq(hkt_recv(c->orders, &done, 1, 0), 1, "they have failed");
}

/* The server's process */

static void wait_for_count(const struct hkt_server *server, size_t n)
{
    int64_t until = hkt_now() + BOUND;

    while (hkt_server_count(server) != n) {
        cr_assert(hkt_now() < until, "%zu connections, not %zu", hkt_server_count(server), n);
        cr_assert_eq(hkt_sleep(HKT_US(200)), 0);
    }
}

static void have_come(const struct clients *c, const struct hkt_server *server, size_t n)
{
    give_order(c, server, COME, n);
    wait_for_clients(c);
    wait_for_count(server, n);
}

static void expect_service(const struct hkt_server *server)
{
    struct hkt_stream *s = connect_to(server);
    char buf[5];

    send_text(s, "hello");
    cr_assert_eq(hkt_stream_readexactly(s, buf, 5), 5);
    hkt_stream_free(s);
}

static int comes_and_goes(void *arg)
{
    const struct clients *c = arg;
    size_t n = crowd() < c->most ? crowd() : c->most;
    struct hkt_server *server = start_server("tcp://127.0.0.1:0", echo, NULL, NULL);

    reports_to(&reports);
    expect_service(server);
    wait_for_count(server, 0);
    size_t before = count_fds();
    have_come(c, server, n);
    fprintf(stderr, "%zu connections at once over %s\n", n, hkt_loop_poller(hkt_loop_current()));
    cr_assert(before == 0 || count_fds() >= before + n);
    give_order(c, NULL, DROP, n);
    wait_for_clients(c);
    wait_for_count(server, 0);
    cr_assert_eq(count_fds(), before);
    expect_service(server);
    hkt_server_close(server);
    cr_assert_eq(hkt_server_wait_closed(server), 0);
    hkt_server_free(server);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    return 0;
}

/* Over each poller, with a process of clients. */
static void among_clients(hkt_task_fn *fn)
{
    size_t before = count_fds();
    struct clients c = start_clients();

    on_each_backend(fn, &c);
    end_clients(&c);
    cr_assert_eq(count_fds(), before);
}

Test(crowd, comes_and_goes_at_once, .timeout = 120)
{
    among_clients(comes_and_goes);
}

/* Those that leave before anybody has accepted them. */
static int never_accepted(void *arg)
{
    struct hkt_server *server = start_server("tcp://127.0.0.1:0", echo, NULL, NULL);
    struct hkt_addr to;

    (void)arg;
    cr_assert_eq(hkt_server_addr(server, 0, &to), 0);
    reports_to(&reports);
    expect_service(server);
    wait_for_count(server, 0);
    size_t before = count_fds();
    for (size_t i = 0; i < SMALL_CROWD; i++) {
        int fds[2] = {client(&to, 2 * i), client(&to, 2 * i + 1)};
        cr_assert(drop(fds, 2));
    }
    expect_service(server);
    wait_for_count(server, 0);
    cr_assert_eq(count_fds(), before);
    hkt_server_free(server);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    return 0;
}

Test(crowd, leaves_before_it_is_accepted, .timeout = 60)
{
    size_t before = count_fds();

    on_each_backend(never_accepted, NULL);
    cr_assert_eq(count_fds(), before);
}

/* The server goes first, and all its connections with it. */
static int ends_beneath_it(void *arg)
{
    const struct clients *c = arg;
    size_t n = crowd() < FEWER ? crowd() : FEWER;
    struct hkt_server *server = start_server("tcp://127.0.0.1:0", echo, NULL, NULL);

    n = n < c->most ? n : c->most;
    reports_to(&reports);
    size_t before = count_fds();
    have_come(c, server, n);
    cr_assert_eq(hkt_server_shutdown(server, 0), (int)n);
    cr_assert_eq(hkt_server_count(server), 0);
    hkt_server_free(server);
    give_order(c, NULL, SEE_THE_END, n);
    wait_for_clients(c);
    cr_assert(before == 0 || count_fds() == before - 1, "the listener is gone");
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    return 0;
}

Test(crowd, is_dropped_with_the_server, .timeout = 120)
{
    among_clients(ends_beneath_it);
}
