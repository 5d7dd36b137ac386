/* SPDX-License-Identifier: MIT
 *
 * State Threads: a scheduler, so threads do not name the next one. It has no yield of its own; a
 * sleep of no time is one.
 */
#include "../support/bench.h"
#include "../support/pipe.h"

#include <st.h>
#include <stdint.h>
#include <unistd.h>

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

static inline void body_step(void)
{
    st_usleep(0);
}

#include "../support/shapes.h"

static void *run_body(void *body)
{
    (*(void (*const *)(void))body)();
    return NULL;
}

static double ring_time(uint64_t n, unsigned size, void (*const *bodies)(void))
{
    st_thread_t thread[4];
    double start;

    begin();
    body_turns = n / size;
    start = bench_now();
    for (unsigned i = 0; i < size; i++)
        thread[i] = spawn(run_body, (void *)(uintptr_t)&bodies[i], 1);
    for (unsigned i = 0; i < size; i++)
        st_thread_join(thread[i], NULL);
    return bench_now() - start - bench_loop(n);
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

/* To wait, and to have another go on, is what conditions are for; they have no lock. */
static st_cond_t turn_of[2];
static uint64_t rounds;

static void *take_part(void *arg)
{
    uintptr_t own = (uintptr_t)arg;

    for (uint64_t i = 0; i < rounds; i++) {
        st_cond_signal(turn_of[1 - own]);
        st_cond_wait(turn_of[own]);
    }
    st_cond_signal(turn_of[1 - own]);
    return NULL;
}

static double time_park(uint64_t n)
{
    st_thread_t thread[2];
    double start, took;

    begin();
    rounds = n / 2;
    for (uintptr_t i = 0; i < 2; i++)
        turn_of[i] = st_cond_new();
    start = bench_now();
    for (uintptr_t i = 0; i < 2; i++)
        thread[i] = spawn(take_part, (void *)i, 1);
    for (int i = 0; i < 2; i++)
        st_thread_join(thread[i], NULL);
    took = bench_now() - start;
    for (int i = 0; i < 2; i++)
        st_cond_destroy(turn_of[i]);
    return took - bench_loop(n);
}

/* A pipe is filled again and again, and what is measured are the reads. */
static double time_read(uint64_t n)
{
    struct bench_pipe p;
    st_netfd_t fd;
    double took = 0;

    begin();
    bench_pipe_open(&p);
    fd = st_netfd_open(p.out);
    if (!fd)
        bench_fail("st_netfd_open() failed");
    for (uint64_t left = n; left > 0;) {
        uint64_t batch = bench_pipe_fill(&p, left);
        double start = bench_now();
        for (uint64_t i = 0; i < batch; i++)
            if (st_read(fd, p.piece, sizeof p.piece, ST_UTIME_NO_TIMEOUT) != sizeof p.piece)
                bench_fail("st_read() failed");
        took += bench_now() - start;
        left -= batch;
    }
    st_netfd_close(fd);
    close(p.in);
    return took - bench_loop(n);
}

/* Taking turns */

typedef st_cond_t crowd_gate;

static void crowd_gate_make(crowd_gate *g)
{
    begin();
    *g = st_cond_new();
    if (!*g)
        bench_fail("st_cond_new() failed");
}

static void crowd_gate_free(crowd_gate *g)
{
    st_cond_destroy(*g);
}

static void crowd_wait(crowd_gate *g)
{
    st_cond_wait(*g);
}

static void crowd_open(crowd_gate *g)
{
    st_cond_signal(*g);
}

static void crowd_yield(void)
{
    st_usleep(0);
}

static void crowd_member(size_t number);

static void *run_member(void *arg)
{
    crowd_member((size_t)(uintptr_t)arg);
    return NULL;
}

static void crowd_spawn(size_t number)
{
    (void)spawn(run_member, (void *)(uintptr_t)number, 0);
}

#include "../support/crowd.h"

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
    BENCH_RINGS("st"),
    BENCH_TIME("create", "run_finish", "st", time_create),
    BENCH_CROWDS("st"),
    BENCH_TIME("park", "2", "st", time_park),
    BENCH_TIME("spawn_join", "one", "st", time_create),
    BENCH_TIME("read", "ready", "st", time_read),
    BENCH_MEMORY("st", park),
    BENCH_END,
};
