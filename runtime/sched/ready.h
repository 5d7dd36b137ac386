/* SPDX-License-Identifier: MIT
 *
 * The ready queue: a ring of what runs next, first in, first out.
 *
 *      slots    | task | task | chain of handles | task | ...
 *               ^ head                                  ^ tail
 *
 * A ring, and not a list through the control blocks, because from a list nobody knows who comes
 * after the next one without waiting for memory. From a ring the processor runs ahead into the
 * turns that follow and has several tasks' memory fetched at once; to tell it so by prefetches
 * made no difference that could be measured.
 *
 * Waking never fails, so a slot for each task is made together with the task. A loop's owner may
 * queue any number of handles: those that follow each other share a slot, so tasks and handles
 * together never need more than twice as many slots as there are tasks, and one. The lowest bit of
 * a slot says that it is a chain; one that was emptied by cancelling has only that bit.
 */
#ifndef HOCKET_SCHED_READY_H
#define HOCKET_SCHED_READY_H

#include <hocket/task.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hkt__ready {
    uintptr_t *slots;
    size_t mask;                  /* slots, less one */
    size_t head, tail;            /* of an endless tape, which the ring shows a part of */
    struct hkt__link **chain_end; /* of the last slot, when that is a chain */
};

enum { HKT__CHAIN = 1 };

/* 0 or -ENOMEM. */
int hkt__ready_init(struct hkt__ready *q);
void hkt__ready_free(struct hkt__ready *q);
int hkt__ready_grow(struct hkt__ready *q, size_t tasks);
/* Gives memory back when there is room for far more tasks than there are. */
void hkt__ready_trim(struct hkt__ready *q, size_t tasks);
void hkt__ready_push_handle(struct hkt__ready *q, struct hkt_handle *h);
/* Takes a handle out of the middle. */
void hkt__ready_remove_handle(struct hkt__ready *q, struct hkt_handle *h);
/* The first handle of the chain at the head; NULL when it was cancelled. */
struct hkt_handle *hkt__ready_pop_handle(struct hkt__ready *q);

static inline size_t hkt__ready_slots_for(size_t tasks)
{
    return 2 * tasks + 1;
}

/* Makes room for as many tasks. 0 or -ENOMEM. */
static inline int hkt__ready_reserve(struct hkt__ready *q, size_t tasks)
{
    return HKT_LIKELY(hkt__ready_slots_for(tasks) <= q->mask + 1) ? 0 : hkt__ready_grow(q, tasks);
}

static inline bool hkt__ready_any(const struct hkt__ready *q)
{
    return q->head != q->tail;
}

static inline size_t hkt__ready_count(const struct hkt__ready *q)
{
    return q->tail - q->head;
}

static inline uintptr_t hkt__ready_at(const struct hkt__ready *q, size_t position)
{
    return q->slots[position & q->mask];
}

/* What is at the head: a task, or a chain. */
static inline bool hkt__ready_is_task(const struct hkt__ready *q)
{
    return !(hkt__ready_at(q, q->head) & HKT__CHAIN);
}

static inline struct hkt_task *hkt__ready_first_task(const struct hkt__ready *q)
{
    return (struct hkt_task *)hkt__ready_at(q, q->head);
}

static inline void hkt__ready_push(struct hkt__ready *q, struct hkt_task *t)
{
    q->slots[q->tail++ & q->mask] = (uintptr_t)t;
}

/* The one to run next of all. */
static inline void hkt__ready_push_first(struct hkt__ready *q, struct hkt_task *t)
{
    q->slots[--q->head & q->mask] = (uintptr_t)t;
}

#endif
