/* SPDX-License-Identifier: MIT
 *
 * Time limits: a timer that cancels the task, and an exit that recognises its own cancellation.
 */
#include "sched.h"

/* Left after it had expired: that can be asked until it is entered again. */
enum { OUTSIDE, ENTERED, EXPIRED, LEFT_EXPIRED };

static bool is_inside(const struct hkt_timeout *t)
{
    return t->state == ENTERED || t->state == EXPIRED;
}

static void expire(void *arg)
{
    struct hkt_timeout *t = arg;

    t->state = EXPIRED;
    (void)hkt_task_cancel(t->task);
}

const struct hkt_task *hkt__timeout_task(const struct hkt_handle *h)
{
    return h->fn == expire ? ((const struct hkt_timeout *)h->arg)->task : NULL;
}

static void arm(struct hkt_timeout *t, int64_t when)
{
    struct hkt_loop *loop = hkt__job(t->task)->loop;

    t->when = when;
    if (when >= 0 && when <= hkt__loop_clock(loop)) /* before the next suspension is over */
        (void)hkt_call_soon(loop, &t->handle, expire, t);
    else if (when >= 0)
        (void)hkt_call_at(loop, &t->handle, when, expire, t);
}

static int enter(struct hkt_timeout *t, int64_t when)
{
    struct hkt_task *self = hkt__task_self();

    if (!self)
        return -EPERM;
    if (is_inside(t))
        return -EBUSY;
    *t = (struct hkt_timeout){.task = self, .state = ENTERED};
    t->cancelling = hkt__job(self)->cancelling;
    arm(t, when);
    return 0;
}

int hkt_timeout_enter(struct hkt_timeout *t, int64_t timeout_ns)
{
    if (!hkt__loop)
        return -EPERM;
    return enter(t, timeout_ns < 0 ? -1 : hkt__deadline(hkt__loop, timeout_ns));
}

int hkt_timeout_enter_at(struct hkt_timeout *t, int64_t when)
{
    return enter(t, when);
}

int hkt_timeout_reschedule(struct hkt_timeout *t, int64_t when)
{
    if (!is_inside(t))
        return -EINVAL;
    if (t->state == EXPIRED)
        return -ETIMEDOUT;
    (void)hkt_handle_cancel(&t->handle);
    arm(t, when);
    return 0;
}

bool hkt_timeout_expired(const struct hkt_timeout *t)
{
    return t->state >= EXPIRED;
}

int64_t hkt_timeout_exit(struct hkt_timeout *t, int64_t rc)
{
    bool expired = t->state == EXPIRED;

    if (!is_inside(t))
        return rc;
    (void)hkt_handle_cancel(&t->handle);
    t->state = expired ? LEFT_EXPIRED : OUTSIDE;
    if (!expired)
        return rc;
    bool others = hkt_task_uncancel(t->task) > t->cancelling;
    return rc == -ECANCELED && !others ? -ETIMEDOUT : rc;
}
