/* SPDX-License-Identifier: MIT
 *
 * Boost.Coroutine2: asymmetric coroutines with a typed value one way, on boost::context::fiber.
 */
#include "../support/bench.h"

#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/coroutine2/all.hpp>

typedef boost::coroutines2::coroutine<uint64_t> numbers;

static boost::coroutines2::fixedsize_stack stack_of_ours()
{
    return boost::coroutines2::fixedsize_stack(BENCH_STACK);
}

static double time_resume(uint64_t n)
{
    uint64_t answer = 0;
    numbers::push_type other(stack_of_ours(), [&answer](numbers::pull_type &in) {
        for (; in; in())
            answer = in.get() + 1;
    });
    double start = bench_now();

    for (uint64_t i = 0; i < n / 2; i++) {
        other(i);
        if (answer != i + 1)
            bench_fail("a value was lost");
    }
    return bench_now() - start - bench_loop(n / 2);
}

static double time_generator(uint64_t n)
{
    double start = bench_now(), took;
    uint64_t sum = 0;
    numbers::pull_type other(stack_of_ours(), [n](numbers::push_type &out) {
        for (uint64_t i = 0; i < n; i++)
            out(i);
    });

    for (uint64_t x : other)
        sum += x;
    took = bench_now() - start;
    bench_check_sum(sum, n);
    return took;
}

static double time_create(uint64_t n)
{
    boost::context::pooled_fixedsize_stack stacks(BENCH_STACK);
    double start = bench_now(), took;
    uint64_t finished = 0;

    for (uint64_t i = 0; i < n; i++)
        numbers::pull_type(stacks, [&finished](numbers::push_type &) { finished++; });
    took = bench_now() - start;
    if (finished != n)
        bench_fail("%llu ran", static_cast<unsigned long long>(finished));
    return took;
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("resume", "value", "boost-coroutine2", time_resume),
    BENCH_GENERATOR("boost-coroutine2", time_generator),
    BENCH_TIME("create", "run_finish", "boost-coroutine2", time_create),
    BENCH_END,
};
