/* SPDX-License-Identifier: MIT
 *
 * hocket/queue.h: queues between the tasks of a loop: first in first out, last in first out, or by
 * priority. Elements are copied by value.
 *
 *      HKT_QUEUE_OF(jobs, struct job);
 *
 *      static struct job room[16];
 *      static struct hkt_queue queue = HKT_QUEUE_INIT(room);
 *
 *      HKT_TRY(jobs_put(&queue, job));
 *      while ((rc = jobs_get(&queue, &job)) == 0)
 *          work_on(&job);
 *
 * Those who wait are served in the order in which they came, and a call that may suspend does not
 * pass those who wait. Cancelling loses neither an element nor a place: a task that is cancelled
 * after it was woken passes its turn on to the next. The calls that never suspend take what is
 * there, as asyncio's do, and whoever was woken for it keeps the head of the line.
 *
 * All on the thread of the loop; hocket/mailbox.h is for more than one.
 */
#ifndef HOCKET_QUEUE_H
#define HOCKET_QUEUE_H

#include <hocket/base.h>
#include <hocket/loop.h>
#include <hocket/sync.h>

#include <stdbool.h>

/* Elements in memory, of a queue or a channel; private. */
struct hkt__store {
    char *items;
    size_t size;     /* of an element */
    size_t capacity; /* in elements */
    size_t first, count;
    int (*compare)(const void *a, const void *b);
    int order;
    bool grows; /* items is ours */
};

/* Who waits, in the order in which they came; private. */
struct hkt__line;
struct hkt__node {
    struct hkt__node *prev, *next;
    struct hkt__line *line;
};
struct hkt__line {
    struct hkt__node *first, *last;
    size_t owed; /* those that were woken and have not run yet */
    uint64_t tickets;
};

/* By value; fields are private. Made by one of the initialisers below or by hkt_queue_init().
 * asyncio: Queue, LifoQueue, PriorityQueue. */
struct hkt_queue {
    struct hkt__store store;
    struct hkt__line getters, putters;
    struct hkt_loop *loop; /* of those in line */
    struct hkt__waiters joiners;
    size_t unfinished;
    bool shut;
};

enum hkt_queue_order {
    HKT_FIFO,
    HKT_LIFO,
    HKT_PRIORITY, /* the element that compares least comes first; equal ones in any order */
};

struct hkt_queue_opts {
    enum hkt_queue_order order;
    /* As qsort()'s: negative when a comes before b. */
    int (*compare)(const void *a, const void *b);
};

/* Initialisers of a queue whose elements are kept in an array, which is its capacity. */
#define HKT_QUEUE_INIT(room)             HKT__QUEUE_INIT(room, HKT_FIFO, NULL)
#define HKT_LIFO_QUEUE_INIT(room)        HKT__QUEUE_INIT(room, HKT_LIFO, NULL)
#define HKT_PRIORITY_QUEUE_INIT(room, f) HKT__QUEUE_INIT(room, HKT_PRIORITY, f)

#define HKT__STORE_INIT(room, order, compare)                                                      \
    {                                                                                              \
        (char *)(room), sizeof *(room), sizeof(room) / sizeof *(room), 0, 0, compare, order, false \
    }
#define HKT__LINE_INIT                                                                             \
    {                                                                                              \
        NULL, NULL, 0, 0                                                                           \
    }
#define HKT__QUEUE_INIT(room, order, compare)                                                      \
    {                                                                                              \
        HKT__STORE_INIT(room, order, compare), HKT__LINE_INIT, HKT__LINE_INIT, NULL,               \
            HKT__WAITERS_INIT, 0, false                                                            \
    }

HKT_BEGIN_DECLS

/* What: makes a queue of at most capacity elements of size bytes, kept in room, which is the
 * caller's. opts may be NULL. Returns: 0; -EINVAL: capacity or size is 0, or an order by priority
 * without a function. Suspends: never. asyncio: Queue(maxsize). */
HKT_API HKT_MUST_CHECK int hkt_queue_init(struct hkt_queue *q, void *room, size_t capacity,
                                          size_t size, const struct hkt_queue_opts *opts);

/* What: the same without a bound; memory is allocated as it fills, and given back by
 * hkt_queue_free(). asyncio: Queue(). */
HKT_API HKT_MUST_CHECK int hkt_queue_init_unbounded(struct hkt_queue *q, size_t size,
                                                    const struct hkt_queue_opts *opts);

/* What: drops what is in it and gives its memory back, if it allocated any. NULL is fine.
 * Returns: 0; -EBUSY: tasks wait (nothing done). */
HKT_API int hkt_queue_free(struct hkt_queue *q);

/* What: puts a copy of *value, of size bytes, into the queue.
 * Returns: 0; -ESHUTDOWN; -ECANCELED, and nothing was put; -ENOMEM: it could not grow, and nothing
 * was put; -EINVAL: size is not the queue's; -EXDEV: tasks of another loop, or thread, wait here;
 * -EPERM: not in a task. Suspends: if it is full, or others wait for room. asyncio: await put(). */
HKT_API_FAST hkt_async int hkt_queue_put(struct hkt_queue *q, const void *value, size_t size);

/* What: the same without waiting; also where no task runs.
 * Returns: also -EAGAIN: it is full. Suspends: never. asyncio: put_nowait(). */
HKT_API HKT_MUST_CHECK int hkt_queue_put_nowait(struct hkt_queue *q, const void *value,
                                                size_t size);

/* What: takes the next element out, into *value.
 * Returns: 0; -ESHUTDOWN: it is empty and was shut down; -ECANCELED, and nothing was taken;
 * -EINVAL, -EXDEV, -EPERM as above. Suspends: if it is empty, or others wait for what is in it.
 * asyncio: await get(). */
HKT_API_FAST hkt_async int hkt_queue_get(struct hkt_queue *q, void *value, size_t size);

/* What: the same without waiting; also where no task runs.
 * Returns: also -EAGAIN: it is empty. Suspends: never. asyncio: get_nowait(). */
HKT_API HKT_MUST_CHECK int hkt_queue_get_nowait(struct hkt_queue *q, void *value, size_t size);

/* What: says that one element that was taken has been dealt with.
 * Returns: 0; -EOVERFLOW: more often than elements were put; -EXDEV. asyncio: task_done(). */
HKT_API int hkt_queue_task_done(struct hkt_queue *q);

/* What: waits until all elements that were put have been dealt with.
 * Returns: 0; -ECANCELED; -EXDEV; -EPERM. Suspends: if any has not. asyncio: await join(). */
HKT_API hkt_async int hkt_queue_join(struct hkt_queue *q);

/* What: from now on nothing can be put, and what is in it can still be taken; drop: it is dropped
 * instead, and counts as dealt with. All who would wait in vain are woken with -ESHUTDOWN. May be
 * called again, to drop. Returns: 0; -EXDEV: they are of another thread (nothing done).
 * Suspends: never. asyncio: shutdown(immediate). */
HKT_API int hkt_queue_shutdown(struct hkt_queue *q, bool drop);

/* What: how many elements are in it, and fit: SIZE_MAX when it grows; whether none are, or no more
 * fit. asyncio: qsize(), maxsize, empty(), full(). */
HKT_API size_t hkt_queue_count(const struct hkt_queue *q);
HKT_API size_t hkt_queue_capacity(const struct hkt_queue *q);
HKT_API bool hkt_queue_empty(const struct hkt_queue *q);
HKT_API bool hkt_queue_full(const struct hkt_queue *q);

HKT_END_DECLS

/* Declares a typed face over struct hkt_queue, so that user code has no casts. For
 * HKT_QUEUE_OF(jobs, struct job):
 *
 *      int jobs_init_unbounded(q, opts)
 *      int jobs_put(q, struct job value)          await q.put(value)
 *      int jobs_put_nowait(q, struct job value)   q.put_nowait(value)
 *      int jobs_get(q, struct job *value)         value = await q.get()
 *      int jobs_get_nowait(q, struct job *value)  value = q.get_nowait()
 *
 * On a queue whose elements have another size they answer -EINVAL. */
#define HKT_QUEUE_OF(face, type)                                                                   \
    typedef type face##_value;                                                                     \
    HKT_INLINE HKT_MUST_CHECK int face##_init_unbounded(struct hkt_queue *q,                       \
                                                        const struct hkt_queue_opts *opts)         \
    {                                                                                              \
        return hkt_queue_init_unbounded(q, sizeof(face##_value), opts);                            \
    }                                                                                              \
    HKT_INLINE hkt_async int face##_put(struct hkt_queue *q, face##_value value)                   \
    {                                                                                              \
        return hkt_queue_put(q, &value, sizeof value);                                             \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_put_nowait(struct hkt_queue *q, face##_value value)       \
    {                                                                                              \
        return hkt_queue_put_nowait(q, &value, sizeof value);                                      \
    }                                                                                              \
    HKT_INLINE hkt_async int face##_get(struct hkt_queue *q, face##_value *value)                  \
    {                                                                                              \
        return hkt_queue_get(q, value, sizeof *value);                                             \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_get_nowait(struct hkt_queue *q, face##_value *value)      \
    {                                                                                              \
        return hkt_queue_get_nowait(q, value, sizeof *value);                                      \
    }                                                                                              \
    struct face##__queue_face

#endif
