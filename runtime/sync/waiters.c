/* SPDX-License-Identifier: MIT */
#include "waiters.h"

#include "base/report.h"

#include <stdio.h>

static void link_last(struct hkt__waiters *q, struct hkt__sleeper *s)
{
    s->queue = q;
    s->prev = q->last;
    s->next = NULL;
    if (q->last)
        q->last->next = s;
    else
        q->first = s;
    q->last = s;
    if (!q->pending)
        q->pending = s;
    q->count++;
}

/* An object that was overwritten or given back under those who wait for it is found here, before
 * the list is followed to wherever it leads now. */
static void check_links(const struct hkt__waiters *q, const struct hkt__sleeper *s)
{
    char buf[32];

    if (HKT_UNLIKELY((s->prev ? s->prev->next : q->first) != s ||
                     (s->next ? s->next->prev : q->last) != s))
        hkt__fatal("task '%s' waits for what was overwritten: %s",
                   hkt_task_name(s->task, buf, sizeof buf), s->wait.why);
}

static void unlink_sleeper(struct hkt__sleeper *s)
{
    struct hkt__waiters *q = s->queue;

    check_links(q, s);
    if (s->prev)
        s->prev->next = s->next;
    else
        q->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        q->last = s->prev;
    if (q->pending == s)
        q->pending = s->next;
    q->count--;
    s->queue = NULL;
}

bool hkt__sleeper_abort(struct hkt__wait *w)
{
    unlink_sleeper((struct hkt__sleeper *)(void *)w);
    return true;
}

static const struct hkt__wait_kind sleeper_kind = {.abort = hkt__sleeper_abort};

/* A task that ended without letting go may have left its memory to another. */
void hkt__holder_describe(const struct hkt__holder *h, char *out, size_t size)
{
    char buf[32];

    if (h->task && !hkt__job(h->task)->ended && hkt__holds(h, h->task))
        snprintf(out, size, ", held by %s", hkt_task_name(h->task, buf, sizeof buf));
    else if (h->task)
        snprintf(out, size, ", held by a task that has ended");
}

int hkt__waiters_foreign(const struct hkt__waiters *q)
{
    return hkt__foreign(q->first->loop, q->first->wait.why);
}

/* Puts the running task into the queue. 0; -EXDEV. */
static inline int join_queue(struct hkt__waiters *q, struct hkt__sleeper *s, const char *why,
                             const struct hkt__wait_kind *kind)
{
    int rc = hkt__waiters_may_wait(q);

    s->called = false;
    if (HKT_UNLIKELY(rc < 0))
        return rc;
    s->wait = (struct hkt__wait){.why = why, .kind = kind, .detail = -1};
    s->loop = hkt__loop;
    s->task = hkt__loop->current;
    link_last(q, s);
    return 0;
}

int hkt__waiters_wait_as(struct hkt__waiters *q, struct hkt__sleeper *s, const char *why,
                         const struct hkt__wait_kind *kind)
{
    int rc = join_queue(q, s, why, kind);

    if (rc < 0)
        return rc;
    rc = hkt__park(&s->wait);
    if (s->queue)
        unlink_sleeper(s);
    return rc;
}

int hkt__waiters_wait(struct hkt__waiters *q, struct hkt__sleeper *s, const char *why)
{
    return hkt__waiters_wait_as(q, s, why, &sleeper_kind);
}

_Static_assert(sizeof(struct hkt__sleeper) <= sizeof(((struct hkt__parting *)0)->room), "room");

int hkt__waiters_part(struct hkt__waiters *q, struct hkt__parting *p, const char *why)
{
    struct hkt__sleeper *s = (struct hkt__sleeper *)(void *)p->room;
    int rc = join_queue(q, s, why, &sleeper_kind);

    if (rc < 0)
        return rc;
    p->self = &s->task->coro.ctx;
    p->next = hkt__park_begin(&s->wait);
    return HKT_LIKELY(p->next != NULL) ? HKT__PARTS : hkt__park(&s->wait);
}

static struct hkt__sleeper *call(struct hkt__sleeper *s, int rc)
{
    s->called = true;
    hkt__wake_on(s->loop, s->task, rc);
    return s;
}

void hkt__waiters_choose(struct hkt__waiters *q)
{
    q->pending = call(q->pending, 0)->next;
}

void hkt__waiters_wake(struct hkt__waiters *q, int rc)
{
    struct hkt__sleeper *s = q->pending;

    unlink_sleeper(s);
    (void)call(s, rc);
}

void hkt__waiters_wake_all(struct hkt__waiters *q, int rc)
{
    while (q->pending)
        hkt__waiters_wake(q, rc);
}
