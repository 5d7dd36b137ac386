/* SPDX-License-Identifier: MIT
 *
 * Pipes whose other end is gone, and SIGPIPE, which loops keep away.
 */
#include "io/backends.h"

#include <errno.h>
#include <fcntl.h>
#include <hocket/net.h>
#include <pthread.h>

static void make_pipe(int fds[2])
{
    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
}

static void on_pipe(int signum)
{
    (void)signum;
}

static bool sigpipe_is(void (*handler)(int))
{
    struct sigaction now;

    return sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == handler;
}

/* A signal with its default action would end the test here. */
static int no_reader(void *arg)
{
    const struct iovec iov = {(char[]){"x"}, 1};
    struct hkt_stream *s;
    int fds[2];

    (void)arg;
    cr_assert(sigpipe_is(SIG_IGN));
    make_pipe(fds);
    cr_assert_eq(hkt_write(fds[1], "x", 1), 1);
    cr_assert_eq(hkt_close(fds[0]), 0);
    cr_assert_eq(hkt_write(fds[1], "x", 1), -EPIPE);
    cr_assert_eq(hkt_writev(fds[1], &iov, 1), -EPIPE);
    cr_assert_eq(hkt_try_writev(fds[1], &iov, 1), -EPIPE);
    cr_assert_eq(hkt_try_write(fds[1], "x", 1), -EPIPE);
    s = hkt_stream_of(fds[1], NULL);
    cr_assert_eq(hkt_stream_write(s, "x", 1), 0);
    cr_assert_eq(hkt_stream_drain(s), -EPIPE);
    hkt_stream_free(s);
    return 0;
}

Test(pipe, without_a_reader_is_an_error_and_no_signal)
{
    signal(SIGPIPE, SIG_DFL);
    on_each_backend(no_reader, NULL);
    cr_assert(sigpipe_is(SIG_DFL), "as it was");
}

/* A loop that the program made itself, and runs again. */
Test(pipe, without_a_reader_is_no_signal_for_any_loop)
{
    signal(SIGPIPE, SIG_DFL);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct hkt_loop_opts opts = {.poller = backends[i]};
        struct hkt_loop *loop = hkt_loop_new(&opts);
        cr_assert_eq(hkt_loop_run(loop, no_reader, NULL), 0);
        cr_assert_eq(hkt_loop_run(loop, no_reader, NULL), 0);
        cr_assert_eq(hkt_loop_free(loop), 0);
        cr_assert(sigpipe_is(SIG_DFL), "as it was");
    }
}

static int fill(void *fd)
{
    static const char data[4096];

    for (;;) {
        ssize_t n = hkt_write(ARG_FD(fd), data, sizeof data);
        if (n < 0)
            return (int)n;
    }
}

static int reader_leaves(void *arg)
{
    int fds[2];

    (void)arg;
    make_pipe(fds);
    struct hkt_task *writer = hkt_spawn(fill, FD_ARG(fds[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_not(hkt_task_done(writer), "it is full");
    cr_assert_eq(hkt_close(fds[0]), 0);
    cr_assert_eq(hkt_join(writer), -EPIPE);
    return hkt_close(fds[1]);
}

Test(pipe, whose_reader_leaves_wakes_the_writer)
{
    signal(SIGPIPE, SIG_DFL);
    on_each_backend(reader_leaves, NULL);
}

static int keeps_handler(void *handler)
{
    cr_assert(sigpipe_is(*(void (**)(int))handler));
    return 0;
}

static int changes_handler(void *arg)
{
    (void)arg;
    signal(SIGPIPE, on_pipe);
    return 0;
}

Test(pipe, an_action_that_the_program_chose_stays)
{
    void (*chosen[])(int) = {on_pipe, SIG_IGN};

    for (int i = 0; i < 2; i++) {
        signal(SIGPIPE, chosen[i]);
        cr_assert_eq(hkt_run(keeps_handler, &chosen[i]), 0);
        cr_assert(sigpipe_is(chosen[i]));
    }
    signal(SIGPIPE, SIG_DFL);
    cr_assert_eq(hkt_run(changes_handler, NULL), 0);
    cr_assert(sigpipe_is(on_pipe), "also when it did so meanwhile");
}

/* Of several threads the last one puts it back. */

static int is_ignored(void *arg)
{
    (void)arg;
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    cr_assert(sigpipe_is(SIG_IGN));
    return 0;
}

static void *run_thread(void *arg)
{
    cr_assert_eq(hkt_run(is_ignored, NULL), 0);
    return arg;
}

static int beside_others(void *arg)
{
    pthread_t thread[4];

    (void)arg;
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, run_thread, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    cr_assert(sigpipe_is(SIG_IGN));
    return 0;
}

Test(pipe, the_last_of_several_loops_puts_the_action_back)
{
#ifdef TEST_KQUEUE_ONLY
    cr_skip_test("the fake is for one thread");
#endif
    signal(SIGPIPE, SIG_DFL);
    cr_assert_eq(hkt_run(beside_others, NULL), 0);
    cr_assert(sigpipe_is(SIG_DFL));
}
