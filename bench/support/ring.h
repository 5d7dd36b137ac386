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
 * Each body counts its own turns, as state on its stack. To be measured is only how one goes on in
 * another: so the scheduler is the least that can be one, a circular list, and is inlined into each
 * body together with as much of the switch as the library's headers offer.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include "bench.h"

enum { RING_MOST = 4 };

static struct side ring[RING_MOST];
static struct side *ring_at;
static uint64_t ring_turns;

static inline void ring_step(void)
{
    struct side *from = ring_at, *to = from->next;

    ring_at = to;
    side_switch(from, to);
}

#define RING_BODY(name, call)                                                                      \
    static BENCH_NOINLINE void name(void)                                                          \
    {                                                                                              \
        for (uint64_t i = 0; i < ring_turns; i++) {                                                \
            call;                                                                                  \
            BENCH_DISTINCT(name);                                                                  \
        }                                                                                          \
    }

RING_BODY(body_first, ring_step())
RING_BODY(body_second, ring_step())
RING_BODY(body_third, ring_step())
RING_BODY(body_fourth, ring_step())

BENCH_LEVEL(level_fourth, ring_step())
BENCH_LEVEL(level_third, level_fourth())
BENCH_LEVEL(level_second, level_third())
BENCH_LEVEL(level_first, level_second())
RING_BODY(body_deep, level_first())

static double ring_time(uint64_t n, unsigned size, void (*const *bodies)(void))
{
    double start, took;

    ring_turns = n / size;
    for (unsigned i = 0; i < size; i++) {
        ring[i].next = &ring[(i + 1) % size];
        ring[i].body = bodies[i];
        side_make(&ring[i]);
    }
    ring_at = &ring[0];
    start = bench_now();
    side_enter(&ring[0]);
    took = bench_now() - start;
    ring_turns = 0; /* for those that go on when they are freed */
    for (unsigned i = 0; i < size; i++)
        side_free(&ring[i]);
    return took - bench_loop(n);
}

static double time_ring_same(uint64_t n)
{
    static void (*const bodies[])(void) = {body_first, body_first};

    return ring_time(n, 2, bodies);
}

static double time_ring_different(uint64_t n)
{
    static void (*const bodies[])(void) = {body_first, body_second, body_third, body_fourth};

    return ring_time(n, 4, bodies);
}

static double time_deep(uint64_t n)
{
    static void (*const bodies[])(void) = {body_deep, body_deep};

    return ring_time(n, 2, bodies);
}

#define BENCH_RINGS(impl)                                                                          \
    BENCH_TIME("switch", "ring_same", impl, time_ring_same),                                       \
        BENCH_TIME("switch", "ring_different", impl, time_ring_different),                         \
        BENCH_TIME("switch", "deep", impl, time_deep)

#endif
