/* SPDX-License-Identifier: MIT
 *
 * The lock for readers and writers. It is given to those who wait, in their order, as soon as it
 * can be: a woken task has it.
 */
#include "waiters.h"

#include <stdio.h>

static bool held(const struct hkt_rwlock *l, bool write)
{
    return l->writer.task || (write && l->readers > 0);
}

static void give(struct hkt_rwlock *l, const struct hkt_loop *loop, struct hkt_task *t, bool write)
{
    if (write)
        l->writer = hkt__holder(loop, t);
    else
        l->readers++;
}

static void take_away(struct hkt_rwlock *l)
{
    if (l->writer.task)
        l->writer.task = NULL;
    else
        l->readers--;
}

/* Gives it to as many as can have it. */
static void pass_on(struct hkt_rwlock *l)
{
    const struct hkt__sleeper *s;

    while ((s = l->waiters.first) != NULL && !held(l, s->writes)) {
        give(l, s->loop, s->task, s->writes);
        hkt__waiters_wake(&l->waiters, 0);
    }
}

static int try(struct hkt_rwlock *l, bool write)
{
    struct hkt_task *self = hkt__task_self();

    if (!self)
        return -EPERM;
    if (held(l, write) || l->waiters.first)
        return -EBUSY;
    give(l, hkt__loop, self, write);
    return 0;
}

static void describe(const struct hkt__wait *w, int64_t now, char *out, size_t size)
{
    const char *queue = (const char *)((const struct hkt__sleeper *)(const void *)w)->queue;
    const struct hkt_rwlock *l =
        (const struct hkt_rwlock *)(const void *)(queue - offsetof(struct hkt_rwlock, waiters));

    (void)now;
    if (l->readers > 0)
        snprintf(out, size, ", held by %d readers", l->readers);
    else
        hkt__holder_describe(&l->writer, out, size);
}

static const struct hkt__wait_kind rwlock_kind = {.abort = hkt__sleeper_abort,
                                                  .describe = describe};

static int acquire(struct hkt_rwlock *l, bool write, const char *why)
{
    struct hkt__sleeper s = {.writes = write};
    int rc = try(l, write);

    if (rc != -EBUSY)
        return rc;
    if (hkt__holds(&l->writer, hkt__task_self()))
        return -EDEADLK;
    rc = hkt__waiters_wait_as(&l->waiters, &s, why, &rwlock_kind);
    if (rc < 0 && s.called)
        take_away(l);
    if (rc == -ECANCELED) /* also a writer that only waited kept those behind it from reading */
        pass_on(l);
    return rc;
}

int hkt_rwlock_acquire_read(struct hkt_rwlock *l)
{
    return acquire(l, false, "read lock");
}

int hkt_rwlock_acquire_write(struct hkt_rwlock *l)
{
    return acquire(l, true, "write lock");
}

int hkt_rwlock_try_read(struct hkt_rwlock *l)
{
    return try(l, false);
}

int hkt_rwlock_try_write(struct hkt_rwlock *l)
{
    return try(l, true);
}

int hkt_rwlock_release(struct hkt_rwlock *l)
{
    int rc = hkt__waiters_may_wake(&l->waiters);

    if (!held(l, true))
        return -EPERM;
    if (rc < 0)
        return rc;
    take_away(l);
    pass_on(l);
    return 0;
}

void hkt_rwlock_leave(void *rwlock)
{
    (void)hkt_rwlock_release(rwlock);
}
