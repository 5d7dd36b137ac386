/* SPDX-License-Identifier: MIT
 *
 * A task that waits for a function in the pool. The record of the wait is on the task's stack; with
 * it the work, unless that may be left behind.
 */
#include "pool.h"
#include "sched/sched.h"

#include <stdlib.h>

struct blocking {
    struct hkt__work work;
    struct hkt_handle handle;
    struct hkt_loop *loop;
    struct hkt_task *task;
    hkt_call_fn *release; /* NULL: everything is on the task's stack */
};

struct wait_blocking {
    struct hkt__wait wait;
    struct blocking *b;
    bool dropped; /* b is the thread's */
};

static void on_ended(void *arg)
{
    struct blocking *b = arg;

    hkt__pool_settle(); /* the thread may not have left the loop yet, which may end next */
    hkt_loop_release(b->loop);
    hkt__wake_on(b->loop, b->task, b->work.rc);
}

static void post(struct hkt__work *w)
{
    struct blocking *b = (struct blocking *)(void *)w;

    (void)hkt_call_threadsafe(b->loop, &b->handle, on_ended, b);
}

static void drop(struct hkt__work *w)
{
    struct blocking *b = (struct blocking *)(void *)w;

    b->release(w->arg);
    hkt_dealloc(b);
    atomic_fetch_sub(&hkt__calls_left, 1);
}

/* Where the function cannot be kept from happening, the cancellation waits for the next call. */
static bool abort_blocking(struct hkt__wait *wait)
{
    struct wait_blocking *w = (struct wait_blocking *)(void *)wait;
    struct blocking *b = w->b;
    struct hkt_loop *loop = b->loop;
    struct hkt_task *t = b->task;
    bool may_drop = b->release != NULL;

    if (may_drop)
        atomic_fetch_add(&hkt__calls_left, 1);
    enum hkt__work_state was = hkt__pool_cancel(&b->work, may_drop);
    w->dropped = may_drop && was == HKT__WORK_RUNNING;
    if (may_drop && !w->dropped)
        atomic_fetch_sub(&hkt__calls_left, 1);
    if (w->dropped || was == HKT__WORK_QUEUED) {
        hkt_loop_release(loop);
        return true;
    }
    t->coro.ctx.flags |= HKT__CANCEL;
    return false;
}

static const struct hkt__wait_kind blocking_kind = {.abort = abort_blocking, .pinned = true};

static int begin(struct blocking *b, hkt_task_fn *fn, void *arg)
{
    struct hkt_loop *loop = hkt__loop;

    b->work.fn = fn;
    b->work.arg = arg;
    b->work.ended = post;
    b->work.dropped = drop;
    b->loop = loop;
    b->task = loop->current;
    hkt_loop_hold(loop);
    int rc = hkt__pool_submit(&b->work);
    if (rc < 0)
        hkt_loop_release(loop);
    return rc;
}

/* 0; or why the task may not wait, also because it was cancelled before. */
static int check(hkt_task_fn *fn)
{
    struct hkt_task *self = hkt__task_self();

    if (!self)
        return -EPERM;
    if (!fn)
        return -EINVAL;
    return self->coro.ctx.flags & HKT__CANCEL ? hkt__take_cancel(self) : 0;
}

static int park(struct wait_blocking *w, struct blocking *b, const char *why)
{
    *w = (struct wait_blocking){
        .wait = {.why = why, .kind = &blocking_kind, .detail = -1, .keep = true}, .b = b};
    return hkt__park(&w->wait);
}

int hkt__run_blocking(hkt_task_fn *fn, void *arg, const char *why)
{
    struct blocking b = {.task = NULL};
    struct wait_blocking w;
    int rc = check(fn);

    if (rc == 0)
        rc = begin(&b, fn, arg);
    return rc < 0 ? rc : park(&w, &b, why);
}

int hkt_run_blocking(hkt_task_fn *fn, void *arg)
{
    return hkt__run_blocking(fn, arg, "blocking call");
}

int hkt__run_blocking_owned(hkt_task_fn *fn, void *arg, hkt_call_fn *release, const char *why)
{
    struct wait_blocking w = {.dropped = false};
    int rc = release ? check(fn) : -EINVAL;
    struct blocking *b = rc == 0 ? hkt_alloc(sizeof *b) : NULL;

    if (b)
        b->release = release;
    if (rc == 0)
        rc = b ? begin(b, fn, arg) : -ENOMEM;
    if (rc == 0)
        rc = park(&w, b, why);
    if (w.dropped)
        return -ECANCELED;
    hkt_dealloc(b);
    if (rc == -ECANCELED)
        release(arg);
    return rc;
}

int hkt_run_blocking_owned(hkt_task_fn *fn, void *arg, hkt_call_fn *release)
{
    return hkt__run_blocking_owned(fn, arg, release, "blocking call");
}
