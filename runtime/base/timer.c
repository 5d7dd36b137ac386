/* SPDX-License-Identifier: MIT */
#include "timer.h"

enum {
#ifndef SLOT_BITS
    SLOT_BITS = 16,
#endif
#ifndef STEP_BITS
    STEP_BITS = 2,
#endif
    RING_BITS = 6,
};

enum { UNARMED = 0, NEAR = 1, WHEEL = 2 };

static bool before(const struct hkt__timer *a, const struct hkt__timer *b)
{
    return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static struct hkt__timer *meld(struct hkt__timer *a, struct hkt__timer *b)
{
    if (before(b, a)) {
        struct hkt__timer *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    a->child = b;
    return a;
}

static struct hkt__timer *meld_siblings(struct hkt__timer *first)
{
    struct hkt__timer *pairs = NULL;
    struct hkt__timer *root = NULL;

    while (first) {
        struct hkt__timer *a = first;
        struct hkt__timer *b = a->next;
        first = b ? b->next : NULL;
        if (b)
            a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct hkt__timer *rest = pairs->next;
        root = root ? meld(root, pairs) : pairs;
        pairs = rest;
    }
    return root;
}

static void near_add(struct hkt__timers *t, struct hkt__timer *n)
{
    n->place = NEAR;
    n->child = NULL;
    t->near = t->near ? meld(t->near, n) : n;
}

static void near_remove(struct hkt__timers *t, struct hkt__timer *n)
{
    struct hkt__timer *rest = meld_siblings(n->child);

    if (n == t->near) {
        t->near = rest;
        return;
    }
    if (n->prev->child == n)
        n->prev->child = n->next;
    else
        n->prev->next = n->next;
    if (n->next)
        n->next->prev = n->prev;
    if (rest)
        t->near = meld(t->near, rest);
}

static unsigned level_shift(unsigned level)
{
    return SLOT_BITS + STEP_BITS * level;
}

static uint64_t slot_of(int64_t when, unsigned level)
{
    return (uint64_t)when >> level_shift(level);
}

static unsigned level_of(const struct hkt__timers *t, int64_t when)
{
    uint64_t ahead = (uint64_t)when - (uint64_t)t->base;
    unsigned bits = SLOT_BITS + RING_BITS - 1;
    unsigned level;

    ahead |= (uint64_t)1 << bits;
    level = (63 - (unsigned)__builtin_clzll(ahead) - bits + STEP_BITS - 1) / STEP_BITS;
    return level + (slot_of(when, level) - slot_of(t->base, level) >= HKT__TIMER_SLOTS);
}

static void wheel_add(struct hkt__timers *t, struct hkt__timer *n)
{
    unsigned level = level_of(t, n->when);
    unsigned index = slot_of(n->when, level) % HKT__TIMER_SLOTS;
    uint64_t bit = (uint64_t)1 << index;
    struct hkt__timer_slot *slot = &t->slots[level * HKT__TIMER_SLOTS + index];
    bool empty = !(t->used[level] & bit);

    n->place = WHEEL + level * HKT__TIMER_SLOTS + index;
    n->prev = NULL;
    n->next = empty ? NULL : slot->head;
    if (!empty)
        n->next->prev = n;
    if (empty || n->when < slot->least)
        slot->least = n->when;
    slot->head = n;
    t->used[level] |= bit;
    t->levels |= (uint32_t)1 << level;
    if (n->when < t->first)
        t->first = n->when;
}

static void wheel_empty(struct hkt__timers *t, unsigned slot)
{
    unsigned level = slot / HKT__TIMER_SLOTS;

    t->used[level] &= ~((uint64_t)1 << slot % HKT__TIMER_SLOTS);
    if (!t->used[level])
        t->levels &= ~((uint32_t)1 << level);
    if (!t->levels)
        t->first = INT64_MAX;
}

static void wheel_remove(struct hkt__timers *t, struct hkt__timer *n)
{
    unsigned slot = n->place - WHEEL;

    if (n->next)
        n->next->prev = n->prev;
    if (n->prev)
        n->prev->next = n->next;
    else if (n->next)
        t->slots[slot].head = n->next;
    else
        wheel_empty(t, slot);
}

static unsigned wheel_first(struct hkt__timers *t)
{
    unsigned best = 0;
    uint32_t levels;

    t->first = INT64_MAX;
    for (levels = t->levels; levels; levels &= levels - 1) {
        unsigned level = (unsigned)__builtin_ctz(levels);
        unsigned at = slot_of(t->base, level) % HKT__TIMER_SLOTS;
        uint64_t ahead = t->used[level] >> at | t->used[level] << (-at % HKT__TIMER_SLOTS);
        unsigned index = (at + (unsigned)__builtin_ctzll(ahead)) % HKT__TIMER_SLOTS;
        unsigned slot = level * HKT__TIMER_SLOTS + index;
        if (t->slots[slot].least <= t->first) {
            t->first = t->slots[slot].least;
            best = slot;
        }
    }
    return best;
}

static void place(struct hkt__timers *t, struct hkt__timer *n, int64_t now)
{
    int64_t when = n->when;

    if (when <= now || (uint64_t)when - (uint64_t)t->base < (uint64_t)1 << SLOT_BITS)
        near_add(t, n);
    else
        wheel_add(t, n);
}

static void wheel_open(struct hkt__timers *t, unsigned slot, int64_t now)
{
    struct hkt__timer *n = t->slots[slot].head;

    wheel_empty(t, slot);
    if (t->slots[slot].least > t->base)
        t->base = t->slots[slot].least;
    while (n) {
        struct hkt__timer *next = n->next;
        place(t, n, now);
        n = next;
    }
}

static void detach(struct hkt__timers *t, struct hkt__timer *n)
{
    if (n->place == NEAR)
        near_remove(t, n);
    else
        wheel_remove(t, n);
    n->place = UNARMED;
    t->count--;
}

void hkt__timers_init(struct hkt__timers *t)
{
    t->near = NULL;
    t->base = 0;
    t->first = INT64_MAX;
    t->armed = 0;
    t->count = 0;
    t->levels = 0;
    for (unsigned i = 0; i < HKT__TIMER_LEVELS; i++)
        t->used[i] = 0;
}

void hkt__timer_arm(struct hkt__timers *t, struct hkt__timer *n, int64_t when)
{
    if (n->place >= WHEEL && when >= n->when) {
        n->when = when;
        n->order = t->armed++;
        return;
    }
    hkt__timer_cancel(t, n);
    n->when = when;
    n->order = t->armed++;
    t->count++;
    place(t, n, t->base);
}

void hkt__timer_cancel(struct hkt__timers *t, struct hkt__timer *n)
{
    if (n->place != UNARMED)
        detach(t, n);
}

bool hkt__timers_next(struct hkt__timers *t, int64_t *when)
{
    if (t->count == 0)
        return false;
    *when = t->near && t->near->when < t->first ? t->near->when : t->first;
    return true;
}

struct hkt__timer *hkt__timers_pop_due(struct hkt__timers *t, int64_t now)
{
    while (t->levels && t->first <= now && !(t->near && t->near->when < t->first)) {
        unsigned slot = wheel_first(t);
        if (t->first <= now) {
            wheel_open(t, slot, now);
            wheel_first(t);
        }
    }
    if (t->base < now && (now <= t->first))
        t->base = now;
    if (!t->near || t->near->when > now)
        return NULL;
    struct hkt__timer *n = t->near;
    detach(t, n);
    return n;
}
