/* SPDX-License-Identifier: MIT
 *
 * A million tasks that wait, half of them for a time that is far off and half for a message: what
 * it takes until all do, what each takes meanwhile, awake and put aside, and what it takes to have
 * all of them go on.
 */
#include "../support/bench.h"

#include <hocket/hocket.h>

enum { MILLION = 1000000 };

struct crowd {
    uint64_t n, waiting, woken;
    struct hkt_channel channel;
    struct hkt_group group;
    double began, took;
};

static int wait_for_a_time(void *arg)
{
    char locals[BENCH_LOCALS];
    struct crowd *c = arg;

    bench_touch(locals, sizeof locals);
    c->waiting++;
    int rc = hkt_sleep(HKT_SEC(3600));
    bench_touch(locals, sizeof locals);
    c->woken++;
    return rc == -ECANCELED ? 0 : rc;
}

static int wait_for_a_message(void *arg)
{
    char locals[BENCH_LOCALS];
    struct crowd *c = arg;
    int message;

    bench_touch(locals, sizeof locals);
    c->waiting++;
    int rc = hkt_channel_recv(&c->channel, &message, sizeof message);
    bench_touch(locals, sizeof locals);
    c->woken++;
    return rc;
}

static void check(int rc, const char *what)
{
    if (rc < 0)
        bench_fail("%s: %s", what, hkt_strerror(rc));
}

static void begin(struct crowd *c)
{
    check(hkt_channel_init(&c->channel, NULL, 0, sizeof(int)), "channel");
    c->began = bench_now();
    for (uint64_t i = 0; i < c->n; i++)
        hkt_detach(hkt_spawn(i % 2 ? wait_for_a_message : wait_for_a_time, c));
    while (c->waiting < c->n)
        check(hkt_sleep(0), "turn");
    c->took = bench_now() - c->began;
}

/* Together, as a loop does it. */
static void put_all_aside(struct crowd *c)
{
    c->began = bench_now();
    ssize_t n = hkt_hibernate_all(0);
    c->took = bench_now() - c->began;
    if (n != (ssize_t)c->n)
        bench_fail("%zd of %llu hibernate", n, (unsigned long long)c->n);
}

static void put_each_aside(struct crowd *c)
{
    struct hkt_loop *loop = hkt_loop_current();

    c->began = bench_now();
    for (struct hkt_task *t = NULL; (t = hkt_task_next(loop, t)) != NULL;)
        if (t != hkt_task_current())
            check(hkt_task_hibernate(t), "hibernate");
    c->took = bench_now() - c->began;
}

/* Those who sleep are cancelled, the others are told that no message will come. */
static void wake_all(struct crowd *c)
{
    struct hkt_loop *loop = hkt_loop_current();

    c->began = bench_now();
    check(hkt_channel_close(&c->channel), "close");
    for (struct hkt_task *t = NULL; (t = hkt_task_next(loop, t)) != NULL;)
        if (t != hkt_task_current())
            (void)hkt_task_cancel(t);
    while (c->woken < c->n)
        check(hkt_sleep(0), "turn");
    c->took = bench_now() - c->began;
}

static int build(void *arg)
{
    begin(arg);
    return 0;
}

static int hibernate(void *arg)
{
    begin(arg);
    put_all_aside(arg);
    return 0;
}

static int hibernate_singly(void *arg)
{
    begin(arg);
    put_each_aside(arg);
    return 0;
}

static int wake(void *arg)
{
    begin(arg);
    wake_all(arg);
    return 0;
}

static int wake_hibernating(void *arg)
{
    begin(arg);
    put_all_aside(arg);
    wake_all(arg);
    return 0;
}

static double run(hkt_task_fn *fn, uint64_t n)
{
    struct crowd c = {.n = n};

    check(hkt_run(fn, &c), "run");
    return c.took;
}

static double time_build(uint64_t n)
{
    return run(build, n);
}

static double time_wake(uint64_t n)
{
    return run(wake, n);
}

static double time_hibernate(uint64_t n)
{
    return run(hibernate, n);
}

static double time_hibernate_singly(uint64_t n)
{
    return run(hibernate_singly, n);
}

static double time_wake_hibernating(uint64_t n)
{
    return run(wake_hibernating, n);
}

/* All that are there are cancelled at the loop's end, run to theirs, and are given back. */
static double time_end(uint64_t n)
{
    struct crowd c = {.n = n};
    struct hkt_loop *loop = hkt_loop_new(NULL);

    check(hkt_loop_run(loop, build, &c), "run");
    double start = bench_now();
    check(hkt_loop_free(loop), "end");
    return bench_now() - start;
}

static struct crowd parked;

static void park_in_a_loop(hkt_task_fn *fn, size_t n)
{
    parked.n = n;
    check(hkt_loop_run(hkt_loop_new(NULL), fn, &parked), "run");
}

static void park_awake(void **slot, size_t n)
{
    (void)slot;
    park_in_a_loop(build, n);
}

static void park_hibernating(void **slot, size_t n)
{
    (void)slot;
    park_in_a_loop(hibernate, n);
}

#define MEMORY(name, fn)                                                                           \
    {                                                                                              \
        "million", name, BENCH_IMPL, NULL, MILLION, fn, 0                                          \
    }

const struct bench_entry bench_table[] = {
    BENCH_COUNT("million", "build", BENCH_IMPL, time_build, MILLION),
    MEMORY("memory", park_awake),
    BENCH_COUNT("million", "wake", BENCH_IMPL, time_wake, MILLION),
    BENCH_COUNT("million", "end", BENCH_IMPL, time_end, MILLION),
    BENCH_COUNT("million", "hibernate", BENCH_IMPL, time_hibernate, MILLION),
    BENCH_COUNT("million", "hibernate_singly", BENCH_IMPL, time_hibernate_singly, MILLION),
    MEMORY("memory_hibernating", park_hibernating),
    BENCH_COUNT("million", "wake_hibernating", BENCH_IMPL, time_wake_hibernating, MILLION),
    BENCH_END,
};
