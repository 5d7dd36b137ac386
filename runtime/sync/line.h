/* SPDX-License-Identifier: MIT
 *
 * A line of waiting tasks. The records are on the stacks of those who wait; whoever is woken, or
 * cancelled, is out of it already.
 */
#ifndef HOCKET_SYNC_LINE_H
#define HOCKET_SYNC_LINE_H

#include "sched/sched.h"

#include <hocket/queue.h>

struct hkt__waiter {
    struct hkt__wait wait;
    struct hkt__waiter *prev, *next;
    struct hkt__line *line;
    struct hkt_task *task;
    uint64_t ticket;
    bool woken; /* and so counted in line->owed */
};

static inline void hkt__line_unlink(struct hkt__waiter *w)
{
    if (w->prev)
        w->prev->next = w->next;
    else
        w->line->first = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        w->line->last = w->prev;
}

/* Wakes the first of the line, which owes it a turn then. */
static inline void hkt__line_wake(struct hkt__line *line, struct hkt_loop *loop)
{
    struct hkt__waiter *w = line->first;

    hkt__line_unlink(w);
    w->woken = true;
    line->owed++;
    hkt__wake_on(loop, w->task, 0);
}

static inline void hkt__line_wake_all(struct hkt__line *line, struct hkt_loop *loop)
{
    while (line->first)
        hkt__line_wake(line, loop);
}

/* Suspends the running task in the line: at its end when *ticket is 0, which then becomes its
 * number; with that it gets its old place back. 0 when it was its turn; -ECANCELED, and then *woken
 * tells whether it had been its turn, which is to be passed on. */
int hkt__line_wait(struct hkt__line *line, uint64_t *ticket, const char *why, bool *woken);

#endif
