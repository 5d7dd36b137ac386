/* SPDX-License-Identifier: MIT
 *
 *      awake                            hibernating
 *
 *      ctx   -> frames                  ctx   -> wake_up(), on a stack that all of a thread share
 *      data  -> record on the stack     data  -> record in the image
 *      stack |          frames|         stack |no memory, and a fault at any touch|
 *                                       image |head|record|packed: frames, ctx|
 *
 * Nobody who resumes a coroutine asks whether it hibernates: its context is that of a function
 * which first brings the stack back and then goes on in it. And nobody who touches the stack needs
 * to ask: the pages are guarded, and the handler of the fault does the same. So this costs nothing
 * where it is not used, and a pointer into such a stack is as good as before, except for the
 * kernel, which answers -EFAULT.
 *
 * Whoever touches the stack may be about to wake the coroutine, and hold the address of the record
 * in the image; or be another thread. So what a touch brings back is all but the record, which
 * stays where it is: the stack is open then, and the rest is done when the coroutine goes on.
 */
#include "hibernate.h"
#include "base/os.h"
#include "base/report.h"
#include "pack.h"
#include "side.h"
#include "stack.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORD = sizeof(uintptr_t),
    CTX_WORDS = offsetof(struct hkt_ctx, flags) / WORD,
    CHUNK = 1 << 20,
    SHARED_STACK = 32768,
    TOGETHER = 64,
    RECORD_WORDS = 1024,
};

struct hkt__image {
    uint16_t size : 15;   /* of the image, in words */
    uint16_t open : 1;    /* the stack is back, but for the record */
    uint16_t words;       /* of the stack */
    uint16_t record_at;   /* from the first of them */
    uint16_t record_size; /* in words */
    uintptr_t record[];   /* then what is packed */
};

enum { IMAGE_MOST = sizeof(struct hkt__image) / WORD + 2 * HKT__IMAGE_WORDS };

/* On its way to rest. Its record has left the stack already: to move one touches its neighbours,
 * and so perhaps other stacks, which must not have been copied yet. */
struct going {
    struct hkt_coro *c;
    struct hkt__image *image;
    size_t record_at, record_size;
};

/* Those that go together. */
struct rest {
    bool alone; /* the process has one thread; if not, they go one by one */
    unsigned n;
    size_t used; /* words of records */
    struct going going[TOGETHER];
    struct iovec live[TOGETHER], whole[TOGETHER];
    uintptr_t records[RECORD_WORDS];
};

/* Of one thread. */
struct hkt__images {
    struct hkt__images *next; /* of all threads */
    struct hkt__thread *thread;
    size_t count;
    size_t opened; /* of these; under the lock */
    char *shared_stack;
    uintptr_t *chunk;                /* the newest; its first word is the one before */
    size_t used;                     /* words of it */
    uintptr_t *free[IMAGE_MOST + 1]; /* by size in words; the first word is the next */
    struct rest rest;
};

/* Other threads open stacks under it; it is never held while anything is touched that may itself be
 * put aside. */
static atomic_flag turnstile = ATOMIC_FLAG_INIT;
static struct hkt__images *everyone;

static void lock(void)
{
    while (atomic_flag_test_and_set_explicit(&turnstile, memory_order_acquire))
        sched_yield();
}

static void unlock(void)
{
    atomic_flag_clear_explicit(&turnstile, memory_order_release);
}

static void watch_forks(void)
{
    (void)pthread_atfork(lock, unlock, unlock);
}

static struct hkt__images *images_make(struct hkt__thread *t)
{
    struct hkt__images *all = hkt__os.alloc(sizeof *all);

    if (!all)
        return NULL;
    all->shared_stack = hkt__os.map(SHARED_STACK);
    if (!all->shared_stack || hkt__os.guard(all->shared_stack, hkt__os_page_size()) < 0) {
        if (all->shared_stack)
            hkt__os.unmap(all->shared_stack, SHARED_STACK);
        free(all);
        return NULL;
    }
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, watch_forks);
    all->thread = t;
    t->images = all;
    lock();
    all->next = everyone;
    everyone = all;
    unlock();
    return all;
}

void hkt__images_free(struct hkt__thread *t)
{
    struct hkt__images *all = t->images;

    if (!all)
        return;
    lock();
    struct hkt__images **at = &everyone;
    while (*at != all)
        at = &(*at)->next;
    *at = all->next;
    unlock();
    while (all->chunk) {
        uintptr_t *chunk = all->chunk;
        all->chunk = (uintptr_t *)chunk[0];
        hkt__os.unmap(chunk, CHUNK);
    }
    hkt__os.unmap(all->shared_stack, SHARED_STACK);
    free(all);
    t->images = NULL;
}

static struct hkt__image *image_take(struct hkt__images *all, size_t size)
{
    uintptr_t *at = all->free[size];

    if (at) {
        all->free[size] = (uintptr_t *)at[0];
        return (struct hkt__image *)(void *)at;
    }
    if (!all->chunk || all->used + size > CHUNK / WORD) {
        uintptr_t *chunk = hkt__os.map(CHUNK);
        if (!chunk)
            return NULL;
        chunk[0] = (uintptr_t)all->chunk;
        all->chunk = chunk;
        all->used = 1;
    }
    at = all->chunk + all->used;
    all->used += size;
    return (struct hkt__image *)(void *)at;
}

static void image_give(struct hkt__images *all, struct hkt__image *image)
{
    uintptr_t *at = (uintptr_t *)(void *)image;
    size_t size = image->size;

    at[0] = (uintptr_t)all->free[size];
    all->free[size] = at;
}

/* A coroutine's part of its stack */

static char *end_of(const struct hkt__cold *cold)
{
    return cold->low + cold->room - cold->colour;
}

/* The pages that are guarded: those that are live, as marks on each page of a stack take time, and
 * of a large one page tables. */
static struct iovec live_pages(const struct hkt__cold *cold, const void *sp)
{
    char *from = (char *)((uintptr_t)sp & ~(uintptr_t)(hkt__os_page_size() - 1));

    return (struct iovec){from, (size_t)(cold->low + cold->room - from)};
}

/* Word by word, and not by memcpy(), which AddressSanitizer would have look at the frames' own
 * marks. */
HKT__APART HKT__UNSANITIZED static void copy(uintptr_t *to, const uintptr_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uintptr_t word = from[i];
        __asm__("" : "+r"(word));
        to[i] = word;
    }
}

/* LeakSanitizer must find what only this stack refers to, so there images are not packed. */
static size_t keep_words(uintptr_t *out, const uintptr_t *words, size_t n)
{
    if (hkt__side_scans_memory()) {
        copy(out, words, n);
        return n;
    }
    return (hkt__pack((unsigned char *)out, words, n) + WORD - 1) / WORD;
}

static void bring_words(uintptr_t *words, size_t n, const uintptr_t *in)
{
    if (hkt__side_scans_memory())
        copy(words, in, n);
    else
        hkt__unpack(words, n, (const unsigned char *)in);
}

/* Waking */

/* Where the context of one that hibernates leads. */
HKT__UNSANITIZED static void wake_up(struct hkt_ctx *ctx, struct hkt_msg msg)
{
    hkt__rouse((struct hkt_coro *)ctx);
    hkt__ctx_jump(ctx, msg);
}

static uintptr_t *live_of(const struct hkt_coro *c, const struct hkt__image *image)
{
    return (uintptr_t *)(void *)end_of(c->cold) - image->words;
}

static HKT_NORETURN void is_lost(const struct hkt__cold *cold)
{
    hkt__fatal("the memory of the stack of '%s' cannot be had back", cold->name);
}

/* Other threads must not find the memory before what was in it. */
static bool fill_apart(const struct iovec *p, void *live, const void *words, size_t bytes)
{
    if (hkt__os.keep(p->iov_base, p->iov_len, HKT__NO_ACCESS) < 0)
        return false;
    bool filled =
        hkt__os.show(p->iov_base, p->iov_len) == 0 && hkt__os.fill(live, words, bytes) == 0;
    return hkt__os.keep(p->iov_base, p->iov_len, HKT__ALL_ACCESS) == 0 && filled;
}

/* What was live is on the stack again, but for the record, which is the owner's. */
static void open_stack(const struct hkt_coro *c, struct hkt__image *image, const uintptr_t *words)
{
    const struct hkt__cold *cold = c->cold;
    uintptr_t *live = live_of(c, image);
    struct iovec pages = live_pages(cold, live);

    image->open = 1;
    cold->thread->images->opened++;
    if (!hkt__os.alone() && fill_apart(&pages, live, words, image->words * WORD))
        return;
    if (hkt__os.show(pages.iov_base, pages.iov_len) < 0)
        is_lost(cold);
    copy(live, words, image->words);
}

/* All that is packed is in `words`, and what was live of it on the stack, too. Under the lock. */
static void bring_back(const struct hkt_coro *c, struct hkt__image *image, uintptr_t *words)
{
    bring_words(words, image->words + CTX_WORDS, image->record + image->record_size);
    if (!image->open)
        open_stack(c, image, words);
}

void hkt__rouse(struct hkt_coro *c)
{
    struct hkt__images *all = c->cold->thread->images;
    struct hkt__image *image = c->cold->image;
    uintptr_t words[HKT__IMAGE_WORDS + CTX_WORDS];
    uintptr_t *record = live_of(c, image) + image->record_at;

    lock();
    bring_back(c, image, words);
    all->opened--;
    c->cold->image = NULL;
    c->ctx.flags &= ~HKT__HIBERNATES;
    unlock();
    memcpy(&c->ctx, words + image->words, CTX_WORDS * WORD);
    copy(record, image->record, image->record_size);
    if (c->data == image->record) {
        c->data = record;
        ((struct hkt__record *)(void *)record)->kind->move(image->record, record);
    }
    hkt__side_show(c, image, image->size * WORD);
    all->count--;
    image_give(all, image);
}

/* The one whose stack it is, and not its guard page. */
static struct hkt_coro *owner_of(const struct hkt__thread *t, const void *addr)
{
    struct hkt_coro *c = hkt__stack_owner_in(t, addr, false);

    return c && (const char *)addr >= c->cold->low ? c : NULL;
}

/* One whose stack is back already was quicker than the fault. */
static bool open_by(const void *addr)
{
    uintptr_t words[HKT__IMAGE_WORDS + CTX_WORDS];
    struct hkt_coro *c = NULL;

    lock();
    for (struct hkt__images *all = everyone; all && !c; all = all->next)
        c = owner_of(all->thread, addr);
    if (c && hkt__hibernates(c) && !c->cold->image->open)
        bring_back(c, c->cold->image, words);
    unlock();
    return c != NULL;
}

bool hkt__rouse_owner(const void *addr)
{
    const struct hkt__thread *t = hkt__thread_current;
    struct hkt_coro *c = t && t->images ? owner_of(t, addr) : NULL;

    if (!c)
        return open_by(addr);
    if (!hkt__hibernates(c))
        return false;
    if (c->cold->image->record_size > 0)
        return open_by(addr);
    hkt__rouse(c);
    return true;
}

static size_t count_opened(const struct hkt__images *all)
{
    lock();
    size_t n = all->opened;
    unlock();
    return n;
}

static bool is_open(const struct hkt_coro *c)
{
    lock();
    bool open = hkt__hibernates(c) && c->cold->image->open;
    unlock();
    return open;
}

void hkt__rouse_opened(void)
{
    const struct hkt__thread *t = hkt__thread_current;
    struct hkt__walk walk = {0};

    if (!t || !t->images || count_opened(t->images) == 0)
        return;
    for (struct hkt_coro *c; (c = hkt__stack_walk(&walk)) != NULL;)
        if (is_open(c))
            hkt__rouse(c);
}

size_t hkt__rouse_all(void)
{
    struct hkt__walk walk = {0};
    size_t before = hkt__hibernating();

    for (struct hkt_coro *c; hkt__hibernating() > 0 && (c = hkt__stack_walk(&walk)) != NULL;)
        if (hkt__hibernates(c))
            hkt__rouse(c);
    return before;
}

size_t hkt__hibernating(void)
{
    const struct hkt__thread *t = hkt__thread_current;

    return t && t->images ? t->images->count : 0;
}

/* Going to rest */

static int may_hibernate(const struct hkt_coro *c)
{
    const struct hkt__cold *cold = c->cold;
    const char *sp = c->ctx.sp;

    if (hkt__hibernates(c))
        return -EALREADY;
    if (!(cold->traits & HKT__GUARDED) || cold->traits & HKT_CORO_PAINT || cold->thread->profiled ||
        hkt__os_on_valgrind())
        return -ENOTSUP;
    if (sp < cold->low || sp > end_of(cold))
        return -EBUSY;
    return (size_t)(end_of(cold) - sp) > HKT__IMAGE_WORDS * WORD ? -E2BIG : 0;
}

/* The words of c's record that are moved. AddressSanitizer may have put it elsewhere than on the
 * stack; then it is at hand. */
static size_t record_size(const struct hkt_coro *c)
{
    const struct hkt__record *r = c->data;
    size_t offset = (size_t)((uintptr_t)r - (uintptr_t)c->ctx.sp);

    if (offset >= (size_t)(end_of(c->cold) - (char *)c->ctx.sp) || !r->kind->move)
        return 0;
    return r->kind->size / WORD;
}

/* From now on it is found there. */
static void move_record(struct hkt_coro *c, uintptr_t *to, size_t size)
{
    uintptr_t *from = c->data;

    if (size == 0)
        return;
    copy(to, from, size);
    c->data = to;
    ((struct hkt__record *)(void *)to)->kind->move(from, to);
}

static struct hkt__image *image_of(const struct going *g, struct hkt__images *all)
{
    uintptr_t words[HKT__IMAGE_WORDS + CTX_WORDS], packed[2 * HKT__IMAGE_WORDS];
    const struct hkt_coro *c = g->c;
    const uintptr_t *live = c->ctx.sp;
    size_t n = (size_t)(end_of(c->cold) - (char *)c->ctx.sp) / WORD;

    hkt__side_look(true);
    copy(words, live, n);
    memset(words + g->record_at, 0, g->record_size * WORD);
    memcpy(words + n, &c->ctx, CTX_WORDS * WORD);
    size_t size = keep_words(packed, words, n + CTX_WORDS);
    hkt__side_look(false);
    size_t whole = sizeof(struct hkt__image) / WORD + g->record_size + size;
    struct hkt__image *image = image_take(all, whole);
    if (!image)
        return NULL;
    *image = (struct hkt__image){.size = (uint16_t)whole,
                                 .words = (uint16_t)n,
                                 .record_at = (uint16_t)g->record_at,
                                 .record_size = (uint16_t)g->record_size};
    memcpy(image->record + g->record_size, packed, size * WORD);
    return image;
}

static bool rest_has_room(const struct rest *r, const struct hkt_coro *c)
{
    if (r->n == 0)
        return true;
    return r->alone && r->n < TOGETHER && r->used + record_size(c) <= RECORD_WORDS;
}

static void rest_add(struct rest *r, struct hkt_coro *c)
{
    const struct hkt__cold *cold = c->cold;
    size_t size = record_size(c);
    size_t at = size ? (size_t)((uintptr_t *)c->data - (uintptr_t *)c->ctx.sp) : 0;

    if (r->n == 0)
        r->alone = hkt__os.alone();
    r->going[r->n] = (struct going){c, NULL, at, size};
    r->live[r->n] = live_pages(cold, c->ctx.sp);
    r->whole[r->n++] = (struct iovec){cold->low, cold->room};
    move_record(c, r->records + r->used, size);
    r->used += size;
}

/* Its pages may be gone. */
static void put_back(const struct going *g)
{
    uintptr_t words[HKT__IMAGE_WORDS + CTX_WORDS];
    size_t n = g->image->words;

    bring_words(words, n + CTX_WORDS, g->image->record + g->record_size);
    copy(live_of(g->c, g->image), words, n);
}

/* A stack that was deeper before has memory below, too. Guards are cheap to set where there is no
 * memory any more; but other threads must not find it so. */
static int hide(const struct rest *r, unsigned n)
{
    if (r->alone)
        hkt__os.release(r->whole, n);
    int hidden = hkt__os.hide(r->live, n);
    if (!r->alone && hidden > 0)
        hkt__os.release(r->whole, n);
    for (unsigned i = hidden > 0 ? (unsigned)hidden : 0; r->alone && i < n; i++)
        put_back(&r->going[i]);
    return hidden;
}

/* What is written from now on is found in the stacks that come back, or fails. How many there are
 * images of, and no memory; -errno. */
static int exchange(struct rest *r, struct hkt__images *all)
{
    unsigned n = 0;

    while (n < r->n && (r->going[n].image = image_of(&r->going[n], all)) != NULL)
        n++;
    return n > 0 ? hide(r, n) : -ENOMEM;
}

/* What other threads write to the stack comes before the image, or waits for the lock and has the
 * stack opened. */
static int exchange_apart(struct rest *r, struct hkt__images *all)
{
    const struct iovec *p = &r->live[0];
    int rc = hkt__os.keep(p->iov_base, p->iov_len, HKT__READ_ONLY);

    if (rc == 0)
        rc = exchange(r, all);
    if (hkt__os.keep(p->iov_base, p->iov_len, HKT__ALL_ACCESS) < 0)
        is_lost(r->going[0].c->cold);
    return rc;
}

static void rests(const struct going *g, struct hkt__images *all)
{
    struct hkt_coro *c = g->c;

    all->count++;
    hkt__side_hide(c, g->image, g->image->size * WORD);
    hkt__ctx_begin(&c->ctx, all->shared_stack + SHARED_STACK, wake_up);
}

static void stays(const struct going *g, struct hkt__images *all)
{
    if (g->image)
        image_give(all, g->image);
    move_record(g->c, (uintptr_t *)g->c->ctx.sp + g->record_at, g->record_size);
}

/* How many rest; -errno: none. To move a record touches its neighbours, and so perhaps any of these
 * stacks; before, all of them must be as those that rest are. */
static int rest_end(struct rest *r, struct hkt__images *all)
{
    lock();
    int n = r->alone ? exchange(r, all) : exchange_apart(r, all);
    for (int i = 0; i < n; i++) {
        r->going[i].c->cold->image = r->going[i].image;
        r->going[i].c->ctx.flags |= HKT__HIBERNATES;
    }
    unlock();
    for (int i = 0; i < n; i++)
        rests(&r->going[i], all);
    for (unsigned i = 0; i < r->n; i++)
        if ((int)i < n)
            move_record(r->going[i].c, r->going[i].image->record, r->going[i].record_size);
        else
            stays(&r->going[i], all);
    r->n = 0;
    r->used = 0;
    return n;
}

static void note(int answer, int *done, int *rc)
{
    if (answer < 0)
        *rc = answer;
    else
        *done += answer;
}

int hkt__hibernate(struct hkt_coro *const *those, unsigned n)
{
    struct hkt__thread *t = hkt__thread_current;
    struct hkt__images *all = t->images ? t->images : images_make(t);
    int done = 0, rc = all ? 0 : -ENOMEM;

    for (unsigned i = 0; all && i < n; i++) {
        int refused = may_hibernate(those[i]);
        if (refused < 0) {
            rc = refused;
            continue;
        }
        if (!rest_has_room(&all->rest, those[i]))
            note(rest_end(&all->rest, all), &done, &rc);
        rest_add(&all->rest, those[i]);
    }
    if (all && all->rest.n > 0)
        note(rest_end(&all->rest, all), &done, &rc);
    return done > 0 ? done : rc;
}
