/* SPDX-License-Identifier: MIT
 *
 * What parked coroutines cost.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include "bench.h"

struct memory {
    double rss, page_tables; /* bytes */
};

/* What each of n takes. */
struct memory memory_of_parked(bench_park_fn *park, size_t n);

#endif
