/* SPDX-License-Identifier: MIT */
#include "line.h"

struct waiter {
    struct hkt__wait wait;
    struct hkt__node node;
    struct hkt_task *task;
    uint64_t ticket;
    bool woken; /* and so counted in owed */
};

static struct waiter *waiter_of(struct hkt__node *n)
{
    return (struct waiter *)(void *)((char *)n - offsetof(struct waiter, node));
}

/* By ticket: whoever comes back takes the place from which it was woken. */
static void link_waiter(struct hkt__line *line, struct waiter *w)
{
    struct hkt__node *before = line->last;

    while (before && waiter_of(before)->ticket > w->ticket)
        before = before->prev;
    hkt__line_insert(line, &w->node, before);
}

static bool abort_waiter(struct hkt__wait *wait)
{
    hkt__line_unlink(&((struct waiter *)(void *)wait)->node);
    return true;
}

static void move_waiter(void *from, void *to)
{
    (void)from;
    hkt__line_moved(&((struct waiter *)to)->node);
}

static const struct hkt__wait_kind waiter_kind = {.record = {move_waiter, sizeof(struct waiter)},
                                                  .abort = abort_waiter};

void hkt__line_wake(struct hkt__line *line, struct hkt_loop *loop)
{
    struct waiter *w = waiter_of(line->first);

    hkt__line_unlink(&w->node);
    w->woken = true;
    line->owed++;
    hkt__wake_on(loop, w->task, 0);
}

void hkt__line_wake_all(struct hkt__line *line, struct hkt_loop *loop)
{
    while (line->first)
        hkt__line_wake(line, loop);
}

int hkt__line_wait(struct hkt__line *line, uint64_t *ticket, const char *why, bool *woken)
{
    struct waiter w = {.wait = {.why = why, .kind = &waiter_kind, .detail = -1},
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
