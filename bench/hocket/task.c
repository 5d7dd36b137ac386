/* SPDX-License-Identifier: MIT
 *
 * What it costs a task to give up its turn among so many others, to wait for what another does, and
 * to be made, run and joined.
 */
#include "../support/bench.h"
#include "../support/order.h"

#include <hocket/sync.h>
#include <hocket/task.h>

#include <stdlib.h>

struct crowd {
    size_t n;
    uint64_t turns; /* of each */
    int shuffled;
    size_t waiting, ended;
    struct hkt_future *gates; /* that each waits at before it begins, to be in a chosen order */
    struct hkt_future all_ended;
    double start, end;
};

struct member {
    struct crowd *crowd;
    size_t number;
};

static int take_turns(void *arg)
{
    const struct member *m = arg;
    struct crowd *c = m->crowd;
    uint64_t turns = c->turns;

    c->waiting++;
    int rc = hkt_await(&c->gates[m->number]);
    rc |= hkt_sleep(0);
    if (c->start == 0)
        c->start = bench_now();
    for (uint64_t i = 0; i < turns; i++)
        rc |= hkt_sleep(0);
    if (c->end == 0) /* when the first has had its turns, so have the others */
        c->end = bench_now();
    if (++c->ended == c->n)
        rc |= hkt_future_set(&c->all_ended, 0, NULL);
    return rc;
}

static int run_crowd(void *arg)
{
    struct crowd *c = arg;
    struct member *members = calloc(c->n, sizeof *members);
    /* In which they begin, and go on taking turns. */
    size_t *order = bench_order(c->n, c->shuffled);

    c->gates = calloc(c->n, sizeof *c->gates);
    if (!members || !order || !c->gates)
        bench_fail("no memory");
    for (size_t i = 0; i < c->n; i++) {
        members[i] = (struct member){c, i};
        struct hkt_task *t = hkt_spawn(take_turns, &members[i]);
        if (!t)
            bench_fail("no memory after %zu tasks", i);
        hkt_detach(t);
    }
    int rc = 0;
    while (c->waiting < c->n)
        rc |= hkt_sleep(0);
    for (size_t i = 0; i < c->n; i++)
        rc |= hkt_future_set(&c->gates[order[i]], 0, NULL);
    rc |= hkt_await(&c->all_ended);
    free(members);
    free(order);
    free(c->gates);
    return rc;
}

static double crowd_time(uint64_t n, size_t tasks, int shuffled)
{
    uint64_t turns = (n + tasks - 1) / tasks;
    struct crowd c = {.n = tasks, .turns = turns < 4 ? 4 : turns, .shuffled = shuffled};
    int rc = hkt_run(run_crowd, &c);

    if (rc < 0)
        bench_fail("%s", hkt_strerror(rc));
    /* What was done may be more than was asked for. */
    return (c.end - c.start) * ((double)n / (double)(c.turns * tasks)) - bench_loop(n);
}

#include "../support/crowd_sizes.h"

struct pair {
    uint64_t turns; /* of each */
    struct hkt_event event[2];
    size_t parts;
    double took;
};

/* Has the other go on, and waits until it has done the same. */
static int take_part(void *arg)
{
    struct pair *p = arg;
    struct hkt_event *own = &p->event[p->parts++], *other = &p->event[p->parts & 1];
    uint64_t turns = p->turns;

    for (uint64_t i = 0; i < turns; i++) {
        HKT_TRY(hkt_event_set(other));
        HKT_TRY(hkt_event_wait(own));
        hkt_event_clear(own);
    }
    return hkt_event_set(other);
}

static int run_pair(void *arg)
{
    struct pair *p = arg;
    double start = bench_now();
    struct hkt_task *first = hkt_spawn(take_part, p), *second = hkt_spawn(take_part, p);

    HKT_TRY(hkt_join(first));
    HKT_TRY(hkt_join(second));
    p->took = bench_now() - start;
    return 0;
}

static double time_park(uint64_t n)
{
    struct pair p = {.turns = n / 2};
    int rc = hkt_run(run_pair, &p);

    if (rc < 0)
        bench_fail("%s", hkt_strerror(rc));
    return p.took - bench_loop(n);
}

static int end_at_once(void *arg)
{
    ++*(uint64_t *)arg;
    return 0;
}

struct life {
    uint64_t n, ended;
    double took;
};

static int spawn_and_join(void *arg)
{
    struct life *l = arg;
    double start = bench_now();
    int rc = 0;

    for (uint64_t i = 0; i < l->n; i++)
        rc |= hkt_join(hkt_spawn(end_at_once, &l->ended));
    l->took = bench_now() - start;
    return rc;
}

static double time_spawn_join(uint64_t n)
{
    struct life l = {.n = n};
    int rc = hkt_run(spawn_and_join, &l);

    if (rc < 0 || l.ended != n)
        bench_fail("%llu ran: %s", (unsigned long long)l.ended, hkt_strerror(rc));
    return l.took;
}

const struct bench_entry bench_table[] = {
    BENCH_CROWDS(BENCH_IMPL),
    BENCH_TIME("park", "2", BENCH_IMPL, time_park),
    BENCH_TIME("spawn_join", "one", BENCH_IMPL, time_spawn_join),
    BENCH_END,
};
