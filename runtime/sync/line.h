/* SPDX-License-Identifier: MIT
 *
 * A line of those who wait: tasks, or, at a channel, selects. Their records are on the stacks of
 * the tasks that wait; whoever is woken, or cancelled, is out of the line already.
 */
#ifndef HOCKET_SYNC_LINE_H
#define HOCKET_SYNC_LINE_H

#include "sched/sched.h"

#include <hocket/queue.h>

/* Puts n behind before, or at the head. */
static inline void hkt__line_insert(struct hkt__line *line, struct hkt__node *n,
                                    struct hkt__node *before)
{
    n->line = line;
    n->prev = before;
    n->next = before ? before->next : line->first;
    *(before ? &before->next : &line->first) = n;
    *(n->next ? &n->next->prev : &line->last) = n;
}

static inline void hkt__line_append(struct hkt__line *line, struct hkt__node *n)
{
    n->line = line;
    n->prev = line->last;
    n->next = NULL;
    *(n->prev ? &n->prev->next : &line->first) = n;
    line->last = n;
}

static inline void hkt__line_unlink(struct hkt__node *n)
{
    *(n->prev ? &n->prev->next : &n->line->first) = n->next;
    *(n->next ? &n->next->prev : &n->line->last) = n->prev;
}

/* n is a copy that has taken the place of the one in the line. */
static inline void hkt__line_moved(struct hkt__node *n)
{
    *(n->prev ? &n->prev->next : &n->line->first) = n;
    *(n->next ? &n->next->prev : &n->line->last) = n;
}

/* 0; -EXDEV: those who wait, of whom there are some, belong to another thread. */
static inline int hkt__line_may_wake(const struct hkt_loop *loop)
{
    return HKT_LIKELY(hkt__own_thread(loop)) ? 0 : hkt__foreign(loop, "queue or channel");
}

/* A line of tasks, each of which takes its turn when it was woken. Unlike those of waiters.h they
 * may find that somebody who never waits was quicker, and go back to their place. */

/* Wakes the first, which is owed a turn then. */
void hkt__line_wake(struct hkt__line *line, struct hkt_loop *loop);
void hkt__line_wake_all(struct hkt__line *line, struct hkt_loop *loop);

/* Suspends the running task in the line: at its end when *ticket is 0, which then becomes its
 * number; with that it gets its old place back. 0 when it was its turn; -ECANCELED, and then *woken
 * tells whether it had been its turn, which is to be passed on. */
int hkt__line_wait(struct hkt__line *line, uint64_t *ticket, const char *why, bool *woken);

#endif
