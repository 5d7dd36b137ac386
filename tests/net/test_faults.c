/* SPDX-License-Identifier: MIT
 *
 * What goes wrong in the life of a connection: resets, connections that cannot be made, limits,
 * peers that are slow or deaf, signals at the worst moment.
 */
#include "net/streams.h"

#include "base/reports.h"
#include "base/sys.h"
#include "base/where.h"

#include <errno.h>
#include <hocket/signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#define ANY "tcp://127.0.0.1:0"

/* Whoever waits longer than this waits for ever. */
#define BOUND HKT_SEC(20)

static struct reports reports;

static void take_reports(void)
{
    reports_to(&reports);
}

TestSuite(faults, .init = take_reports);

static void expect_echo(struct hkt_stream *s, const char *text)
{
    struct hkt_timeout limit = {0};
    char buf[64];

    cr_assert_eq(hkt_timeout_enter(&limit, BOUND), 0);
    send_text(s, text);
    ssize_t n = hkt_stream_readexactly(s, buf, strlen(text));
    cr_assert_eq(hkt_timeout_exit(&limit, n), (ssize_t)strlen(text));
    cr_assert_eq(memcmp(buf, text, strlen(text)), 0);
}

/* Resets */

/* Its close will be a reset. */
static void will_reset(int fd)
{
    const struct linger at_once = {1, 0};

    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
}

static void reset(int fd)
{
    will_reset(fd);
    cr_assert_eq(hkt_close(fd), 0);
}

static bool is_gone(ssize_t rc)
{
    return rc == -ECONNRESET || rc == -EPIPE;
}

static int read_full(void *fd)
{
    char buf[10];

    return (int)hkt_read_full(ARG_FD(fd), buf, sizeof buf);
}

static int write_for_ever(void *fd)
{
    static const char data[65536];

    for (;;)
        HKT_TRY(hkt_write(ARG_FD(fd), data, sizeof data));
}

static int resets_calls(void *arg)
{
    char c;
    int pair[2];

    (void)arg;
    tcp_pair(pair);
    struct hkt_task *t = hkt_spawn(read_full, FD_ARG(pair[1]));
    cr_assert_eq(hkt_write(pair[0], "half", 4), 4);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_not(hkt_task_done(t));
    reset(pair[0]);
    cr_assert_eq(hkt_join(t), 4, "what had come is told first");
    ssize_t n = hkt_read(pair[1], &c, 1);
    cr_assert(n <= 0, "the error was told to the call before: %zd", n);
    cr_assert_eq(hkt_close(pair[1]), 0);

    tcp_pair(pair);
    t = hkt_spawn(write_for_ever, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert_not(hkt_task_done(t), "nobody reads");
    reset(pair[0]);
    int rc = hkt_join(t);
    cr_assert(is_gone(rc), "%d", rc);
    n = hkt_write(pair[1], "x", 1);
    cr_assert(is_gone(n), "%zd", n);
    return hkt_close(pair[1]);
}

Test(faults, a_reset_ends_a_read_and_a_write)
{
    signal(SIGPIPE, SIG_DFL);
    on_each_backend(resets_calls, NULL);
}

static int stream_reads(void *s)
{
    char buf[10];

    return (int)hkt_stream_readexactly(s, buf, sizeof buf);
}

static int stream_writes(void *s)
{
    static const char data[100000];

    for (;;)
        HKT_TRY(hkt_stream_write(s, data, sizeof data));
}

static int stream_drains(void *s)
{
    static const char data[60000];

    for (;;) {
        HKT_TRY(hkt_stream_write(s, data, sizeof data));
        HKT_TRY(hkt_stream_drain(s));
    }
}

static int stream_closes(void *s)
{
    static const char data[60000];

    while (hkt_stream_pending(s) == 0) {
        HKT_TRY(hkt_stream_write(s, data, sizeof data));
        hkt_stream_flush(s);
        HKT_TRY(hkt_sleep(HKT_US(100)));
    }
    return hkt_stream_close(s);
}

static void reset_during(hkt_task_fn *fn, const char *before)
{
    struct hkt_stream *s[2];
    char c;

    stream_pair(s, NULL);
    struct hkt_task *t = hkt_spawn(fn, s[1]);
    send_text(s[0], before);
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    will_reset(hkt_stream_fd(s[0]));
    hkt_stream_free(s[0]);
    int rc = hkt_join(t);
    cr_assert(is_gone(rc), "%d", rc);
    if (hkt_stream_fd(s[1]) >= 0) {
        ssize_t n = hkt_stream_read(s[1], &c, 1);
        cr_assert(n <= 1, "what had come, or the end: %zd", n);
    }
    hkt_stream_free(s[1]);
}

static int resets_streams(void *arg)
{
    (void)arg;
    reset_during(stream_reads, "half");
    reset_during(stream_writes, "");
    reset_during(stream_drains, "");
    reset_during(stream_closes, "");
    return 0;
}

Test(faults, a_reset_ends_what_a_stream_does)
{
    signal(SIGPIPE, SIG_DFL);
    on_each_backend(resets_streams, NULL);
}

static int many_resets(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL);

    (void)arg;
    reports_to(&reports);
    for (int i = 0; i < 20; i++) {
        struct hkt_stream *s = connect_to(server);
        if (i % 2)
            send_text(s, "a request, and nobody for the answer");
        will_reset(hkt_stream_fd(s));
        hkt_stream_free(s);
    }
    struct hkt_stream *s = connect_to(server);
    expect_echo(s, "hello");
    hkt_stream_free(s);
    hkt_server_close(server);
    cr_assert_eq(hkt_server_wait_closed(server), 0);
    hkt_server_free(server);
    cr_assert_eq(reports.count, 0, "it is nothing to report: %s", reports.last);
    return 0;
}

Test(faults, a_server_survives_resets)
{
    on_each_backend(many_resets, NULL);
}

/* Connecting */

/* A listener whose queue is full: whoever connects now is not answered. */
struct full {
    struct sockaddr_in addr;
    int fd, clients[2];
};

static void make_full(struct full *f)
{
    f->fd = tcp_listener(&f->addr, 0);
    for (int i = 0; i < 2; i++) {
        f->clients[i] = hkt_socket(AF_INET, SOCK_STREAM, 0);
        (void)connect(f->clients[i], (struct sockaddr *)&f->addr, sizeof f->addr);
    }
}

static void end_full(const struct full *f)
{
    (void)hkt_close(f->clients[0]);
    (void)hkt_close(f->clients[1]);
    close(f->fd);
}

struct connecting {
    int fd;
    const struct sockaddr_in *addr;
};

static int connect_task(void *arg)
{
    const struct connecting *c = arg;

    return hkt_connect(c->fd, (const struct sockaddr *)c->addr, sizeof *c->addr);
}

static int unanswered(void *arg)
{
    struct hkt_timeout limit = {0};
    struct hkt_stream *s;
    struct full f;
    char url[64];

    (void)arg;
    make_full(&f);
    struct connecting c = {hkt_socket(AF_INET, SOCK_STREAM, 0), &f.addr};
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(5)), 0);
    int rc = connect_task(&c);
    cr_assert_eq(hkt_timeout_exit(&limit, rc), -ETIMEDOUT);
    cr_assert_eq(hkt_close(c.fd), 0);

    c.fd = hkt_socket(AF_INET, SOCK_STREAM, 0);
    struct hkt_task *t = hkt_spawn(connect_task, &c);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    t = hkt_spawn(connect_task, &c);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(hkt_close(c.fd), 0);
    rc = hkt_join(t);
    cr_assert(rc == -ECANCELED || rc == -EALREADY, "closed under it: %d", rc);

    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", ntohs(f.addr.sin_port));
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(5)), 0);
    rc = hkt_open_connection(url, NULL, &s);
    cr_assert_eq(hkt_timeout_exit(&limit, rc), -ETIMEDOUT);
    cr_assert_null(s);
    end_full(&f);
    cr_assert_eq(hkt_open_connection(url, NULL, &s), -ECONNREFUSED);
    cr_assert_null(s);
    return 0;
}

Test(faults, a_connection_that_is_not_answered_is_given_up)
{
    on_each_backend(unanswered, NULL);
}

/* Descriptors run out */

enum { MORE = 40 };

static int accepts;
static struct hkt__sys real;

static int counting_accept(int fd, struct sockaddr *addr, socklen_t *addr_size)
{
    accepts++;
    return real.accept(fd, addr, addr_size);
}

/* There are so many numbers from now on: from before anything is armed, because the system may
 * remember the limit of that time. */
static void limit_descriptors(void)
{
    struct rlimit limit;
    int next = dup(0);

    close(next);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)next + MORE;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Takes all that are free; answers how many that is. */
static int use_up(int fds[MORE])
{
    int n = 0;

    while (n < MORE && (fds[n] = dup(0)) >= 0)
        n++;
    return n;
}

static void give_back(const int *fds, int n)
{
    while (n > 0)
        close(fds[--n]);
}

static void expect_waiting(int clients)
{
    int before = accepts;

    cr_assert_eq(hkt_sleep(HKT_MS(20)), 0);
    cr_assert(accepts - before <= 2 * clients, "%d calls while nothing can be accepted",
              accepts - before);
    cr_assert_eq(reports.count, 1, "once over %s, not %d times: %s",
                 hkt_loop_poller(hkt_loop_current()), reports.count, reports.last);
    cr_assert(reports_say(&reports, strerror(EMFILE)), "%s", reports.last);
}

static struct hkt_stream *raw_client(const struct hkt_server *server, int fd)
{
    struct hkt_addr addr;

    cr_assert_eq(hkt_server_addr(server, 0, &addr), 0);
    cr_assert_eq(hkt_connect(fd, (struct sockaddr *)&addr.sockaddr, addr.size), 0);
    struct hkt_stream *s = hkt_stream_of(fd, NULL);
    cr_assert(s);
    return s;
}

static int few_descriptors(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL);
    struct hkt_stream *first = connect_to(server), *s[3], *none;
    char text[HKT_ADDR_TEXT];
    int fds[3], used[MORE];

    (void)arg;
    reports_to(&reports);
    expect_echo(first, "hello");
    for (int i = 0; i < 3; i++)
        fds[i] = hkt_socket(AF_INET, SOCK_STREAM, 0);
    int n = use_up(used);
    cr_assert_eq(hkt_open_connection(url_of(server, text), NULL, &none), -EMFILE);
    cr_assert_null(none);
    cr_assert_eq(hkt_socket(AF_INET, SOCK_STREAM, 0), -EMFILE);
    for (int i = 0; i < 3; i++) {
        s[i] = raw_client(server, fds[i]);
        send_text(s[i], "hi");
    }
    expect_waiting(3);
    expect_echo(first, "those that are there go on");
    hkt_stream_free(first); /* two numbers are free then: both ends are here */
    for (int i = 0; i < 2; i++) {
        char buf[2];
        cr_assert_eq(hkt_stream_readexactly(s[i], buf, 2), 2);
    }
    expect_waiting(1); /* and nothing more is said */
    give_back(used, n);
    first = connect_to(server);
    expect_echo(first, "and all is as before");
    hkt_stream_free(first);
    for (int i = 0; i < 3; i++)
        hkt_stream_free(s[i]);
    hkt_server_free(server);
    return 0;
}

Test(faults, a_server_without_descriptors_waits_for_one)
{
    if (where_valgrind())
        cr_skip_test("Valgrind has the limit's last say, after the system has accepted");
    real = hkt__sys;
    hkt__sys.accept = counting_accept;
    limit_descriptors();
    on_each_backend(few_descriptors, NULL);
}

static int no_loop(void *arg)
{
    (void)arg;
    return 0;
}

Test(faults, a_loop_without_descriptors_is_not_made)
{
    int used[MORE];

    limit_descriptors();
    int n = use_up(used);
    cr_assert_null(hkt_loop_new(NULL));
    cr_assert(reports.count > 0);
    cr_assert_eq(hkt_run(no_loop, NULL), -ENOMEM);
    give_back(used, n);
    cr_assert_eq(hkt_run(no_loop, NULL), 0);
}

/* A storm of signals */

enum { MUCH = 1 << 20 };

static void on_alarm(int signum)
{
    (void)signum;
}

static void storm(bool on)
{
    const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {0};
    struct sigaction action = {.sa_handler = on_alarm}; /* and no SA_RESTART */

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, on ? &often : &never, NULL);
}

static size_t much(void)
{
    return where_emulator() || where_valgrind() || where_sanitizer() ? MUCH / 8 : MUCH;
}

static int send_much(void *s)
{
    char data[4096];

    for (size_t done = 0; done < much(); done += sizeof data) {
        memset(data, (int)(done / sizeof data), sizeof data);
        HKT_TRY(hkt_stream_write(s, data, sizeof data));
    }
    return hkt_stream_drain(s);
}

static int echo_much(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL);
    struct hkt_stream *s = connect_to(server);
    char data[4096], expected[4096];

    (void)arg;
    storm(true);
    struct hkt_task *t = hkt_spawn(send_much, s);
    for (size_t done = 0; done < much(); done += sizeof data) {
        memset(expected, (int)(done / sizeof data), sizeof expected);
        cr_assert_eq(hkt_stream_readexactly(s, data, sizeof data), (ssize_t)sizeof data);
        cr_assert_eq(memcmp(data, expected, sizeof data), 0, "at %zu", done);
    }
    cr_assert_eq(hkt_join(t), 0);
    storm(false);
    hkt_stream_free(s);
    hkt_server_free(server);
    return 0;
}

Test(faults, a_storm_of_signals_changes_nothing, .timeout = 60)
{
    on_each_backend(echo_much, NULL);
}

/* Slow and deaf peers */

static int byte_by_byte(void *arg)
{
    static const char text[] = "one byte at a time\n";
    struct hkt_stream *s = arg;

    for (size_t i = 0; i < sizeof text - 1; i++) {
        HKT_TRY(hkt_stream_write(s, text + i, 1));
        hkt_stream_flush(s);
        HKT_TRY(hkt_sleep(HKT_US(300)));
    }
    return 0;
}

static int echo_line(struct hkt_stream *s, void *arg)
{
    char line[64];
    ssize_t n;

    (void)arg;
    while ((n = hkt_stream_readline(s, line, sizeof line)) > 0)
        HKT_TRY(hkt_stream_write(s, line, (size_t)n));
    return (int)n;
}

static int slow_client(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo_line, NULL, NULL);
    struct hkt_stream *slow = connect_to(server), *quick = connect_to(server);
    char line[64];

    (void)arg;
    struct hkt_task *t = hkt_spawn(byte_by_byte, slow);
    while (!hkt_task_done(t)) {
        expect_echo(quick, "others go on\n");
        cr_assert_eq(hkt_sleep(HKT_US(200)), 0);
    }
    cr_assert_eq(hkt_stream_readline(slow, line, sizeof line), 19);
    cr_assert_str_eq(line, "one byte at a time\n");
    cr_assert_eq(hkt_join(t), 0);
    hkt_stream_free(slow);
    hkt_stream_free(quick);
    hkt_server_free(server);
    return 0;
}

Test(faults, a_client_that_sends_byte_by_byte_is_served)
{
    on_each_backend(slow_client, NULL);
}

/* One byte a second, in simulated time: nineteen seconds a line. */

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

static void in_simulated_time(hkt_task_fn *fn)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct hkt_loop_opts opts = {
            .poller = backends[i], .clock = simulated_clock, .sleep_until = simulated_sleep};
        if (!have_backend(backends[i]))
            continue;
        simulated_now = 0;
        cr_assert_eq(hkt_run_opts(fn, NULL, &opts), 0);
    }
}

static int byte_a_second(void *arg)
{
    static const char text[] = "one byte at a time\n";
    struct hkt_stream *s = arg;

    for (size_t i = 0; i < sizeof text - 1; i++) {
        HKT_TRY(hkt_sleep(HKT_SEC(1)));
        HKT_TRY(hkt_stream_write(s, text + i, 1));
        HKT_TRY(hkt_stream_drain(s));
    }
    return 0;
}

static int slower_client(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo_line, NULL, NULL);
    struct hkt_stream *slow = connect_to(server), *quick = connect_to(server);
    char line[64];
    int others = 0;

    (void)arg;
    struct hkt_task *t = hkt_spawn(byte_a_second, slow);
    for (; !hkt_task_done(t); others++) {
        expect_echo(quick, "others go on\n");
        cr_assert_eq(hkt_sleep(HKT_MS(100)), 0);
    }
    cr_assert_geq(others, 150, "%d", others);
    cr_assert_eq(hkt_stream_readline(slow, line, sizeof line), 19);
    cr_assert_str_eq(line, "one byte at a time\n");
    cr_assert_eq(hkt_join(t), 0);
    hkt_stream_free(slow);
    hkt_stream_free(quick);
    hkt_server_free(server);
    return 0;
}

Test(faults, a_client_that_sends_a_byte_a_second_is_served)
{
    in_simulated_time(slower_client);
}

/* A limit on the whole line, which each byte that comes does not move. */

struct limited {
    ssize_t rc;
    size_t left;
    int64_t took;
};

static int limited_line(struct hkt_stream *s, void *arg)
{
    struct limited *l = arg;
    struct hkt_timeout limit = {0};
    char line[64];

    int64_t began = hkt_now();
    HKT_TRY(hkt_timeout_enter(&limit, HKT_SEC(10)));
    ssize_t n = hkt_stream_readline(s, line, sizeof line);
    l->rc = (ssize_t)hkt_timeout_exit(&limit, n);
    l->took = hkt_now() - began;
    l->left = hkt_stream_buffered(s);
    return 0;
}

static int limited_client(void *arg)
{
    struct limited l = {.rc = 0};
    struct hkt_server *server = start_server(ANY, limited_line, &l, NULL);
    struct hkt_stream *s = connect_to(server);
    char c;

    (void)arg;
    struct hkt_task *t = hkt_spawn(byte_a_second, s);
    ssize_t n = hkt_stream_read(s, &c, 1);
    cr_assert(n == 0 || n == -ECONNRESET, "the server hangs up: %zd", n);
    cr_assert_eq(l.rc, -ETIMEDOUT);
    cr_assert_geq(l.took, HKT_SEC(10));
    cr_assert_lt(l.took, HKT_SEC(11));
    cr_assert(l.left >= 8 && l.left <= 11, "%zu bytes had come", l.left);
    int rc = hkt_join(t);
    cr_assert(rc == -EPIPE || rc == -ECONNRESET, "%d", rc);
    hkt_stream_free(s);
    hkt_server_free(server);
    return 0;
}

Test(faults, a_limit_on_a_line_ends_one_who_sends_a_byte_a_second)
{
    in_simulated_time(limited_client);
}

enum { HIGH = 20000 };

struct flood {
    size_t most; /* unsent, ever */
    size_t written;
    int ended;
};

/* To whoever asks for it, as much as there is room for; to others an echo. */
static int flood(struct hkt_stream *s, void *arg)
{
    static const char data[3000];
    struct flood *f = arg;
    char c;

    ssize_t n = hkt_stream_peek(s, 1, &(const char *){NULL});
    if (n <= 0)
        return (int)n;
    if (hkt_stream_read(s, &c, 1) != 1 || c != 'F')
        return hkt_stream_write(s, "hi", 2);
    struct hkt_timeout limit = {0};
    int rc = hkt_timeout_enter(&limit, HKT_MS(50));
    while (rc == 0) {
        rc = hkt_stream_write(s, data, sizeof data);
        f->written += rc == 0 ? sizeof data : 0;
        if (hkt_stream_pending(s) > f->most)
            f->most = hkt_stream_pending(s);
    }
    f->ended = (int)hkt_timeout_exit(&limit, rc);
    hkt_stream_abort(s);
    return 0;
}

static int deaf_client(void *arg)
{
    struct flood f = {.most = 0};
    const struct hkt_server_opts opts = {.stream = {.high = HIGH}};
    struct hkt_server *server = start_server(ANY, flood, &f, &opts);
    struct hkt_stream *deaf = connect_to(server);
    char buf[2];

    (void)arg;
    send_text(deaf, "F");
    for (int i = 0; f.ended == 0; i++) {
        struct hkt_stream *s = connect_to(server);
        send_text(s, "x");
        cr_assert_eq(hkt_stream_readexactly(s, buf, 2), 2, "others go on");
        hkt_stream_free(s);
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
        cr_assert(i < 20000);
    }
    cr_assert_eq(f.ended, -ETIMEDOUT, "a scope ends it");
    cr_assert(f.written > HIGH);
    cr_assert(f.most <= HIGH, "%zu were kept", f.most);
    hkt_stream_free(deaf);
    hkt_server_close(server);
    cr_assert_eq(hkt_server_wait_closed(server), 0);
    hkt_server_free(server);
    return 0;
}

Test(faults, a_client_that_never_reads_holds_no_more_than_the_high_mark)
{
    on_each_backend(deaf_client, NULL);
}

/* A signal at the worst moment: while it accepts, reads, writes, is parked, or closes. */

static int sleeps(struct hkt_stream *s, void *arg)
{
    char c;

    (void)arg;
    HKT_TRY(hkt_stream_read(s, &c, 1));
    return hkt_sleep(HKT_SEC(3600));
}

static int writes(struct hkt_stream *s, void *arg)
{
    (void)arg;
    return stream_writes(s);
}

static int closes(struct hkt_stream *s, void *arg)
{
    static const char data[60000];

    (void)arg;
    while (hkt_stream_pending(s) == 0) {
        HKT_TRY(hkt_stream_write(s, data, sizeof data));
        hkt_stream_flush(s);
    }
    return 0; /* there is something left, which is waited for while it is closed */
}

struct moment {
    const char *name;
    hkt_stream_fn *handler;
    int connections;
};

static const struct moment moments[] = {
    {"accepting", echo, 0}, {"reading", echo, 3},   {"parked", sleeps, 3},
    {"writing", writes, 3}, {"closing", closes, 3},
};

static int signum_now;

static int ends_by_signal(void *arg)
{
    const struct moment *m = arg;
    struct hkt_server *server = start_server(ANY, m->handler, NULL, NULL);
    struct hkt_stream *s[3];

    for (int i = 0; i < m->connections; i++) {
        s[i] = connect_to(server);
        send_text(s[i], "x");
    }
    cr_assert_eq(hkt_sleep(HKT_MS(3)), 0);
    raise(signum_now);
    int rc = hkt_server_wait_closed(server);
    cr_assert_eq(rc, -ECANCELED, "while %s", m->name);
    cr_assert(hkt_server_shutdown(server, HKT_MS(1)) >= 0, "there is time to clean up");
    cr_assert_eq(hkt_server_count(server), 0);
    hkt_server_free(server);
    for (int i = 0; i < m->connections; i++)
        hkt_stream_free(s[i]);
    return rc;
}

/* Without any of that: hkt_run() ends what is left. */
static int leaves_all(void *arg)
{
    const struct moment *m = arg;
    struct hkt_server *server = start_server(ANY, m->handler, NULL, NULL);
    struct hkt_stream *s[3];
    int rc = 0;

    for (int i = 0; i < m->connections; i++) {
        s[i] = connect_to(server);
        send_text(s[i], "x");
    }
    raise(signum_now);
    while (rc == 0)
        rc = hkt_sleep(HKT_MS(100));
    hkt_server_free(server);
    for (int i = 0; i < m->connections; i++)
        hkt_stream_free(s[i]);
    return rc;
}

static void signal_at_each_moment(hkt_task_fn *fn, const char *poller)
{
    const struct hkt_loop_opts opts = {.poller = poller};

    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        int rc = hkt_run_opts(fn, (void *)(uintptr_t)&moments[i], &opts);
        cr_assert_eq(rc, -EINTR, "%s, over %s: %d", moments[i].name, poller, rc);
    }
}

Test(faults, a_signal_ends_a_server_whatever_it_does)
{
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        if (!have_backend(backends[i]))
            continue;
        reports_to(&reports);
        signum_now = SIGTERM;
        signal_at_each_moment(ends_by_signal, backends[i]);
        signum_now = SIGINT;
        signal_at_each_moment(leaves_all, backends[i]);
        cr_assert_eq(reports.count, 0, "%s", reports.last);
    }
}
