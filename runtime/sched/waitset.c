/* SPDX-License-Identifier: MIT
 *
 * Tasks in the order in which they finish. What a set knows of its tasks stays from one call to the
 * next: each end is noted once, and handed out once. It goes when all were handed out, or with an
 * error, after which the next call begins anew with what is left.
 */
#include "sched.h"

#include "base/os.h"

#include <stdlib.h>

/* A task of the set, by its place in the user's array. */
struct place {
    struct hkt_watch watch;
    struct hkt__waiting *of;
    struct hkt_task **task;
};

struct hkt__waiting {
    struct hkt__wait wait;
    struct hkt_task *waiter; /* NULL: nobody waits */
    struct hkt_handle timer;
    struct place *places;
    struct hkt_task ***ended; /* in order */
    size_t n, taken, count;   /* of those that have ended: handed out, all */
    size_t all;               /* that are to end */
};

static bool is_done(const struct hkt_task *t)
{
    return hkt__job(t)->ended;
}

static void wake(struct hkt__waiting *w)
{
    struct hkt_task *waiter = w->waiter;

    w->waiter = NULL;
    if (waiter)
        hkt__wake(waiter, 0);
}

static void one_done(void *arg)
{
    const struct place *p = arg;

    p->of->ended[p->of->count++] = p->task;
    wake(p->of);
}

static void time_is_up(void *arg)
{
    wake(arg);
}

static bool abort_waiting(struct hkt__wait *wait)
{
    struct hkt__waiting *w = (struct hkt__waiting *)(void *)wait;

    w->waiter = NULL;
    return true;
}

static const struct hkt__wait_kind waiting_kind = {.abort = abort_waiting};

static int by_end(const void *a, const void *b)
{
    const uint64_t x = hkt__job(**(struct hkt_task * *const *)a)->ended_order;
    const uint64_t y = hkt__job(**(struct hkt_task * *const *)b)->ended_order;

    return x < y ? -1 : x > y;
}

/* Those that have ended are sorted, the others will come in order. */
static void watch_all(struct hkt__waiting *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct place *p = &w->places[i];
        if (!*p->task)
            continue;
        w->all++;
        if (is_done(*p->task))
            w->ended[w->count++] = p->task;
        else
            (void)hkt_future_watch(&hkt__job(*p->task)->done, &p->watch, one_done, p);
    }
    qsort(w->ended, w->count, sizeof *w->ended, by_end);
}

/* 0, also when there is nothing to wait for; -errno. */
static int begin(struct hkt_wait_set *set)
{
    int rc = hkt__may_wait_for_all(set->tasks, set->n);
    const size_t each = sizeof(struct place) + sizeof(struct hkt_task **);
    struct hkt__waiting *w;

    if (rc < 0 || set->n == 0)
        return rc;
    if (!(w = hkt__os.alloc(sizeof *w + set->n * each)))
        return -ENOMEM;
    hkt__all_seen(set->tasks, set->n, false);
    w->wait = (struct hkt__wait){.why = "tasks", .kind = &waiting_kind, .detail = -1};
    w->n = set->n;
    w->places = (struct place *)(void *)(w + 1);
    w->ended = (struct hkt_task ***)(void *)(w->places + w->n);
    for (size_t i = 0; i < w->n; i++) {
        w->places[i].of = w;
        w->places[i].task = &set->tasks[i];
    }
    watch_all(w);
    set->waiting = w;
    return 0;
}

void hkt_wait_set_end(struct hkt_wait_set *set)
{
    struct hkt__waiting *w = set->waiting;

    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++)
        (void)hkt_future_unwatch(&w->places[i].watch);
    free(w);
    set->waiting = NULL;
}

/* Until another has ended. 0, also when none has in time. */
static int wait_for_one(struct hkt__waiting *w, const struct hkt_wait_set *set)
{
    if (set->has_deadline && set->deadline <= hkt__loop_clock(hkt__loop))
        return 0;
    w->waiter = hkt__task_self();
    if (set->has_deadline)
        (void)hkt_call_at(hkt__loop, &w->timer, set->deadline, time_is_up, w);
    int rc = hkt__park(&w->wait);
    (void)hkt_handle_cancel(&w->timer);
    return rc;
}

/* Places that the user has emptied meanwhile are passed over. */
static struct hkt_task *hand_out(struct hkt__waiting *w)
{
    struct hkt_task *t = NULL;

    while (!t && w->taken < w->count) {
        struct hkt_task **place = w->ended[w->taken++];
        t = *place;
        *place = NULL;
    }
    return t;
}

static int next(struct hkt_wait_set *set, struct hkt_task **t)
{
    struct hkt__waiting *w = set->waiting;
    int rc = 0;

    while (!(*t = hand_out(w)) && w->taken < w->all) {
        rc = wait_for_one(w, set);
        if (rc == 0 && w->taken == w->count)
            rc = -ETIMEDOUT;
        if (rc < 0)
            return rc;
    }
    return *t != NULL;
}

int hkt_wait_next(struct hkt_wait_set *set, struct hkt_task **t, int64_t timeout_ns)
{
    int rc = hkt__task_self() ? 0 : -EPERM;

    *t = NULL;
    if (rc == 0 && !set->waiting)
        rc = begin(set);
    if (rc < 0 || !set->waiting)
        return rc;
    if (timeout_ns >= 0 && !set->has_deadline) {
        set->has_deadline = 1;
        set->deadline = hkt__deadline(hkt__loop, timeout_ns);
    }
    rc = next(set, t);
    if (rc < 0 || set->waiting->taken == set->waiting->all)
        hkt_wait_set_end(set);
    return rc;
}
