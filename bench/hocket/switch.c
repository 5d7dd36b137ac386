/* SPDX-License-Identifier: MIT
 *
 * The context switch itself. A context is the side that does not run: with two sites one context
 * does, in a ring each coroutine has its own.
 */
#include "../support/bench.h"

#include <hocket/switch.h>

struct side {
    struct side *next;
    void (*body)(void);
    struct hkt_ctx context;
    void *stack;
};

static struct hkt_ctx home;
static const struct hkt_msg nothing;

static inline void side_leave(struct side *s)
{
    (void)hkt_ctx_switch(&s->context, &home, nothing);
}

static void side_main(struct hkt_ctx *context, struct hkt_msg msg)
{
    struct side *self = (struct side *)((char *)context - offsetof(struct side, context));

    (void)msg;
    self->body();
    side_leave(self);
}

static inline void side_make(struct side *s)
{
    if (!s->stack)
        s->stack = bench_stack();
    hkt_ctx_init(&s->context, s->stack, BENCH_STACK, side_main);
}

static inline void side_free(struct side *s)
{
    (void)s;
}

static inline void side_enter(struct side *s)
{
    (void)hkt_ctx_switch(&home, &s->context, nothing);
}

static inline void side_switch(struct side *from, struct side *to)
{
    (void)hkt_ctx_switch(&from->context, &to->context, nothing);
}

#include "../support/ring.h"

static void yield_forever(struct hkt_ctx *self, struct hkt_msg msg)
{
    (void)msg;
    for (;;)
        (void)hkt_ctx_switch(self, self, nothing);
}

static double time_two_sites(uint64_t n)
{
    static void *stack;
    struct hkt_ctx other;
    double start;

    if (!stack)
        stack = bench_stack();
    hkt_ctx_init(&other, stack, BENCH_STACK, yield_forever);
    start = bench_now();
    for (uint64_t i = 0; i < n / 2; i++)
        (void)hkt_ctx_switch(&other, &other, nothing);
    return bench_now() - start - bench_loop(n / 2);
}

static uint64_t finished;

static void finish(struct hkt_ctx *self, struct hkt_msg msg)
{
    finished++;
    hkt__ctx_jump(self, msg);
}

/* The like of others that are no more than a stack and a switch. */
static double time_create(uint64_t n)
{
    static void *stack;
    double start, took;

    if (!stack)
        stack = bench_stack();
    finished = 0;
    start = bench_now();
    for (uint64_t i = 0; i < n; i++) {
        struct hkt_ctx other;
        hkt_ctx_init(&other, stack, BENCH_STACK, finish);
        (void)hkt_ctx_switch(&other, &other, nothing);
    }
    took = bench_now() - start;
    if (finished != n)
        bench_fail("%llu ran", (unsigned long long)finished);
    return took;
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("switch", "two_sites", BENCH_IMPL, time_two_sites),
    BENCH_RINGS(BENCH_IMPL),
    BENCH_TIME("create", "run_finish", BENCH_IMPL "-ctx", time_create),
    BENCH_END,
};
