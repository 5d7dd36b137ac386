/* SPDX-License-Identifier: MIT
 *
 * Generators and tasks in each other. A generator's yield goes to whoever stepped it, a park goes
 * to the loop: so a body may await, through any number of generators, and nothing in between has to
 * help.
 */
#include "sched.h"

int hkt_gen_call(struct hkt_gen *self, hkt_task_fn *fn, void *arg)
{
    (void)self;
    return hkt__task_self() ? fn(arg) : -EPERM;
}

int hkt_gen_await(struct hkt_gen *self, struct hkt_future *f)
{
    if (hkt__task_self())
        return hkt_await(f);
    while (hkt_future_state(f) == HKT_PENDING)
        HKT_TRY(hkt_yield(self, f, NULL));
    return hkt_future_result(f);
}

int hkt_await_gen(struct hkt_gen *g)
{
    int code = 0;

    if (!hkt__task_self())
        return -EPERM;
    for (;;) {
        void *awaited;
        int rc = code < 0 ? hkt_gen_throw(g, code, &awaited) : hkt_gen_next(g, &awaited);
        if (rc <= 0)
            return rc;
        code = awaited ? hkt_await(awaited) : hkt__turn();
    }
}
