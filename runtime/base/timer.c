/* SPDX-License-Identifier: MIT
 *
 * A wheel for what is far, a heap for what is near.
 *
 *            base
 *             |
 *   level 0   |.|#|.|.|#|.| ... |.|            64 slots of 16 us, the next 1 ms
 *   level 1   |.   |#   |.   |#   | ... |#   |        of 66 us,          4 ms
 *   level 2   |.             |#             | ...     of 262 us,        17 ms
 *    ...                                              each four times the last
 *   level 11  |.                             ...      of 69 s,          73 min
 *    ...
 *             a slot whose first deadline has come is opened:
 *                |                          |
 *                | due, or 16 us ahead      | the rest, to lower levels
 *                v                          v
 *   near      a pairing heap by (when, order); its root is popped while it is due
 *
 * Most deadlines are cancelled, so a node in the wheel is merely in the list of its slot: arming
 * and cancelling touch neighbours only. A deadline is put to the lowest level that reaches it. As
 * that reaches four times as far as the one below, a slot is as wide as a sixteenth of the way to
 * the deadlines in it, or less; no more than such a share of them has to be moved at once.
 *
 * Where a node waits decides when it costs something, never when it fires: whichever node is popped
 * is the least in the heap and earlier than all that the wheel may hold.
 */
#include "timer.h"

enum {
    GRAIN_BITS = 14, /* a slot of level 0 is 2^14 ns wide */
    STEP_BITS = 2,   /* those of the next level 2^2 times that */
    RING_BITS = 6,
    SLOTS = HKT__TIMER_SLOTS,
};

_Static_assert(1 << RING_BITS == SLOTS, "a word of `used` has a bit for each slot of a level");
_Static_assert(GRAIN_BITS + STEP_BITS * (HKT__TIMER_LEVELS - 1) + RING_BITS >= 63,
               "the highest level reaches as far as time does");

/* node.place; from WHEEL on, the number of the slot */
enum { UNARMED = 0, NEAR = 1, WHEEL = 2 };

static bool before(const struct hkt__timer *a, const struct hkt__timer *b)
{
    return a->when < b->when || (a->when == b->when && a->order < b->order);
}

/* Of two heaps, one. The links of its root to siblings are left as they were. */
static struct hkt__timer *meld(struct hkt__timer *a, struct hkt__timer *b)
{
    struct hkt__timer *top = before(b, a) ? b : a;
    struct hkt__timer *sub = top == a ? b : a;

    sub->prev = top;
    sub->next = top->child;
    if (sub->next)
        sub->next->prev = sub;
    top->child = sub;
    return top;
}

/* Of a list of siblings, one heap: first in pairs from the left, then all from the right, which is
 * what keeps a pairing heap shallow. */
static struct hkt__timer *meld_siblings(struct hkt__timer *first)
{
    struct hkt__timer *pairs = NULL;
    struct hkt__timer *all = NULL;

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
        all = all ? meld(all, pairs) : pairs;
        pairs = rest;
    }
    return all;
}

static void near_add(struct hkt__timers *t, struct hkt__timer *n)
{
    n->place = NEAR;
    n->child = NULL;
    t->near = t->near ? meld(t->near, n) : n;
}

static void near_remove(struct hkt__timers *t, struct hkt__timer *n)
{
    struct hkt__timer *below = meld_siblings(n->child);

    if (n == t->near) {
        t->near = below;
        return;
    }
    if (n->prev->child == n)
        n->prev->child = n->next;
    else
        n->prev->next = n->next;
    if (n->next)
        n->next->prev = n->prev;
    if (below)
        t->near = meld(t->near, below);
}

/* How many slots of the level go before that of `when`, since time began. */
static uint64_t turns(int64_t when, unsigned level)
{
    return (uint64_t)when >> (GRAIN_BITS + STEP_BITS * level);
}

/* The lowest level that reaches from base to `when`. */
static unsigned level_of(const struct hkt__timers *t, int64_t when)
{
    enum { REACH = GRAIN_BITS + RING_BITS }; /* the bits that level 0 spans */
    uint64_t ahead = ((uint64_t)when - (uint64_t)t->base) | (uint64_t)1 << (REACH - 1);
    unsigned bits = 64 - (unsigned)__builtin_clzll(ahead);
    unsigned level = (bits - REACH) / STEP_BITS;

    /* One more for an odd bit, or if base is so far into its slot that `when` is a slot too far. */
    return level + (turns(when, level) - turns(t->base, level) >= SLOTS);
}

static void forget_recent(struct hkt__timer_slot *slot)
{
    slot->adds = 0;
    for (int i = 0; i < HKT__TIMER_AHEAD; i++)
        slot->recent[i] = NULL;
}

/* Some nodes ahead, for the one who will walk the list: it would wait for memory at each node. Only
 * a hint, because that node may be gone by then; and known without a look at any other node. */
static void note_recent(struct hkt__timer_slot *slot, struct hkt__timer *n)
{
    const struct hkt__timer **at = &slot->recent[slot->adds++ % HKT__TIMER_AHEAD];

    n->child = (struct hkt__timer *)(uintptr_t)*at;
    *at = n;
}

static void wheel_add(struct hkt__timers *t, struct hkt__timer *n)
{
    unsigned level = level_of(t, n->when);
    unsigned index = turns(n->when, level) % SLOTS;
    unsigned number = level * SLOTS + index;
    struct hkt__timer_slot *slot = &t->slots[number];
    uint64_t bit = (uint64_t)1 << index;
    bool empty = !(t->used[level] & bit);

    n->place = WHEEL + number;
    n->prev = NULL;
    n->next = empty ? NULL : slot->head;
    if (n->next)
        n->next->prev = n;
    if (empty)
        forget_recent(slot);
    note_recent(slot, n);
    slot->head = n;
    if (empty || n->when < slot->least)
        slot->least = n->when;
    t->used[level] |= bit;
    t->levels |= (uint32_t)1 << level;
    if (n->when <= t->first) {
        t->first = n->when;
        t->first_slot = number;
    }
}

/* The first slot in use of a level, counted from base. */
static unsigned first_of_level(const struct hkt__timers *t, unsigned level)
{
    unsigned at = turns(t->base, level) % SLOTS;
    uint64_t ahead = t->used[level] >> at | t->used[level] << (-at % SLOTS);

    return level * SLOTS + (at + (unsigned)__builtin_ctzll(ahead)) % SLOTS;
}

static void find_first(struct hkt__timers *t)
{
    t->first = INT64_MAX;
    for (uint32_t levels = t->levels; levels; levels &= levels - 1) {
        unsigned slot = first_of_level(t, (unsigned)__builtin_ctz(levels));
        if (t->slots[slot].least <= t->first) {
            t->first = t->slots[slot].least;
            t->first_slot = slot;
        }
    }
}

static void mark_empty(struct hkt__timers *t, unsigned slot)
{
    unsigned level = slot / SLOTS;

    t->used[level] &= ~((uint64_t)1 << slot % SLOTS);
    if (!t->used[level])
        t->levels &= ~((uint32_t)1 << level);
    if (slot == t->first_slot)
        find_first(t);
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
        mark_empty(t, slot);
}

static void place(struct hkt__timers *t, struct hkt__timer *n, int64_t now)
{
    if (n->when <= now || (uint64_t)n->when - (uint64_t)t->base < (uint64_t)1 << GRAIN_BITS)
        near_add(t, n);
    else
        wheel_add(t, n);
}

/* n may be NULL, or gone. It may lie across two lines of the cache. */
static void fetch(const struct hkt__timer *n)
{
    uintptr_t at = (uintptr_t)n;

    __builtin_prefetch((const void *)at, 1);
    __builtin_prefetch((const void *)(at + offsetof(struct hkt__timer, place)), 1);
}

/* Moves the nodes of the first slot to the heap and to lower levels: base comes to the slot, so
 * that no node of it is further ahead than the slot is wide. */
static void open_first(struct hkt__timers *t, int64_t now)
{
    const struct hkt__timer_slot *slot = &t->slots[t->first_slot];
    struct hkt__timer *n = slot->head;

    for (int i = 0; i < HKT__TIMER_AHEAD; i++)
        fetch(slot->recent[i]);
    t->base = t->first;
    mark_empty(t, t->first_slot);
    while (n) {
        struct hkt__timer *next = n->next;
        fetch(n->child);
        place(t, n, now);
        n = next;
    }
}

static void take_out(struct hkt__timers *t, struct hkt__timer *n)
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
    t->first_slot = 0;
    t->levels = 0;
    t->arms = 0;
    t->count = 0;
    for (unsigned level = 0; level < HKT__TIMER_LEVELS; level++)
        t->used[level] = 0;
}

void hkt__timer_arm(struct hkt__timers *t, struct hkt__timer *n, int64_t when)
{
    hkt__timer_cancel(t, n);
    n->when = when;
    n->order = t->arms++;
    t->count++;
    place(t, n, t->base);
}

void hkt__timer_cancel(struct hkt__timers *t, struct hkt__timer *n)
{
    if (n->place != UNARMED)
        take_out(t, n);
}

/* Links of the heap's root to siblings mean nothing. */
static void near_moved(struct hkt__timers *t, const struct hkt__timer *n, struct hkt__timer *copy)
{
    if (copy->child)
        copy->child->prev = copy;
    if (t->near == n) {
        t->near = copy;
        return;
    }
    if (copy->prev->child == n)
        copy->prev->child = copy;
    else
        copy->prev->next = copy;
    if (copy->next)
        copy->next->prev = copy;
}

static void wheel_moved(struct hkt__timers *t, struct hkt__timer *copy)
{
    if (copy->next)
        copy->next->prev = copy;
    if (copy->prev)
        copy->prev->next = copy;
    else
        t->slots[copy->place - WHEEL].head = copy;
}

void hkt__timer_moved(struct hkt__timers *t, const struct hkt__timer *n, struct hkt__timer *copy)
{
    if (copy->place == NEAR)
        near_moved(t, n, copy);
    else
        wheel_moved(t, copy);
}

bool hkt__timers_next(const struct hkt__timers *t, int64_t *when)
{
    if (t->count == 0)
        return false;
    *when = t->near && t->near->when < t->first ? t->near->when : t->first;
    return true;
}

/* Whether the wheel may hold a node that is due and goes before all in the heap. Of one deadline,
 * the wheel may hold the older node. */
static bool wheel_is_first(const struct hkt__timers *t, int64_t now)
{
    return t->levels && t->first <= now && !(t->near && t->near->when < t->first);
}

struct hkt__timer *hkt__timers_pop_due(struct hkt__timers *t, int64_t now)
{
    struct hkt__timer *n;
    int64_t reached;

    while (wheel_is_first(t, now))
        open_first(t, now);
    reached = now < t->first ? now : t->first;
    if (t->base < reached)
        t->base = reached;
    n = t->near;
    if (!n || n->when > now)
        return NULL;
    take_out(t, n);
    return n;
}

/* The one after n in the heap below root, each before what lies below it. */
static const struct hkt__timer *near_next(const struct hkt__timer *root, const struct hkt__timer *n)
{
    if (n->child)
        return n->child;
    while (n != root && !n->next) {
        while (n->prev->child != n) /* back to the first sibling */
            n = n->prev;
        n = n->prev;
    }
    return n == root ? NULL : n->next;
}

void hkt__timers_each(const struct hkt__timers *t,
                      void (*fn)(void *arg, const struct hkt__timer *n), void *arg)
{
    for (const struct hkt__timer *n = t->near; n; n = near_next(t->near, n))
        fn(arg, n);
    for (unsigned level = 0; level < HKT__TIMER_LEVELS; level++)
        for (uint64_t used = t->used[level]; used; used &= used - 1) {
            unsigned slot = level * SLOTS + (unsigned)__builtin_ctzll(used);
            for (const struct hkt__timer *n = t->slots[slot].head; n; n = n->next)
                fn(arg, n);
        }
}
