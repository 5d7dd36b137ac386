/* SPDX-License-Identifier: MIT
 *
 * The Portable Coroutine Library. It passes no values: they go through memory that both sides see.
 */
#include "../support/bench.h"

#include <pcl.h>

struct side {
    struct side *next;
    void (*body)(void);
    coroutine_t coro;
};

static coroutine_t home;

static inline void side_leave(struct side *s)
{
    (void)s;
    co_call(home);
}

static void side_main(void *arg)
{
    struct side *self = arg;

    self->body();
    side_leave(self);
}

static coroutine_t make(void (*fn)(void *), void *arg)
{
    coroutine_t coro = co_create(fn, arg, NULL, BENCH_STACK);

    if (!coro)
        bench_fail("co_create() failed");
    return coro;
}

static void join_thread(void)
{
    if (!home && co_thread_init() < 0)
        bench_fail("co_thread_init() failed");
    home = co_current();
}

static inline void side_make(struct side *s)
{
    join_thread();
    s->coro = make(side_main, s);
}

static inline void side_free(struct side *s)
{
    co_delete(s->coro);
}

static inline void side_enter(struct side *s)
{
    co_call(s->coro);
}

static inline void side_switch(struct side *from, struct side *to)
{
    (void)from;
    co_call(to->coro);
}

#include "../support/ring.h"

static uint64_t message;

static void yield_forever(void *arg)
{
    (void)arg;
    for (;;)
        co_resume();
}

static double time_two_sites(uint64_t n)
{
    coroutine_t other;
    double start, took;

    join_thread();
    other = make(yield_forever, NULL);
    start = bench_now();
    for (uint64_t i = 0; i < n / 2; i++)
        co_call(other);
    took = bench_now() - start;
    co_delete(other);
    return took - bench_loop(n / 2);
}

static void answer_forever(void *arg)
{
    (void)arg;
    for (;;) {
        message++;
        co_resume();
    }
}

static double time_resume(uint64_t n)
{
    coroutine_t other;
    double start, took;

    join_thread();
    other = make(answer_forever, NULL);
    start = bench_now();
    for (uint64_t i = 0; i < n / 2; i++) {
        message = i;
        co_call(other);
        if (message != i + 1)
            bench_fail("a value was lost");
    }
    took = bench_now() - start;
    co_delete(other);
    return took - bench_loop(n / 2);
}

static void count_up(void *arg)
{
    (void)arg;
    for (uint64_t i = 0;; i++) {
        message = i;
        co_resume();
    }
}

static double time_generator(uint64_t n)
{
    coroutine_t other;
    double start, took;
    uint64_t sum = 0;

    join_thread();
    start = bench_now();
    other = make(count_up, NULL);
    for (uint64_t i = 0; i < n; i++) {
        co_call(other);
        sum += message;
    }
    co_delete(other);
    took = bench_now() - start;
    bench_check_sum(sum, n);
    return took;
}

/* At the end of its function a coroutine is deleted. */
static void finish(void *arg)
{
    (void)arg;
    message++;
}

static double time_create(uint64_t n)
{
    double start, took;

    join_thread();
    message = 0;
    start = bench_now();
    for (uint64_t i = 0; i < n; i++)
        co_call(make(finish, NULL));
    took = bench_now() - start;
    if (message != n)
        bench_fail("%llu ran", (unsigned long long)message);
    return took;
}

static void park_here(void *arg)
{
    char locals[BENCH_LOCALS];

    (void)arg;
    bench_touch(locals, sizeof locals);
    co_resume();
    bench_touch(locals, sizeof locals);
}

static void park(void **slot, size_t n)
{
    join_thread();
    for (size_t i = 0; i < n; i++) {
        slot[i] = make(park_here, NULL);
        co_call(slot[i]);
    }
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("switch", "two_sites", "pcl", time_two_sites),
    BENCH_RINGS("pcl"),
    BENCH_TIME("resume", "value", "pcl", time_resume),
    BENCH_GENERATOR("pcl", time_generator),
    BENCH_TIME("create", "run_finish", "pcl", time_create),
    BENCH_MEMORY("pcl", park),
    BENCH_END,
};
