/* SPDX-License-Identifier: MIT
 *
 * Queues. An element is never handed to a task that sleeps: it goes into the store, and the first
 * getter is woken to take it. So priorities hold for all that is there when somebody takes, and a
 * getter that is cancelled meanwhile has nothing to give back but its turn.
 *
 * owed counts those that were woken and have not run. As many elements, or places, are spoken for:
 * newcomers leave them, and no more sleepers are woken than there is something for.
 */
#include "line.h"
#include "store.h"
#include "waiters.h"

#include <stdlib.h>

/* Making */

static int init(struct hkt_queue *q, const struct hkt__store *store,
                const struct hkt_queue_opts *opts)
{
    if (!q)
        return -ENOMEM;
    if (store->size == 0 || (opts && opts->order == HKT_PRIORITY && !opts->compare))
        return -EINVAL;
    *q = (struct hkt_queue){.store = *store};
    if (opts) {
        q->store.order = opts->order;
        q->store.compare = opts->compare;
    }
    return 0;
}

int hkt_queue_init(struct hkt_queue *q, void *room, size_t capacity, size_t size,
                   const struct hkt_queue_opts *opts)
{
    const struct hkt__store store = {.items = room, .size = size, .capacity = capacity};

    return room && capacity > 0 ? init(q, &store, opts) : -EINVAL;
}

int hkt_queue_init_unbounded(struct hkt_queue *q, size_t size, const struct hkt_queue_opts *opts)
{
    const struct hkt__store store = {.size = size, .grows = true};

    return init(q, &store, opts);
}

static bool anybody_in_line(const struct hkt_queue *q)
{
    return q->getters.first || q->putters.first || q->getters.owed || q->putters.owed;
}

int hkt_queue_free(struct hkt_queue *q)
{
    if (!q)
        return 0;
    if (anybody_in_line(q) || q->joiners.first)
        return -EBUSY;
    if (q->store.grows) {
        free(q->store.items);
        q->store.items = NULL;
        q->store.capacity = 0;
    }
    q->store.first = q->store.count = 0;
    return 0;
}

/* Waking */

static size_t places(const struct hkt_queue *q)
{
    return q->store.grows ? SIZE_MAX : q->store.capacity - q->store.count;
}

static void wake_getter(struct hkt_queue *q)
{
    if (q->getters.first && q->store.count > q->getters.owed)
        hkt__line_wake(&q->getters, q->loop);
}

static void wake_putter(struct hkt_queue *q)
{
    if (q->putters.first && places(q) > q->putters.owed)
        hkt__line_wake(&q->putters, q->loop);
}

/* Before anything is changed that lets the others go on. */
static int may_wake(const struct hkt_queue *q, const struct hkt__line *others)
{
    return others->first ? hkt__line_may_wake(q->loop) : 0;
}

/* Waits for one's turn, which is passed on if it comes together with a cancellation. */
static int wait_in(struct hkt_queue *q, struct hkt__line *line, uint64_t *ticket, const char *why,
                   void (*pass_on)(struct hkt_queue *))
{
    struct hkt_loop *loop = hkt__loop;
    bool woken;

    if (q->loop != loop) {
        if (anybody_in_line(q))
            return hkt__foreign(q->loop, "queue");
        q->loop = loop;
    }
    int rc = hkt__line_wait(line, ticket, why, &woken);
    if (HKT_UNLIKELY(rc < 0) && woken)
        pass_on(q);
    return rc;
}

/* Whether a call can be made at all. */
static int check(const struct hkt_queue *q, size_t size)
{
    if (HKT_UNLIKELY(!q))
        return -ENOMEM;
    return HKT_LIKELY(size == q->store.size) ? 0 : -EINVAL;
}

static int check_task(const struct hkt_queue *q, size_t size)
{
    int rc = check(q, size);

    if (HKT_UNLIKELY(rc < 0))
        return rc;
    return HKT_LIKELY(hkt__task_self() != NULL) ? 0 : -EPERM;
}

/* Putting */

static int put_now(struct hkt_queue *q, const void *value)
{
    int rc = may_wake(q, &q->getters);

    if (HKT_UNLIKELY(rc < 0))
        return rc;
    if (q->shut)
        return -ESHUTDOWN;
    if (hkt__store_full(&q->store)) {
        if (!q->store.grows)
            return -EAGAIN;
        rc = hkt__store_grow(&q->store);
        if (rc < 0)
            return rc;
    }
    hkt__store_push(&q->store, value);
    q->unfinished++;
    wake_getter(q);
    return 0;
}

int hkt_queue_put_nowait(struct hkt_queue *q, const void *value, size_t size)
{
    int rc = check(q, size);

    return rc < 0 ? rc : put_now(q, value);
}

int hkt_queue_put(struct hkt_queue *q, const void *value, size_t size)
{
    int rc = check_task(q, size);

    if (HKT_UNLIKELY(rc < 0))
        return rc;
    if (HKT_LIKELY(places(q) > q->putters.owed) || q->shut) {
        rc = put_now(q, value);
        hkt__op_done(hkt__loop);
        return rc;
    }
    for (uint64_t ticket = 0;;) {
        rc = wait_in(q, &q->putters, &ticket, "put", wake_putter);
        if (rc < 0 || (rc = put_now(q, value)) != -EAGAIN)
            return rc;
    }
}

/* Getting */

static int get_now(struct hkt_queue *q, void *value)
{
    int rc = may_wake(q, &q->putters);

    if (HKT_UNLIKELY(rc < 0))
        return rc;
    if (q->store.count == 0)
        return q->shut ? -ESHUTDOWN : -EAGAIN;
    hkt__store_pop(&q->store, value);
    wake_putter(q);
    return 0;
}

int hkt_queue_get_nowait(struct hkt_queue *q, void *value, size_t size)
{
    int rc = check(q, size);

    return rc < 0 ? rc : get_now(q, value);
}

int hkt_queue_get(struct hkt_queue *q, void *value, size_t size)
{
    int rc = check_task(q, size);

    if (HKT_UNLIKELY(rc < 0))
        return rc;
    if (q->store.count > q->getters.owed || q->shut) {
        rc = get_now(q, value);
        hkt__op_done(hkt__loop);
        return rc;
    }
    for (uint64_t ticket = 0;;) {
        rc = wait_in(q, &q->getters, &ticket, "get", wake_getter);
        if (rc < 0 || (rc = get_now(q, value)) != -EAGAIN)
            return rc;
    }
}

/* Being done */

static void finish(struct hkt_queue *q, size_t n)
{
    q->unfinished -= n;
    if (q->unfinished == 0)
        hkt__waiters_wake_all(&q->joiners, 0);
}

int hkt_queue_task_done(struct hkt_queue *q)
{
    int rc = q ? hkt__waiters_may_wake(&q->joiners) : -ENOMEM;

    if (rc < 0)
        return rc;
    if (q->unfinished == 0)
        return -EOVERFLOW;
    finish(q, 1);
    return 0;
}

int hkt_queue_join(struct hkt_queue *q)
{
    struct hkt__sleeper s;
    int rc = check_task(q, q ? q->store.size : 0);

    if (rc < 0 || q->unfinished == 0)
        return rc;
    return hkt__waiters_wait(&q->joiners, &s, "queue join");
}

static void drop_all(struct hkt_queue *q)
{
    size_t count = q->store.count;

    q->store.first = q->store.count = 0;
    finish(q, count < q->unfinished ? count : q->unfinished);
}

int hkt_queue_shutdown(struct hkt_queue *q, bool drop)
{
    if (!q)
        return -ENOMEM;
    if (may_wake(q, &q->getters) < 0 || may_wake(q, &q->putters) < 0 ||
        hkt__waiters_may_wake(&q->joiners) < 0)
        return -EXDEV;
    q->shut = true;
    if (drop)
        drop_all(q);
    hkt__line_wake_all(&q->getters, q->loop);
    hkt__line_wake_all(&q->putters, q->loop);
    return 0;
}

/* Looking */

size_t hkt_queue_count(const struct hkt_queue *q)
{
    return q ? q->store.count : 0;
}

size_t hkt_queue_capacity(const struct hkt_queue *q)
{
    if (!q)
        return 0;
    return q->store.grows ? SIZE_MAX : q->store.capacity;
}

bool hkt_queue_empty(const struct hkt_queue *q)
{
    return hkt_queue_count(q) == 0;
}

bool hkt_queue_full(const struct hkt_queue *q)
{
    return hkt_queue_count(q) == hkt_queue_capacity(q);
}
