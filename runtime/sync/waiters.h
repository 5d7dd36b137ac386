/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait for an object, first in, first out. The records are on their stacks.
 *
 * There are two ways to end a wait. A woken task is out of the queue at once, and does not look at
 * the object again unless it wants to: what it waited for has happened, or has been given to it. A
 * chosen one keeps its place until it runs, so that newcomers see that somebody comes before them:
 * it still has to take what it was chosen for, or to pass it on.
 */
#ifndef HOCKET_SYNC_WAITERS_H
#define HOCKET_SYNC_WAITERS_H

#include "sched/sched.h"

#include <hocket/sync.h>

struct hkt__sleeper {
    struct hkt__wait wait;
    struct hkt__waiters *queue; /* NULL: in none */
    struct hkt__sleeper *prev, *next;
    struct hkt_loop *loop;
    struct hkt_task *task;
    bool called; /* chosen or woken, if perhaps cancelled afterwards */
    bool writes; /* the caller's; see rwlock.c */
};

/* Suspends the running task, which is one, at the end of the queue. 0 or what the wake-up says;
 * -ECANCELED; -EXDEV: it did not wait. Afterwards s is in no queue. */
int hkt__waiters_wait(struct hkt__waiters *q, struct hkt__sleeper *s, const char *why);
/* The same of a kind of its own, which aborts by hkt__sleeper_abort(). */
int hkt__waiters_wait_as(struct hkt__waiters *q, struct hkt__sleeper *s, const char *why,
                         const struct hkt__wait_kind *kind);
bool hkt__sleeper_abort(struct hkt__wait *w);

/* The same for hkt__part(), with the record in p: the switch is made in the caller's caller. Only
 * for who is woken, and never chosen, so nothing has to be taken out of the queue afterwards. */
int hkt__waiters_part(struct hkt__waiters *q, struct hkt__parting *p, const char *why);

/* -EXDEV, reported: those who wait, and there are some, belong elsewhere. */
int hkt__waiters_foreign(const struct hkt__waiters *q);

/* 0; -EXDEV: those who wait belong to another loop than the running one. */
static inline int hkt__waiters_may_wait(const struct hkt__waiters *q)
{
    return HKT_LIKELY(!q->first || q->first->loop == hkt__loop) ? 0 : hkt__waiters_foreign(q);
}

/* 0; -EXDEV: they belong to another thread, which alone may wake them. */
static inline int hkt__waiters_may_wake(const struct hkt__waiters *q)
{
    return HKT_LIKELY(!q->first || hkt__own_thread(q->first->loop)) ? 0 : hkt__waiters_foreign(q);
}

/* The first one that was not chosen; there is one. */
void hkt__waiters_choose(struct hkt__waiters *q);
void hkt__waiters_wake(struct hkt__waiters *q, int rc);
void hkt__waiters_wake_all(struct hkt__waiters *q, int rc);

/* What notes that t, whose loop is the running one or waits for it, has taken hold. */
static inline struct hkt__holder hkt__holder(const struct hkt_loop *loop, struct hkt_task *t)
{
    return (struct hkt__holder){t, loop->next_id};
}

/* Whether self is the task that took hold, and not a later one in the same memory. */
static inline bool hkt__holds(const struct hkt__holder *h, const struct hkt_task *self)
{
    return h->task == self && hkt__job(self)->id <= h->made;
}

/* Says for a dump who holds what is waited for, unless nobody does: who was chosen has not run. */
void hkt__holder_describe(const struct hkt__holder *h, char *out, size_t size);

#endif
