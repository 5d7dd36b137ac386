/* SPDX-License-Identifier: MIT
 *
 * How many take turns in the bench `yield`. Before it is included:
 *
 *      double crowd_time(uint64_t n, size_t tasks, int shuffled)
 */
#ifndef BENCH_CROWD_SIZES_H
#define BENCH_CROWD_SIZES_H

#include "bench.h"

#define CROWD(name, tasks, shuffled)                                                               \
    static double time_yield_##name(uint64_t n)                                                    \
    {                                                                                              \
        return crowd_time(n, tasks, shuffled);                                                     \
    }
CROWD(2, 2, 0)
CROWD(10, 10, 0)
CROWD(1000, 1000, 0)
CROWD(100000, 100000, 0)
CROWD(1000000, 1000000, 0)
CROWD(100000_shuffled, 100000, 1)

#define BENCH_CROWDS(impl)                                                                         \
    BENCH_TIME("yield", "2", impl, time_yield_2), BENCH_TIME("yield", "10", impl, time_yield_10),  \
        BENCH_TIME("yield", "1000", impl, time_yield_1000),                                        \
        BENCH_CROWD("yield", "100000", impl, time_yield_100000, 400000),                           \
        BENCH_CROWD("yield", "100000_shuffled", impl, time_yield_100000_shuffled, 400000),         \
        BENCH_CROWD("yield", "1000000", impl, time_yield_1000000, 4000000)

#endif
