/* SPDX-License-Identifier: MIT
 *
 * How stacks are put aside, many of them in a few calls of the system:
 *
 *      records leave      images are taken      pages go           records go in
 *      of all             of all                of all             of all
 *
 * To move a record touches its neighbours in lists and heaps, and so perhaps any of these stacks.
 * Before the images are taken that is an ordinary write; after the pages have gone it is a fault,
 * which brings a stack back. In between it would be lost.
 */
#include "images.h"
#include "side.h"

#include <errno.h>
#include <string.h>

enum { RECORD_WORDS = 1024 };

/* On its way to rest: its record is not on its stack any more. */
struct going {
    struct hkt_coro *c;
    struct hkt__image *image;
    size_t size;                   /* of the image, in words: other threads write beside its own */
    size_t record_at, record_size; /* words; at: from the first that is live */
    bool hidden;
};

/* Those that go together. */
struct hkt__rest {
    bool alone; /* the process has one thread; if not, they go one by one */
    unsigned n;
    int why;     /* the last that does not rest stays */
    size_t used; /* words of records */
    struct going going[HKT__REST_TOGETHER];
    struct iovec live[HKT__REST_TOGETHER], whole[HKT__REST_TOGETHER];
    uintptr_t records[RECORD_WORDS];
    /* Of the one that is looked at; more than there is on the stack of a small task. */
    uintptr_t words[HKT__IMAGE_WORDS + HKT__CTX_WORDS], packed[2 * HKT__IMAGE_WORDS];
};

/* Where the context of one that hibernates leads. */
HKT__UNSANITIZED static void wake_up(struct hkt_ctx *ctx, struct hkt_msg msg)
{
    hkt__rouse((struct hkt_coro *)ctx);
    hkt__ctx_jump(ctx, msg);
}

static int may_hibernate(const struct hkt_coro *c)
{
    const struct hkt__cold *cold = c->cold;
    const char *sp = c->ctx.sp;

    if (hkt__hibernates(c))
        return -EALREADY;
    if (!(cold->traits & HKT__GUARDED) || cold->traits & HKT_CORO_PAINT || cold->thread->profiled ||
        hkt__os_on_valgrind())
        return -ENOTSUP;
    if (sp < cold->low || sp > hkt__stack_end(cold))
        return -EBUSY;
    return (size_t)(hkt__stack_end(cold) - sp) > HKT__IMAGE_WORDS * HKT__WORD ? -E2BIG : 0;
}

/* The words of c's record that are moved. AddressSanitizer may have put it elsewhere than on the
 * stack; then it is at hand. */
static size_t record_size(const struct hkt_coro *c)
{
    const struct hkt__record *r = c->data;
    size_t offset = (size_t)((uintptr_t)r - (uintptr_t)c->ctx.sp);

    if (offset >= (size_t)(hkt__stack_end(c->cold) - (char *)c->ctx.sp) || !r->kind->move)
        return 0;
    return r->kind->size / HKT__WORD;
}

/* From now on it is found there. */
static void move_record(struct hkt_coro *c, uintptr_t *to, size_t size)
{
    uintptr_t *from = c->data;

    if (size == 0)
        return;
    hkt__copy_words(to, from, size);
    c->data = to;
    ((struct hkt__record *)(void *)to)->kind->move(from, to);
}

static struct hkt__image *image_of(struct going *g, struct hkt__images *all)
{
    uintptr_t *words = all->rest->words, *packed = all->rest->packed;
    const struct hkt_coro *c = g->c;
    const uintptr_t *live = c->ctx.sp;
    size_t n = (size_t)(hkt__stack_end(c->cold) - (char *)c->ctx.sp) / HKT__WORD;

    hkt__side_look(true);
    hkt__copy_words(words, live, n);
    memset(words + g->record_at, 0, g->record_size * HKT__WORD);
    memcpy(words + n, &c->ctx, HKT__CTX_WORDS * HKT__WORD);
    size_t size = hkt__image_keep(packed, words, n + HKT__CTX_WORDS);
    hkt__side_look(false);
    size_t whole = sizeof(struct hkt__image) / HKT__WORD + g->record_size + size;
    struct hkt__image *image = hkt__image_take(all, whole);
    if (!image)
        return NULL;
    *image = (struct hkt__image){.size = (uint16_t)whole,
                                 .words = (uint16_t)n,
                                 .record_at = (uint16_t)g->record_at,
                                 .record_size = (uint16_t)g->record_size};
    g->size = whole;
    memcpy(image->record + g->record_size, packed, size * HKT__WORD);
    return image;
}

static bool rest_has_room(const struct hkt__rest *r, const struct hkt_coro *c)
{
    if (r->n == 0)
        return true;
    return r->alone && r->n < HKT__REST_TOGETHER && r->used + record_size(c) <= RECORD_WORDS;
}

static void rest_add(struct hkt__rest *r, struct hkt_coro *c)
{
    const struct hkt__cold *cold = c->cold;
    size_t size = record_size(c);
    size_t at = size ? (size_t)((uintptr_t *)c->data - (uintptr_t *)c->ctx.sp) : 0;

    if (r->n == 0)
        r->alone = hkt__os.alone();
    r->going[r->n] = (struct going){.c = c, .record_at = at, .record_size = size};
    r->live[r->n] = hkt__live_pages(cold, c->ctx.sp);
    r->whole[r->n++] = (struct iovec){cold->low, cold->room};
    move_record(c, r->records + r->used, size);
    r->used += size;
}

/* Its pages may be gone. */
static void put_back(const struct going *g, uintptr_t *words)
{
    hkt__image_bring(words, g->image->words + HKT__CTX_WORDS, g->image->record + g->record_size);
    hkt__live_bring(g->c, g->image, words);
}

/* One that the system refuses does not keep those behind it. */
static void hide(struct hkt__rest *r, unsigned n)
{
    for (unsigned at = 0; at < n;) {
        int hidden = hkt__os.hide(&r->live[at], n - at);
        if (hidden < 0) {
            r->why = hidden;
            at++;
        }
        for (; hidden > 0; hidden--)
            r->going[at++].hidden = true;
    }
}

static unsigned take_images(struct hkt__rest *r, struct hkt__images *all)
{
    unsigned n = 0;

    while (n < r->n && (r->going[n].image = image_of(&r->going[n], all)) != NULL)
        n++;
    if (n < r->n)
        r->why = -ENOMEM;
    return n;
}

/* What is written from now on is found in the stacks that come back, or fails.
 * A stack that was deeper before has memory below, too; all of it is released first, as guards are
 * cheap to set where there is no memory any more. */
static void exchange(struct hkt__rest *r, struct hkt__images *all)
{
    unsigned n = take_images(r, all);

    hkt__os.release(r->whole, n);
    hide(r, n);
    for (unsigned i = 0; i < n; i++)
        if (!r->going[i].hidden)
            put_back(&r->going[i], r->words);
}

/* What is live lies within one page, which is hidden or keeps its memory; so nothing that is
 * refused has to be put back. */
_Static_assert(HKT__IMAGE_WORDS *HKT__WORD + HKT__COLOURS * 64 <= 4096, "it may be two pages");

/* What other threads write to the stack comes before the image, or waits for the lock and has the
 * stack opened. Nor may they read while it is hidden, as its memory is gone before its guard is
 * there. */
static void exchange_apart(struct hkt__rest *r, struct hkt__images *all)
{
    const struct going *g = &r->going[0];
    const struct iovec *p = &r->live[0];
    int rc = hkt__os.keep(p->iov_base, p->iov_len, HKT__READ_ONLY);

    if (rc == 0 && take_images(r, all) == 1) {
        rc = hkt__os.keep(p->iov_base, p->iov_len, HKT__NO_ACCESS);
        hide(r, rc == 0);
    }
    if (g->hidden)
        hkt__os.release(r->whole, 1);
    r->why = rc < 0 ? rc : r->why;
    if (hkt__os.keep(p->iov_base, p->iov_len, g->hidden ? HKT__HIDDEN : HKT__ALL_ACCESS) < 0)
        hkt__stack_is_lost(g->c->cold);
}

static void rests(const struct going *g, struct hkt__images *all)
{
    struct hkt_coro *c = g->c;

    all->count++;
    hkt__side_hide(c, g->image, g->size * HKT__WORD);
    hkt__ctx_begin(&c->ctx, all->shared_stack + hkt__shared_stack_size(), wake_up);
}

static void stays(const struct going *g, struct hkt__images *all)
{
    if (g->image)
        hkt__image_give(all, g->image);
    move_record(g->c, (uintptr_t *)g->c->ctx.sp + g->record_at, g->record_size);
}

/* How many rest. From now on whoever touches them finds the images. */
static unsigned tell(struct hkt__rest *r)
{
    unsigned done = 0;

    for (unsigned i = 0; i < r->n; i++)
        if (r->going[i].hidden) {
            struct hkt_coro *c = r->going[i].c;
            c->cold->image = r->going[i].image;
            c->ctx.flags |= HKT__HIBERNATES;
            done++;
        }
    return done;
}

/* Before the first record is moved in, all must be as those that rest are. */
static void rest_end(struct hkt__rest *r, struct hkt__images *all, struct hkt__rested *sum)
{
    hkt__images_lock();
    if (r->alone)
        exchange(r, all);
    else
        exchange_apart(r, all);
    unsigned done = tell(r);
    hkt__images_unlock();
    for (unsigned i = 0; i < r->n; i++)
        if (r->going[i].hidden)
            rests(&r->going[i], all);
    for (unsigned i = 0; i < r->n; i++)
        if (r->going[i].hidden)
            move_record(r->going[i].c, r->going[i].image->record, r->going[i].record_size);
        else
            stays(&r->going[i], all);
    sum->done += done;
    sum->refused += r->n - done;
    sum->why = done < r->n ? r->why : sum->why;
    r->n = 0;
    r->used = 0;
}

static struct hkt__rest *rest_of(struct hkt__thread *t)
{
    struct hkt__images *all = t->images ? t->images : hkt__images_make(t);

    if (all && !all->rest)
        all->rest = hkt__os.alloc(sizeof *all->rest);
    return all ? all->rest : NULL;
}

struct hkt__rested hkt__hibernate(struct hkt_coro *const *those, unsigned n)
{
    struct hkt__thread *t = hkt__thread_current;
    struct hkt__rest *r = rest_of(t);
    struct hkt__rested sum = {0};

    if (!r)
        return (struct hkt__rested){.refused = n, .why = -ENOMEM};
    for (unsigned i = 0; i < n; i++) {
        int rc = may_hibernate(those[i]);
        if (rc < 0) {
            sum.why = sum.refused > 0 ? sum.why : rc;
            continue;
        }
        if (!rest_has_room(r, those[i]))
            rest_end(r, t->images, &sum);
        rest_add(r, those[i]);
    }
    if (r->n > 0)
        rest_end(r, t->images, &sum);
    return sum;
}
