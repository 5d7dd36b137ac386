/* SPDX-License-Identifier: MIT
 *
 * The shapes of the bench `switch` in which some take turns, the same for every library. Before it
 * is included:
 *
 *      void body_step(void)     the next one goes on, and this one when its turn has come again
 *
 * and after it:
 *
 *      double ring_time(uint64_t n, unsigned size, void (*const *bodies)(void))
 *                               of so many turns of all, each of which runs its body
 *
 * Each body counts its own turns, as state on its stack.
 */
#ifndef BENCH_SHAPES_H
#define BENCH_SHAPES_H

#include "bench.h"

static uint64_t body_turns; /* of each */

#define BODY(name, call)                                                                           \
    static BENCH_NOINLINE void name(void)                                                          \
    {                                                                                              \
        for (uint64_t i = 0; i < body_turns; i++) {                                                \
            call;                                                                                  \
            BENCH_DISTINCT(name);                                                                  \
        }                                                                                          \
    }

BODY(body_first, body_step())
BODY(body_second, body_step())
BODY(body_third, body_step())
BODY(body_fourth, body_step())

BENCH_LEVEL(level_fourth, body_step())
BENCH_LEVEL(level_third, level_fourth())
BENCH_LEVEL(level_second, level_third())
BENCH_LEVEL(level_first, level_second())
BODY(body_deep, level_first())

static double ring_time(uint64_t n, unsigned size, void (*const *bodies)(void));

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
