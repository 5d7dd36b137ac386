/* SPDX-License-Identifier: MIT
 *
 *      awake                            hibernating
 *
 *      ctx   -> frames                  ctx   -> wake_up(), on a stack that all of a thread share
 *      data  -> record on the stack     data  -> record in the image
 *      stack |          frames|         stack |no memory |a fault at any touch|
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
#include "images.h"
#include "side.h"

#include <string.h>

/* All that is packed is in `words`, and what was live of it on the stack, too. Under the lock. */
static void bring_back(const struct hkt_coro *c, const struct hkt__image *image, uintptr_t *words)
{
    hkt__image_bring(words, image->words + HKT__CTX_WORDS, image->record + image->record_size);
    if (!image->open)
        hkt__live_bring(c, image, words);
}

static void note_opened(struct hkt__images *all, struct hkt_coro *c)
{
    all->opened++;
    if (all->listed < HKT__OPENED_LISTED)
        all->list[all->listed++] = c;
}

static void forget_opened(struct hkt__images *all, const struct hkt_coro *c)
{
    all->opened--;
    for (unsigned i = 0; i < all->listed; i++)
        if (all->list[i] == c) {
            all->list[i] = all->list[--all->listed];
            return;
        }
}

void hkt__rouse(struct hkt_coro *c)
{
    struct hkt__images *all = c->cold->thread->images;
    struct hkt__image *image = c->cold->image;
    uintptr_t words[HKT__IMAGE_WORDS + HKT__CTX_WORDS];
    uintptr_t *record = hkt__live_words(c, image) + image->record_at;

    hkt__images_lock();
    bring_back(c, image, words);
    if (image->open)
        forget_opened(all, c);
    c->cold->image = NULL;
    c->ctx.flags &= ~HKT__HIBERNATES;
    hkt__images_unlock();
    memcpy(&c->ctx, words + image->words, HKT__CTX_WORDS * HKT__WORD);
    hkt__copy_words(record, image->record, image->record_size);
    if (c->data == image->record) {
        c->data = record;
        ((struct hkt__record *)(void *)record)->kind->move(image->record, record);
    }
    hkt__side_show(c, image, image->size * HKT__WORD);
    all->count--;
    hkt__image_give(all, image);
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
    uintptr_t words[HKT__IMAGE_WORDS + HKT__CTX_WORDS];
    struct hkt_coro *c = NULL;

    hkt__images_lock();
    for (struct hkt__images *all = hkt__images_all; all && !c; all = all->next)
        c = owner_of(all->thread, addr);
    if (c && hkt__hibernates(c) && !c->cold->image->open) {
        bring_back(c, c->cold->image, words);
        c->cold->image->open = 1;
        note_opened(c->cold->thread->images, c);
    }
    hkt__images_unlock();
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

bool hkt__rouse_if_opened(struct hkt_coro *c)
{
    hkt__images_lock();
    bool open = hkt__hibernates(c) && c->cold->image->open;
    hkt__images_unlock();
    if (open)
        hkt__rouse(c);
    return open;
}

/* How many are listed in `those`; *all: whether these are all. */
static unsigned list_opened(struct hkt__images *images, struct hkt_coro **those, bool *all)
{
    hkt__images_lock();
    unsigned n = images->listed;
    memcpy(those, images->list, n * sizeof(struct hkt_coro *));
    *all = n == images->opened;
    hkt__images_unlock();
    return n;
}

/* To bring one back may have others opened; those wait until the next time. */
void hkt__rouse_opened(void)
{
    const struct hkt__thread *t = hkt__thread_current;
    struct hkt_coro *those[HKT__OPENED_LISTED];
    struct hkt__walk walk = {0};
    bool all;

    if (!t || !t->images)
        return;
    unsigned n = list_opened(t->images, those, &all);
    for (unsigned i = 0; i < n; i++)
        (void)hkt__rouse_if_opened(those[i]);
    for (struct hkt_coro *c; !all && (c = hkt__stack_walk(&walk)) != NULL;)
        (void)hkt__rouse_if_opened(c);
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
