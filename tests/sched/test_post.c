/* SPDX-License-Identifier: MIT
 *
 * Into a loop from outside: other threads, and signals.
 */
#include "base/where.h"
#include "io/backends.h"

#include <hocket/signal.h>

#include <pthread.h>
#include <signal.h>

enum { POSTS = 1000 };

struct poster {
    struct hkt_loop *loop;
    struct hkt_handle handles[POSTS];
    struct hkt_future done;
    int count;
};

static void count_one(void *arg)
{
    struct poster *p = arg;

    if (++p->count == POSTS)
        cr_assert_eq(hkt_future_set(&p->done, p->count, NULL), 0);
}

static void *post_all(void *arg)
{
    struct poster *p = arg;

    for (int i = 0; i < POSTS; i++)
        cr_assert_eq(hkt_call_threadsafe(p->loop, &p->handles[i], count_one, p), 0);
    return NULL;
}

static int posted(void *arg)
{
    static struct poster p;
    pthread_t thread;

    (void)arg;
    memset(&p, 0, sizeof p);
    p.loop = hkt_loop_current();
    if (where_valgrind() && strcmp(hkt_loop_poller(p.loop), "io_uring") == 0)
        return 0; /* it lets no other thread run while one waits there */
    hkt_loop_hold(p.loop);
    cr_assert_eq(pthread_create(&thread, NULL, post_all, &p), 0);
    cr_assert_eq(hkt_await(&p.done), POSTS);
    pthread_join(thread, NULL);
    hkt_loop_release(p.loop);
    return 0;
}

Test(post, calls_from_another_thread_wake_the_loop_and_none_is_lost)
{
    on_each_backend(posted, NULL);
}

static int raise_later(void *signum)
{
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    return raise((int)(intptr_t)signum);
}

static int await_signals(void *arg)
{
    struct hkt_task *t = hkt_spawn(raise_later, (void *)(intptr_t)SIGUSR1);

    (void)arg;
    cr_assert_eq(hkt_signal_wait(HKT_SIG(SIGUSR1) | HKT_SIG(SIGUSR2)), SIGUSR1);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(hkt_signal_wait(0), -EINVAL);
    cr_assert_eq(hkt_signal_wait(HKT_SIG(SIGKILL)), -EINVAL);
    struct hkt_timeout limit = {0};
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(1)), 0);
    int64_t rc = hkt_signal_wait(HKT_SIG(SIGUSR1));
    cr_assert_eq(hkt_timeout_exit(&limit, rc), -ETIMEDOUT);
    return 0;
}

Test(post, a_task_waits_for_signals)
{
    on_each_backend(await_signals, NULL);
}

static int caught;

static void on_usr1(void *arg)
{
    (void)arg;
    caught++;
}

static int call_on_signal(void *arg)
{
    struct hkt_signal_watch w = {0};
    struct sigaction after;

    (void)arg;
    caught = 0;
    cr_assert_eq(hkt_call_on_signal(hkt_loop_current(), &w, 0, on_usr1, NULL), -EINVAL);
    cr_assert_eq(hkt_call_on_signal(hkt_loop_current(), &w, SIGUSR1, on_usr1, NULL), 0);
    raise(SIGUSR1);
    cr_assert_eq(caught, 0, "from the loop, not from the handler");
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(caught, 1);
    cr_assert_eq(hkt_remove_signal(&w), 1);
    cr_assert_eq(hkt_remove_signal(&w), 0);
    sigaction(SIGUSR1, NULL, &after);
    cr_assert_eq((void *)(uintptr_t)after.sa_handler, (void *)(uintptr_t)SIG_DFL, "put back");
    return 0;
}

Test(post, a_callback_on_a_signal_and_its_end)
{
    on_each_backend(call_on_signal, NULL);
}

static int sleep_long(void *arg)
{
    struct hkt_task *t = hkt_spawn(raise_later, arg);

    hkt_detach(t);
    return hkt_sleep(HKT_SEC(100));
}

Test(post, a_first_interrupt_cancels_main_and_run_says_so)
{
    cr_assert_eq(hkt_run(sleep_long, (void *)(intptr_t)SIGINT), -EINTR);
    cr_assert_eq(hkt_run(sleep_long, (void *)(intptr_t)SIGTERM), -EINTR);
}

static int ignores_cancel(void *arg)
{
    int rc = sleep_long(arg);

    return rc == -ECANCELED ? 3 : rc;
}

Test(post, a_main_that_swallows_the_interrupt_returns_its_value)
{
    cr_assert_eq(hkt_run(ignores_cancel, (void *)(intptr_t)SIGINT), 3);
}

static int cancelled_and_interrupted(void *arg)
{
    (void)arg;
    (void)hkt_task_cancel(hkt_task_current());
    raise(SIGINT);
    HKT_TRY(hkt_sleep(HKT_SEC(1)));
    return 0;
}

static int cleans_up_meanwhile(void *arg)
{
    int rc = cancelled_and_interrupted(arg);

    /* The signal's own request comes while it does. */
    return hkt_sleep(HKT_SEC(1)) == -ECANCELED ? rc : 0;
}

Test(post, an_interrupt_of_a_main_that_was_cancelled_is_a_cancellation)
{
    cr_assert_eq(hkt_run(cleans_up_meanwhile, NULL), -ECANCELED);
}

static int raise_twice(void *arg)
{
    (void)arg;
    raise(SIGINT);
    int rc = hkt_sleep(HKT_SEC(1));
    raise(SIGINT);
    return rc;
}

Test(post, a_second_interrupt_takes_its_default_action, .signal = SIGINT)
{
    cr_assert_eq(hkt_run(raise_twice, NULL), 0);
}
