/* SPDX-License-Identifier: MIT
 *
 * The condition. A notified task is out of its queue at once and goes to the end of the lock's.
 */
#include "waiters.h"

static int may_wait(struct hkt_cond *c, const struct hkt_lock *l)
{
    const struct hkt_task *self = hkt__task_self();

    if (!self || !hkt__holds(&l->holder, self))
        return -EPERM;
    int rc = hkt__waiters_may_wait(&c->waiters);
    return rc < 0 ? rc : hkt__waiters_may_wait(&l->waiters);
}

/* A task that is cancelled goes on waiting for the lock, and answers for it afterwards. */
static int take_back(struct hkt_lock *l)
{
    int rc, cancelled = 0;

    while ((rc = hkt_lock_acquire(l)) == -ECANCELED)
        cancelled = rc;
    return rc < 0 ? rc : cancelled;
}

int hkt_cond_wait(struct hkt_cond *c)
{
    struct hkt_lock *l = hkt_cond_lock(c);
    struct hkt__sleeper s;
    int rc = may_wait(c, l);

    if (rc < 0 || (rc = hkt_lock_release(l)) < 0)
        return rc;
    rc = hkt__waiters_wait(&c->waiters, &s, "condition");
    int back = take_back(l);
    if (back < 0)
        rc = back;
    if (rc < 0 && s.called && c->waiters.first)
        hkt__waiters_wake(&c->waiters, 0);
    return rc;
}

int hkt_cond_wait_for(struct hkt_cond *c, int (*holds)(void *arg), void *arg)
{
    int rc = may_wait(c, hkt_cond_lock(c));

    while (rc == 0 && (rc = holds(arg)) == 0)
        rc = hkt_cond_wait(c);
    return rc;
}

int hkt_cond_notify(struct hkt_cond *c, size_t n)
{
    int rc = hkt__waiters_may_wake(&c->waiters);

    if (!hkt_lock_locked(hkt_cond_lock(c)))
        return -EPERM;
    for (; rc == 0 && n > 0 && c->waiters.first; n--)
        hkt__waiters_wake(&c->waiters, 0);
    return rc;
}

int hkt_cond_notify_all(struct hkt_cond *c)
{
    return hkt_cond_notify(c, SIZE_MAX);
}
