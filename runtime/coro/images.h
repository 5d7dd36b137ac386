/* SPDX-License-Identifier: MIT
 *
 * Images of stacks that are put aside, of one thread, and what of such a stack is live. Of
 * hibernate.c and rest.c alone.
 */
#ifndef HOCKET_CORO_IMAGES_H
#define HOCKET_CORO_IMAGES_H

#include "base/os.h"
#include "cold.h"
#include "hibernate.h"
#include "stack.h"

#include <sys/uio.h>

enum {
    HKT__WORD = sizeof(uintptr_t),
    HKT__CTX_WORDS = offsetof(struct hkt_ctx, flags) / HKT__WORD, /* packed behind the stack's */
    HKT__SHARED_STACK = 32768,                                    /* and a guard page */
    HKT__OPENED_LISTED = 64,
};

struct hkt__image {
    uint16_t size : 15;   /* of the image, in words */
    uint16_t open : 1;    /* the stack is back, but for the record */
    uint16_t words;       /* of the stack */
    uint16_t record_at;   /* from the first of them */
    uint16_t record_size; /* in words */
    uintptr_t record[];   /* then what is packed */
};

enum { HKT__IMAGE_MOST = sizeof(struct hkt__image) / HKT__WORD + 2 * HKT__IMAGE_WORDS };

/* Of one thread. */
struct hkt__images {
    struct hkt__images *next; /* of all threads */
    struct hkt__thread *thread;
    size_t count;
    size_t opened; /* of these; this and the list are under the lock */
    unsigned listed;
    struct hkt_coro *list[HKT__OPENED_LISTED]; /* of those opened, not always all */
    char *shared_stack;
    uintptr_t *chunk;                     /* the newest; its first word is the one before */
    size_t used;                          /* words of it */
    uintptr_t *free[HKT__IMAGE_MOST + 1]; /* by size in words; the first word is the next */
    struct hkt__rest *rest;               /* made with the first that goes; see rest.c */
};

/* Of all threads, the newest first; under the lock. */
extern struct hkt__images *hkt__images_all;

/* Other threads open stacks under it; it is never held while anything is touched that may itself be
 * put aside. */
void hkt__images_lock(void);
void hkt__images_unlock(void);

/* NULL: out of memory. */
struct hkt__images *hkt__images_make(struct hkt__thread *t);

/* Memory for so many words; NULL. */
struct hkt__image *hkt__image_take(struct hkt__images *all, size_t size);
void hkt__image_give(struct hkt__images *all, struct hkt__image *image);

/* From one place to another, either of which may be a stack with marks of AddressSanitizer. */
void hkt__copy_words(uintptr_t *to, const uintptr_t *from, size_t n);
/* Into an image, where they may take fewer, and out of it. How many they take. */
size_t hkt__image_keep(uintptr_t *out, const uintptr_t *words, size_t n);
void hkt__image_bring(uintptr_t *words, size_t n, const uintptr_t *in);

/* What was live is on the stack again, whatever of its pages was hidden. */
void hkt__live_bring(const struct hkt_coro *c, const struct hkt__image *image,
                     const uintptr_t *words);

HKT_NORETURN void hkt__stack_is_lost(const struct hkt__cold *cold);

static inline size_t hkt__shared_stack_size(void)
{
    return hkt__os_page_size() + HKT__SHARED_STACK;
}

static inline char *hkt__stack_end(const struct hkt__cold *cold)
{
    return cold->low + cold->room - cold->colour;
}

static inline uintptr_t *hkt__live_words(const struct hkt_coro *c, const struct hkt__image *image)
{
    return (uintptr_t *)(void *)hkt__stack_end(c->cold) - image->words;
}

/* The pages that are guarded: those that are live, as marks on each page of a stack take time, and
 * of a large one page tables. */
static inline struct iovec hkt__live_pages(const struct hkt__cold *cold, const void *sp)
{
    char *from = (char *)((uintptr_t)sp & ~(uintptr_t)(hkt__os_page_size() - 1));

    return (struct iovec){from, (size_t)(cold->low + cold->room - from)};
}

#endif
