/* SPDX-License-Identifier: MIT
 *
 * State Threads: a scheduler, so threads do not name the next one. It has no yield of its own; a
 * sleep of no time is one.
 */
#include "../support/bench.h"

#include <st.h>

static uint64_t turns;

static void begin(void)
{
    static int done;

    if (!done && st_init() < 0)
        bench_fail("st_init() failed");
    done = 1;
}

static st_thread_t spawn(void *(*fn)(void *), void *arg, int joinable)
{
    st_thread_t thread = st_thread_create(fn, arg, joinable, BENCH_STACK);

    if (!thread)
        bench_fail("st_thread_create() failed");
    return thread;
}

#define BODY(name, call)                                                                           \
    static BENCH_NOINLINE void *name(void *arg)                                                    \
    {                                                                                              \
        for (uint64_t i = 0; i < turns; i++) {                                                     \
            call;                                                                                  \
            BENCH_DISTINCT(name);                                                                  \
        }                                                                                          \
        return arg;                                                                                \
    }

BODY(body_first, st_usleep(0))
BODY(body_second, st_usleep(0))
BODY(body_third, st_usleep(0))
BODY(body_fourth, st_usleep(0))

BENCH_LEVEL(level_fourth, st_usleep(0))
BENCH_LEVEL(level_third, level_fourth())
BENCH_LEVEL(level_second, level_third())
BENCH_LEVEL(level_first, level_second())
BODY(body_deep, level_first())

typedef void *body(void *);

static double time_ring(uint64_t n, unsigned size, body *const *bodies)
{
    st_thread_t thread[4];
    double start;

    begin();
    turns = n / size;
    start = bench_now();
    for (unsigned i = 0; i < size; i++)
        thread[i] = spawn(bodies[i], NULL, 1);
    for (unsigned i = 0; i < size; i++)
        st_thread_join(thread[i], NULL);
    return bench_now() - start - bench_loop(n);
}

static double time_ring_same(uint64_t n)
{
    static body *const bodies[] = {body_first, body_first};

    return time_ring(n, 2, bodies);
}

static double time_ring_different(uint64_t n)
{
    static body *const bodies[] = {body_first, body_second, body_third, body_fourth};

    return time_ring(n, 4, bodies);
}

static double time_deep(uint64_t n)
{
    static body *const bodies[] = {body_deep, body_deep};

    return time_ring(n, 2, bodies);
}

static uint64_t finished;

static void *finish(void *arg)
{
    finished++;
    return arg;
}

static double time_create(uint64_t n)
{
    double start, took;

    begin();
    finished = 0;
    start = bench_now();
    for (uint64_t i = 0; i < n; i++)
        st_thread_join(spawn(finish, NULL, 1), NULL);
    took = bench_now() - start;
    if (finished != n)
        bench_fail("%llu ran", (unsigned long long)finished);
    return took;
}

static void *park_here(void *arg)
{
    char locals[BENCH_LOCALS];

    bench_touch(locals, sizeof locals);
    st_cond_wait(arg);
    bench_touch(locals, sizeof locals);
    return NULL;
}

static void park(void **slot, size_t n)
{
    st_cond_t never;

    begin();
    never = st_cond_new();
    for (size_t i = 0; i < n; i++)
        slot[i] = spawn(park_here, never, 0);
    st_usleep(0); /* all that are ready run before the one that slept */
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("switch", "ring_same", "st", time_ring_same),
    BENCH_TIME("switch", "ring_different", "st", time_ring_different),
    BENCH_TIME("switch", "deep", "st", time_deep),
    BENCH_TIME("create", "run_finish", "st", time_create),
    BENCH_MEMORY("st", park),
    BENCH_END,
};
