/* SPDX-License-Identifier: MIT */
#include "line.h"

/* By ticket: whoever comes back takes the place from which it was woken. */
static void link_waiter(struct hkt__line *line, struct hkt__waiter *w)
{
    struct hkt__waiter *before = line->last;

    while (before && before->ticket > w->ticket)
        before = before->prev;
    w->prev = before;
    w->next = before ? before->next : line->first;
    if (w->prev)
        w->prev->next = w;
    else
        line->first = w;
    if (w->next)
        w->next->prev = w;
    else
        line->last = w;
}

static bool abort_waiter(struct hkt__wait *wait)
{
    hkt__line_unlink((struct hkt__waiter *)(void *)wait);
    return true;
}

int hkt__line_wait(struct hkt__line *line, uint64_t *ticket, const char *why, bool *woken)
{
    struct hkt__waiter w = {.wait = {.why = why, .abort = abort_waiter, .detail = -1},
                            .line = line,
                            .task = hkt__loop->current};

    if (*ticket == 0)
        *ticket = ++line->tickets;
    w.ticket = *ticket;
    link_waiter(line, &w);
    int rc = hkt__park(&w.wait);
    if (w.woken)
        line->owed--;
    *woken = w.woken;
    return rc;
}
