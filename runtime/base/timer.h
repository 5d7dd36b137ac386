/* SPDX-License-Identifier: MIT
 *
 * Pending deadlines. Nodes belong to whoever waits and are linked in place, so arming cannot fail.
 * They fire in the order of their deadlines, never early, and those of one deadline in the order
 * in which they were armed.
 */
#ifndef HOCKET_BASE_TIMER_H
#define HOCKET_BASE_TIMER_H

#include <hocket/base.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HKT__TIMER_LEVELS = 23, /* as many as it takes to reach INT64_MAX */
    HKT__TIMER_SLOTS = 64,  /* of a level: a bit each of a word */
    HKT__TIMER_AHEAD = 8,   /* nodes that are fetched while one of a slot is looked at */
};

struct hkt__timer_slot {
    struct hkt__timer *head;
    int64_t least; /* the earliest deadline that was put here */
    unsigned adds;
    const struct hkt__timer *recent[HKT__TIMER_AHEAD]; /* the last ones added; may be gone */
};

/* Slots are rubbish where `used` says that they are empty, so that memory is used where timers
 * are. */
struct hkt__timers {
    struct hkt__timer *near; /* a heap of what is due, or soon will be */
    int64_t base;            /* where the wheel stands: nothing in it is due before */
    int64_t first;           /* the lowest `least` of the wheel; INT64_MAX when it is empty */
    uint32_t first_slot;
    uint32_t levels; /* bit k: level k has slots in use */
    uint64_t arms;   /* ever; numbers the nodes */
    size_t count;
    uint64_t used[HKT__TIMER_LEVELS];
    struct hkt__timer_slot slots[HKT__TIMER_LEVELS * HKT__TIMER_SLOTS];
};

void hkt__timers_init(struct hkt__timers *t);

/* Lets n fire when the clock reads `when` or later, behind those of the same deadline. If it is
 * armed already it is moved. */
void hkt__timer_arm(struct hkt__timers *t, struct hkt__timer *n, int64_t when);

/* Nothing happens if n is not armed. */
void hkt__timer_cancel(struct hkt__timers *t, struct hkt__timer *n);

/* A copy of n, which is armed, has taken its place. */
void hkt__timer_moved(struct hkt__timers *t, const struct hkt__timer *n, struct hkt__timer *copy);

/* Until when to sleep; false if nothing is armed. That is the earliest deadline, unless one before
 * it was cancelled: then it may be that one still. Nothing is due at that time, and the answer
 * after it is a later one. */
bool hkt__timers_next(const struct hkt__timers *t, int64_t *when);

/* The first node that is due, no longer armed; NULL if none is. A loop calls it in each turn until
 * it answers NULL, and once before the first arming: by it the wheel learns the time. */
struct hkt__timer *hkt__timers_pop_due(struct hkt__timers *t, int64_t now);

/* Calls fn(arg, n) for each that is armed, in no order. It must not arm or cancel any. */
void hkt__timers_each(const struct hkt__timers *t,
                      void (*fn)(void *arg, const struct hkt__timer *n), void *arg);

static inline bool hkt__timer_armed(const struct hkt__timer *n)
{
    return n->place != 0;
}

static inline size_t hkt__timers_count(const struct hkt__timers *t)
{
    return t->count;
}

#endif
