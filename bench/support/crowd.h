/* SPDX-License-Identifier: MIT
 *
 * The bench `yield`, the same for every library that has a scheduler. Before it is included:
 *
 *      typedef ... crowd_gate;                      what a task can wait at
 *      void crowd_gate_make(crowd_gate *g)          g is zeroed memory
 *      void crowd_gate_free(crowd_gate *g)
 *      void crowd_wait(crowd_gate *g)               until it is opened, which happens once
 *      void crowd_open(crowd_gate *g)
 *      void crowd_spawn(size_t number)              a task that runs crowd_member(number)
 *      void crowd_yield(void)                       gives up the turn
 *
 * Each task waits at a gate of its own, and the gates are opened in the order in which they are to
 * run. The main task waits for the last of them, and takes no turns.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "bench.h"
#include "order.h"

#include <string.h>

static struct crowd {
    size_t n;
    uint64_t turns; /* of each */
    size_t waiting, ended;
    crowd_gate *gates, all_ended;
    double start, end;
} crowd;

static void crowd_member(size_t number)
{
    uint64_t turns = crowd.turns;

    crowd.waiting++;
    crowd_wait(&crowd.gates[number]);
    crowd_yield();
    if (crowd.start == 0)
        crowd.start = bench_now();
    for (uint64_t i = 0; i < turns; i++)
        crowd_yield();
    if (crowd.end == 0) /* when the first has had its turns, so have the others */
        crowd.end = bench_now();
    if (++crowd.ended == crowd.n)
        crowd_open(&crowd.all_ended);
}

static void crowd_run(int shuffled)
{
    size_t *order = bench_order(crowd.n, shuffled);

    for (size_t i = 0; i < crowd.n; i++)
        crowd_spawn(i);
    while (crowd.waiting < crowd.n)
        crowd_yield();
    for (size_t i = 0; i < crowd.n; i++)
        crowd_open(&crowd.gates[order[i]]);
    crowd_wait(&crowd.all_ended);
    free(order);
}

static double crowd_time(uint64_t n, size_t tasks, int shuffled)
{
    uint64_t turns = (n + tasks - 1) / tasks;

    memset(&crowd, 0, sizeof crowd);
    crowd.n = tasks;
    crowd.turns = turns < 4 ? 4 : turns;
    crowd.gates = (crowd_gate *)calloc(tasks, sizeof *crowd.gates);
    if (!crowd.gates)
        bench_fail("no memory");
    for (size_t i = 0; i < tasks; i++)
        crowd_gate_make(&crowd.gates[i]);
    crowd_gate_make(&crowd.all_ended);
    crowd_run(shuffled);
    for (size_t i = 0; i < tasks; i++)
        crowd_gate_free(&crowd.gates[i]);
    crowd_gate_free(&crowd.all_ended);
    free(crowd.gates);
    /* What was done may be more than was asked for. */
    return (crowd.end - crowd.start) * ((double)n / (double)(crowd.turns * tasks)) - bench_loop(n);
}

#include "crowd_sizes.h"

#endif
