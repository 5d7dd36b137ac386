/* SPDX-License-Identifier: MIT
 *
 * The child of a fork() in a task: it has no running loop, and leaves the parent's alone.
 */
#include "io/backends.h"

#include "base/where.h"

#include <errno.h>
#include <hocket/net.h>
#include <hocket/signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* In the child, where assertions are of no use: its exit status is the number of the line. */
#define CHILD(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            _exit(__LINE__ % 256 ? __LINE__ % 256 : 255);                                          \
    } while (0)

static int status_of(pid_t pid)
{
    int status = 0;

    cr_assert(pid > 0);
    while (waitpid(pid, &status, 0) < 0)
        cr_assert_eq(errno, EINTR);
    return status;
}

#define EXPECT_GOOD_CHILD(pid)                                                                     \
    do {                                                                                           \
        int status_ = status_of(pid);                                                              \
        cr_assert_eq(status_, 0, "status %#x: line %d", (unsigned)status_, WEXITSTATUS(status_));  \
    } while (0)

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int read_one(void *fd)
{
    char c;
    ssize_t n = hkt_read(ARG_FD(fd), &c, 1);

    return n == 1 ? c : (int)n;
}

static void on_call(void *arg)
{
    (void)arg;
}

/* What the child does; the parent's reader waits for pair[1] meanwhile. */
static void in_child(int pair[2], struct hkt_loop *loop, struct hkt_task *reader)
{
    struct hkt_timeout limit = {0};
    struct hkt_stream *s;
    char c;

    hkt_on_report(NULL, NULL);
    CHILD(!hkt_loop_current() && !hkt_task_current());
    CHILD(hkt_sleep(0) == -EPERM && hkt_sleep(1) == -EPERM);
    CHILD(hkt_read(pair[0], &c, 1) == -EPERM && hkt_write(pair[0], "x", 1) == -EPERM);
    CHILD(hkt_poll(pair[0], HKT_READABLE) == -EPERM);
    CHILD(hkt_join(reader) == -EPERM && !hkt_task_cancel(reader));
    CHILD(hkt_timeout_enter(&limit, HKT_MS(1)) == -EPERM);
    CHILD(hkt_open_connection("tcp://127.0.0.1:1", NULL, &s) == -EPERM && !s);
    CHILD(hkt_signal_wait(HKT_SIG(SIGTERM)) == -EPERM);
    CHILD(hkt_add_reader(loop, pair[0], on_call, NULL) == -ECHILD);
    CHILD(hkt_loop_run(loop, nothing, NULL) == -ECHILD);
    CHILD(hkt_loop_run_forever(loop) == -ECHILD);
    CHILD(hkt_loop_free(loop) == -EBUSY);
    CHILD(hkt_close(pair[0]) == 0 && hkt_close(pair[1]) == 0);
}

static int refused_in_child(void *arg)
{
    struct hkt_loop *loop = hkt_loop_current();
    int pair[2];

    (void)arg;
    tcp_pair(pair);
    struct hkt_task *reader = hkt_spawn(read_one, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    pid_t pid = fork();
    if (pid == 0) {
        in_child(pair, loop, reader);
        _exit(0);
    }
    EXPECT_GOOD_CHILD(pid);
    cr_assert_not(hkt_task_done(reader));
    cr_assert_eq(hkt_write(pair[0], "p", 1), 1);
    cr_assert_eq(hkt_join(reader), 'p', "the parent's registration is there still");
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(fork, the_child_has_no_running_loop)
{
    on_each_backend(refused_in_child, NULL);
}

/* A loop of its own, inside the stack of the parent's task. */
static int sleeps_and_reads(void *arg)
{
    int pair[2];
    char c;

    (void)arg;
    tcp_pair(pair);
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    HKT_TRY(hkt_write(pair[0], "c", 1));
    HKT_TRY(hkt_read(pair[1], &c, 1));
    (void)hkt_close(pair[0]);
    (void)hkt_close(pair[1]);
    return c == 'c' ? 7 : -EPROTO;
}

static int runs_in_child(void *arg)
{
    const struct hkt_loop_opts opts = {.poller = hkt_loop_poller(hkt_loop_current())};
    pid_t pid = fork();

    (void)arg;
    if (pid == 0) {
        CHILD(hkt_run_opts(sleeps_and_reads, NULL, &opts) == 7);
        CHILD(hkt_run_opts(sleeps_and_reads, NULL, &opts) == 7);
        CHILD(!hkt_loop_current());
        _exit(0);
    }
    EXPECT_GOOD_CHILD(pid);
    return hkt_sleep(HKT_MS(1));
}

Test(fork, the_child_may_run_a_loop_of_its_own)
{
    on_each_backend(runs_in_child, NULL);
}

static int exec_in_child(void *arg)
{
    pid_t pid = fork();

    (void)arg;
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 3", (char *)NULL);
        _exit(127);
    }
    int status = status_of(pid);
    cr_assert_eq(WEXITSTATUS(status), 3);
    return hkt_sleep(HKT_MS(1));
}

Test(fork, the_child_may_exec)
{
    on_each_backend(exec_in_child, NULL);
}

/* A forked task that returns: nobody else runs after it, and the loop ends. */

static int others;

static int other(void *arg)
{
    for (;;) {
        others++;
        HKT_TRY(hkt_sleep((intptr_t)arg));
    }
}

static pid_t forked;

static int forks_and_returns(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        hkt_detach(hkt_spawn(other, (void *)(intptr_t)(i == 0 ? 0 : HKT_US(100))));
    HKT_TRY(hkt_sleep(HKT_MS(2)));
    others = 0;
    forked = fork();
    if (forked > 0)
        EXPECT_GOOD_CHILD(forked);
    return 5;
}

static int forks_in_another(void *arg)
{
    (void)arg;
    struct hkt_task *t = hkt_spawn(forks_and_returns, NULL);
    return hkt_join(t);
}

static void run_and_return(hkt_task_fn *fn, const struct hkt_loop_opts *opts, int in_child)
{
    forked = -1;
    int rc = hkt_run_opts(fn, NULL, opts);
    if (forked == 0) {
        CHILD(rc == in_child && others == 0 && !hkt_loop_current());
        _exit(0);
    }
    cr_assert_eq(rc, 5);
}

Test(fork, a_forked_task_that_returns_is_the_last_to_run)
{
    if (WHERE_TSAN)
        cr_skip_test("in the child ThreadSanitizer takes other stacks for other threads");
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        struct hkt_loop_opts opts = {.poller = backends[i]};
        if (!have_backend(backends[i]))
            continue;
        run_and_return(forks_and_returns, &opts, 5);
        run_and_return(forks_in_another, &opts, -ECHILD);
        opts.slow_ns = HKT_SEC(60); /* where turns are watched they go another way */
        run_and_return(forks_and_returns, &opts, 5);
        run_and_return(forks_in_another, &opts, -ECHILD);
    }
}

static void fork_in_callback(void *arg)
{
    (void)arg;
    forked = fork();
    if (forked > 0)
        EXPECT_GOOD_CHILD(forked);
    hkt_loop_stop(hkt_loop_current());
}

Test(fork, a_loop_of_the_parent_cannot_be_run)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct hkt_loop_opts opts = {.poller = backends[i]};
        struct hkt_handle handle = {.fn = NULL};
        if (!have_backend(backends[i]))
            continue;
        struct hkt_loop *loop = hkt_loop_new(&opts);
        pid_t pid = fork();
        if (pid == 0) {
            CHILD(hkt_loop_run(loop, nothing, NULL) == -ECHILD);
            CHILD(hkt_loop_free(loop) == 0);
            _exit(0);
        }
        EXPECT_GOOD_CHILD(pid);
        cr_assert_eq(hkt_call_soon(loop, &handle, fork_in_callback, NULL), 0);
        int rc = hkt_loop_run_forever(loop);
        if (forked == 0) {
            CHILD(rc == -ECHILD && hkt_loop_free(loop) == 0);
            _exit(0);
        }
        cr_assert_eq(rc, 0);
        cr_assert_eq(hkt_loop_run(loop, sleeps_and_reads, NULL), 7);
        cr_assert_eq(hkt_loop_free(loop), 0);
    }
}

/* A stream and a server that a child lets go of stay whole for the parent. */

static int echo_one(struct hkt_stream *s, void *arg)
{
    char c;

    (void)arg;
    while (hkt_stream_read(s, &c, 1) == 1)
        HKT_TRY(hkt_stream_write(s, &c, 1));
    return 0;
}

static void expect_echo(struct hkt_stream *s, char c)
{
    char back = 0;

    cr_assert_eq(hkt_stream_write(s, &c, 1), 0);
    cr_assert_eq(hkt_stream_read(s, &back, 1), 1);
    cr_assert_eq(back, c);
}

static int server_in_child(void *listen)
{
    struct hkt_server *server;
    struct hkt_addr addr;
    struct hkt_stream *s;
    char url[HKT_ADDR_TEXT];

    cr_assert_eq(hkt_start_server(listen, echo_one, NULL, NULL, &server), 0);
    cr_assert_eq(hkt_server_addr(server, 0, &addr), 0);
    cr_assert_eq(hkt_open_connection(hkt_addr_format(&addr, url, sizeof url), NULL, &s), 0);
    expect_echo(s, 'a');
    pid_t pid = fork();
    if (pid == 0) {
        char c;
        CHILD(hkt_stream_read(s, &c, 1) == -EPERM);
        CHILD(hkt_server_wait_closed(server) == -EPERM);
        hkt_stream_free(s);
        hkt_server_free(server);
        _exit(0);
    }
    EXPECT_GOOD_CHILD(pid);
    expect_echo(s, 'b');
    hkt_stream_free(s);
    cr_assert_eq(hkt_open_connection(url, NULL, &s), 0, "it listens still");
    expect_echo(s, 'c');
    hkt_stream_free(s);
    hkt_server_free(server);
    return 0;
}

Test(fork, what_the_child_lets_go_of_stays_the_parents)
{
    char dir[] = "/tmp/hocket-test-XXXXXX", url[64];

    cr_assert(mkdtemp(dir));
    snprintf(url, sizeof url, "unix://%s/s", dir);
    on_each_backend(server_in_child, "tcp://127.0.0.1:0");
    on_each_backend(server_in_child, url);
    cr_assert_eq(rmdir(dir), 0, "the parent's end takes the path away");
}

/* An operation that goes on, which the child must not end: what it asks of the system would be
 * written over what the parent asks meanwhile. */

enum { BULK = 4000000 };

static void on_sent(void *arg, ssize_t result)
{
    *(ssize_t *)arg = result;
}

static void on_readable(void *arg)
{
    ++*(int *)arg;
}

/* What the child gives up stays the parent's. */
static int removes_in_child(void *arg)
{
    struct hkt_loop *loop = hkt_loop_current();
    int pair[2], calls = 0;
    char c;

    (void)arg;
    tcp_pair(pair);
    cr_assert_eq(hkt_add_reader(loop, pair[1], on_readable, &calls), 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHILD(hkt_remove_reader(loop, pair[1]) == 1);
        _exit(0);
    }
    EXPECT_GOOD_CHILD(pid);
    cr_assert_eq(calls, 0);
    cr_assert_eq(write(pair[0], "x", 1), 1);
    for (int i = 0; i < 1000 && calls == 0; i++)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_expect_neq(calls, 0);
    cr_assert_eq(read(pair[1], &c, 1), 1);
    cr_assert_eq(hkt_remove_reader(loop, pair[1]), 1);
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(fork, a_reader_that_the_child_removes_stays_the_parents)
{
    on_each_backend(removes_in_child, NULL);
}

static int sends_meanwhile(void *arg)
{
    static char bulk[BULK], buf[65536];
    struct hkt_sending sending = {.fd = -1};
    ssize_t result = 0;
    int pair[2], other[2], gate[2], calls = 0;
    size_t got = 0;
    char c;

    (void)arg;
    tcp_pair(pair);
    tcp_pair(other);
    cr_assert_eq(pipe(gate), 0);
    bool whole = hkt_send_begin(&sending, pair[0], bulk, BULK, on_sent, &result) == 0;
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHILD(read(gate[0], &c, 1) == 1);
        hkt_send_cancel(&sending);
        _exit(0);
    }
    cr_assert_eq(hkt_add_reader(hkt_loop_current(), other[1], on_readable, &calls), 0);
    cr_assert_eq(write(gate[1], "x", 1), 1);
    EXPECT_GOOD_CHILD(pid);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(write(other[0], "x", 1), 1);
    for (int i = 0; calls == 0 && i < 10000; i++)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert(calls > 0, "the parent's reader is called");
    cr_assert_eq(hkt_remove_reader(hkt_loop_current(), other[1]), 1);
    while (whole && got < BULK) {
        ssize_t n = hkt_read(pair[1], buf, sizeof buf);
        cr_assert(n > 0, "%zd after %zu", n, got);
        got += (size_t)n;
    }
    while (whole && result == 0)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert(!whole || result == BULK, "%zd", result);
    const int all[] = {pair[0], pair[1], other[0], other[1], gate[0], gate[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        (void)hkt_close(all[i]);
    return 0;
}

Test(fork, what_goes_on_is_not_ended_by_the_child)
{
    on_each_backend(sends_meanwhile, NULL);
}

/* Signals */

static void on_signal(void *arg)
{
    ++*(int *)arg;
}

static int signals_in_child(void *arg)
{
    struct hkt_signal_watch watch = {.set = 0};
    int came = 0;

    (void)arg;
    cr_assert_eq(hkt_call_on_signal(hkt_loop_current(), &watch, SIGUSR1, on_signal, &came), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct sigaction pipe_action;
        sigaction(SIGPIPE, NULL, &pipe_action);
        CHILD(pipe_action.sa_handler == SIG_DFL);
        CHILD(hkt_remove_signal(&watch) == 1);
        raise(SIGUSR1);
        _exit(0);
    }
    int status = status_of(pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1, "as if nobody watched: %#x",
              (unsigned)status);
    pid = fork();
    if (pid == 0) {
        raise(SIGTERM); /* that hkt_run() watches */
        _exit(0);
    }
    status = status_of(pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%#x", (unsigned)status);
    raise(SIGUSR1);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(came, 1, "the parent watches it still");
    cr_assert_eq(hkt_remove_signal(&watch), 1);
    return 0;
}

Test(fork, signals_do_in_the_child_what_they_did_before)
{
    signal(SIGPIPE, SIG_DFL); /* which test runners ignore */
    signal(SIGTERM, SIG_DFL);
    on_each_backend(signals_in_child, NULL);
}
