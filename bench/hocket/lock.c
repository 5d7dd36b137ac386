/* SPDX-License-Identifier: MIT
 *
 * A lock that nobody else wants.
 */
#include "../support/bench.h"

#include <hocket/sync.h>
#include <hocket/task.h>

struct run {
    uint64_t n;
    double took;
};

static int take_and_give_back(void *arg)
{
    struct run *r = arg;
    struct hkt_lock lock = HKT_LOCK_INIT;
    double start = bench_now();

    for (uint64_t i = 0; i < r->n; i++) {
        HKT_TRY(hkt_lock_acquire(&lock));
        BENCH_BARRIER();
        HKT_TRY(hkt_lock_release(&lock));
        BENCH_BARRIER();
    }
    r->took = bench_now() - start;
    return 0;
}

static double time_lock(uint64_t n)
{
    struct run r = {.n = n};

    if (hkt_run(take_and_give_back, &r) < 0)
        bench_fail("the run failed");
    return r.took;
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("lock", "free", BENCH_IMPL, time_lock),
    BENCH_END,
};
