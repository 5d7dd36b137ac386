/* SPDX-License-Identifier: MIT
 *
 * boost::context::fiber, the C++ class over the switch. It passes no values: they go through memory
 * that both sides see.
 */
#include "../support/bench.h"

#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cerrno>
#include <exception>
#include <memory>
#include <sys/mman.h>
#include <system_error>
#include <utility>

using boost::context::fiber;

struct side {
    struct side *next;
    void (*body)(void);
    fiber context;
};

static struct side home;
static struct side *leaving, *entering;

template <class Fn> static fiber make(Fn &&fn)
{
    return fiber(std::allocator_arg, boost::context::fixedsize_stack(BENCH_STACK),
                 std::forward<Fn>(fn));
}

/* A resumed fiber is given the one that resumed it. */
static inline void side_switch(struct side *from, struct side *to)
{
    leaving = from;
    fiber arrived = std::move(to->context).resume();
    leaving->context = std::move(arrived);
}

static fiber side_main(fiber &&arrived)
{
    struct side *self = entering;

    leaving->context = std::move(arrived);
    entering = self->next;
    self->body();
    return std::move(home.context);
}

static inline void side_make(struct side *s)
{
    s->context = make(side_main);
}

/* Unwinds its stack by an exception. */
static inline void side_free(struct side *s)
{
    s->context = fiber();
}

static inline void side_enter(struct side *s)
{
    entering = s;
    side_switch(&home, s);
}

#include "../support/ring.h"

static fiber yield_forever(fiber &&from)
{
    for (;;)
        from = std::move(from).resume();
    return std::move(from);
}

static double time_two_sites(uint64_t n)
{
    fiber other = make(yield_forever);
    double start = bench_now();

    for (uint64_t i = 0; i < n / 2; i++)
        other = std::move(other).resume();
    return bench_now() - start - bench_loop(n / 2);
}

static double time_resume(uint64_t n)
{
    uint64_t message = 0;
    fiber other = make([&message](fiber &&from) {
        for (;;) {
            message++;
            from = std::move(from).resume();
        }
        return std::move(from);
    });
    double start = bench_now();

    for (uint64_t i = 0; i < n / 2; i++) {
        message = i;
        other = std::move(other).resume();
        if (message != i + 1)
            bench_fail("a value was lost");
    }
    return bench_now() - start - bench_loop(n / 2);
}

static double time_generator(uint64_t n)
{
    double start = bench_now(), took;
    uint64_t message = 0, sum = 0;
    fiber other = make([&message, n](fiber &&from) {
        for (uint64_t i = 0; i < n; i++) {
            message = i;
            from = std::move(from).resume();
        }
        return std::move(from);
    });

    while ((other = std::move(other).resume()))
        sum += message;
    took = bench_now() - start;
    bench_check_sum(sum, n);
    return took;
}

static double time_create(uint64_t n)
{
    boost::context::pooled_fixedsize_stack stacks(BENCH_STACK);
    double start = bench_now(), took;
    uint64_t finished = 0;

    for (uint64_t i = 0; i < n; i++) {
        fiber other(std::allocator_arg, stacks, [&finished](fiber &&from) {
            finished++;
            return std::move(from);
        });
        other = std::move(other).resume();
    }
    took = bench_now() - start;
    if (finished != n)
        bench_fail("%llu ran", static_cast<unsigned long long>(finished));
    return took;
}

static fiber park_here(fiber &&from)
{
    char locals[BENCH_LOCALS];

    bench_touch(locals, sizeof locals);
    from = std::move(from).resume();
    bench_touch(locals, sizeof locals);
    return std::move(from);
}

/* Boost asserts that it got its guard page, and goes on without one where assertions are off. What
 * was protected can be protected again. */
struct guarded_stack : boost::context::protected_fixedsize_stack {
    typedef boost::context::protected_fixedsize_stack base;
    explicit guarded_stack(size_t size) : base(size)
    {
    }

    boost::context::stack_context allocate()
    {
        boost::context::stack_context stack = base::allocate();
        if (mprotect(static_cast<char *>(stack.sp) - stack.size, 4096, PROT_NONE) < 0)
            throw std::system_error(errno, std::generic_category(), "guard page");
        return stack;
    }
};

template <class Stack> static void park(void **slot, size_t n)
{
    static_assert(sizeof(fiber) == sizeof *slot, "a fiber is a handle");
    fiber *parked = reinterpret_cast<fiber *>(slot);
    Stack stacks(BENCH_STACK);

    for (size_t i = 0; i < n; i++)
        try {
            new (&parked[i]) fiber(fiber(std::allocator_arg, stacks, park_here).resume());
        } catch (const std::exception &error) {
            bench_fail("%s after %zu", error.what(), i);
        }
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("switch", "two_sites", "boost-fiber-ctx", time_two_sites),
    BENCH_RINGS("boost-fiber-ctx"),
    BENCH_TIME("resume", "value", "boost-fiber-ctx", time_resume),
    BENCH_GENERATOR("boost-fiber-ctx", time_generator),
    BENCH_TIME("create", "run_finish", "boost-fiber-ctx", time_create),
    BENCH_MEMORY("boost-fiber-ctx", park<boost::context::fixedsize_stack>),
    BENCH_MEMORY("boost-fiber-ctx-guard", park<guarded_stack>),
    BENCH_END,
};
