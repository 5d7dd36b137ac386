/* SPDX-License-Identifier: MIT */
#include "../support/bench.h"

#include <hocket/gen.h>

HKT_GEN_OF(numbers, uint64_t);

static int count_to(struct hkt_gen *self, void *stop)
{
    for (uint64_t i = 0; i < *(uint64_t *)stop; i++)
        HKT_TRY(numbers_yield(self, i));
    return 0;
}

static double time_generator(uint64_t n)
{
    double start = bench_now(), took;
    uint64_t sum = 0;
    int rc;

    HKT_EACH(numbers, x, hkt_gen_new(count_to, &n), &rc)
        sum += x;
    took = bench_now() - start;
    if (rc < 0)
        bench_fail("%s", hkt_strerror(rc));
    bench_check_sum(sum, n);
    return took;
}

const struct bench_entry bench_table[] = {
    BENCH_GENERATOR(BENCH_IMPL, time_generator),
    BENCH_END,
};
