/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CPP20_RING_HPP
#define BENCH_CPP20_RING_HPP

#include "../support/bench.h"

double cpp20_ring_same(uint64_t n);
double cpp20_ring_different(uint64_t n);
double cpp20_deep(uint64_t n);

#endif
