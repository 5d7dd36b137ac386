/* SPDX-License-Identifier: MIT
 *
 * Tasks that other threads have spawned, and wait for. The record is theirs, and may be gone as
 * soon as it says that the task has ended: so that is said last, under the lock, and not before a
 * call that was posted for it has been made.
 *
 * A loop that ends makes those calls until there are no such tasks any more, and refuses new ones.
 */
#include "sched.h"

#include "base/os.h"

#include <hocket/remote.h>

#include <time.h>

enum { IDLE, GOING, RETURNED, ENDED };

/* On the loop's thread */

/* With the lock, which is given back: from then on r may be gone. */
static void end(struct hkt_remote *r)
{
    struct hkt_loop *loop = r->loop;

    r->state = ENDED;
    pthread_cond_broadcast(&r->ended);
    pthread_mutex_unlock(&r->lock);
    atomic_fetch_sub(&loop->remotes, 1);
}

static void returned(struct hkt_remote *r, int rc)
{
    pthread_mutex_lock(&r->lock);
    r->task = NULL;
    r->rc = rc;
    r->state = RETURNED;
    if (!r->stopping)
        end(r);
    else
        pthread_mutex_unlock(&r->lock);
}

static void task_ended(void *arg)
{
    struct hkt_remote *r = arg;
    struct hkt_task *t = r->task;
    int rc = hkt_task_result(t);

    hkt__task_unref(t);
    returned(r, rc);
}

static void start(void *arg)
{
    struct hkt_remote *r = arg;
    int rc = r->loop->ending ? -ESHUTDOWN : -ENOMEM;

    if (!r->loop->ending)
        r->task = hkt_ensure_future(r->loop, r->fn, r->arg);
    if (r->task)
        rc = hkt_future_watch(hkt_task_future(r->task), &r->watch, task_ended, r);
    if (rc < 0)
        returned(r, rc);
}

static void stop(void *arg)
{
    struct hkt_remote *r = arg;

    if (r->task)
        (void)hkt_task_cancel(r->task);
    pthread_mutex_lock(&r->lock);
    r->stopping = false;
    if (r->state == RETURNED)
        end(r);
    else
        pthread_mutex_unlock(&r->lock);
}

/* On the other */

/* Under the lock, through which the task's end goes: so this thread is not still busy with the loop
 * when that ends. */
static void post(struct hkt_remote *r, struct hkt_handle *h, hkt_call_fn *fn)
{
    pthread_mutex_lock(&r->lock);
    (void)hkt_call_threadsafe(r->loop, h, fn, r);
    pthread_mutex_unlock(&r->lock);
}

int hkt_remote_spawn(struct hkt_loop *loop, struct hkt_remote *r, hkt_task_fn *fn, void *arg)
{
    if (!loop || !r)
        return -ENOMEM;
    if (!fn)
        return -EINVAL;
    if (r->state != IDLE)
        return -EBUSY;
    *r = (struct hkt_remote){.loop = loop, .fn = fn, .arg = arg, .state = GOING};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->ended, NULL);
    atomic_fetch_add(&loop->remotes, 1);
    post(r, &r->start, start);
    return 0;
}

/* In steps of a second at most, because the clock that a condition waits by may be set. */
static void wait_until(struct hkt_remote *r, int64_t deadline)
{
    int64_t left = deadline - hkt__os.now();
    struct timespec at;

    if (left > HKT_SEC(1))
        left = HKT_SEC(1);
    clock_gettime(CLOCK_REALTIME, &at);
    left += at.tv_nsec;
    at.tv_sec += (time_t)(left / HKT_SEC(1));
    at.tv_nsec = (long)(left % HKT_SEC(1));
    (void)pthread_cond_timedwait(&r->ended, &r->lock, &at);
}

/* With the lock. Whether it has ended. */
static bool await_end(struct hkt_remote *r, int64_t timeout_ns)
{
    const struct hkt_task *self = hkt__task_self();
    char name[32];

    int64_t now = hkt__os.now();
    int64_t deadline = timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;

    if (self && r->state != ENDED && timeout_ns != 0 && hkt__loop->debug)
        hkt_report("task '%s' waits for one of another thread, and all of its loop with it",
                   hkt_task_name(self, name, sizeof name));
    while (r->state != ENDED && (timeout_ns < 0 || hkt__os.now() < deadline)) {
        if (timeout_ns < 0)
            pthread_cond_wait(&r->ended, &r->lock);
        else
            wait_until(r, deadline);
    }
    return r->state == ENDED;
}

/* Ends the record, which is zeroed then. */
static int take_result(struct hkt_remote *r)
{
    int rc = r->rc;

    pthread_cond_destroy(&r->ended);
    pthread_mutex_destroy(&r->lock);
    *r = (struct hkt_remote){0};
    return rc;
}

int hkt_remote_wait(struct hkt_remote *r, int64_t timeout_ns)
{
    if (!r->loop)
        return -EINVAL;
    pthread_mutex_lock(&r->lock);
    bool ended = r->state == ENDED, own = !ended && pthread_equal(r->loop->thread, pthread_self());
    if (!own)
        ended = await_end(r, timeout_ns);
    pthread_mutex_unlock(&r->lock);
    if (ended)
        return take_result(r);
    return own ? -EDEADLK : -ETIMEDOUT;
}

bool hkt_remote_cancel(struct hkt_remote *r)
{
    if (!r->loop)
        return false;
    pthread_mutex_lock(&r->lock);
    bool can = r->state == GOING && !r->stopping;
    if (can) {
        r->stopping = true;
        (void)hkt_call_threadsafe(r->loop, &r->stop, stop, r);
    }
    pthread_mutex_unlock(&r->lock);
    return can;
}

bool hkt_remote_done(struct hkt_remote *r)
{
    if (!r->loop)
        return true;
    pthread_mutex_lock(&r->lock);
    bool done = r->state == ENDED;
    pthread_mutex_unlock(&r->lock);
    return done;
}

int hkt_remote_run(struct hkt_loop *loop, hkt_task_fn *fn, void *arg, int64_t timeout_ns)
{
    struct hkt_remote r = {0};

    if (loop && pthread_equal(loop->thread, pthread_self()))
        return -EDEADLK;
    int rc = hkt_remote_spawn(loop, &r, fn, arg);
    if (rc < 0)
        return rc;
    rc = hkt_remote_wait(&r, timeout_ns);
    if (!r.loop) /* it has ended, whatever it returned */
        return rc;
    (void)hkt_remote_cancel(&r);
    rc = hkt_remote_wait(&r, -1);
    return rc == -ECANCELED ? -ETIMEDOUT : rc;
}
