/* SPDX-License-Identifier: MIT
 *
 * Waiting for several tasks. Each task that has not finished gets a done callback, which counts it;
 * the one that satisfies the condition wakes the waiter.
 */
#include "sched.h"

#include "base/os.h"

#include <stdlib.h>

enum { WATCHES_ON_STACK = 16 };

/* hkt_gather() without results: a cancelled task is a failure too. */
enum { FIRST_FAILURE = 100 };

/* A task of those, while it has not finished. */
struct one {
    struct hkt_watch watch;
    struct many *of;
    const struct hkt_task *task;
};

struct many {
    struct hkt__wait wait;
    struct hkt_task *waiter;
    struct hkt_task *const *tasks;
    struct one *ones;
    size_t n, pending;
    struct hkt_handle timer;
    int mode;
    bool woken;
    bool pass_cancel; /* cancel the tasks, and wait on */
    bool cancelled;
};

static bool is_done(const struct hkt_task *t)
{
    return !t || hkt__job(t)->ended;
}

static int result_of(const struct hkt_task *t)
{
    return t ? hkt__job(t)->done.rc : -ENOMEM;
}

static bool satisfies(const struct hkt_task *t, int mode)
{
    int rc = result_of(t);

    switch (mode) {
    case HKT_FIRST_COMPLETED:
        return true;
    case HKT_FIRST_ERROR:
        return rc < 0 && rc != -ECANCELED;
    case FIRST_FAILURE:
        return rc < 0;
    default:
        return false;
    }
}

static size_t count_done(struct hkt_task *const *tasks, size_t n)
{
    size_t done = 0;

    for (size_t i = 0; i < n; i++)
        done += is_done(tasks[i]);
    return done;
}

static bool satisfied(const struct many *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (is_done(m->tasks[i]) && satisfies(m->tasks[i], m->mode))
            return true;
    return m->pending == 0;
}

static void wake_once(struct many *m)
{
    if (!m->woken) {
        m->woken = true;
        hkt__wake(m->waiter, 0);
    }
}

static void one_done(void *arg)
{
    const struct one *o = arg;

    if (--o->of->pending == 0 || satisfies(o->task, o->of->mode))
        wake_once(o->of);
}

static void time_is_up(void *arg)
{
    wake_once(arg);
}

static bool abort_many(struct hkt__wait *w)
{
    struct many *m = (struct many *)(void *)w;

    bool alone = !m->pass_cancel;

    m->cancelled = true;
    for (size_t i = 0; m->pass_cancel && i < m->n; i++)
        if (!is_done(m->tasks[i]))
            alone |= !hkt__task_pass_cancel(m->tasks[i]);
    m->woken |= alone;
    return alone;
}

static const struct hkt__wait_kind many_kind = {.abort = abort_many};

static int wait_watched(struct many *m, int64_t timeout_ns)
{
    for (size_t i = 0; i < m->n; i++) {
        m->ones[i] = (struct one){.of = m, .task = m->tasks[i]};
        if (!is_done(m->tasks[i]))
            (void)hkt_future_watch(&hkt__job(m->tasks[i])->done, &m->ones[i].watch, one_done,
                                   &m->ones[i]);
    }
    if (timeout_ns >= 0)
        (void)hkt_call_later(hkt__loop, &m->timer, timeout_ns, time_is_up, m);
    int rc = hkt__park(&m->wait);
    (void)hkt_handle_cancel(&m->timer);
    for (size_t i = 0; i < m->n; i++)
        (void)hkt_future_unwatch(&m->ones[i].watch);
    return m->cancelled ? -ECANCELED : rc;
}

int hkt__may_wait_for_all(struct hkt_task *const *tasks, size_t n)
{
    if (!hkt__task_self())
        return -EPERM;
    for (size_t i = 0; i < n; i++) {
        int rc = tasks[i] ? hkt__may_wait_for(tasks[i]) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

void hkt__all_seen(struct hkt_task *const *tasks, size_t n, bool ended_only)
{
    for (size_t i = 0; i < n; i++)
        if (tasks[i] && (!ended_only || is_done(tasks[i])))
            hkt__job(tasks[i])->seen = true;
}

static int wait_many(struct many *m, int64_t timeout_ns)
{
    struct one few[WATCHES_ON_STACK];

    m->waiter = hkt__task_self();
    m->wait = (struct hkt__wait){.why = "tasks", .kind = &many_kind, .detail = -1};
    m->pending = m->n - count_done(m->tasks, m->n);
    if (satisfied(m))
        return 0;
    m->ones = m->n <= WATCHES_ON_STACK ? few : hkt__os.alloc(m->n * sizeof *m->ones);
    if (!m->ones)
        return -ENOMEM;
    int rc = wait_watched(m, timeout_ns);
    if (m->ones != few)
        free(m->ones);
    return rc;
}

int hkt_wait(struct hkt_task *const *tasks, size_t n, enum hkt_wait_mode mode, int64_t timeout_ns)
{
    struct many m = {.tasks = tasks, .n = n, .mode = mode};
    int rc = n == 0 ? -EINVAL : hkt__may_wait_for_all(tasks, n);

    if (rc == 0)
        rc = wait_many(&m, timeout_ns);
    if (rc < 0)
        return rc;
    hkt__all_seen(tasks, n, true);
    return (int)count_done(tasks, n);
}

static int first_failure(struct hkt_task *const *tasks, size_t n)
{
    const struct hkt_task *first = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!tasks[i])
            return -ENOMEM;
        if (is_done(tasks[i]) && result_of(tasks[i]) < 0 &&
            (!first || hkt__job(tasks[i])->ended_order < hkt__job(first)->ended_order))
            first = tasks[i];
    }
    return first ? result_of(first) : 0;
}

int hkt_gather(struct hkt_task *const *tasks, size_t n, int *results)
{
    struct many m = {
        .tasks = tasks, .n = n, .mode = results ? HKT_ALL : FIRST_FAILURE, .pass_cancel = true};
    int rc = hkt__may_wait_for_all(tasks, n);

    if (rc == 0) {
        hkt__all_seen(tasks, n, false);
        rc = wait_many(&m, -1);
    }
    if (rc < 0)
        return rc;
    if (!results)
        return first_failure(tasks, n);
    for (size_t i = 0; i < n; i++)
        results[i] = result_of(tasks[i]);
    return 0;
}

int hkt_wait_for(struct hkt_task *t, int64_t timeout_ns)
{
    int rc = hkt__may_wait_for(t);

    if (rc < 0)
        return rc;
    struct many m = {.tasks = &t, .n = 1, .mode = HKT_ALL, .pass_cancel = true};
    hkt__job(t)->seen = true;
    if (timeout_ns > 0)
        rc = wait_many(&m, timeout_ns);
    if (is_done(t))
        return rc < 0 ? rc : result_of(t);
    if (rc < 0)
        return rc;
    (void)hkt_task_cancel(t);
    m = (struct many){.tasks = &t, .n = 1, .mode = HKT_ALL, .pass_cancel = true};
    rc = wait_many(&m, -1);
    if (rc < 0)
        return rc;
    return result_of(t) == -ECANCELED ? -ETIMEDOUT : result_of(t);
}
