/* SPDX-License-Identifier: MIT */
#include "waiters.h"

#include <limits.h>

int hkt_waitgroup_add(struct hkt_waitgroup *g, int n)
{
    int64_t count = (int64_t)g->count + n;

    if (count < 0 || count > INT_MAX)
        return -EOVERFLOW;
    int rc = count == 0 ? hkt__waiters_may_wake(&g->waiters) : 0;
    if (rc < 0)
        return rc;
    g->count = (int)count;
    if (count == 0)
        hkt__waiters_wake_all(&g->waiters, 0);
    return 0;
}

int hkt_waitgroup_done(struct hkt_waitgroup *g)
{
    return hkt_waitgroup_add(g, -1);
}

void hkt_waitgroup_leave(void *waitgroup)
{
    (void)hkt_waitgroup_done(waitgroup);
}

int hkt_waitgroup_wait(struct hkt_waitgroup *g)
{
    struct hkt__sleeper s;

    if (!hkt__task_self())
        return -EPERM;
    return g->count == 0 ? 0 : hkt__waiters_wait(&g->waiters, &s, "wait group");
}
