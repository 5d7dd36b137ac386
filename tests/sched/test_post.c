/* SPDX-License-Identifier: MIT
 *
 * Into a loop from outside: other threads, and signals.
 */
#include "base/where.h"
#include "io/backends.h"

#include <hocket/signal.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

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

/* More than there is room for in any table, and in any order. */

static void count_signal(void *arg)
{
    ++*(int *)arg;
}

static int turn(void *arg)
{
    (void)arg;
    return hkt_sleep(0);
}

Test(post, many_loops_hear_a_signal)
{
    enum { LOOPS = 100 };
    static struct hkt_loop *loops[LOOPS];
    static struct hkt_signal_watch watches[LOOPS];
    static int heard[LOOPS];
    const struct hkt_loop_opts small = {.poller = "epoll"};

    for (int i = 0; i < LOOPS; i++) {
        loops[i] = hkt_loop_new(&small);
        cr_assert_eq(hkt_call_on_signal(loops[i], &watches[i], SIGUSR1, count_signal, &heard[i]),
                     0);
    }
    for (int i = 0; i < LOOPS; i += 3)
        cr_assert_eq(hkt_remove_signal(&watches[i]), 1);
    raise(SIGUSR1);
    for (int i = 0; i < LOOPS; i++) {
        cr_assert_eq(hkt_loop_run(loops[i], turn, NULL), 0);
        cr_assert_eq(heard[i], i % 3 != 0, "%d", i);
        cr_assert_eq(hkt_loop_free(loops[i]), 0);
    }
}

Test(post, a_loop_whose_watch_was_refused_hears_nothing)
{
    struct hkt_signal_watch refused = {0}, watch = {0};
    int heard = 0;
    struct hkt_loop *loop = hkt_loop_new(NULL), *other = hkt_loop_new(NULL);

    cr_assert_eq(hkt_call_on_signal(loop, &refused, SIGKILL, count_signal, &heard), -EINVAL);
    cr_assert_eq(hkt_call_on_signal(other, &watch, SIGUSR1, count_signal, &heard), 0);
    cr_assert_eq(hkt_loop_free(loop), 0);
    raise(SIGUSR1); /* the handler must not come to the one that is gone */
    cr_assert_eq(hkt_loop_run(other, turn, NULL), 0);
    cr_assert_eq(heard, 1);
    cr_assert_eq(hkt_loop_free(other), 0);
}

/* Signals that come to another thread while loops come and go on this one. */

static atomic_bool enough;

static void *storm(void *arg)
{
    (void)arg;
    while (!atomic_load(&enough))
        (void)pthread_kill(pthread_self(), SIGUSR1);
    return NULL;
}

static int watch_once(void *arg)
{
    struct hkt_signal_watch w = {0};
    int heard = 0;

    (void)arg;
    HKT_TRY(hkt_call_on_signal(hkt_loop_current(), &w, SIGUSR1, count_signal, &heard));
    HKT_TRY(hkt_sleep(0));
    (void)hkt_remove_signal(&w);
    return 0;
}

Test(post, a_handler_on_another_thread_and_the_end_of_a_loop)
{
    struct hkt_signal_watch w = {0};
    struct hkt_loop *loop = hkt_loop_new(NULL); /* which keeps the handler */
    pthread_t thread;
    int heard = 0;

    cr_assert_eq(hkt_call_on_signal(loop, &w, SIGUSR1, count_signal, &heard), 0);
    atomic_store(&enough, false);
    cr_assert_eq(pthread_create(&thread, NULL, storm, NULL), 0);
    for (int i = 0; i < 200; i++)
        cr_assert_eq(hkt_run(watch_once, NULL), 0);
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    cr_assert_eq(hkt_loop_free(loop), 0);
}

/* The last hold */

static void *let_go(void *loop)
{
    hkt_loop_release(loop);
    return NULL;
}

static void *let_go_late(void *loop)
{
    usleep(20000); /* so that the loop sleeps, in most runs */
    return let_go(loop);
}

static int wait_for_nothing(void *arg)
{
    struct hkt_future never = {0};

    (void)arg;
    return hkt_await(&never);
}

static void released(void *(*fn)(void *))
{
    struct hkt_loop *loop = hkt_loop_new(NULL);
    pthread_t thread;

    hkt_loop_hold(loop);
    cr_assert_eq(pthread_create(&thread, NULL, fn, loop), 0);
    cr_assert_eq(hkt_loop_run(loop, wait_for_nothing, NULL), -EDEADLK);
    cr_assert_eq(hkt_loop_free(loop), 0); /* while the thread may still be about it */
    pthread_join(thread, NULL);
}

Test(post, a_loop_that_only_a_hold_kept_is_told_of_its_release)
{
    released(let_go_late);
    for (int i = 0; i < 20; i++)
        released(let_go);
}

/* A posted call may be what ends the loop. */

static void set_done(void *future)
{
    cr_assert_eq(hkt_future_set(future, 7, NULL), 0);
}

struct ender {
    struct hkt_loop *loop;
    struct hkt_handle handle;
    struct hkt_future done;
};

static void *post_end(void *arg)
{
    struct ender *e = arg;

    (void)hkt_call_threadsafe(e->loop, &e->handle, set_done, &e->done);
    return NULL;
}

static int await_end(void *arg)
{
    struct ender *e = arg;

    hkt_loop_hold(e->loop);
    int rc = hkt_await(&e->done);
    hkt_loop_release(e->loop);
    return rc;
}

Test(post, the_loop_may_be_freed_as_soon_as_the_call_was_made)
{
    for (int i = 0; i < 100; i++) {
        struct ender e = {.loop = hkt_loop_new(NULL)};
        pthread_t thread;

        cr_assert_eq(pthread_create(&thread, NULL, post_end, &e), 0);
        cr_assert_eq(hkt_loop_run(e.loop, await_end, &e), 7);
        cr_assert_eq(hkt_loop_free(e.loop), 0);
        pthread_join(thread, NULL);
    }
}
