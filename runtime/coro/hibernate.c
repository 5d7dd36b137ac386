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
 * kernel, which answers -EFAULT, and for other threads, which fault for good.
 */
#include "hibernate.h"
#include "base/os.h"
#include "base/report.h"
#include "pack.h"
#include "side.h"
#include "stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORD = sizeof(uintptr_t),
    CTX_WORDS = offsetof(struct hkt_ctx, flags) / WORD,
    CHUNK = 1 << 20,
    SHARED_STACK = 32768,
    ALL_AT_ONCE = 1 << 18, /* stacks up to that size are guarded as a whole */
};

struct hkt__image {
    uint16_t size;        /* of the image, in words */
    uint16_t words;       /* of the stack */
    uint16_t record_at;   /* from the first of them */
    uint16_t record_size; /* in words */
    uintptr_t record[];   /* then what is packed */
};

enum { IMAGE_MOST = sizeof(struct hkt__image) / WORD + 2 * HKT__IMAGE_WORDS };

/* Of one thread. */
struct hkt__images {
    size_t count;
    char *shared_stack;
    uintptr_t *chunk;                /* the newest; its first word is the one before */
    size_t used;                     /* words of it */
    uintptr_t *free[IMAGE_MOST + 1]; /* by size in words; the first word is the next */
};

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
    t->images = all;
    return all;
}

void hkt__images_free(struct hkt__thread *t)
{
    struct hkt__images *all = t->images;

    if (!all)
        return;
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

/* What is guarded: everything, because a stack that was deeper before has memory below; of a large
 * one only what is live, as marks on each page would take page tables, and the rest is released. */
static char *hidden_from(const struct hkt__cold *cold, const char *sp)
{
    size_t page = hkt__os_page_size();

    return cold->room <= ALL_AT_ONCE ? cold->low : (char *)((uintptr_t)sp & ~(uintptr_t)(page - 1));
}

static int hide(const struct hkt__cold *cold, char *from)
{
    int rc = hkt__os.hide(from, (size_t)(cold->low + cold->room - from));

    if (rc == 0 && from > cold->low)
        hkt__os.release(cold->low, (size_t)(from - cold->low));
    return rc;
}

/* Word by word, and not by memcpy(), which AddressSanitizer would have look at the frames' own
 * marks. */
HKT__UNSANITIZED static void copy(uintptr_t *to, const uintptr_t *from, size_t n)
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

void hkt__rouse(struct hkt_coro *c)
{
    const struct hkt__cold *cold = c->cold;
    struct hkt__image *image = cold->image;
    uintptr_t words[HKT__IMAGE_WORDS + CTX_WORDS];
    uintptr_t *live = (uintptr_t *)(void *)end_of(cold) - image->words;
    uintptr_t *record = live + image->record_at;
    char *from = hidden_from(cold, (char *)live);

    if (hkt__os.show(from, (size_t)(cold->low + cold->room - from)) < 0)
        hkt__fatal("the memory of the stack of '%s' cannot be had back", cold->name);
    bring_words(words, image->words + CTX_WORDS, image->record + image->record_size);
    copy(live, words, image->words);
    copy(record, image->record, image->record_size);
    memcpy(&c->ctx, words + image->words, CTX_WORDS * WORD);
    c->ctx.flags &= ~HKT__HIBERNATES;
    if (c->data == image->record) {
        c->data = record;
        ((struct hkt__record *)(void *)record)->kind->move(image->record, record);
    }
    hkt__side_show(c, image, image->size * WORD);
    c->cold->image = NULL;
    cold->thread->images->count--;
    image_give(cold->thread->images, image);
}

bool hkt__rouse_owner(const void *addr)
{
    struct hkt__thread *t = hkt__thread_current;

    if (!t || !t->images || t->images->count == 0)
        return false;
    struct hkt_coro *c = hkt__stack_owner(addr, false);
    if (!c || !hkt__hibernates(c) || (const char *)addr < c->cold->low)
        return false;
    hkt__rouse(c);
    return true;
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
    if (!(cold->traits & HKT__GUARDED) || cold->traits & HKT_CORO_PAINT ||
        hkt__side_emulates_memory())
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

static struct hkt__image *image_of(const struct hkt_coro *c, struct hkt__images *all)
{
    uintptr_t words[HKT__IMAGE_WORDS + CTX_WORDS], packed[2 * HKT__IMAGE_WORDS];
    const uintptr_t *live = c->ctx.sp;
    size_t n = (size_t)(end_of(c->cold) - (char *)c->ctx.sp) / WORD;
    size_t apart = record_size(c);
    size_t record_at = apart ? (size_t)((uintptr_t *)c->data - live) : 0;

    hkt__side_look(true);
    copy(words, live, n);
    memset(words + record_at, 0, apart * WORD);
    memcpy(words + n, &c->ctx, CTX_WORDS * WORD);
    size_t size = keep_words(packed, words, n + CTX_WORDS);
    hkt__side_look(false);
    size_t whole = sizeof(struct hkt__image) / WORD + apart + size;
    struct hkt__image *image = image_take(all, whole);
    if (!image)
        return NULL;
    *image = (struct hkt__image){.size = (uint16_t)whole,
                                 .words = (uint16_t)n,
                                 .record_at = (uint16_t)record_at,
                                 .record_size = (uint16_t)apart};
    copy(image->record, live + record_at, apart);
    memcpy(image->record + apart, packed, size * WORD);
    return image;
}

/* The record is found in the image from now on. */
static void move_record(struct hkt_coro *c, struct hkt__image *image)
{
    struct hkt__record *r = c->data;

    if (!image->record_size)
        return;
    c->data = image->record;
    ((struct hkt__record *)c->data)->kind->move(r, c->data);
}

int hkt__hibernate(struct hkt_coro *c)
{
    int rc = may_hibernate(c);
    struct hkt__thread *t = c->cold->thread;

    if (rc < 0)
        return rc;
    struct hkt__images *all = t->images ? t->images : images_make(t);
    struct hkt__image *image = all ? image_of(c, all) : NULL;
    if (!image)
        return -ENOMEM;
    rc = hide(c->cold, hidden_from(c->cold, c->ctx.sp));
    if (rc < 0) {
        image_give(all, image);
        return rc;
    }
    hkt__side_hide(c, image, image->size * WORD);
    c->cold->image = image;
    all->count++;
    hkt__ctx_begin(&c->ctx, all->shared_stack + SHARED_STACK, wake_up);
    c->ctx.flags |= HKT__HIBERNATES;
    move_record(c, image);
    return 0;
}
