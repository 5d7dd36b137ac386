/* SPDX-License-Identifier: MIT
 *
 * Boost.Fiber: a scheduler, so fibers do not name the next one.
 */
#include "../support/bench.h"

#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/fiber/all.hpp>
#include <exception>

namespace fibers = boost::fibers;

static inline void body_step()
{
    boost::this_fiber::yield();
}

#include "../support/shapes.h"

static double ring_time(uint64_t n, unsigned size, void (*const *bodies)(void))
{
    fibers::fiber fiber[4];
    double start;

    body_turns = n / size;
    start = bench_now();
    for (unsigned i = 0; i < size; i++)
        fiber[i] = fibers::fiber(bodies[i]);
    for (unsigned i = 0; i < size; i++)
        fiber[i].join();
    return bench_now() - start - bench_loop(n);
}

static double time_create(uint64_t n)
{
    boost::context::pooled_fixedsize_stack stacks(BENCH_STACK);
    double start = bench_now(), took;
    uint64_t finished = 0;

    for (uint64_t i = 0; i < n; i++)
        fibers::fiber(std::allocator_arg, stacks, [&finished] { finished++; }).join();
    took = bench_now() - start;
    if (finished != n)
        bench_fail("%llu ran", static_cast<unsigned long long>(finished));
    return took;
}

static fibers::mutex never;

static void park_here()
{
    char locals[BENCH_LOCALS];

    bench_touch(locals, sizeof locals);
    never.lock();
    bench_touch(locals, sizeof locals);
}

static void park(void **, size_t n)
{
    fibers::fixedsize_stack stacks(BENCH_STACK);

    never.lock();
    for (size_t i = 0; i < n; i++)
        try {
            fibers::fiber(fibers::launch::dispatch, std::allocator_arg, stacks, park_here).detach();
        } catch (const std::exception &error) {
            bench_fail("%s after %zu", error.what(), i);
        }
}

/* Taking turns */

/* A gate is a promise, made apart: it is not for memory of zeros. */
typedef fibers::promise<void> *crowd_gate;

static void crowd_gate_make(crowd_gate *g)
{
    *g = new fibers::promise<void>;
}

static void crowd_gate_free(crowd_gate *g)
{
    delete *g;
}

static void crowd_wait(crowd_gate *g)
{
    (*g)->get_future().wait();
}

static void crowd_open(crowd_gate *g)
{
    (*g)->set_value();
}

static void crowd_yield()
{
    boost::this_fiber::yield();
}

static void crowd_member(size_t number);

static void crowd_spawn(size_t number)
{
    fibers::fixedsize_stack stacks(BENCH_STACK);

    try {
        fibers::fiber(std::allocator_arg, stacks, crowd_member, number).detach();
    } catch (const std::exception &error) {
        bench_fail("%s after %zu", error.what(), number);
    }
}

#include "../support/crowd.h"

/* What waits is a condition, with the lock and the flag that it is to be used with. */
struct turn {
    fibers::mutex mutex;
    fibers::condition_variable changed;
    bool set = false;

    void give()
    {
        std::unique_lock<fibers::mutex> lock(mutex);
        set = true;
        changed.notify_one();
    }

    void take()
    {
        std::unique_lock<fibers::mutex> lock(mutex);
        changed.wait(lock, [this] { return set; });
        set = false;
    }
};

static turn turns_of[2];
static uint64_t turns; /* of each */

static void take_part(unsigned own)
{
    for (uint64_t i = 0; i < turns; i++) {
        turns_of[1 - own].give();
        turns_of[own].take();
    }
    turns_of[1 - own].give();
}

static double time_park(uint64_t n)
{
    double start = bench_now();

    turns = n / 2;
    for (turn &t : turns_of)
        t.set = false;
    fibers::fiber first(take_part, 0), second(take_part, 1);
    first.join();
    second.join();
    return bench_now() - start - bench_loop(n);
}

template <class channel>
static double time_there_and_back(uint64_t n, channel &there, channel &back)
{
    uint64_t x = 0;
    fibers::fiber echo([&] {
        for (uint64_t y; there.pop(y) == fibers::channel_op_status::success;)
            back.push(y + 1);
    });
    double start = bench_now();

    for (uint64_t i = 0; i < n; i++) {
        there.push(x);
        back.pop(x);
    }
    double took = bench_now() - start;
    there.close();
    echo.join();
    if (x != n)
        bench_fail("%llu messages", (unsigned long long)x);
    return took;
}

static double time_channel(uint64_t n)
{
    fibers::unbuffered_channel<uint64_t> there, back;

    return time_there_and_back(n, there, back);
}

/* Its capacity has to be a power of two, of which it keeps one free: so there is room for one. */
static double time_buffered(uint64_t n)
{
    fibers::buffered_channel<uint64_t> there(2), back(2);

    return time_there_and_back(n, there, back);
}

const struct bench_entry bench_table[] = {
    BENCH_RINGS("boost-fiber"),
    BENCH_TIME("queue", "channel", "boost-fiber", time_channel),
    BENCH_TIME("queue", "buffered", "boost-fiber", time_buffered),
    BENCH_CROWDS("boost-fiber"),
    BENCH_TIME("park", "2", "boost-fiber", time_park),
    BENCH_TIME("spawn_join", "one", "boost-fiber", time_create),
    BENCH_TIME("create", "run_finish", "boost-fiber", time_create),
    BENCH_MEMORY("boost-fiber", park),
    BENCH_END,
};
