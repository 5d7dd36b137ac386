/* SPDX-License-Identifier: MIT
 *
 * Waits for descriptors that somebody else owns, which end before what they wait for comes, over
 * each poller.
 */
#include "io/backends.h"

#include <hocket/signal.h>

#include <stdint.h>

static int pair[2];

static int poll_pair(void *arg)
{
    (void)arg;
    return hkt_poll(pair[0], HKT_READABLE);
}

/* A task that waits by now. */
static struct hkt_task *start(hkt_task_fn *fn, void *arg)
{
    struct hkt_task *t = hkt_spawn(fn, arg);

    cr_assert(t);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_not(hkt_task_done(t));
    return t;
}

static void make_pair(void)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static int leaves_a_poll(void *arg)
{
    (void)arg;
    make_pair();
    hkt_detach(start(poll_pair, NULL));
    return 0;
}

Test(borrowed, a_wait_that_main_leaves_behind_is_cancelled)
{
    on_each_backend(leaves_a_poll, NULL);
}

static int wait_for_signal(void *arg)
{
    (void)arg;
    return hkt_signal_wait(HKT_SIG(SIGUSR1));
}

static int leaves_a_signal(void *arg)
{
    (void)arg;
    hkt_detach(start(wait_for_signal, NULL));
    return 0;
}

Test(borrowed, so_is_one_for_a_signal)
{
    on_each_backend(leaves_a_signal, NULL);
}

/* Between two runs of a loop no loop is the thread's. */

static struct hkt_task *left;

static int keeps_a_poll(void *arg)
{
    (void)arg;
    make_pair();
    left = start(poll_pair, NULL);
    return 0;
}

static int joins_it(void *arg)
{
    (void)arg;
    return hkt_join(left);
}

Test(borrowed, a_wait_is_cancelled_while_its_loop_does_not_run)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct hkt_loop_opts opts = {.poller = backends[i]};
        struct hkt_loop *loop = hkt_loop_new(&opts);
        cr_assert_eq(hkt_loop_run(loop, keeps_a_poll, NULL), 0);
        cr_assert(hkt_task_cancel(left));
        cr_assert_eq(hkt_loop_run(loop, joins_it, NULL), -ECANCELED);
        cr_assert_eq(hkt_loop_free(loop), 0);
    }
}

/* The event has come and nobody was told yet: a close has the kernel look for it. Whoever comes
 * next has the memory of the one that waited. */

static int accept_one(void *fd)
{
    return hkt_accept(ARG_FD(fd), NULL, NULL);
}

static int scribble(void *arg)
{
    volatile unsigned char many[16384];

    (void)arg;
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = 0x41;
    return hkt_sleep(HKT_MS(1)) + (many[99] != 0x41);
}

static int listening(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int fd = hkt_socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(listen(fd, 8), 0);
    return fd;
}

static int cancelled_when_it_came(void *arg)
{
    struct hkt_task *next[4];
    int fd = listening();

    (void)arg;
    make_pair();
    struct hkt_task *accepts = start(accept_one, FD_ARG(fd));
    struct hkt_task *polls = start(poll_pair, NULL);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    cr_assert_eq(hkt_close(fd), 0);
    cr_assert(hkt_task_cancel(polls));
    cr_assert_eq(hkt_join(polls), -ECANCELED);
    for (int i = 0; i < 4; i++)
        next[i] = hkt_spawn(scribble, NULL);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(hkt_join(next[i]), 0);
    cr_assert_eq(hkt_join(accepts), -ECANCELED);
    cr_assert_eq(hkt_poll(pair[0], HKT_READABLE), HKT_READABLE, "it is there all the same");
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(borrowed, an_event_that_comes_after_the_wait_finds_nobody)
{
    on_each_backend(cancelled_when_it_came, NULL);
}

/* Closed while somebody waits, which ends the wait, and the number used again at once. */

static int read_one(void *fd)
{
    char c;

    return (int)hkt_read(ARG_FD(fd), &c, 1);
}

static void replace_near(void)
{
    int number = pair[0], far = pair[1];

    cr_assert_eq(hkt_close(number), 0);
    close(far);
    make_pair();
    if (pair[0] == number)
        return;
    cr_assert_eq(dup2(pair[0], number), number);
    close(pair[0]);
    pair[0] = number;
}

static int closed(void *arg)
{
    (void)arg;
    make_pair();
    for (int i = 0; i < 10; i++) {
        struct hkt_task *polls = start(poll_pair, NULL);
        replace_near();
        struct hkt_task *reads = start(read_one, FD_ARG(pair[0]));
        hkt_task_cancel(polls); /* when it is over */
        cr_assert_eq(hkt_join(polls), -ECANCELED);
        cr_assert_eq(write(pair[1], "x", 1), 1);
        cr_assert_eq(hkt_join(reads), 1, "its registration stands");
        replace_near();
    }
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(borrowed, closing_ends_the_wait_and_leaves_the_number_to_the_next, .timeout = 30)
{
    on_each_backend(closed, NULL);
}

/* A descriptor cannot be ours and somebody else's at once: the second is told, and the first waits
 * on. */
static int both_ways(void *arg)
{
    (void)arg;
    make_pair();
    struct hkt_task *polls = start(poll_pair, NULL);
    cr_assert_eq(hkt_join(hkt_spawn(read_one, FD_ARG(pair[0]))), -EBUSY);
    cr_assert_eq(hkt_poll(pair[0], HKT_READABLE), -EBUSY);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    cr_assert_eq(hkt_join(polls), HKT_READABLE);
    cr_assert_eq(hkt_join(hkt_spawn(read_one, FD_ARG(pair[0]))), 1);
    struct hkt_task *reads = start(read_one, FD_ARG(pair[0]));
    cr_assert_eq(hkt_poll(pair[0], HKT_READABLE), -EBUSY);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    cr_assert_eq(hkt_join(reads), 1);
    cr_assert_eq(hkt_poll(pair[0], HKT_READABLE), -EBUSY, "it is ours from now on");
    cr_assert_eq(hkt_poll(pair[0], HKT_WRITABLE), HKT_WRITABLE, "which needs no wait");
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(borrowed, what_is_waited_for_as_anothers_is_not_ours_meanwhile)
{
    on_each_backend(both_ways, NULL);
}
