/* SPDX-License-Identifier: MIT
 *
 * Futures. A watch is either a callback or a task that awaits; both are in one list, served in the
 * order in which they came.
 */
#include "sched.h"

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
    *f->last = w;
    f->last = &w->next;
}

void hkt__future_unlink(struct hkt_watch *w)
{
    struct hkt_future *f = w->future;
    struct hkt_watch **at = &f->first;

    while (*at != w)
        at = &(*at)->next;
    if (!(*at = w->next))
        f->last = at;
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

    if (f->state != HKT_PENDING)
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
    int may = may_finish(f);

    return may < 0 ? may : hkt__future_finish(f, rc, value, HKT_DONE);
}

int hkt_future_cancel(struct hkt_future *f)
{
    int may = may_finish(f);

    return may < 0 ? may : hkt__future_finish(f, -ECANCELED, NULL, HKT_CANCELLED) == 0;
}

enum hkt_future_state hkt_future_state(const struct hkt_future *f)
{
    return (enum hkt_future_state)f->state;
}

int hkt_future_result(const struct hkt_future *f)
{
    return f->state == HKT_PENDING ? -EAGAIN : f->rc;
}

void *hkt_future_value(const struct hkt_future *f)
{
    return f->value;
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
    if (f->state == HKT_PENDING)
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
    void (*cancel)(void *);
    void *arg;
};

static bool abort_await(struct hkt__wait *w)
{
    struct await *a = (struct await *)(void *)w;

    if (a->cancel) {
        a->cancel(a->arg);
        return false;
    }
    hkt__future_unlink(&a->watch);
    return true;
}

static const struct hkt__wait_kind await_kind = {.abort = abort_await};

int hkt__future_wait_cancelling(struct hkt_future *f, const char *why, void (*cancel)(void *),
                                void *arg)
{
    struct hkt_task *self = hkt__task_self();
    struct await a;

    if (!self)
        return -EPERM;
    if (!belongs(f, hkt__loop))
        return hkt__foreign(hkt__loop, "future");
    if (f->state != HKT_PENDING)
        return f->rc;
    a = (struct await){.wait = {.why = why, .kind = &await_kind, .detail = -1},
                       .watch = {.task = self},
                       .cancel = cancel,
                       .arg = arg};
    hkt__future_link(f, &a.watch);
    return hkt__park(&a.wait);
}

int hkt__future_wait(struct hkt_future *f, const char *why)
{
    return hkt__future_wait_cancelling(f, why, NULL, NULL);
}

static void cancel_future(void *f)
{
    (void)hkt_future_cancel(f);
}

int hkt_await(struct hkt_future *f)
{
    return hkt__future_wait_cancelling(f, "future", cancel_future, f);
}
