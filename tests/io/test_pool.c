/* SPDX-License-Identifier: MIT
 *
 * The pool of threads when the system has none to give.
 */
#include "base/os.h"
#include "base/sys.h"
#include "io/pooled.h"

static int threads_left;
static int (*real_thread)(void *(*fn)(void *), void *arg);

static int few_threads(void *(*fn)(void *), void *arg)
{
    return threads_left-- > 0 ? real_thread(fn, arg) : -EAGAIN;
}

static void with_threads(int n)
{
    if (!real_thread)
        real_thread = hkt__sys.thread;
    threads_left = n;
    hkt__sys.thread = few_threads;
}

static int answers(void *rc)
{
    return (int)(intptr_t)rc;
}

static void release(void *arg)
{
    ++*(int *)arg;
}

static int none(void *arg)
{
    int released = 0;

    (void)arg;
    with_threads(0);
    cr_assert_eq(hkt_run_blocking(answers, FD_ARG(1)), -EAGAIN);
    cr_assert_eq(hkt_run_blocking_owned(answers, &released, release), -EAGAIN);
    cr_assert_eq(released, 0);
    with_threads(1);
    cr_assert_eq(hkt_run_blocking(answers, FD_ARG(1)), 1, "nothing is left over");
    hkt__sys.thread = real_thread;
    return 0;
}

Test(pool, without_a_thread_says_so)
{
    cr_assert_eq(hkt_run_opts(none, NULL, &(struct hkt_loop_opts){.poller = "epoll"}), 0);
}

static int one(void *arg)
{
    struct gate g = GATE_INIT;

    (void)arg;
    with_threads(1);
    struct hkt_task *first = hkt_spawn(blocks, &g), *second = hkt_spawn(blocks, &g);
    await_inside(&g, 1);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(g.inside, 1);
    open_gate(&g);
    cr_assert_eq(hkt_join(first), 0);
    cr_assert_eq(hkt_join(second), 1);
    hkt__sys.thread = real_thread;
    return 0;
}

Test(pool, with_fewer_threads_than_wanted_does_with_those)
{
    cr_assert_eq(hkt_run_opts(one, NULL, &(struct hkt_loop_opts){.poller = "epoll"}), 0);
}

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

static int without_memory(void *arg)
{
    void *(*real_alloc)(size_t) = hkt__os.alloc;
    int released = 0;

    (void)arg;
    hkt__os.alloc = no_memory;
    int owned = hkt_run_blocking_owned(answers, &released, release);
    int plain = hkt_run_blocking(answers, FD_ARG(3));
    hkt__os.alloc = real_alloc;
    cr_assert_eq(owned, -ENOMEM);
    cr_assert_eq(released, 0);
    cr_assert_eq(plain, 3, "which needs none");
    return 0;
}

Test(pool, needs_memory_only_for_what_may_be_left_behind)
{
    cr_assert_eq(hkt_run_opts(without_memory, NULL, &(struct hkt_loop_opts){.poller = "epoll"}), 0);
}
