/* SPDX-License-Identifier: MIT */
#include "waiters.h"

int hkt__event_wait(struct hkt_event *e, struct hkt__parting *p)
{
    if (!hkt__task_self())
        return -EPERM;
    return e->set ? 0 : hkt__waiters_part(&e->waiters, p, "event");
}

int hkt_event_set(struct hkt_event *e)
{
    int rc = hkt__waiters_may_wake(&e->waiters);

    if (rc < 0)
        return rc;
    e->set = true;
    hkt__waiters_wake_all(&e->waiters, 0);
    return 0;
}
