/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait, and whose stacks are put aside.
 */
#ifndef TESTS_SCHED_RESTING_H
#define TESTS_SCHED_RESTING_H

#include "base/where.h"
#include "io/backends.h"
#include "sched/sched.h"

#include <hocket/hocket.h>

#define MS(n) ((void *)(intptr_t)(n))

static inline int nap(void *ms)
{
    return hkt_sleep(HKT_MS((intptr_t)ms));
}

static inline void need_hibernation(void)
{
    if (where_valgrind())
        cr_skip_test("no stack is put aside under Valgrind");
}

static inline void put_aside(struct hkt_task *t)
{
    int rc = hkt_task_hibernate(t);

    cr_assert_eq(rc, 0, "%s: %s", hkt_task_name(t, (char[32]){0}, 32), hkt_strerror(rc));
    cr_assert(hkt_task_hibernates(t));
    cr_assert_eq(hkt_task_hibernate(t), -EALREADY);
}

static inline void cancel_and_join(struct hkt_task *const *t, int n)
{
    for (int i = 0; i < n; i++) {
        (void)hkt_task_cancel(t[i]);
        cr_assert_eq(hkt_join(t[i]), -ECANCELED);
    }
}

#endif
