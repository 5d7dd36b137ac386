/* SPDX-License-Identifier: MIT
 *
 * The rings of `switch` for coroutines without a stack. What is ready to run is a circular list, as
 * in support/ring.h, and suspending answers the next handle, to which the compiler jumps.
 */
#include "cpp20_ring.hpp"

#include <coroutine>
#include <exception>
#include <utility>

struct node {
    std::coroutine_handle<> handle;
    struct node *next;
};

static struct node ring[4];
static struct node *ring_at;
static uint64_t turns;

struct next_in_ring {
    bool await_ready() noexcept
    {
        return false;
    }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) noexcept
    {
        struct node *from = ring_at, *to = from->next;

        from->handle = self;
        ring_at = to;
        return to->handle;
    }
    void await_resume() noexcept
    {
    }
};

/* A coroutine that goes back, at its end, to the one that awaits it. */
struct call {
    struct promise_type {
        std::coroutine_handle<> caller = std::noop_coroutine();

        call get_return_object()
        {
            return call{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept
        {
            return {};
        }
        auto final_suspend() noexcept
        {
            struct back {
                bool await_ready() noexcept
                {
                    return false;
                }
                std::coroutine_handle<>
                await_suspend(std::coroutine_handle<promise_type> self) noexcept
                {
                    return self.promise().caller;
                }
                void await_resume() noexcept
                {
                }
            };
            return back{};
        }
        void return_void() noexcept
        {
        }
        void unhandled_exception() noexcept
        {
            std::terminate();
        }
    };

    explicit call(std::coroutine_handle<promise_type> h) : handle(h)
    {
    }
    call(call &&other) noexcept : handle(std::exchange(other.handle, nullptr))
    {
    }
    ~call()
    {
        if (handle)
            handle.destroy();
    }

    bool await_ready() noexcept
    {
        return false;
    }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept
    {
        handle.promise().caller = caller;
        return handle;
    }
    void await_resume() noexcept
    {
    }

    std::coroutine_handle<promise_type> handle;
};

#define BODY(name, awaited)                                                                        \
    static BENCH_NOINLINE call name()                                                              \
    {                                                                                              \
        for (uint64_t i = 0; i < turns; i++) {                                                     \
            co_await awaited;                                                                      \
            BENCH_DISTINCT(name);                                                                  \
        }                                                                                          \
    }

#define LEVEL(name, awaited)                                                                       \
    static BENCH_NOINLINE call name()                                                              \
    {                                                                                              \
        co_await awaited;                                                                          \
    }

BODY(body_first, next_in_ring{})
BODY(body_second, next_in_ring{})
BODY(body_third, next_in_ring{})
BODY(body_fourth, next_in_ring{})

LEVEL(level_fourth, next_in_ring{})
LEVEL(level_third, level_fourth())
LEVEL(level_second, level_third())
LEVEL(level_first, level_second())
BODY(body_deep, level_first())

template <class... Calls> static double time_ring(uint64_t n, const Calls &...calls)
{
    const std::coroutine_handle<> handles[] = {calls.handle...};
    const unsigned size = sizeof...(calls);
    double start;

    turns = n / size;
    for (unsigned i = 0; i < size; i++)
        ring[i] = {handles[i], &ring[(i + 1) % size]};
    ring_at = &ring[0];
    start = bench_now();
    handles[0].resume();
    return bench_now() - start - bench_loop(n);
}

double cpp20_ring_same(uint64_t n)
{
    return time_ring(n, body_first(), body_first());
}

double cpp20_ring_different(uint64_t n)
{
    return time_ring(n, body_first(), body_second(), body_third(), body_fourth());
}

double cpp20_deep(uint64_t n)
{
    return time_ring(n, body_deep(), body_deep());
}
