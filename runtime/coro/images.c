/* SPDX-License-Identifier: MIT */
#include "images.h"
#include "base/report.h"
#include "pack.h"
#include "side.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { CHUNK = 1 << 20 };

static atomic_flag turnstile = ATOMIC_FLAG_INIT;
struct hkt__images *hkt__images_all;

void hkt__images_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&turnstile, memory_order_acquire))
        sched_yield();
}

void hkt__images_unlock(void)
{
    atomic_flag_clear_explicit(&turnstile, memory_order_release);
}

static void watch_forks(void)
{
    (void)pthread_atfork(hkt__images_lock, hkt__images_unlock, hkt__images_unlock);
}

struct hkt__images *hkt__images_make(struct hkt__thread *t)
{
    struct hkt__images *all = hkt__os.alloc(sizeof *all);

    if (!all)
        return NULL;
    size_t size = hkt__shared_stack_size();
    all->shared_stack = hkt__os.map(size);
    if (!all->shared_stack || hkt__os.guard(all->shared_stack, hkt__os_page_size()) < 0) {
        if (all->shared_stack)
            hkt__os.unmap(all->shared_stack, size);
        free(all);
        return NULL;
    }
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, watch_forks);
    all->thread = t;
    t->images = all;
    hkt__images_lock();
    all->next = hkt__images_all;
    hkt__images_all = all;
    hkt__images_unlock();
    return all;
}

void hkt__images_free(struct hkt__thread *t)
{
    struct hkt__images *all = t->images;

    if (!all)
        return;
    hkt__images_lock();
    struct hkt__images **at = &hkt__images_all;
    while (*at != all)
        at = &(*at)->next;
    *at = all->next;
    hkt__images_unlock();
    while (all->chunk) {
        uintptr_t *chunk = all->chunk;
        all->chunk = (uintptr_t *)chunk[0];
        hkt__os.unmap(chunk, CHUNK);
    }
    hkt__os.unmap(all->shared_stack, hkt__shared_stack_size());
    free(all->rest);
    free(all);
    t->images = NULL;
}

struct hkt__image *hkt__image_take(struct hkt__images *all, size_t size)
{
    uintptr_t *at = all->free[size];

    if (at) {
        all->free[size] = (uintptr_t *)at[0];
        return (struct hkt__image *)(void *)at;
    }
    if (!all->chunk || all->used + size > CHUNK / HKT__WORD) {
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

void hkt__image_give(struct hkt__images *all, struct hkt__image *image)
{
    uintptr_t *at = (uintptr_t *)(void *)image;
    size_t size = image->size;

    at[0] = (uintptr_t)all->free[size];
    all->free[size] = at;
}

/* Word by word, and not by memcpy(), which AddressSanitizer would have look at the frames' own
 * marks. */
HKT__APART HKT__UNSANITIZED void hkt__copy_words(uintptr_t *to, const uintptr_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uintptr_t word = from[i];
        __asm__("" : "+r"(word));
        to[i] = word;
    }
}

/* LeakSanitizer must find what only this stack refers to, so there images are not packed. */
size_t hkt__image_keep(uintptr_t *out, const uintptr_t *words, size_t n)
{
    if (hkt__side_scans_memory()) {
        hkt__copy_words(out, words, n);
        return n;
    }
    return (hkt__pack((unsigned char *)out, words, n) + HKT__WORD - 1) / HKT__WORD;
}

void hkt__image_bring(uintptr_t *words, size_t n, const uintptr_t *in)
{
    if (hkt__side_scans_memory())
        hkt__copy_words(words, in, n);
    else
        hkt__unpack(words, n, (const unsigned char *)in);
}

/* Other threads must not find the memory before what was in it. */
static bool fill_apart(const struct hkt__cold *cold, const struct iovec *p, void *live,
                       const void *words, size_t bytes)
{
    bool filled = hkt__os.show(p->iov_base, p->iov_len, HKT__NO_ACCESS) == 0 &&
                  hkt__os.fill(live, words, bytes) == 0;

    if (hkt__os.keep(p->iov_base, p->iov_len, HKT__ALL_ACCESS) < 0)
        hkt__stack_is_lost(cold);
    return filled;
}

void hkt__live_bring(const struct hkt_coro *c, const struct hkt__image *image,
                     const uintptr_t *words)
{
    uintptr_t *live = hkt__live_words(c, image);
    struct iovec pages = hkt__live_pages(c->cold, live);

    if (!hkt__os.alone() && fill_apart(c->cold, &pages, live, words, image->words * HKT__WORD))
        return;
    if (hkt__os.show(pages.iov_base, pages.iov_len, HKT__ALL_ACCESS) < 0)
        hkt__stack_is_lost(c->cold);
    hkt__copy_words(live, words, image->words);
}

HKT_NORETURN void hkt__stack_is_lost(const struct hkt__cold *cold)
{
    hkt__fatal("the memory of the stack of '%s' cannot be had back", cold->name);
}
