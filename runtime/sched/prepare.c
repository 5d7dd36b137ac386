/* SPDX-License-Identifier: MIT
 *
 * Calls that come before the loop polls: a ring, so that one that is not needed any more leaves it
 * in a few instructions.
 */
#include "sched.h"

static void add(struct hkt__ring *ring, struct hkt__ring *n)
{
    n->next = ring;
    n->prev = ring->prev;
    n->prev->next = ring->prev = n;
}

static void take_out(struct hkt__ring *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->next = NULL;
}

int hkt_call_before_poll(struct hkt_loop *loop, struct hkt_prepare *p, hkt_call_fn *fn, void *arg)
{
    if (!loop || !p)
        return -ENOMEM;
    if (!fn)
        return -EINVAL;
    if (p->ring.next)
        return -EBUSY;
    if (HKT_UNLIKELY(!hkt__own_thread(loop)))
        return hkt__foreign(loop, "call before the poll");
    p->fn = fn;
    p->arg = arg;
    add(&loop->before_poll, &p->ring);
    return 0;
}

int hkt_prepare_cancel(struct hkt_prepare *p)
{
    if (!p || !p->ring.next)
        return 0;
    take_out(&p->ring);
    return 1;
}

/* Those that the calls add come before the next poll but one, or the loop would never poll. */
void hkt__run_before_poll(struct hkt_loop *loop)
{
    struct hkt__ring now, *all = &loop->before_poll;

    if (!hkt__any_before_poll(loop))
        return;
    now = *all;
    now.next->prev = now.prev->next = &now;
    all->next = all->prev = all;
    while (now.next != &now) {
        struct hkt_prepare *p = (void *)((char *)now.next - offsetof(struct hkt_prepare, ring));
        take_out(&p->ring);
        p->fn(p->arg); /* which may schedule it again, or free it */
    }
}
