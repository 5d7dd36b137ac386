/* SPDX-License-Identifier: MIT
 *
 * Pending deadlines. Nodes belong to whoever waits and are linked in place, so arming cannot fail.
 * Nodes fire in the order of their deadlines, those of equal deadlines in the order in which they
 * were armed, and never early.
 */
#ifndef HOCKET_BASE_TIMER_H
#define HOCKET_BASE_TIMER_H

#include <hocket/base.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HKT__TIMER_LEVELS = 22,
    HKT__TIMER_SLOTS = 64, /* of a level; as many as a word has bits */
};

struct hkt__timer_slot {
    struct hkt__timer *head;
    int64_t least; /* no node of the slot is due before */
};

/* Slots hold rubbish where `used` says that they are empty. */
struct hkt__timers {
    struct hkt__timer *near; /* a pairing heap: what is due or is so soon */
    int64_t base;            /* where the wheel stands; nothing in it is due before */
    int64_t first;           /* nothing in the wheel is due before this either */
    uint64_t armed;          /* how often, ever */
    size_t count;
    uint32_t levels; /* bit k: level k is in use */
    uint64_t used[HKT__TIMER_LEVELS];
    struct hkt__timer_slot slots[HKT__TIMER_LEVELS * HKT__TIMER_SLOTS];
};

void hkt__timers_init(struct hkt__timers *t);

/* Arms n to fire when the clock reads `when` or later; armed already, it is moved. */
void hkt__timer_arm(struct hkt__timers *t, struct hkt__timer *n, int64_t when);

/* Nothing happens if n is not armed. */
void hkt__timer_cancel(struct hkt__timers *t, struct hkt__timer *n);

static inline bool hkt__timer_armed(const struct hkt__timer *n)
{
    return n->place != 0;
}

static inline size_t hkt__timers_count(const struct hkt__timers *t)
{
    return t->count;
}

/* Until when to sleep; false when nothing is armed. This is the earliest deadline, or, if that was
 * cancelled, perhaps a time before it: then nothing is due at that time and the next answer is
 * later. */
bool hkt__timers_next(struct hkt__timers *t, int64_t *when);

/* Takes the first node that is due, disarmed; NULL when none is. To be called in each turn of a
 * loop until NULL, also when nothing can be due: it is how the wheel learns the time. */
struct hkt__timer *hkt__timers_pop_due(struct hkt__timers *t, int64_t now);

#endif
