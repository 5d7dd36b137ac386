/* SPDX-License-Identifier: MIT
 *
 * Stacks come from slabs: one mapping for many, so that a million stacks take some hundreds of
 * mappings. Control blocks are dense arrays of their own at the head of the slab, because blocks
 * that lie on stacks, 64 KiB apart, share cache sets and TLB entries with nothing:
 *
 *      | slab | hot[] | cold[] | upper[] | watched[] | guard, stack 0 | guard, stack 1 | ...
 *
 * Stacks that are smaller than a page lie several in one, with a canary in each and one guard page
 * below all of a slab: who runs away through his neighbours ends there at the latest.
 *
 * Address space costs nothing until touched, so a block and its stack are one object for life, and
 * a coroutine that never began has touched no stack. A size class has a pool; freed blocks are
 * taken again last in, first out, while their stacks are in the cache. Everything belongs to one
 * thread, so there is no lock.
 */
#include "stack.h"
#include "base/os.h"
#include "base/report.h"
#include "hibernate.h"
#include "overflow.h"
#include "profile.h"
#include "side.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLAB_FIRST = 16,
    SLAB_MOST = 4096,
    COLOURED_FROM = 32768,
    SMALL_COLOUR = 16,
    USABLE_MOST = 32768, /* up to here a size is that of what can be used */
};
#define SLAB_BYTES_MOST ((size_t)1 << (sizeof(size_t) > 4 ? 28 : 22))

struct hkt__slab {
    struct hkt__slab *next;
    size_t mapped;
    struct hkt_coro *hot;
    struct hkt__cold *cold;
    char *upper;
    struct hkt__watched *watched;
    char *stacks;
    size_t stack_size;
    size_t guard; /* bytes at the low end of each stack; 0: there is one page below the stacks */
    unsigned count;
    unsigned used; /* handed out at least once: these have a guard page */
};

_Thread_local struct hkt__thread *hkt__thread_current;

/* For a thread without a heap, whose coroutines are all on the user's memory. */
static _Thread_local struct hkt__thread spare_thread;

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

static size_t count_live(const struct hkt__thread *t)
{
    size_t live = 0;

    for (const struct hkt__slab *s = t->slabs; s; s = s->next)
        live += s->used;
    for (int k = 0; k < HKT__STACK_CLASSES; k++)
        if (t->pool[k])
            live -= t->pool[k]->warm_count + t->pool[k]->cool_count;
    for (const struct hkt_coro *c = t->adopted; c; c = c->cold->watched->next)
        live++;
    return live;
}

static void thread_end(void *arg)
{
    struct hkt__thread *t = arg;

    size_t live = count_live(t);

    if (t->profiled)
        hkt__profile_end_all(t);
    hkt__thread_current = NULL;
    if (live > 0) {
        hkt_report("thread ends with %zu coroutines not freed", live);
        return; /* their stacks may still be referred to */
    }
    /* First, as faults of other threads walk the stacks of every thread that has images. */
    hkt__images_free(t);
    while (t->slabs) {
        struct hkt__slab *s = t->slabs;
        t->slabs = s->next;
        for (unsigned i = 0; i < s->used; i++)
            hkt__side_forget_stack(&s->hot[i]);
        hkt__os.unmap(s, s->mapped);
    }
    hkt__overflow_unwatch(&t->altstack);
    for (int k = 0; k < HKT__STACK_CLASSES; k++)
        free(t->pool[k]);
    if (t != &spare_thread)
        free(t);
}

static bool shadow_stack_refused(void)
{
    if (!hkt__os.shadow_stack())
        return false;
    hkt_report("this thread runs with a hardware shadow stack, which a switch of stacks cannot "
               "follow: no coroutine was made; start the program without it "
               "(GLIBC_TUNABLES=glibc.cpu.hwcaps=-SHSTK)");
    return true;
}

/* Stacks of class 1: a page to use, and a guard page. */
static unsigned class1_shift(void)
{
    size_t page = hkt__os_page_size();

    return page == 4096 ? 13 : (unsigned)__builtin_ctzl(page) + 1;
}

static size_t class_size(int k)
{
    return k == 0 ? HKT__STACK_SMALL : (size_t)1 << (class1_shift() + (unsigned)k - 1);
}

/* The least class whose stacks have size bytes; -1: none. Of a small stack its guard page would be
 * half or more, and who counts bytes means those for frames. */
static int class_of(size_t size)
{
    if (size <= HKT__STACK_SMALL)
        return 0;
    if (size <= USABLE_MOST)
        size += hkt__os_page_size();
    size_t above = (size - 1) >> class1_shift();
    int k = above ? 1 + (int)(sizeof(long) * 8) - __builtin_clzl(above) : 1;

    return k < HKT__STACK_CLASSES ? k : -1;
}

size_t hkt__stack_most(void)
{
    return class_size(HKT__STACK_CLASSES - 1);
}

size_t hkt__stack_for(size_t need)
{
    size_t size = 4096;

    if (need <= HKT__STACK_SMALL - HKT__CANARIES * sizeof(uint64_t) - SMALL_COLOUR)
        return HKT__STACK_SMALL;
    while (size < hkt__stack_most() &&
           (size <= USABLE_MOST ? size : size - hkt__os_page_size()) < need)
        size *= 2;
    return size;
}

struct hkt__thread *hkt__thread_self(void)
{
    if (HKT_LIKELY(hkt__thread_current != NULL))
        return hkt__thread_current;
    if (shadow_stack_refused())
        return NULL;
    static struct hkt__pool empty;
    struct hkt__thread *t = hkt__os.alloc(sizeof *t);
    if (!t) {
        t = &spare_thread;
        memset(t, 0, sizeof *t);
    }
    hkt__thread_current = t;
    hkt__os_at_thread_exit(thread_end, t);
    t->profiled = hkt__profile_wanted();
    t->watched = t->profiled ? HKT__SLOW : hkt__side_process_watched();
    t->usual = &empty;
    hkt__overflow_watch(&t->altstack);
    return t;
}

static struct hkt__pool *pool_of(struct hkt__thread *t, int k)
{
    if (!t->pool[k]) {
        t->pool[k] = hkt__os.alloc(sizeof *t->pool[k]);
        if (t->pool[k] && k == class_of(HKT__STACK_DEFAULT))
            t->usual = t->pool[k];
    }
    return t->pool[k];
}

static bool guard(void *addr, size_t stack_size)
{
    int rc = hkt__os.guard(addr, hkt__os_page_size());

    if (rc < 0)
        hkt_report("no guard page for a stack of %zu bytes: %s", stack_size, hkt_strerror(rc));
    return rc == 0;
}

/* Once: who has such stacks and such a handler has both in many places. */
static void warn_of_signals(void)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    int signum = hkt__signal_on_stack();

    if (signum && !atomic_flag_test_and_set(&told))
        hkt_report("the handler of signal %d runs on whatever stack there is, which its frame of "
                   "%zu bytes overruns where that has %d: install it with SA_ONSTACK",
                   signum, hkt__signal_frame(), HKT__STACK_SMALL);
}

/* How many are in the next slab: whole pages of them. */
static unsigned count_for(const struct hkt__pool *pool, size_t stack_size)
{
    unsigned count = pool->next_count ? pool->next_count : SLAB_FIRST;

    while (count > 1 && count * stack_size > SLAB_BYTES_MOST)
        count /= 2;
    while (count * stack_size < hkt__os_page_size())
        count *= 2;
    return count;
}

static struct hkt__slab *slab_new(struct hkt__thread *t, struct hkt__pool *pool, size_t stack_size)
{
    unsigned count = count_for(pool, stack_size);
    size_t page = hkt__os_page_size();
    bool small = stack_size == HKT__STACK_SMALL;
    size_t hot_at = round_up(sizeof(struct hkt__slab), 64);
    size_t cold_at = hot_at + count * sizeof(struct hkt_coro);
    size_t upper_at = cold_at + count * sizeof(struct hkt__cold);
    size_t watched_at = upper_at + (size_t)count * HKT__UPPER_SIZE;
    size_t stacks_at = watched_at + count * sizeof(struct hkt__watched);
    stacks_at = round_up(stacks_at, page) + (small ? page : 0);
    size_t mapped = stacks_at + count * stack_size;
    struct hkt__slab *s = hkt__os.map(mapped);
    if (!s)
        return NULL;
    char *base = (char *)s;
    if (small && !guard(base + stacks_at - page, stack_size)) {
        hkt__os.unmap(s, mapped);
        return NULL;
    }
    if (small)
        warn_of_signals();
    *s = (struct hkt__slab){t->slabs,
                            mapped,
                            (void *)(base + hot_at),
                            (void *)(base + cold_at),
                            base + upper_at,
                            (void *)(base + watched_at),
                            base + stacks_at,
                            stack_size,
                            small ? 0 : page,
                            count,
                            0};
    t->slabs = s;
    pool->slab = s;
    pool->next_count = count < SLAB_MOST ? count * 2 : count;
    return s;
}

/* Tops at the same place in their pages would compete for one set of each cache: a thousand parked
 * frames would not fit into any. Small stacks need their bytes more; but where the next one lies
 * right above, a stack pointer at the top would be taken for the other's, by Valgrind among others.
 */
static uint16_t colour_of(unsigned number, size_t stack_size)
{
    if (stack_size == HKT__STACK_SMALL)
        return SMALL_COLOUR;
    return (uint16_t)(stack_size < COLOURED_FROM ? 0 : number % HKT__COLOURS * 64);
}

/* The next block of the newest slab, with its guard page. */
static struct hkt_coro *carve(struct hkt__thread *t, struct hkt__pool *pool, size_t stack_size)
{
    struct hkt__slab *s = pool->slab;

    if ((!s || s->used == s->count) && !(s = slab_new(t, pool, stack_size)))
        return NULL;
    char *stack = s->stacks + s->used * stack_size;
    if (s->guard && !guard(stack, stack_size))
        return NULL;
    struct hkt_coro *c = &s->hot[s->used];
    c->cold = &s->cold[s->used];
    c->cold->upper = s->upper + (size_t)s->used * HKT__UPPER_SIZE;
    c->cold->watched = &s->watched[s->used];
    c->cold->low = stack + s->guard;
    c->cold->room = stack_size - s->guard;
    c->cold->colour = colour_of(s->used, stack_size);
    c->cold->pool = pool;
    c->cold->thread = t;
    hkt__side_note_stack(c);
    s->used++;
    return c;
}

static struct hkt_coro *take_cold(struct hkt__thread *t, struct hkt__pool *pool, int k)
{
    struct hkt_coro *c = pool->cool;

    if (!c)
        return carve(t, pool, class_size(k));
    pool->cool = c->data;
    pool->cool_count--;
    return c;
}

struct hkt_coro *hkt__stack_take(size_t size)
{
    struct hkt__thread *t = hkt__thread_self();
    int k = class_of(size);

    struct hkt__pool *pool = t && k >= 0 ? pool_of(t, k) : NULL;
    if (!pool)
        return NULL;
    return pool->warm_count > 0 ? pool->warm[--pool->warm_count] : take_cold(t, pool, k);
}

struct hkt_coro *hkt__stack_adopt(void *memory, size_t size)
{
    struct hkt__thread *t = hkt__thread_self();
    uintptr_t low = round_up((uintptr_t)memory, 16);
    uintptr_t end = ((uintptr_t)memory + size) & ~(uintptr_t)63;

    if (!t)
        return NULL;
    struct hkt_coro *c = (struct hkt_coro *)(end - sizeof(struct hkt_coro));
    struct hkt__cold *cold = (struct hkt__cold *)((uintptr_t)c - sizeof(struct hkt__cold));
    struct hkt__watched *watched = (void *)((uintptr_t)cold - sizeof(struct hkt__watched));
    memset(cold, 0, sizeof *cold);
    memset(c, 0, sizeof *c);
    c->cold = cold;
    *watched = (struct hkt__watched){0};
    cold->watched = watched;
    cold->low = (char *)low;
    cold->room = ((uintptr_t)watched & ~(uintptr_t)15) - low;
    cold->thread = t;
    watched->next = t->adopted;
    t->adopted = c;
    hkt__side_note_stack(c);
    return c;
}

static void disown(struct hkt__thread *t, struct hkt_coro *c)
{
    struct hkt_coro **at = &t->adopted;

    while (*at != c)
        at = &(*at)->cold->watched->next;
    *at = c->cold->watched->next;
    hkt__side_forget_stack(c);
}

/* Whether nobody is on the stack of that block, nor will be soon. */
static bool idle(const struct hkt_coro *c)
{
    return !c->cold || c->ctx.flags & HKT__COOL;
}

/* The page of a small stack goes when the last of those in it does. Whether it does now. */
static bool shared_page(const struct hkt_coro *c, struct iovec *given)
{
    size_t page = hkt__os_page_size();
    size_t in_page = (uintptr_t)c->cold->low & (page - 1);
    const struct hkt_coro *first = c - in_page / HKT__STACK_SMALL;

    for (size_t i = 0; i < page / HKT__STACK_SMALL; i++)
        if (!idle(&first[i]))
            return false;
    *given = (struct iovec){c->cold->low - in_page, page};
    return true;
}

/* Whether it has pages that go. */
static bool cool(struct hkt__pool *pool, struct hkt_coro *c, struct iovec *given)
{
    if (c->cold->thread->profiled)
        hkt__profile_end(c);
    c->ctx.flags |= HKT__COOL;
    c->data = pool->cool;
    pool->cool = c;
    pool->cool_count++;
    if (!hkt__stack_guarded(c->cold))
        return shared_page(c, given);
    *given = (struct iovec){c->cold->low, c->cold->room};
    return true;
}

/* Those that were used longest ago, and many of them, because that takes one call of the system.
 * The list is not on the stack, which may be a small one. */
static void make_room(struct hkt__pool *pool)
{
    unsigned n = 0;

    for (unsigned i = 0; i < HKT__COOL_TOGETHER; i++)
        n += cool(pool, pool->warm[i], &pool->given[n]);
    hkt__os.release(pool->given, n);
    pool->warm_count -= HKT__COOL_TOGETHER;
    memmove(pool->warm, pool->warm + HKT__COOL_TOGETHER, pool->warm_count * sizeof *pool->warm);
}

void hkt__stack_give_slow(struct hkt_coro *c)
{
    struct hkt__cold *cold = c->cold;
    struct hkt__pool *pool = cold->pool;

    if (pool) {
        if (!hkt__stack_keep(pool, c)) {
            make_room(pool);
            (void)hkt__stack_keep(pool, c);
        }
        return;
    }
    if (cold->thread->profiled)
        hkt__profile_end(c);
    c->ctx.flags = HKT__FREED;
    disown(cold->thread, c);
}

struct hkt_coro *hkt__stack_walk(struct hkt__walk *w)
{
    if (!w->slab)
        w->slab = hkt__thread_current ? hkt__thread_current->slabs : NULL;
    for (; w->slab; w->slab = w->slab->next, w->at = 0)
        while (w->at < w->slab->used) {
            struct hkt_coro *c = &w->slab->hot[w->at++];
            if (!(c->ctx.flags & HKT__FREED))
                return c;
        }
    return NULL;
}

void hkt__stack_each(const struct hkt__thread *t, void (*fn)(struct hkt_coro *c))
{
    for (const struct hkt__slab *s = t->slabs; s; s = s->next)
        for (unsigned i = 0; i < s->used; i++)
            fn(&s->hot[i]);
    for (struct hkt_coro *c = t->adopted; c; c = c->cold->watched->next)
        fn(c);
}

/* The uppermost whose canary is gone has run over those below, not they. */
static struct hkt_coro *overrunner(const struct hkt__slab *s)
{
    for (unsigned i = s->used; i-- > 0;)
        if (!(s->hot[i].ctx.flags & HKT__FREED) && !hkt__canaries_live(s->hot[i].cold))
            return &s->hot[i];
    return &s->hot[0]; /* over its canary with one frame */
}

static struct hkt_coro *owner_in_slab(const struct hkt__slab *s, uintptr_t addr, bool guard_only)
{
    uintptr_t offset = addr - (uintptr_t)s->stacks;

    if (guard_only && !s->guard && -offset - 1 < hkt__os_page_size())
        return overrunner(s);
    if (offset >= (size_t)s->used * s->stack_size)
        return NULL;
    if (guard_only && offset % s->stack_size >= s->guard)
        return NULL;
    return &s->hot[offset / s->stack_size];
}

struct hkt_coro *hkt__stack_owner_in(const struct hkt__thread *t, const void *addr, bool guard_only)
{
    struct hkt_coro *c = NULL;

    for (const struct hkt__slab *s = t->slabs; s && !c; s = s->next)
        c = owner_in_slab(s, (uintptr_t)addr, guard_only);
    return c;
}

struct hkt_coro *hkt__stack_owner(const void *addr, bool guard_only)
{
    const struct hkt__thread *t = hkt__thread_current;
    struct hkt_coro *c = t ? hkt__stack_owner_in(t, addr, guard_only) : NULL;

    if (c || !t || guard_only)
        return c;
    for (c = t->adopted; c; c = c->cold->watched->next)
        if ((uintptr_t)addr - (uintptr_t)c->cold->low < c->cold->room)
            return c;
    return NULL;
}
