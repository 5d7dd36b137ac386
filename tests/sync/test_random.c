/* SPDX-License-Identifier: MIT
 *
 * Tasks that send and receive at random, by calls and by selects, through an unbuffered channel, a
 * buffered one and a queue, and are cancelled at random. Each number is sent by one task, in rising
 * order; whatever a call says to have sent is received once, and nothing else is.
 */
#include "sync/ints.h"

#include <hocket/queue.h>

HKT_QUEUE_OF(slots, int);

enum { WORKERS = 6, CALLS = 300, PLACES = 3, QUEUE = 2 };

struct model {
    struct hkt_channel channel[2];
    struct hkt_queue queue;
    uint32_t seed;
    uint8_t sent[WORKERS * CALLS], received[WORKERS * CALLS];
    int cancelled, selects;
};

struct worker {
    struct model *m;
    int id;
    int last[PLACES][WORKERS]; /* the highest number received from each */
};

static uint32_t random_below(struct model *m, uint32_t n)
{
    m->seed = m->seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(m->seed >> 8) * n >> 24);
}

static void got(struct worker *w, int place, int x)
{
    int from = x / CALLS;

    cr_assert(x >= 0 && x < WORKERS * CALLS);
    cr_assert_eq(w->m->received[x]++, 0, "%d came twice", x);
    cr_assert_lt(w->last[place][from], x, "out of order");
    w->last[place][from] = x;
}

static int one_send(struct worker *w, int place, int x)
{
    struct model *m = w->m;
    int rc = place == QUEUE ? slots_put(&m->queue, x) : ints_send(&m->channel[place], x);

    if (rc == 0)
        m->sent[x] = 1;
    return rc;
}

static int one_recv(struct worker *w, int place)
{
    struct model *m = w->m;
    int x = -1;
    int rc = place == QUEUE ? slots_get(&m->queue, &x) : ints_recv(&m->channel[place], &x);

    if (rc >= 0)
        got(w, place, x);
    return rc;
}

/* Any of: send or receive at either channel. */
static int one_select(struct worker *w, int x)
{
    struct model *m = w->m;
    int in[2] = {-1, -1};
    struct hkt_case cases[] = {
        ints_recv_case(&m->channel[0], &in[0]), ints_send_case(&m->channel[0], &x),
        ints_recv_case(&m->channel[1], &in[1]), ints_send_case(&m->channel[1], &x)};
    int rc;

    if (random_below(m, 2))
        cases[random_below(m, 4)] = hkt_case_after(HKT_NS(random_below(m, 3)));
    rc = hkt_select(cases, 4);
    if (rc < 0)
        return rc;
    m->selects++;
    if (in[rc / 2] >= 0)
        got(w, rc / 2, in[rc / 2]);
    else if (!cases[rc].value) /* the time came */
        return 0;
    else
        m->sent[x] = 1;
    cr_assert(in[0] < 0 || in[1] < 0);
    return 0;
}

static int work(void *arg)
{
    struct worker *w = arg;
    struct model *m = w->m;

    for (int i = 0; i < CALLS; i++) {
        int place = (int)random_below(m, PLACES), x = w->id * CALLS + i, rc;
        switch (random_below(m, 4)) {
        case 0:
            rc = one_send(w, place, x);
            break;
        case 1:
            rc = one_recv(w, place);
            break;
        case 2:
            rc = one_select(w, x);
            break;
        default:
            rc = hkt_sleep(0);
        }
        cr_assert(rc >= 0 || rc == -ECANCELED, "%d", rc);
        m->cancelled += rc == -ECANCELED;
    }
    return 0;
}

static void drain(struct model *m)
{
    struct worker last = {.m = m};
    int x;

    memset(last.last, -1, sizeof last.last);
    for (int i = 0; i < 2; i++)
        while (ints_try_recv(&m->channel[i], &x) == 1)
            got(&last, i, x);
    while (slots_get_nowait(&m->queue, &x) == 0)
        got(&last, QUEUE, x);
}

static int run_model(void *arg)
{
    struct model *m = arg;
    struct worker w[WORKERS];
    struct hkt_task *t[WORKERS];
    int left = WORKERS;

    memset(w, -1, sizeof w);
    for (int i = 0; i < WORKERS; i++) {
        w[i].m = m;
        w[i].id = i;
        t[i] = hkt_spawn(work, &w[i]);
    }
    while (left > 0) { /* those who wait for what cannot come are cancelled sooner or later */
        HKT_TRY(hkt_sleep(0));
        int i = (int)random_below(m, WORKERS);
        if (random_below(m, 3) == 0 && t[i] && !hkt_task_done(t[i]))
            (void)hkt_task_cancel(t[i]);
        left = 0;
        for (i = 0; i < WORKERS; i++)
            left += !hkt_task_done(t[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        int rc = hkt_join(t[i]);
        cr_assert(rc == 0 || rc == -ECANCELED);
    }
    drain(m);
    for (int i = 0; i < WORKERS * CALLS; i++)
        cr_assert_eq(m->sent[i], m->received[i], "%d", i);
    cr_assert(m->cancelled > 50 && m->selects > 50);
    return hkt_queue_free(&m->queue);
}

Test(random, nothing_is_lost_and_nothing_comes_twice)
{
    static struct model m;
    int buffer[2], room[2];

    for (uint32_t seed = 1; seed <= 5; seed++) {
        m = (struct model){
            .channel = {HKT_CHANNEL_INIT(int), HKT_BUFFERED_CHANNEL_INIT(buffer)},
            .queue = HKT_QUEUE_INIT(room),
            .seed = seed,
        };
        cr_assert_eq(run_simulated(run_model, &m), 0);
    }
}
