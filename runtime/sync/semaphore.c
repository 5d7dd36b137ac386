/* SPDX-License-Identifier: MIT
 *
 * The semaphore. A slot that is released while tasks wait is the next one's at once: value counts
 * those that are nobody's. The chosen task keeps its place until it runs, so whoever comes
 * meanwhile waits behind it even if there are slots, and is served then.
 */
#include "waiters.h"

#include <limits.h>

int hkt_semaphore_init(struct hkt_semaphore *s, int value, int bound)
{
    if (value < 0 || bound < 0 || (bound > 0 && value > bound))
        return -EINVAL;
    *s = (struct hkt_semaphore){.value = value, .bound = bound};
    return 0;
}

static bool give_slot(struct hkt_semaphore *s)
{
    if (s->value == 0 || !s->waiters.pending)
        return false;
    s->value--;
    hkt__waiters_choose(&s->waiters);
    return true;
}

static int wait_for_slot(struct hkt_semaphore *s)
{
    struct hkt__sleeper w;
    int rc = hkt__waiters_wait(&s->waiters, &w, "semaphore");

    if (rc < 0 && w.called)
        s->value++;
    while (give_slot(s))
        continue;
    return rc;
}

int hkt_semaphore_acquire(struct hkt_semaphore *s)
{
    if (!hkt__task_self())
        return -EPERM;
    int rc = hkt_semaphore_try(s);
    return rc == -EAGAIN ? wait_for_slot(s) : rc;
}

int hkt_semaphore_try(struct hkt_semaphore *s)
{
    if (s->value < 0)
        return -EINVAL;
    if (hkt_semaphore_locked(s))
        return -EAGAIN;
    s->value--;
    return 0;
}

int hkt_semaphore_release(struct hkt_semaphore *s)
{
    if (s->value < 0)
        return -EINVAL;
    if (s->value == (s->bound > 0 ? s->bound : INT_MAX))
        return -EOVERFLOW;
    int rc = hkt__waiters_may_wake(&s->waiters);
    if (rc < 0)
        return rc;
    s->value++;
    (void)give_slot(s);
    return 0;
}

void hkt_semaphore_leave(void *semaphore)
{
    (void)hkt_semaphore_release(semaphore);
}
