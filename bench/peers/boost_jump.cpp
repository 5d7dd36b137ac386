/* SPDX-License-Identifier: MIT
 *
 * Boost.Context without its C++: jump_fcontext, the switch that its classes are made of.
 */
#include "../support/bench.h"

#include <boost/context/detail/fcontext.hpp>

namespace context = boost::context::detail;

struct side {
    struct side *next;
    void (*body)(void);
    context::fcontext_t context;
    void *stack;
};

static struct side home;

static context::fcontext_t prepare(void *stack, void (*fn)(context::transfer_t))
{
    return context::make_fcontext(static_cast<char *>(stack) + BENCH_STACK, BENCH_STACK, fn);
}

/* Who is left tells its successor who it is, and so learns the successor where it is to go on. */
static inline void side_switch(struct side *from, struct side *to)
{
    context::transfer_t arrived = context::jump_fcontext(to->context, from);

    static_cast<struct side *>(arrived.data)->context = arrived.fctx;
}

static inline void side_leave(struct side *s)
{
    side_switch(s, &home);
}

static struct side *entering;

static void side_main(context::transfer_t arrived)
{
    struct side *self = entering;

    static_cast<struct side *>(arrived.data)->context = arrived.fctx;
    entering = self->next;
    self->body();
    side_leave(self);
}

static inline void side_make(struct side *s)
{
    if (!s->stack)
        s->stack = bench_stack();
    s->context = prepare(s->stack, side_main);
}

static inline void side_free(struct side *)
{
}

static inline void side_enter(struct side *s)
{
    entering = s;
    side_switch(&home, s);
}

#include "../support/ring.h"

static void yield_forever(context::transfer_t from)
{
    for (;;)
        from = context::jump_fcontext(from.fctx, nullptr);
}

static double time_two_sites(uint64_t n)
{
    static void *const stack = bench_stack();
    context::fcontext_t other = prepare(stack, yield_forever);
    double start = bench_now();

    for (uint64_t i = 0; i < n / 2; i++)
        other = context::jump_fcontext(other, nullptr).fctx;
    return bench_now() - start - bench_loop(n / 2);
}

static void answer_forever(context::transfer_t from)
{
    for (;;)
        from = context::jump_fcontext(from.fctx, static_cast<char *>(from.data) + 1);
}

static double time_resume(uint64_t n)
{
    static void *const stack = bench_stack();
    context::transfer_t other = {prepare(stack, answer_forever), nullptr};
    double start = bench_now();

    for (uint64_t i = 0; i < n / 2; i++) {
        other = context::jump_fcontext(other.fctx, reinterpret_cast<void *>(i));
        if (reinterpret_cast<uintptr_t>(other.data) != i + 1)
            bench_fail("a value was lost");
    }
    return bench_now() - start - bench_loop(n / 2);
}

static void count_up(context::transfer_t from)
{
    for (uint64_t i = 0;; i++)
        from = context::jump_fcontext(from.fctx, &i);
}

static double time_generator(uint64_t n)
{
    static void *const stack = bench_stack();
    double start = bench_now(), took;
    context::transfer_t other = {prepare(stack, count_up), nullptr};
    uint64_t sum = 0;

    for (uint64_t i = 0; i < n; i++) {
        other = context::jump_fcontext(other.fctx, nullptr);
        sum += *static_cast<uint64_t *>(other.data);
    }
    took = bench_now() - start;
    bench_check_sum(sum, n);
    return took;
}

static void finish(context::transfer_t from)
{
    ++*static_cast<uint64_t *>(from.data);
    context::jump_fcontext(from.fctx, nullptr);
}

static double time_create(uint64_t n)
{
    static void *const stack = bench_stack();
    double start = bench_now(), took;
    uint64_t finished = 0;

    for (uint64_t i = 0; i < n; i++)
        context::jump_fcontext(prepare(stack, finish), &finished);
    took = bench_now() - start;
    if (finished != n)
        bench_fail("%llu ran", static_cast<unsigned long long>(finished));
    return took;
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("switch", "two_sites", "boost-jump", time_two_sites),
    BENCH_RINGS("boost-jump"),
    BENCH_TIME("resume", "value", "boost-jump", time_resume),
    BENCH_GENERATOR("boost-jump", time_generator),
    BENCH_TIME("create", "run_finish", "boost-jump", time_create),
    BENCH_END,
};
