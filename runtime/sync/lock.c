/* SPDX-License-Identifier: MIT
 *
 * The lock. Releasing it leaves it free and chooses the first waiter, who takes it when it runs; a
 * free lock with waiters has one that is chosen.
 */
#include "waiters.h"

static void choose_first(struct hkt_lock *l)
{
    if (l->waiters.first && l->waiters.first == l->waiters.pending)
        hkt__waiters_choose(&l->waiters);
}

static void describe(const struct hkt__wait *w, int64_t now, char *out, size_t size)
{
    const char *queue = (const char *)((const struct hkt__sleeper *)(const void *)w)->queue;

    (void)now;
    hkt__holder_describe(
        &((const struct hkt_lock *)(const void *)(queue - offsetof(struct hkt_lock, waiters)))
             ->holder,
        out, size);
}

static const struct hkt__wait_kind lock_kind = {.abort = hkt__sleeper_abort, .describe = describe};

int hkt__lock_acquire(struct hkt_lock *l, const char *why)
{
    struct hkt_task *self = hkt__task_self();
    struct hkt__sleeper s;
    int rc = 0;

    if (!self)
        return -EPERM;
    if (hkt__holds(&l->holder, self))
        return -EDEADLK;
    if (l->holder.task || l->waiters.first)
        rc = hkt__waiters_wait_as(&l->waiters, &s, why, &lock_kind);
    if (rc == 0)
        l->holder = hkt__holder(hkt__loop, self);
    else if (!l->holder.task)
        choose_first(l);
    return rc;
}

int hkt__lock_release(struct hkt_lock *l)
{
    int rc = hkt__waiters_may_wake(&l->waiters);

    if (!l->holder.task)
        return -EPERM;
    if (rc < 0)
        return rc;
    l->holder.task = NULL;
    choose_first(l);
    return 0;
}
