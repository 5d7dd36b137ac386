/* SPDX-License-Identifier: MIT
 *
 * Coroutines by their public calls: the bench `resume` and, as "-coro", the shapes of `switch`.
 */
#include "../support/bench.h"

#include <hocket/coro.h>

struct side {
    struct side *next;
    void (*body)(void);
    struct hkt_coro *coro;
};

static uint64_t failed;

static int side_main(struct hkt_coro *self, void *arg)
{
    struct side *side = arg;

    side->body();
    return failed ? HKT_ECLOSE : hkt_coro_yield(self, NULL, NULL);
}

static struct hkt_coro *made(struct hkt_coro *coro)
{
    if (!coro)
        bench_fail("no memory for a coroutine");
    return coro;
}

static inline void side_make(struct side *s)
{
    failed = 0;
    s->coro = made(hkt_coro_new(side_main, s));
}

static inline void side_free(struct side *s)
{
    hkt_coro_free(s->coro);
}

static inline void side_enter(struct side *s)
{
    if (hkt_coro_resume(s->coro, NULL, NULL) != 1 || failed)
        bench_fail("a ring came apart");
}

/* The error is that of being freed, at the end. */
static inline void side_switch(struct side *from, struct side *to)
{
    if (HKT_UNLIKELY(hkt_coro_transfer(from->coro, to->coro, NULL, NULL) < 0))
        failed++;
}

#include "../support/ring.h"

static int yield_forever(struct hkt_coro *self, void *arg)
{
    (void)arg;
    for (;;)
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
}

static double time_two_sites(uint64_t n)
{
    struct hkt_coro *other = made(hkt_coro_new(yield_forever, NULL));
    double start = bench_now(), took;

    for (uint64_t i = 0; i < n / 2; i++)
        if (hkt_coro_resume(other, NULL, NULL) != 1)
            bench_fail("a step failed");
    took = bench_now() - start;
    hkt_coro_free(other);
    return took - bench_loop(n / 2);
}

static int answer_forever(struct hkt_coro *self, void *arg)
{
    (void)arg;
    for (void *in = NULL;;)
        HKT_TRY(hkt_coro_yield(self, (char *)in + 1, &in));
}

static double time_resume(uint64_t n)
{
    struct hkt_coro *other = made(hkt_coro_new(answer_forever, NULL));
    double start, took;
    void *answer;

    if (hkt_coro_resume(other, NULL, NULL) != 1)
        bench_fail("the first step failed");
    start = bench_now();
    for (uint64_t i = 0; i < n / 2; i++)
        if (hkt_coro_resume(other, (void *)(uintptr_t)i, &answer) != 1 ||
            (uintptr_t)answer != i + 1)
            bench_fail("a value was lost");
    took = bench_now() - start;
    hkt_coro_free(other);
    return took - bench_loop(n / 2);
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("switch", "two_sites", BENCH_IMPL "-coro", time_two_sites),
    BENCH_RINGS(BENCH_IMPL "-coro"),
    BENCH_TIME("resume", "value", BENCH_IMPL, time_resume),
    BENCH_END,
};
