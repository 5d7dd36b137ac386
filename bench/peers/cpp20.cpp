/* SPDX-License-Identifier: MIT
 *
 * The compiler's own coroutines, which have no stack: a suspended one is a frame on the heap, and
 * only its own function can suspend it. So the shape `deep` is four of them, each awaiting the
 * next.
 */
#include "cpp20_ring.hpp"

#include <coroutine>
#include <exception>
#include <utility>

struct task {
    struct promise_type {
        uint64_t in = 0, out = 0;

        task get_return_object()
        {
            return task{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept
        {
            return {};
        }
        std::suspend_always final_suspend() noexcept
        {
            return {};
        }
        std::suspend_always yield_value(uint64_t value) noexcept
        {
            out = value;
            return {};
        }
        void return_void() noexcept
        {
        }
        void unhandled_exception() noexcept
        {
            std::terminate();
        }
    };

    explicit task(std::coroutine_handle<promise_type> h) : handle(h)
    {
    }
    task(task &&other) noexcept : handle(std::exchange(other.handle, nullptr))
    {
    }
    ~task()
    {
        if (handle)
            handle.destroy();
    }

    std::coroutine_handle<promise_type> handle;
};

/* in = co_await received{value}: hands a value out and takes the next one. */
struct received {
    uint64_t value;
    task::promise_type *promise = nullptr;

    bool await_ready() noexcept
    {
        return false;
    }
    void await_suspend(std::coroutine_handle<task::promise_type> self) noexcept
    {
        promise = &self.promise();
        promise->out = value;
    }
    uint64_t await_resume() noexcept
    {
        return promise->in;
    }
};

static BENCH_NOINLINE task yield_forever()
{
    for (;;)
        co_await std::suspend_always{};
}

static double time_two_sites(uint64_t n)
{
    task other = yield_forever();
    double start = bench_now();

    for (uint64_t i = 0; i < n / 2; i++)
        other.handle.resume();
    return bench_now() - start - bench_loop(n / 2);
}

static BENCH_NOINLINE task answer_forever()
{
    for (uint64_t in = 0;;)
        in = co_await received{in + 1};
}

static double time_resume(uint64_t n)
{
    task other = answer_forever();
    double start;

    other.handle.resume();
    start = bench_now();
    for (uint64_t i = 0; i < n / 2; i++) {
        other.handle.promise().in = i;
        other.handle.resume();
        if (other.handle.promise().out != i + 1)
            bench_fail("a value was lost");
    }
    return bench_now() - start - bench_loop(n / 2);
}

static BENCH_NOINLINE task count_to(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        co_yield i;
}

static double time_generator(uint64_t n)
{
    double start = bench_now(), took;
    task other = count_to(n);
    uint64_t sum = 0;

    while (other.handle.resume(), !other.handle.done())
        sum += other.handle.promise().out;
    took = bench_now() - start;
    bench_check_sum(sum, n);
    return took;
}

static BENCH_NOINLINE task finish(uint64_t *finished)
{
    ++*finished;
    co_return;
}

static double time_create(uint64_t n)
{
    double start = bench_now(), took;
    uint64_t finished = 0;

    for (uint64_t i = 0; i < n; i++)
        finish(&finished).handle.resume();
    took = bench_now() - start;
    if (finished != n)
        bench_fail("%llu ran", static_cast<unsigned long long>(finished));
    return took;
}

static BENCH_NOINLINE task park_here()
{
    char locals[BENCH_LOCALS];

    bench_touch(locals, sizeof locals);
    co_await std::suspend_always{};
    bench_touch(locals, sizeof locals);
}

static void park(void **slot, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        task one = park_here();
        one.handle.resume();
        slot[i] = std::exchange(one.handle, nullptr).address();
    }
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("switch", "two_sites", "cpp20", time_two_sites),
    BENCH_TIME("switch", "ring_same", "cpp20", cpp20_ring_same),
    BENCH_TIME("switch", "ring_different", "cpp20", cpp20_ring_different),
    BENCH_TIME("switch", "deep", "cpp20", cpp20_deep),
    BENCH_TIME("resume", "value", "cpp20", time_resume),
    BENCH_GENERATOR("cpp20", time_generator),
    BENCH_TIME("create", "run_finish", "cpp20", time_create),
    BENCH_MEMORY("cpp20", park),
    BENCH_END,
};
