/* SPDX-License-Identifier: MIT
 *
 * The shapes of the bench `switch` in which coroutines hand over to each other, the same for every
 * library that lets one coroutine name the next. Before it is included:
 *
 *      struct side { struct side *next; void (*body)(void); ... };
 *      void side_make(struct side *s)               s will run s->body(), then side_leave(s)
 *      void side_free(struct side *s)               which may not have finished
 *      void side_enter(struct side *s)              from main; returns at side_leave()
 *      void side_leave(struct side *s)              to main
 *      void side_switch(struct side *from, struct side *to)
 *
 * To be measured is only how one goes on in another: so the scheduler is the least that can be one,
 * a circular list, and is inlined into each body together with as much of the switch as the
 * library's headers offer.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include "bench.h"

enum { RING_MOST = 4 };

static struct side ring[RING_MOST];
static struct side *ring_at;

static inline void body_step(void)
{
    struct side *from = ring_at, *to = from->next;

    ring_at = to;
    side_switch(from, to);
}

#include "shapes.h"

static double ring_time(uint64_t n, unsigned size, void (*const *bodies)(void))
{
    double start, took;

    body_turns = n / size;
    for (unsigned i = 0; i < size; i++) {
        ring[i].next = &ring[(i + 1) % size];
        ring[i].body = bodies[i];
        side_make(&ring[i]);
    }
    ring_at = &ring[0];
    start = bench_now();
    side_enter(&ring[0]);
    took = bench_now() - start;
    body_turns = 0; /* for those that go on when they are freed */
    for (unsigned i = 0; i < size; i++)
        side_free(&ring[i]);
    return took - bench_loop(n);
}

#endif
