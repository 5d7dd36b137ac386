/* SPDX-License-Identifier: MIT
 *
 * Scheduled calls: soon, at a time, and from other threads; and tasks that are woken at a time.
 */
#include "sched.h"

#include <sched.h>

static inline int check(const struct hkt_loop *loop, const struct hkt_handle *h, hkt_call_fn *fn)
{
    if (!loop || !h)
        return -ENOMEM;
    if (!fn)
        return -EINVAL;
    return h->state == HKT__IDLE ? 0 : -EBUSY;
}

static void set(struct hkt_loop *loop, struct hkt_handle *h, hkt_call_fn *fn, void *arg)
{
    h->loop = loop;
    h->fn = fn;
    h->arg = arg;
}

static void arm(struct hkt_loop *loop, struct hkt_handle *h, int64_t when)
{
    h->state = HKT__ARMED;
    hkt__timer_arm(&loop->timers, &h->timer, when);
}

/* The same, for calls that are made on the loop's own thread. */
static inline int check_here(const struct hkt_loop *loop, const struct hkt_handle *h,
                             hkt_call_fn *fn)
{
    int rc = check(loop, h, fn);

    return HKT_LIKELY(loop == hkt__loop) || rc < 0 ? rc : hkt__check_thread(loop, "call");
}

int hkt_call_soon(struct hkt_loop *loop, struct hkt_handle *h, hkt_call_fn *fn, void *arg)
{
    int rc = check_here(loop, h, fn);

    if (rc < 0)
        return rc;
    set(loop, h, fn, arg);
    h->state = HKT__QUEUED;
    hkt__ready_push_handle(&loop->ready, h);
    return 0;
}

int hkt_call_at(struct hkt_loop *loop, struct hkt_handle *h, int64_t when, hkt_call_fn *fn,
                void *arg)
{
    int rc = check_here(loop, h, fn);

    if (rc < 0)
        return rc;
    set(loop, h, fn, arg);
    arm(loop, h, when);
    return 0;
}

int hkt_call_later(struct hkt_loop *loop, struct hkt_handle *h, int64_t delay_ns, hkt_call_fn *fn,
                   void *arg)
{
    return loop ? hkt_call_at(loop, h, hkt__deadline(loop, delay_ns), fn, arg) : -ENOMEM;
}

void hkt__alarm_set(struct hkt_loop *loop, struct hkt__alarm *a, int64_t when)
{
    a->timer.wakes = true;
    hkt__timer_arm(&loop->timers, &a->timer, when);
}

int hkt_handle_cancel(struct hkt_handle *h)
{
    if (HKT__CHECKED && h && h->state != HKT__IDLE && !hkt__own_thread(h->loop))
        return hkt__foreign(h->loop, "call");
    switch (h ? h->state : HKT__IDLE) {
    case HKT__QUEUED:
        hkt__ready_remove_handle(&h->loop->ready, h);
        h->state = HKT__IDLE;
        return 1;
    case HKT__ARMED:
        hkt__timer_cancel(&h->loop->timers, &h->timer);
        h->state = HKT__IDLE;
        return 1;
    default: /* not scheduled; or posted by another thread, which cannot be withdrawn */
        return 0;
    }
}

static struct hkt__alarm *alarm_of(struct hkt__timer *t)
{
    return (struct hkt__alarm *)(void *)t; /* its first field */
}

static void fire(struct hkt_loop *loop, struct hkt__timer *t)
{
    if (t->wakes) {
        struct hkt_task *task = alarm_of(t)->task;
        hkt__wake_on(loop, task, 0);
        hkt__fetch_stack(task);
        return;
    }
    hkt__handle_of(t)->state = HKT__QUEUED;
    hkt__ready_push_handle(&loop->ready, hkt__handle_of(t));
}

/* Several at a time: who has slept is not in the cache, and memory can be waited for together. */
void hkt__fire_timers(struct hkt_loop *loop)
{
    struct hkt__timer *due[16];
    size_t n;

    do {
        for (n = 0; n < sizeof due / sizeof *due; n++) {
            if (!(due[n] = hkt__timers_pop_due(&loop->timers, loop->now)))
                break;
            if (due[n]->wakes)
                __builtin_prefetch(alarm_of(due[n])->task, 1);
        }
        if (n > 0)
            loop->fired = loop->now;
        for (size_t i = 0; i < n; i++)
            fire(loop, due[i]);
    } while (n == sizeof due / sizeof *due);
}

/* What a call from another thread has done may let the loop end, before that thread is done with
 * the loop. */
static void come_in(struct hkt_loop *loop)
{
    atomic_fetch_add(&loop->visitors, 1);
}

static void go_out(struct hkt_loop *loop)
{
    atomic_fetch_sub(&loop->visitors, 1);
}

void hkt__await_visitors(const struct hkt_loop *loop)
{
    while (atomic_load(&loop->visitors) > 0)
        sched_yield();
}

/* One wake-up for many posts: whoever finds the list empty brings it, and whoever does not knows
 * that it has come or is coming, because the loop takes the list as a whole. */
int hkt_call_threadsafe(struct hkt_loop *loop, struct hkt_handle *h, hkt_call_fn *fn, void *arg)
{
    int rc = check(loop, h, fn);
    bool inside = false;

    if (rc < 0)
        return rc;
    set(loop, h, fn, arg);
    h->state = HKT__POSTED;
    struct hkt_handle *newest = atomic_load_explicit(&loop->posted, memory_order_relaxed);
    do {
        if (!newest && !inside) {
            inside = true;
            come_in(loop);
        }
        h->ready.next = (struct hkt__link *)(void *)newest;
    } while (!atomic_compare_exchange_weak_explicit(&loop->posted, &newest, h, memory_order_release,
                                                    memory_order_relaxed));
    if (!newest)
        loop->poller.ops->notify(&loop->poller);
    if (inside)
        go_out(loop);
    return 0;
}

void hkt__take_posted(struct hkt_loop *loop)
{
    struct hkt_handle *h, *oldest = NULL;

    if (HKT_LIKELY(!atomic_load_explicit(&loop->posted, memory_order_relaxed)))
        return;
    h = atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire);
    while (h) { /* newest first: turn it round */
        struct hkt_handle *next = (struct hkt_handle *)(void *)h->ready.next;
        h->ready.next = (struct hkt__link *)(void *)oldest;
        oldest = h;
        h = next;
    }
    while ((h = oldest) != NULL) {
        oldest = (struct hkt_handle *)(void *)h->ready.next;
        h->state = HKT__QUEUED;
        hkt__ready_push_handle(&loop->ready, h);
    }
}

void hkt_loop_hold(struct hkt_loop *loop)
{
    if (loop)
        atomic_fetch_add(&loop->holds, 1);
}

/* When the last one goes, the loop may have nothing left to wait for: asleep, it has to look. */
void hkt_loop_release(struct hkt_loop *loop)
{
    if (!loop)
        return;
    if (loop == hkt__loop) {
        atomic_fetch_sub(&loop->holds, 1);
        return;
    }
    come_in(loop);
    if (atomic_fetch_sub(&loop->holds, 1) == 1)
        loop->poller.ops->notify(&loop->poller);
    go_out(loop);
}
