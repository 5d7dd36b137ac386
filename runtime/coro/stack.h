/* SPDX-License-Identifier: MIT
 *
 * Where control blocks and stacks come from.
 */
#ifndef HOCKET_CORO_STACK_H
#define HOCKET_CORO_STACK_H

#include "cold.h"
#include "overflow.h"

#include <sys/uio.h>

enum {
    HKT__STACK_DEFAULT = 65536,
    HKT__STACK_SMALL = 2048,                           /* several in a page, with a canary each */
    HKT__STACK_CLASSES = sizeof(size_t) > 4 ? 19 : 13, /* that; and 8 KiB to 1 GiB, or to 16 MiB */
    HKT__WARM_MOST = 1024,                             /* free stacks of a class with their pages */
    HKT__COLOURS = 8,                                  /* tops of stacks, 64 bytes apart */
    HKT__COOL_TOGETHER = 64,                           /* how many of them lose those at a time */
};

/* The control blocks and stacks of one size. */
struct hkt__pool {
    unsigned warm_count;
    unsigned next_count;    /* blocks in the next slab */
    struct hkt__slab *slab; /* the newest */
    struct hkt_coro *cool;  /* free, their pages given back */
    size_t cool_count;
    struct hkt_coro *warm[HKT__WARM_MOST];
    struct iovec given[HKT__COOL_TOGETHER]; /* while those lose their pages: see stack.c */
};

/* What one thread has. */
struct hkt__thread {
    uint32_t watched;        /* HKT__SLOW or 0: see side.h */
    bool profiled;           /* see profile.h; watched then */
    struct hkt__pool *usual; /* of HKT__STACK_DEFAULT; an empty one before the first */
    struct hkt__slab *slabs;
    struct hkt_coro *adopted;   /* on the users' memory */
    struct hkt__images *images; /* of stacks that are put aside: see images.h */
    struct hkt__altstack altstack;
    struct hkt__pool *pool[HKT__STACK_CLASSES]; /* made with the first of the class */
};

/* The calling thread's, made with its first coroutine. NULL: out of memory, or the platform is
 * refused, which has been reported. */
struct hkt__thread *hkt__thread_self(void);

/* The largest stack there is, guard page included. */
size_t hkt__stack_most(void);
/* The least size to ask for that has need bytes for frames. */
size_t hkt__stack_for(size_t need);

/* A control block with a stack as hocket/coro.h promises for size; NULL when out of memory, which
 * has been reported if a guard page was refused. */
struct hkt_coro *hkt__stack_take(size_t size);
/* The same within the caller's memory; NULL: too small, which has been reported. */
struct hkt_coro *hkt__stack_adopt(void *memory, size_t size);
void hkt__stack_give_slow(struct hkt_coro *c);

/* Whether there is a guard page below it, and not a canary in it. */
static inline bool hkt__stack_guarded(const struct hkt__cold *cold)
{
    return cold->pool && cold->room > HKT__STACK_SMALL;
}

/* Keeps c for the next who takes one of its size; false: it has had enough of those. */
static inline bool hkt__stack_keep(struct hkt__pool *pool, struct hkt_coro *c)
{
    if (HKT_UNLIKELY(pool->warm_count >= HKT__WARM_MOST))
        return false;
    c->ctx.flags = HKT__FREED;
    pool->warm[pool->warm_count++] = c;
    return true;
}

/* The usual pool is not looked up through c: what the next coroutine waits for is then the pool's
 * count alone, and not a chain of loads that begins with this one. */
static inline void hkt__stack_give(struct hkt_coro *c)
{
    const struct hkt__thread *t = hkt__thread_current;

    if (HKT_UNLIKELY(!t || t->usual != c->cold->pool || !hkt__stack_keep(t->usual, c)))
        hkt__stack_give_slow(c);
}

/* A block of the usual size that was used before and has its pages; NULL: ask hkt__stack_take(). */
static inline struct hkt_coro *hkt__stack_take_warm(void)
{
    struct hkt__thread *t = hkt__thread_current;

    return HKT_LIKELY(t && t->usual->warm_count > 0) ? t->usual->warm[--t->usual->warm_count]
                                                     : NULL;
}

/* A way through all coroutines of this thread that are in use, on stacks from slabs. Zeroed, it is
 * at its beginning; coroutines may be made and freed between two steps. */
struct hkt__walk {
    const struct hkt__slab *slab;
    unsigned at;
};
/* The next one; NULL: that was the last, and the walk is at its beginning again. */
struct hkt_coro *hkt__stack_walk(struct hkt__walk *w);

/* Calls fn for every block that t has had in use, those that are free included. */
void hkt__stack_each(const struct hkt__thread *t, void (*fn)(struct hkt_coro *c));

/* The coroutine of that thread in whose stack from a slab, or guard page, addr lies. A guard page
 * that many share is that of the one who ran over the others into it, and only asked for as such.
 */
struct hkt_coro *hkt__stack_owner_in(const struct hkt__thread *t, const void *addr,
                                     bool guard_only);
/* The same, of this thread, also on the users' memory. */
struct hkt_coro *hkt__stack_owner(const void *addr, bool guard_only);

#endif
