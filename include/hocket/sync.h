/* SPDX-License-Identifier: MIT
 *
 * hocket/sync.h: what tasks of one loop wait for each other with: lock, event, condition,
 * semaphore, barrier, lock for readers and writers, once, wait group.
 *
 * All are by value: embedded, static or on a stack; zeroed memory is a fresh one (of a barrier, one
 * without parties), and nothing has to be destroyed. None allocates. An object stays in place while
 * tasks wait for it or hold it. Events and wait groups are let go of by the call that wakes, so
 * they may end as soon as that returns.
 *
 * Whoever waits is served in the order of coming, and a newcomer does not pass those who wait. To
 * release wakes the first of them, who runs when its turn comes. Calls that wait answer besides
 *
 *      -ECANCELED  the task was cancelled; what it had been chosen for has gone to the next one
 *      -EPERM      not in a task
 *      -EXDEV      tasks of another loop wait for this object
 *
 * and calls that wake answer -EXDEV, and do nothing, when those who wait belong to another thread.
 * A time limit is a scope around any of them: hkt_timeout_enter() in task.h.
 *
 * Between two calls that may suspend nothing else runs on the thread, so data that a task changes
 * without suspending needs no lock.
 */
#ifndef HOCKET_SYNC_H
#define HOCKET_SYNC_H

#include <hocket/base.h>
#include <hocket/loop.h>
#include <hocket/task.h>

#include <stdbool.h>

/* Private: tasks that wait, in the order in which they came; those before `pending` were chosen and
 * have not run yet. */
struct hkt__sleeper;
struct hkt__waiters {
    struct hkt__sleeper *first, *last, *pending;
    size_t count;
};

/* Private: a task, and how many its loop had made when it took hold. A later one in the same memory
 * is thus not taken for it. */
struct hkt__holder {
    struct hkt_task *task;
    uint64_t made;
};

/* One task at a time. Any task may release it, and also a callback. Fields are private.
 * asyncio: Lock. */
struct hkt_lock {
    struct hkt__holder holder;
    struct hkt__waiters waiters;
};

/* A flag that is waited for. Fields are private. asyncio: Event. */
struct hkt_event {
    struct hkt__waiters waiters;
    bool set;
};

/* Waiting, with a lock held, for others to change what it protects. Fields are private.
 * asyncio: Condition. */
struct hkt_cond {
    struct hkt_lock *lock; /* NULL: its own */
    struct hkt_lock own;
    struct hkt__waiters waiters;
};

/* A number of slots. Fields are private. asyncio: Semaphore, BoundedSemaphore. */
struct hkt_semaphore {
    struct hkt__waiters waiters;
    int value;
    int bound; /* 0: none */
};

/* A number of tasks that go on together. Fields are private. asyncio: Barrier. */
struct hkt_barrier {
    struct hkt__waiters waiters;
    int parties;
    int leaving; /* woken, and have not run yet */
    int state;
};

/* Many readers or one writer, in the order of coming: a reader waits behind a writer that waits, so
 * neither starves. Fields are private. */
struct hkt_rwlock {
    struct hkt__holder writer;
    struct hkt__waiters waiters;
    int readers;
};

/* Something that is done by the first who asks. Fields are private. Go: sync.Once. */
struct hkt_once {
    struct hkt_lock lock;
    int rc;
    bool done;
};

/* A count of things that are not finished. Fields are private. Go: sync.WaitGroup. */
struct hkt_waitgroup {
    struct hkt__waiters waiters;
    int count;
};

/* Initialisers. */
#define HKT_LOCK_INIT                                                                              \
    {                                                                                              \
        {NULL, 0}, HKT__WAITERS_INIT                                                               \
    }
#define HKT_EVENT_INIT                                                                             \
    {                                                                                              \
        HKT__WAITERS_INIT, false                                                                   \
    }
#define HKT_COND_INIT HKT_COND_WITH(NULL)
/* With a lock of the caller's, which several conditions may share. */
#define HKT_COND_WITH(lock)                                                                        \
    {                                                                                              \
        (lock), HKT_LOCK_INIT, HKT__WAITERS_INIT                                                   \
    }
#define HKT_SEMAPHORE_INIT(value)                                                                  \
    {                                                                                              \
        HKT__WAITERS_INIT, (value), 0                                                              \
    }
/* Releasing it beyond `value` slots, at least 1, is an error. */
#define HKT_BOUNDED_SEMAPHORE_INIT(value)                                                          \
    {                                                                                              \
        HKT__WAITERS_INIT, (value), (value)                                                        \
    }
#define HKT_BARRIER_INIT(parties)                                                                  \
    {                                                                                              \
        HKT__WAITERS_INIT, (parties), 0, 0                                                         \
    }
#define HKT_RWLOCK_INIT                                                                            \
    {                                                                                              \
        {NULL, 0}, HKT__WAITERS_INIT, 0                                                            \
    }
#define HKT_ONCE_INIT                                                                              \
    {                                                                                              \
        HKT_LOCK_INIT, 0, false                                                                    \
    }
#define HKT_WAITGROUP_INIT                                                                         \
    {                                                                                              \
        HKT__WAITERS_INIT, 0                                                                       \
    }
#define HKT__WAITERS_INIT                                                                          \
    {                                                                                              \
        NULL, NULL, NULL, 0                                                                        \
    }

HKT_BEGIN_DECLS

/* The ways behind the inline doors. */
HKT_API HKT_MUST_CHECK int hkt__lock_acquire(struct hkt_lock *l, const char *why);
HKT_API int hkt__lock_release(struct hkt_lock *l);
HKT_API_FAST HKT_MUST_CHECK int hkt__event_wait(struct hkt_event *e, struct hkt__parting *p);
HKT_API HKT_MUST_CHECK int hkt__once_run(struct hkt_once *o, hkt_task_fn *fn, void *arg);

/* Lock */

/* What: takes the lock. Returns: 0; -EDEADLK: the caller has it; -ECANCELED, and it was not taken.
 * Suspends: if it is held, or others wait. asyncio: acquire(). */
HKT_INLINE hkt_async int hkt_lock_acquire(struct hkt_lock *l)
{
    struct hkt_task *self = hkt_task_current();

    if (HKT_UNLIKELY(!self || l->holder.task || l->waiters.first))
        return hkt__lock_acquire(l, "lock");
    l->holder.task = self;
    l->holder.made = hkt__tasks_made(hkt__loop);
    return 0;
}

/* What: takes it if that needs no waiting. Returns: 0; -EBUSY: it is held, or others wait; -EPERM:
 * not in a task. Suspends: never. */
HKT_INLINE HKT_MUST_CHECK int hkt_lock_try(struct hkt_lock *l)
{
    return l->holder.task || l->waiters.first ? -EBUSY : hkt_lock_acquire(l);
}

/* What: gives the lock back and wakes the first who waits. Until that one runs the lock reads
 * unlocked, and is nobody else's.
 * Returns: 0; -EPERM: it is not held; -EXDEV. Suspends: never. asyncio: release(). */
HKT_INLINE int hkt_lock_release(struct hkt_lock *l)
{
    if (HKT_UNLIKELY(!l->holder.task || l->waiters.first))
        return hkt__lock_release(l);
    l->holder.task = NULL;
    return 0;
}

/* What: the same in the form that HKT_DEFER() takes. lock: a struct hkt_lock. */
HKT_INLINE void hkt_lock_leave(void *lock)
{
    (void)hkt_lock_release((struct hkt_lock *)lock);
}

/* What: whether somebody has it. asyncio: locked(). */
HKT_INLINE bool hkt_lock_locked(const struct hkt_lock *l)
{
    return l->holder.task != NULL;
}

/* What: who took it, or NULL. For reports: a task that ended with the lock held may be gone. */
HKT_INLINE struct hkt_task *hkt_lock_owner(const struct hkt_lock *l)
{
    return l->holder.task;
}

/* Event */

/* What: waits until the event is set, and goes on also when it was cleared at once afterwards.
 * Returns: 0; -ECANCELED. Suspends: if it is not set. asyncio: wait(). */
HKT_INLINE hkt_async int hkt_event_wait(struct hkt_event *e)
{
    struct hkt__parting p;

    return hkt__part(&p, hkt__event_wait(e, &p));
}

/* What: sets it and wakes all who wait, in the order of coming. Nothing touches the event on their
 * behalf any more. Returns: 0; -EXDEV. Suspends: never. asyncio: set(). */
HKT_API int hkt_event_set(struct hkt_event *e);

/* What: takes it back: who waits from now on waits for the next one. asyncio: clear(). */
HKT_INLINE void hkt_event_clear(struct hkt_event *e)
{
    e->set = false;
}

HKT_INLINE bool hkt_event_is_set(const struct hkt_event *e)
{
    return e->set;
}

/* Condition */

/* What: the lock that belongs to the condition. */
HKT_INLINE struct hkt_lock *hkt_cond_lock(struct hkt_cond *c)
{
    return c->lock ? c->lock : &c->own;
}

/* What: as hkt_lock_acquire(), _release() and _leave() of that lock. Suspends: if it is held, or
 * others wait. */
HKT_INLINE hkt_async int hkt_cond_acquire(struct hkt_cond *c)
{
    return hkt_lock_acquire(hkt_cond_lock(c));
}

/* Suspends: never. */
HKT_INLINE int hkt_cond_release(struct hkt_cond *c)
{
    return hkt_lock_release(hkt_cond_lock(c));
}

HKT_INLINE void hkt_cond_leave(void *cond)
{
    (void)hkt_cond_release((struct hkt_cond *)cond);
}

/* What: releases the lock, waits for a notification, and takes the lock again, which the caller has
 * in the end whatever the answer is. Look again at what was waited for: another task may have come
 * first. Returns: 0; -EPERM: the caller does not hold the lock; -ECANCELED, also when cancelled
 * while it waited for the lock: a notification that it had has gone to the next one.
 * Suspends: always, but for -EPERM. asyncio: wait(). */
HKT_API hkt_async int hkt_cond_wait(struct hkt_cond *c);

/* What: waits until holds(arg), called with the lock held, answers something else than 0.
 * Returns: that answer, positive or a negative error; else as hkt_cond_wait().
 * Suspends: if the first answer is 0. asyncio: wait_for(predicate). */
HKT_API hkt_async int hkt_cond_wait_for(struct hkt_cond *c, int (*holds)(void *arg), void *arg);

/* What: wakes the first n who wait, or all. They go on once the lock is free.
 * Returns: 0; -EPERM: nobody holds the lock; -EXDEV. Suspends: never.
 * asyncio: notify(n), notify_all(). */
HKT_API int hkt_cond_notify(struct hkt_cond *c, size_t n);
HKT_API int hkt_cond_notify_all(struct hkt_cond *c);

/* Semaphore */

/* What: a semaphore of value slots; bound: the most that there may ever be, 0 for none.
 * Returns: 0; -EINVAL: one of them is negative, or value is above the bound. */
HKT_API HKT_MUST_CHECK int hkt_semaphore_init(struct hkt_semaphore *s, int value, int bound);

/* What: takes a slot. Returns: 0; -ECANCELED, and none was taken; -EINVAL: it was initialised with
 * a negative value. Suspends: if there is none, or others wait. asyncio: acquire(). */
HKT_API hkt_async int hkt_semaphore_acquire(struct hkt_semaphore *s);

/* What: takes one if that needs no waiting; also where no task runs.
 * Returns: 0; -EAGAIN; -EINVAL. Suspends: never. */
HKT_API HKT_MUST_CHECK int hkt_semaphore_try(struct hkt_semaphore *s);

/* What: gives a slot back, or adds one: it is the first waiter's from now on.
 * Returns: 0; -EOVERFLOW: it would be more than the bound, or than an int; -EINVAL; -EXDEV.
 * Suspends: never. asyncio: release(). */
HKT_API int hkt_semaphore_release(struct hkt_semaphore *s);
HKT_API void hkt_semaphore_leave(void *semaphore);

/* What: whether a task that asks now has to wait: no slot, or others wait or are owed one.
 * asyncio: locked(). */
HKT_INLINE bool hkt_semaphore_locked(const struct hkt_semaphore *s)
{
    return s->value <= 0 || s->waiters.first;
}

/* What: slots that are nobody's. */
HKT_INLINE int hkt_semaphore_value(const struct hkt_semaphore *s)
{
    return s->value;
}

/* Barrier */

/* What: a barrier for that many tasks. Returns: 0; -EINVAL: less than 1. */
HKT_API HKT_MUST_CHECK int hkt_barrier_init(struct hkt_barrier *b, int parties);

/* What: waits until as many tasks as there are parties wait here; then they go on together, and the
 * barrier can be used again: who comes before the last of them has left is of the next round. A
 * cancelled task takes itself out of the count.
 * Returns: 0 to parties - 1, another number for each, the last who came having the highest;
 * HKT_EBROKEN: the barrier was reset or aborted meanwhile, or is broken; -ECANCELED; -EINVAL: it
 * has no parties. Suspends: if the caller is not the last. asyncio: wait(). */
HKT_API hkt_async int hkt_barrier_wait(struct hkt_barrier *b);

/* What: those who wait, or were woken and have not left, get HKT_EBROKEN; afterwards the barrier is
 * as new. Those of the next round stay. Returns: 0; -EXDEV. Suspends: never. asyncio: reset(). */
HKT_API int hkt_barrier_reset(struct hkt_barrier *b);

/* What: the same for all, and breaks the barrier until it is reset: waiting answers HKT_EBROKEN.
 * Returns: 0; -EXDEV. Suspends: never. asyncio: abort(). */
HKT_API int hkt_barrier_abort(struct hkt_barrier *b);

/* What: how many wait, 0 while those of the last round leave; and whether it is broken.
 * asyncio: n_waiting, broken. */
HKT_API int hkt_barrier_waiting(const struct hkt_barrier *b);
HKT_API bool hkt_barrier_broken(const struct hkt_barrier *b);

HKT_INLINE int hkt_barrier_parties(const struct hkt_barrier *b)
{
    return b->parties;
}

/* Lock for readers and writers */

/* What: takes the lock together with other readers, or alone. A task that has it as a reader must
 * not ask again: behind a writer that waits it would wait for itself.
 * Returns: 0; -EDEADLK: the caller has it as the writer; -ECANCELED, and it was not taken.
 * Suspends: if it is held, but by readers, or others wait. */
HKT_API hkt_async int hkt_rwlock_acquire_read(struct hkt_rwlock *l);
/* Suspends: if it is held, or others wait. */
HKT_API hkt_async int hkt_rwlock_acquire_write(struct hkt_rwlock *l);

/* What: the same without waiting. Returns: 0; -EBUSY; -EPERM: not in a task. Suspends: never. */
HKT_API HKT_MUST_CHECK int hkt_rwlock_try_read(struct hkt_rwlock *l);
HKT_API HKT_MUST_CHECK int hkt_rwlock_try_write(struct hkt_rwlock *l);

/* What: gives back what a reader or the writer has. When it is free the first who waits has it,
 * with a reader all those behind it up to the next writer. Returns: 0; -EPERM: it is not held;
 * -EXDEV. Suspends: never. */
HKT_API int hkt_rwlock_release(struct hkt_rwlock *l);
HKT_API void hkt_rwlock_leave(void *rwlock);

/* What: how many readers have it; and the writer who has it, or NULL, as hkt_lock_owner(). */
HKT_INLINE int hkt_rwlock_readers(const struct hkt_rwlock *l)
{
    return l->readers;
}

HKT_INLINE struct hkt_task *hkt_rwlock_writer(const struct hkt_rwlock *l)
{
    return l->writer.task;
}

/* Once */

/* What: calls fn(arg), unless a call through o has succeeded. Who comes during a call waits for its
 * end. One that fails, or is cancelled, is answered to its own caller only: the next who asks,
 * first those who wait, calls anew, with its own fn and arg. Returns: what the successful call
 * returned, 0 or positive, ever after; the error of one's own call; -EDEADLK: fn asks for itself;
 * -ECANCELED while waiting. Suspends: if fn does, or if another task is in it. Go: sync.Once.Do. */
HKT_INLINE hkt_async int hkt_once_run(struct hkt_once *o, hkt_task_fn *fn, void *arg)
{
    return HKT_LIKELY(o->done) ? o->rc : hkt__once_run(o, fn, arg);
}

/* What: whether a call has succeeded. */
HKT_INLINE bool hkt_once_done(const struct hkt_once *o)
{
    return o->done;
}

/* Wait group */

/* What: adds n, which may be negative, to the count; at zero all who wait are woken, and nothing
 * touches the group on their behalf any more. Returns: 0; -EOVERFLOW: the count would be negative,
 * or more than an int (nothing done); -EXDEV. Suspends: never. Go: WaitGroup.Add. */
HKT_API int hkt_waitgroup_add(struct hkt_waitgroup *g, int n);
/* What: one less. */
HKT_API int hkt_waitgroup_done(struct hkt_waitgroup *g);
HKT_API void hkt_waitgroup_leave(void *waitgroup);

/* What: waits until the count is zero, also when things were added again since.
 * Returns: 0; -ECANCELED. Suspends: if it is not. Go: WaitGroup.Wait. */
HKT_API hkt_async int hkt_waitgroup_wait(struct hkt_waitgroup *g);

/* What: how many are not finished. */
HKT_INLINE int hkt_waitgroup_count(const struct hkt_waitgroup *g)
{
    return g->count;
}

HKT_END_DECLS

#endif
