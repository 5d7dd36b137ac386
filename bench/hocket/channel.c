/* SPDX-License-Identifier: MIT
 *
 * Messages between two tasks.
 */
#include "../support/bench.h"

#include <hocket/channel.h>
#include <hocket/queue.h>
#include <hocket/task.h>

HKT_CHANNEL_OF(words, uint64_t);
HKT_QUEUE_OF(slots, uint64_t);

enum { CHANNELS = 4 };

struct run {
    uint64_t n;
    double took;
    struct hkt_channel there[CHANNELS], back;
    struct hkt_queue to, from;
};

static int echo(void *arg)
{
    struct run *r = arg;

    for (uint64_t x; words_recv(&r->there[0], &x) > 0;)
        HKT_TRY(words_send(&r->back, x + 1));
    return 0;
}

static int ask(void *arg)
{
    struct run *r = arg;
    struct hkt_task *t = hkt_spawn(echo, r);
    double start = bench_now();
    uint64_t x = 0;

    for (uint64_t i = 0; i < r->n; i++) {
        HKT_TRY(words_send(&r->there[0], x));
        HKT_TRY(words_recv(&r->back, &x));
    }
    r->took = bench_now() - start;
    if (x != r->n)
        bench_fail("%llu messages", (unsigned long long)x);
    (void)hkt_channel_close(&r->there[0]);
    return hkt_join(t);
}

static int echo_queue(void *arg)
{
    struct run *r = arg;

    for (uint64_t x; slots_get(&r->to, &x) == 0;)
        HKT_TRY(slots_put(&r->from, x + 1));
    return 0;
}

static int ask_queue(void *arg)
{
    struct run *r = arg;
    struct hkt_task *t = hkt_spawn(echo_queue, r);
    double start = bench_now();
    uint64_t x = 0;

    for (uint64_t i = 0; i < r->n; i++) {
        HKT_TRY(slots_put(&r->to, x));
        HKT_TRY(slots_get(&r->from, &x));
    }
    r->took = bench_now() - start;
    if (x != r->n)
        bench_fail("%llu messages", (unsigned long long)x);
    (void)hkt_queue_shutdown(&r->to, false);
    return hkt_join(t);
}

static int send_in_turn(void *arg)
{
    struct run *r = arg;

    for (uint64_t i = 0; i < r->n; i++)
        HKT_TRY(words_send(&r->there[i % CHANNELS], i));
    return 0;
}

static int receive_any(void *arg)
{
    struct run *r = arg;
    struct hkt_task *t = hkt_spawn(send_in_turn, r);
    double start = bench_now();
    uint64_t x, sum = 0;
    struct hkt_case cases[CHANNELS];

    for (int i = 0; i < CHANNELS; i++)
        cases[i] = words_recv_case(&r->there[i], &x);
    for (uint64_t i = 0; i < r->n; i++) {
        HKT_TRY(hkt_select(cases, CHANNELS));
        sum += x;
    }
    r->took = bench_now() - start;
    bench_check_sum(sum, r->n);
    return hkt_join(t);
}

static double time_of(hkt_task_fn *fn, uint64_t n)
{
    static const struct hkt_channel unbuffered = HKT_CHANNEL_INIT(uint64_t);
    static uint64_t room[2];
    struct run r = {
        .n = n,
        .there = {unbuffered, unbuffered, unbuffered, unbuffered},
        .back = unbuffered,
    };

    if (hkt_queue_init(&r.to, &room[0], 1, sizeof *room, NULL) < 0 ||
        hkt_queue_init(&r.from, &room[1], 1, sizeof *room, NULL) < 0 || hkt_run(fn, &r) < 0)
        bench_fail("the run failed");
    return r.took;
}

static double time_channel(uint64_t n)
{
    return time_of(ask, n);
}

static double time_queue(uint64_t n)
{
    return time_of(ask_queue, n);
}

static double time_select(uint64_t n)
{
    return time_of(receive_any, n);
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("queue", "channel", BENCH_IMPL, time_channel),
    BENCH_TIME("queue", "buffered", BENCH_IMPL, time_queue),
    BENCH_TIME("select", "4", BENCH_IMPL, time_select),
    BENCH_END,
};
