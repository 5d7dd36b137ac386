/* SPDX-License-Identifier: MIT
 *
 * Futures. A watch is either a callback or a task that awaits; both are in one list, served in the
 * order in which they came.
 */
#include "sched.h"

#include <stdio.h>
#include <string.h>

static inline bool belongs(struct hkt_future *f, struct hkt_loop *loop)
{
    if (!f->loop)
        f->loop = loop;
    return HKT_LIKELY(f->loop == loop);
}

void hkt__future_link(struct hkt_future *f, struct hkt_watch *w)
{
    w->next = NULL;
    w->future = f;
    if (!f->first)
        f->last = &f->first;
    w->at = f->last;
    *f->last = w;
    f->last = &w->next;
}

void hkt__future_unlink(struct hkt_watch *w)
{
    if ((*w->at = w->next) != NULL)
        w->next->at = w->at;
    else
        w->future->last = w->at;
    w->future = NULL;
}

static void serve(struct hkt_watch *w, int rc)
{
    w->future = NULL;
    if (w->task)
        hkt__wake(w->task, rc);
    else
        (void)hkt_call_soon(w->handle.loop, &w->handle, w->handle.fn, w->handle.arg);
}

int hkt__future_finish(struct hkt_future *f, int rc, void *value, enum hkt_future_state state)
{
    struct hkt_watch *w = f->first;

    if (!hkt__future_pending(f))
        return -EALREADY;
    f->rc = rc;
    f->value = value;
    f->state = state;
    f->first = NULL;
    while (w) {
        struct hkt_watch *next = w->next;
        serve(w, rc);
        w = next;
    }
    return 0;
}

/* Where nobody waits its loop may not exist any more. */
static int may_finish(const struct hkt_future *f)
{
    return !f->first || hkt__own_thread(f->loop) ? 0 : hkt__foreign(f->loop, "future");
}

int hkt_future_set(struct hkt_future *f, int rc, void *value)
{
    int may = f->state & HKT__OF_TASK ? -EPERM : may_finish(f);

    return may < 0 ? may : hkt__future_finish(f, rc, value, HKT_DONE);
}

int hkt_future_cancel(struct hkt_future *f)
{
    int may = may_finish(f);

    if (may < 0)
        return may;
    if (f->state & HKT__OF_TASK)
        return hkt_task_cancel(f->value);
    return hkt__future_finish(f, -ECANCELED, NULL, HKT_CANCELLED) == 0;
}

enum hkt_future_state hkt_future_state(const struct hkt_future *f)
{
    return hkt__future_pending(f) ? HKT_PENDING : (enum hkt_future_state)f->state;
}

int hkt_future_result(const struct hkt_future *f)
{
    return hkt__future_pending(f) ? -EAGAIN : f->rc;
}

void *hkt_future_value(const struct hkt_future *f)
{
    return f->state & HKT__OF_TASK ? NULL : f->value;
}

int hkt_future_watch(struct hkt_future *f, struct hkt_watch *w, hkt_call_fn *fn, void *arg)
{
    struct hkt_loop *loop = hkt__loop ? hkt__loop : f->loop;

    if (!loop)
        return -EPERM;
    if (!fn)
        return -EINVAL;
    if (w->future || w->handle.state != HKT__IDLE)
        return -EBUSY;
    if (!belongs(f, loop))
        return hkt__foreign(loop, "future");
    w->task = NULL;
    w->handle.loop = loop;
    w->handle.fn = fn;
    w->handle.arg = arg;
    if (hkt__future_pending(f))
        hkt__future_link(f, w);
    else
        serve(w, f->rc);
    return 0;
}

int hkt_future_unwatch(struct hkt_watch *w)
{
    if (!w->future)
        return hkt_handle_cancel(&w->handle);
    hkt__future_unlink(w);
    return 1;
}

struct await {
    struct hkt__wait wait;
    struct hkt_watch watch;
    bool (*cancel)(void *);
    void *arg;
};

static bool abort_await(struct hkt__wait *w)
{
    struct await *a = (struct await *)(void *)w;

    if (a->cancel && a->cancel(a->arg))
        return false;
    hkt__future_unlink(&a->watch);
    return true;
}

/* Of a task's end: whose. */
static void describe_await(const struct hkt__wait *w, int64_t now, char *out, size_t size)
{
    const struct hkt_future *f = ((const struct await *)(const void *)w)->watch.future;
    char buf[32];

    (void)now;
    if (f && f->state & HKT__OF_TASK)
        snprintf(out, size, ", of %s", hkt_task_name(f->value, buf, sizeof buf));
}

static const struct hkt__wait_kind await_kind = {.abort = abort_await, .describe = describe_await};

/* The watch's handle is not for tasks, and is not set. */
HKT_INLINE int wait_for(struct hkt_future *f, const char *why, bool (*cancel)(void *), void *arg,
                        bool keep)
{
    struct hkt_task *self = hkt__task_self();
    struct await a;

    if (!self)
        return -EPERM;
    if (!belongs(f, hkt__loop))
        return hkt__foreign(hkt__loop, "future");
    if (!hkt__future_pending(f))
        return f->rc;
    a.wait = (struct hkt__wait){.why = why, .kind = &await_kind, .detail = -1, .keep = keep};
    a.watch.task = self;
    a.cancel = cancel;
    a.arg = arg;
    hkt__future_link(f, &a.watch);
    return hkt__park(&a.wait);
}

int hkt__future_wait_cancelling(struct hkt_future *f, const char *why, bool (*cancel)(void *),
                                void *arg)
{
    return wait_for(f, why, cancel, arg, false);
}

int hkt__future_wait(struct hkt_future *f, const char *why)
{
    return wait_for(f, why, NULL, NULL, false);
}

int hkt__future_wait_kept(struct hkt_future *f, const char *why)
{
    return wait_for(f, why, NULL, NULL, true);
}

static bool cancel_future(void *arg)
{
    struct hkt_future *f = arg;

    if (f->state & HKT__OF_TASK)
        return hkt__task_pass_cancel(f->value);
    return hkt_future_cancel(f) == 1;
}

int hkt_await(struct hkt_future *f)
{
    if (HKT_UNLIKELY(f->state & HKT__OF_TASK) && f->value == hkt__task_self())
        return -EDEADLK;
    return hkt__future_wait_cancelling(f, "future", cancel_future, f);
}
