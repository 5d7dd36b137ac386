/* SPDX-License-Identifier: MIT
 *
 * The stack of a coroutine that will not run for long, put aside: what is live of it goes into an
 * image of some hundred bytes, and its pages go back to the kernel. They come back, to the same
 * addresses and with what was there, before the coroutine runs, or as soon as anybody touches
 * them.
 */
#ifndef HOCKET_CORO_HIBERNATE_H
#define HOCKET_CORO_HIBERNATE_H

#include "cold.h"

/* A record on the stack that others know by its address, and that stays at hand while the stack is
 * gone. It begins with a pointer to its kind. */
struct hkt__record_kind {
    /* `to` holds a copy already: tells those that refer to `from`. NULL: it cannot be moved. */
    void (*move)(void *from, void *to);
    size_t size;
};

struct hkt__record {
    const struct hkt__record_kind *kind;
};

enum {
    HKT__IMAGE_WORDS = 320,  /* the most that an image holds of a stack */
    HKT__REST_TOGETHER = 64, /* how many stacks at most are put aside in one call of the system */
};

struct hkt__rested {
    unsigned done;
    unsigned refused; /* by the system, for want of memory and the like; to ask again costs time */
    int why;          /* of the last that was refused, else of the last that may not be put aside */
};

/* Puts the stacks of n coroutines aside, which are suspended and which nobody but the caller will
 * resume; many at once cost half of what each does by itself. The data of each is a record on its
 * stack; if that can be moved it goes into the image, and data is its new address.
 * Why one may not be: -EALREADY; -EBUSY: it is suspended on another stack than its own; -E2BIG: too
 * much is live; -ENOTSUP: not under Valgrind; -ENOMEM or another -errno of the system. */
struct hkt__rested hkt__hibernate(struct hkt_coro *const *those, unsigned n);

static inline bool hkt__hibernates(const struct hkt_coro *c)
{
    return (c->ctx.flags & HKT__HIBERNATES) != 0;
}

/* Brings the stack back. The record goes back too, if c->data still is the record's address; if
 * not, it is known to nobody any more. */
void hkt__rouse(struct hkt_coro *c);

/* The same for all of this thread; how many there were. */
size_t hkt__rouse_all(void);

/* For the handler of faults: brings back the stack on which addr lies, but perhaps not the record,
 * whose address whoever touched the stack may hold. False: there is none. */
bool hkt__rouse_owner(const void *addr);

/* Brings one that was touched back in full, so that it can go to rest anew: whoever touched it is
 * done. Not within anything that wakes. Whether it was one; and the same for all of this thread. */
bool hkt__rouse_if_opened(struct hkt_coro *c);
void hkt__rouse_opened(void);

/* How many of this thread are put aside. */
size_t hkt__hibernating(void);

/* At the thread's end. */
void hkt__images_free(struct hkt__thread *t);

#endif
