/* SPDX-License-Identifier: MIT
 *
 * What the tests of this folder share: a record of who did what in which order, and turns.
 */
#ifndef TESTS_SYNC_ORDER_H
#define TESTS_SYNC_ORDER_H

#include "sched/simulated.h"

#include <hocket/sync.h>

#include <string.h>

static char order[64];

static inline void mark(char c)
{
    size_t n = strlen(order);

    cr_assert_lt(n, sizeof order - 1);
    order[n] = c;
    order[n + 1] = '\0';
}

/* As run_simulated(), with nothing recorded yet. */
static inline int run_ordered(hkt_task_fn *fn)
{
    memset(order, 0, sizeof order);
    return run_simulated(fn, NULL);
}

/* Lets all others go on until they wait. */
static inline void settle(void)
{
    for (int i = 0; i < 12; i++)
        cr_assert_eq(hkt_sleep(0), 0);
}

/* A task that was let run until it waits. */
static inline struct hkt_task *begun(hkt_task_fn *fn, void *arg)
{
    struct hkt_task *t = hkt_spawn(fn, arg);

    settle();
    return t;
}

#endif
