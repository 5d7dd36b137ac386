/* SPDX-License-Identifier: MIT
 *
 * Tasks that other threads spawn, wait for and cancel.
 */
#include "support/test.h"

#include <hocket/remote.h>
#include <hocket/task.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, EACH = 100 };

/* A loop in a thread of its own, until it is told to end. */
struct host {
    pthread_t thread;
    struct hkt_loop *loop;
    struct hkt_future end;
    atomic_bool up;
    int rc;
};

static int wait_for_end(void *arg)
{
    struct host *h = arg;

    h->loop = hkt_loop_current();
    hkt_loop_hold(h->loop);
    h->up = true;
    int rc = hkt_await(&h->end);
    hkt_loop_release(h->loop);
    return rc;
}

static void *host_thread(void *arg)
{
    struct host *h = arg;

    h->rc = hkt_run(wait_for_end, h);
    return NULL;
}

static void begin(struct host *h)
{
    cr_assert_eq(pthread_create(&h->thread, NULL, host_thread, h), 0);
    while (!h->up)
        sched_yield();
}

static int let_end(void *arg)
{
    struct host *h = arg;

    return hkt_future_set(&h->end, 0, NULL);
}

static void end(struct host *h)
{
    cr_assert_eq(hkt_remote_run(h->loop, let_end, h, -1), 0);
    pthread_join(h->thread, NULL);
    cr_assert_eq(h->rc, 0);
}

/* Bodies */

static int answer(void *arg)
{
    HKT_TRY(hkt_sleep(0));
    return (int)(intptr_t)arg;
}

static atomic_int begun;

static int sleep_long(void *arg)
{
    begun = 1;
    int rc = hkt_sleep(HKT_SEC(1000));

    return arg ? (int)(intptr_t)arg : rc;
}

#define INT_ARG(n) ((void *)(intptr_t)(n))

Test(remote, the_result_comes_back)
{
    struct host h = {0};
    struct hkt_remote r = {0};

    begin(&h);
    cr_assert_eq(hkt_remote_spawn(h.loop, &r, answer, INT_ARG(42)), 0);
    cr_assert_eq(hkt_remote_spawn(h.loop, &r, answer, INT_ARG(42)), -EBUSY);
    cr_assert_eq(hkt_remote_wait(&r, -1), 42);
    cr_assert(hkt_remote_done(&r));
    cr_assert_eq(hkt_remote_spawn(h.loop, &r, answer, INT_ARG(-EIO)), 0, "again");
    cr_assert_eq(hkt_remote_wait(&r, HKT_SEC(1000)), -EIO);
    cr_assert_eq(hkt_remote_run(h.loop, answer, INT_ARG(7), -1), 7);
    end(&h);
}

Test(remote, what_is_refused)
{
    struct hkt_loop *loop = hkt_loop_new(NULL);
    struct hkt_remote r = {0};

    cr_assert_eq(hkt_remote_spawn(NULL, &r, answer, NULL), -ENOMEM);
    cr_assert_eq(hkt_remote_spawn(loop, &r, NULL, NULL), -EINVAL);
    cr_assert_eq(hkt_remote_wait(&r, 0), -EINVAL);
    cr_assert(!hkt_remote_cancel(&r));
    cr_assert_eq(hkt_remote_run(loop, answer, NULL, -1), -EDEADLK);
    cr_assert_eq(hkt_remote_spawn(loop, &r, answer, NULL), 0);
    cr_assert_eq(hkt_remote_wait(&r, -1), -EDEADLK, "this thread is to run it");
    cr_assert(!hkt_remote_done(&r));
    cr_assert_eq(hkt_loop_free(loop), 0);
    cr_assert(hkt_remote_done(&r));
    cr_assert_eq(hkt_remote_wait(&r, -1), -ESHUTDOWN);
}

Test(remote, a_wait_may_end_early_and_the_task_be_cancelled)
{
    struct host h = {0};
    struct hkt_remote r = {0};

    begin(&h);
    cr_assert_eq(hkt_remote_spawn(h.loop, &r, sleep_long, NULL), 0);
    cr_assert_eq(hkt_remote_wait(&r, HKT_MS(1)), -ETIMEDOUT);
    cr_assert_eq(hkt_remote_wait(&r, 0), -ETIMEDOUT);
    cr_assert(!hkt_remote_done(&r));
    cr_assert(hkt_remote_cancel(&r));
    cr_assert_eq(hkt_remote_wait(&r, -1), -ECANCELED);
    cr_assert(!hkt_remote_cancel(&r));
    begun = 0;
    cr_assert_eq(hkt_remote_spawn(h.loop, &r, sleep_long, INT_ARG(5)), 0);
    while (!begun)
        sched_yield();
    cr_assert(hkt_remote_cancel(&r));
    cr_assert_eq(hkt_remote_wait(&r, -1), 5, "it has the last word");
    cr_assert_eq(hkt_remote_run(h.loop, sleep_long, NULL, HKT_MS(1)), -ETIMEDOUT);
    end(&h);
}

/* Cancellations that race with the end. */
Test(remote, cancelled_at_any_time)
{
    struct host h = {0};

    begin(&h);
    for (int i = 0; i < EACH; i++) {
        struct hkt_remote r = {0};
        cr_assert_eq(hkt_remote_spawn(h.loop, &r, answer, INT_ARG(i)), 0);
        for (int k = 0; k < i % 7; k++)
            sched_yield();
        (void)hkt_remote_cancel(&r);
        int rc = hkt_remote_wait(&r, -1);
        cr_assert(rc == i || rc == -ECANCELED, "%d", rc);
    }
    end(&h);
}

static void *ask_many(void *arg)
{
    struct host *h = arg;

    for (int i = 0; i < EACH; i++)
        cr_expect_eq(hkt_remote_run(h->loop, answer, INT_ARG(i), -1), i);
    return NULL;
}

Test(remote, from_many_threads)
{
    struct host h = {0};
    pthread_t t[THREADS];

    begin(&h);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&t[i], NULL, ask_many, &h), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    end(&h);
}

/* The loop ends: what has begun is cancelled, and nobody waits for ever. */

struct asker {
    struct host *h;
    pthread_t thread;
    struct hkt_remote r;
    int rc;
};

static void *wait_there(void *arg)
{
    struct asker *a = arg;

    a->rc = hkt_remote_wait(&a->r, -1);
    return NULL;
}

Test(remote, a_loop_that_ends_answers_all)
{
    struct host h = {0};
    struct asker a[THREADS] = {{0}};

    begin(&h);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(hkt_remote_spawn(h.loop, &a[i].r, sleep_long, NULL), 0);
        cr_assert_eq(pthread_create(&a[i].thread, NULL, wait_there, &a[i]), 0);
    }
    end(&h);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(a[i].thread, NULL);
        cr_assert(a[i].rc == -ECANCELED || a[i].rc == -ESHUTDOWN, "%d", a[i].rc);
    }
}
