/* SPDX-License-Identifier: MIT
 *
 * What it costs to make a coroutine, to end one, and to have one.
 */
#include "../support/bench.h"

#include <hocket/coro.h>

static int finish(struct hkt_coro *self, void *arg)
{
    (void)self;
    ++*(uint64_t *)arg;
    return 0;
}

static double finish_all(double start, uint64_t n, uint64_t finished)
{
    double took = bench_now() - start;

    if (finished != n)
        bench_fail("%llu ran", (unsigned long long)finished);
    return took;
}

static double time_create(uint64_t n)
{
    double start = bench_now();
    uint64_t finished = 0;

    for (uint64_t i = 0; i < n; i++) {
        struct hkt_coro *coro = hkt_coro_new(finish, &finished);
        if (hkt_coro_resume(coro, NULL, NULL) < 0)
            bench_fail("a coroutine failed");
        hkt_coro_free(coro);
    }
    return finish_all(start, n, finished);
}

static double time_reset(uint64_t n)
{
    struct hkt_coro *coro = hkt_coro_new(finish, NULL);
    double start = bench_now(), took;
    uint64_t finished = 0;

    for (uint64_t i = 0; i < n; i++)
        if (hkt_coro_reset(coro, finish, &finished) || hkt_coro_resume(coro, NULL, NULL) < 0)
            bench_fail("a coroutine failed");
    took = finish_all(start, n, finished);
    hkt_coro_free(coro);
    return took;
}

static int park_here(struct hkt_coro *self, void *arg)
{
    char locals[BENCH_LOCALS];
    int rc;

    (void)arg;
    bench_touch(locals, sizeof locals);
    rc = hkt_coro_yield(self, NULL, NULL);
    bench_touch(locals, sizeof locals);
    return rc;
}

static void park(void **slot, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        slot[i] = hkt_coro_new(park_here, NULL);
        if (hkt_coro_resume(slot[i], NULL, NULL) != 1)
            bench_fail("no memory after %zu", i);
    }
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("create", "run_finish", BENCH_IMPL, time_create),
    BENCH_TIME("create", "run_finish", BENCH_IMPL "-reset", time_reset),
    BENCH_MEMORY(BENCH_IMPL, park),
    BENCH_END,
};
