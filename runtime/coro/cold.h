/* SPDX-License-Identifier: MIT
 *
 * The half of a control block that a switch does not touch, and what the files of this layer offer
 * each other.
 */
#ifndef HOCKET_CORO_COLD_H
#define HOCKET_CORO_COLD_H

#include "arch.h"

#include <hocket/gen.h>

#include <stdbool.h>

/* More of ctx.flags; see hocket/coro.h. */
#define HKT__DELEGATED 64u  /* some generator delegates to this one */
#define HKT__CLOSING   128u /* its delegates are being closed: as good as running */
#define HKT__TASK      256u /* a scheduler's: nobody else may resume it */
/* 512: HKT__CANCEL */
/* 4096 and 8192: more of tasks */
#define HKT__COOL       16384u /* freed, and its stack is not kept at hand */
#define HKT__HIBERNATES 1024u  /* its stack is put aside: see hibernate.h */
#define HKT__RESIDENT   2048u  /* of a task: its stack is never put aside */
#define HKT__STICKY     (HKT__SLOW | HKT__DELEGATED)

/* The message code that tells a delegator that its delegate has finished. */
#define HKT__DELEGATE_DONE 1

/* The resumer of a running coroutine, as far as a watched switch must know it. */
struct hkt__peer {
    const void *bottom; /* its stack, as AddressSanitizer sees it; NULL: not yet known */
    size_t size;
    void *fiber; /* ThreadSanitizer's */
    struct hkt__fpenv fpenv;
    uintptr_t eh[3]; /* the C++ runtime's handled exceptions */
};

struct hkt__image;
struct hkt__pool;
struct hkt__thread;

/* What only watched switches use; not there at all but where a thread's are watched. */
struct hkt__watched {
    void *fiber; /* ThreadSanitizer's */
    unsigned valgrind_id;
    struct hkt__peer peer;
    struct hkt_coro *leaf; /* on whose stack it is suspended, if that is not its own */
    struct hkt_coro *next; /* in the thread's list of those on the user's memory */
    void *site;            /* where in the program it was made for its present use */
};

/* What a control block has room for on behalf of the layer above; costs memory only when used, and
 * then for each. */
#define HKT__UPPER_SIZE 120

struct hkt__cold {
    union {
        hkt_coro_fn *coro;
        hkt_gen_fn *gen;
        int (*upper)(void *arg); /* of the layer above, which begins it */
    } fn;
    union {
        void *arg;  /* until it begins */
        void *word; /* what it yielded last, for whoever asks where that is */
    };
    void *result; /* hkt_gen_return() */
    const char *name;

    char *low;              /* lowest usable byte of the stack */
    char *top;              /* where the first frame begins; above it, bytes copied for the body */
    struct hkt__pool *pool; /* NULL: the user's memory */
    struct hkt__thread *thread;
    size_t room;     /* bytes from low that frames and copied arguments share */
    int rc;          /* what the body returned */
    uint16_t colour; /* bytes of the room that are not used: see stack.c */
    uint16_t traits; /* HKT_CORO_FPENV, HKT_CORO_PAINT, and those below */

    /* Delegation: see delegate.c. */
    struct hkt_gen *delegate;
    struct hkt_gen *delegator;
    struct hkt_gen *far; /* of the outermost: the innermost, and the reverse */
    union {
        struct hkt_gen *entry;    /* of the running innermost: the one that was stepped */
        struct hkt__image *image; /* of a task that hibernates */
    };

    void *upper; /* HKT__UPPER_SIZE bytes for the layer above */
    struct hkt__watched *watched;
};

#define HKT__IS_GEN  0x100u
#define HKT__GUARDED 0x200u /* else the words from low are HKT__CANARY */
#define HKT__OLDER   0x400u /* than a loop that looks at its end what is left */

#define HKT__CANARY   UINT64_C(0xc0a57ac4ca9a17e5)
#define HKT__CANARIES 8 /* words: a frame's padding may spare one */

/* For functions in the middle of which a sanitizer's own stack changes: their epilogue would look
 * for what their prologue left on the other one. */
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define HKT__UNSANITIZED __attribute__((disable_sanitizer_instrumentation, no_sanitize_address))
#endif
#endif
#ifndef HKT__UNSANITIZED
#define HKT__UNSANITIZED __attribute__((no_sanitize_address, no_sanitize_thread))
#endif

/* A word that no frame is likely to write, for HKT_CORO_PAINT. */
#define HKT__PAINT UINT64_C(0x5a5aa5a55a5aa5a5)

HKT__UNSANITIZED static inline bool hkt__canaries_live(const struct hkt__cold *cold)
{
    for (int i = 0; i < HKT__CANARIES; i++)
        if (((const uint64_t *)cold->low)[i] != HKT__CANARY)
            return false;
    return true;
}

/* What the calling thread has; NULL before its first coroutine. */
extern _Thread_local struct hkt__thread *hkt__thread_current HKT__TLS_FAST;

static inline size_t hkt__stack_size(const struct hkt__cold *cold)
{
    return (size_t)(cold->top - cold->low) + cold->colour;
}

static inline bool hkt__busy(const struct hkt_coro *c)
{
    return (c->ctx.flags & (HKT__RUNNING | HKT__CLOSING | HKT__TASK)) != 0;
}

/* coro.c */

/* Says what is wrong with using c here: 0, -ENOMEM or -EXDEV. Aborts when it was freed. */
int hkt__coro_check_slow(const struct hkt_coro *c, const char *verb);
/* Makes the context of a coroutine that has not begun. */
void hkt__coro_begin(struct hkt_coro *c);
/* The same for a coroutine that is not resumed but scheduled: it begins in fn. */
void hkt__coro_begin_at(struct hkt_coro *c, hkt_ctx_fn *fn);
/* A control block dressed for a new use; the function is still to be set. */
struct hkt_coro *hkt__coro_make(void *arg, const struct hkt_coro_opts *opts, uint32_t traits,
                                void *site);
/* Where the function that is called by the program returns to. It is HKT__APART, or else, with the
 * whole program compiled at once, it would be part of what calls it. */
#define HKT__SITE __builtin_return_address(0)
/* Steps c itself, which is suspended or fresh. */
int hkt__coro_run(struct hkt_coro *c, struct hkt_msg msg, void **value);
/* Suspends self, whose resumer from now on is that of to, and goes on in to. */
struct hkt_msg hkt__coro_hand_over(struct hkt_coro *self, struct hkt_coro *to, struct hkt_msg msg);
/* Ends the running coroutine, and goes on in its resumer, or in to, which takes that over. */
void hkt__coro_leave(struct hkt_coro *self, struct hkt_coro *to, struct hkt_msg msg);

static inline int hkt__coro_check(const struct hkt_coro *c, const char *verb)
{
    if (HKT_LIKELY(c && !(c->ctx.flags & HKT__FREED) && c->cold->thread == hkt__thread_current))
        return 0;
    return hkt__coro_check_slow(c, verb);
}

/* delegate.c */

struct hkt_gen *hkt__gen_innermost(const struct hkt_gen *g);
/* Ends the delegation to x: its delegator becomes the innermost of its chain. */
void hkt__gen_detach(struct hkt_gen *x);
/* What the end of x, which delegator waits for, does instead of going to the resumer. */
void hkt__gen_end(struct hkt_gen *x, int rc);
/* Closes what g delegates to, innermost first; answers the code to raise in g, or 0: one of them is
 * running, and nothing was done. */
int hkt__gen_close_delegates(struct hkt_gen *g);
int hkt__gen_step_innermost(struct hkt_gen *g, struct hkt_msg msg, void **value);

#endif
