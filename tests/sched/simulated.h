/* SPDX-License-Identifier: MIT
 *
 * Runs a task in simulated time: a sleep takes none, and deadlines are exact.
 */
#ifndef TESTS_SCHED_SIMULATED_H
#define TESTS_SCHED_SIMULATED_H

#include "support/test.h"

#include <hocket/task.h>

static int64_t simulated_now;

static inline int64_t simulated_clock(void *ctx)
{
    (void)ctx;
    return simulated_now;
}

static inline void simulated_sleep(void *ctx, int64_t until)
{
    (void)ctx;
    simulated_now = until;
}

static const struct hkt_loop_opts simulated = {.clock = simulated_clock,
                                               .sleep_until = simulated_sleep};

/* As hkt_run(), starting at time 0. */
static inline int run_simulated(hkt_task_fn *fn, void *arg)
{
    simulated_now = 0;
    return hkt_run_opts(fn, arg, &simulated);
}

/* Bodies that many tests spawn. */

static inline int sleeper(void *ms)
{
    HKT_TRY(hkt_sleep(HKT_MS((intptr_t)ms)));
    return (int)(intptr_t)ms;
}

static inline int failer(void *code)
{
    HKT_TRY(hkt_sleep(HKT_MS(10)));
    return (int)(intptr_t)code;
}

static inline int returner(void *rc)
{
    return (int)(intptr_t)rc;
}

#define INT_ARG(n) ((void *)(intptr_t)(n))

#endif
