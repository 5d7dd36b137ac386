/* SPDX-License-Identifier: MIT
 *
 * Once: a lock around the call, which those who come later find has been made.
 */
#include "waiters.h"

static int first_run(struct hkt_once *o, hkt_task_fn *fn, void *arg)
{
    int rc = fn(arg);

    if (rc >= 0) {
        o->rc = rc;
        o->done = true;
    }
    return rc;
}

int hkt__once_run(struct hkt_once *o, hkt_task_fn *fn, void *arg)
{
    int rc = hkt__lock_acquire(&o->lock, "once");

    if (rc < 0)
        return rc;
    rc = o->done ? o->rc : first_run(o, fn, arg);
    (void)hkt_lock_release(&o->lock);
    return rc;
}
