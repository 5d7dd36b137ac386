/* SPDX-License-Identifier: MIT
 *
 * hocket/coro.h: stackful coroutines. A coroutine is a function with a stack of its own that can
 * stop in the middle, at any call depth, hand out a value, and be resumed with another.
 *
 * A coroutine belongs to the thread that made it. Using it on another is answered with -EXDEV
 * where that is noticed: always in debug builds, otherwise by every call that is not inlined.
 * Values that pass through resume and yield are borrowed pointers, valid until
 * the next switch of that coroutine.
 */
#ifndef HOCKET_CORO_H
#define HOCKET_CORO_H

#include <hocket/base.h>
#include <hocket/switch.h>

struct hkt_coro;

/* A body: 0 or positive is success, negative the reason of failure. */
typedef int hkt_coro_fn(struct hkt_coro *self, void *arg);

/* Any body: of a coroutine, a generator, a task. */
typedef void hkt_body_fn(void);
#define HKT_BODY(fn) ((hkt_body_fn *)(fn))

enum hkt_coro_state {
    HKT_CREATED,   /* never resumed */
    HKT_RUNNING,   /* on the stack of calls now, or waiting for a coroutine that it resumed */
    HKT_SUSPENDED, /* in a yield */
    HKT_FINISHED,  /* its body returned, or it was closed before it began */
};

/* Flags of struct hkt_coro_opts. */
enum {
    /* The coroutine has FP control state of its own (rounding, exception masks: mxcsr and x87 CW,
     * FPCR, frm, FPSCR), inherited at its first step. Without it the thread's is shared, as
     * between a function and its callee. Costs an out-of-line switch. */
    HKT_CORO_FPENV = 1,
    /* The stack is filled with a pattern when taken, so that hkt_coro_stack_used() is exact to the
     * byte. Touches the whole stack. */
    HKT_CORO_PAINT = 2,
};

struct hkt_coro_opts {
    const char *name;  /* shown in reports and dumps; not copied; NULL: "coro" */
    size_t stack_size; /* bytes; 0: 65536. What one gets: see HKT_STACK_MIN */
    void *stack;       /* the caller's memory of stack_size bytes (at least HKT_STACK_MIN): nothing
                          is allocated, and there is no guard page. Overflow is found when the
                          coroutine switches: by the stack pointer, and by 64 bytes at the low end
                          that must be as they were */
    unsigned flags;
    void *data; /* hkt_coro_data() */
};

/* The least stack that can be asked for, in bytes. What one gets for a stack_size:
 *
 *      2048              1968 for frames; the lowest 64 are a canary. Stacks of this size lie
 * several in a page, without a guard page each; overflow is found at each switch, which costs an
 * out-of-line one, and by a fault below some thousand of them up to 32768       at least that many
 * bytes for frames, above a guard page more              the next power of two, of which the lowest
 * page is the guard page: of 65536, the default, 61440 are for frames where a page has 4096
 *      opts.stack        what is left of the memory beside the control block, and 64 bytes of
 * canary
 *
 * 2048 bytes are for generators that are known to be shallow. A loop with a yield in it takes some
 * 500, those of the switch included; in debug builds, 1200. printf() does not fit; nor does the
 * frame of a signal, which on x86_64 with AVX-512 alone takes 3400: a handler that may run while
 * such a stack is in use must be installed with SA_ONSTACK (there is a signal stack on each thread
 * with coroutines), and one that is not is reported when the first such stacks are made. Nor does
 * the dynamic linker that looks a function up at its first call: link with -Wl,-z,now. */
#define HKT_STACK_MIN 2048

/* Private, and public only so that the steps below can be inlined. 64 bytes, a cache line. */
struct hkt_coro {
    struct hkt_ctx ctx; /* while running: the resumer; while suspended: itself */
    void *data;
    const void *face; /* the typed face in use, checked in debug builds; a task's place in the queue
                         of those that are ready */
    struct hkt__cold *cold;
};

/* ctx.flags. No bit set: suspended, and the inline step may resume it. Any other combination but
 * running alone goes through the out-of-line funnel. */
#define HKT__RUNNING    HKT_CTX_LIVE
#define HKT__CREATED    2u
#define HKT__FINISHED   4u
#define HKT__DELEGATING 8u  /* a generator suspended in another one */
#define HKT__SLOW       16u /* something must be done at each switch; see runtime/coro/side.c */
#define HKT__FREED      32u
#define HKT__CANCEL     512u /* of a task: a request that was not delivered yet */

HKT_BEGIN_DECLS

/* What: makes a coroutine that will run fn(self, arg). Runs nothing yet.
 * Returns: the coroutine, or NULL when out of memory; every function below accepts NULL and then
 * answers -ENOMEM. Suspends: never. Thread: any, which becomes its own. Owner: the caller, who ends
 * it with hkt_coro_free(). */
HKT_API_FAST HKT_MUST_CHECK struct hkt_coro *hkt_coro_new(hkt_coro_fn *fn, void *arg);

/* What: the same with options; opts NULL is hkt_coro_new(). Options out of range are reported with
 * their value and answered with NULL. */
HKT_API HKT_MUST_CHECK struct hkt_coro *hkt_coro_new_opts(hkt_coro_fn *fn, void *arg,
                                                          const struct hkt_coro_opts *opts);

/* What: tells the body to finish: its pending yield answers HKT_ECLOSE. A coroutine that never
 * began is finished without running.
 * Returns: 0; the body's own error; -EPROTO when the body yielded again (it stays suspended
 * there); -EBUSY from inside or while it runs. Thread: its own. Python: generator.close(). */
HKT_API int hkt_coro_close(struct hkt_coro *c);

/* What: closes c and takes its memory back, even when the body ignored the close. That is reported,
 * and so is an error that the body returns then, for nobody else to hear of. NULL is fine. Freeing
 * a running coroutine is reported and does nothing; freeing twice aborts. Thread: its own. */
HKT_API_FAST void hkt_coro_free(struct hkt_coro *c);

/* What: closes c and makes it a fresh coroutine that will run fn(self, arg) on the same stack with
 * the same options.
 * Returns: 0, also when the closed body returned an error, which is reported; -EBUSY while it runs;
 * -EPROTO when the body ignored its close (nothing changed). */
HKT_API HKT_MUST_CHECK int hkt_coro_reset(struct hkt_coro *c, hkt_coro_fn *fn, void *arg);

/* What: the state; NULL is HKT_FINISHED. Thread: its own. Python: inspect.getgeneratorstate(). */
HKT_API enum hkt_coro_state hkt_coro_state(const struct hkt_coro *c);

/* What: what the body of a finished coroutine returned, or the error that was raised in one that
 * had not begun (HKT_ECLOSE if it was closed); -EAGAIN before it has finished. */
HKT_API int hkt_coro_result(const struct hkt_coro *c);

/* What: the coroutine on whose stack the caller runs, or NULL. Found from the stack pointer, so
 * that a switch has nothing to maintain; costs a search over the stack slabs of the thread. */
HKT_API struct hkt_coro *hkt_coro_current(void);

HKT_API const char *hkt_coro_name(const struct hkt_coro *c);
HKT_API void hkt_coro_set_name(struct hkt_coro *c, const char *name);

/* What: the bytes that may be used of c's stack. */
HKT_API size_t hkt_coro_stack_size(const struct hkt_coro *c);

/* What: the most bytes of its stack that c has used. Exact with HKT_CORO_PAINT, and where
 * HKT_STACK_PROFILE is set; otherwise in whole pages, and of all users that the stack had since its
 * pages were last released. */
HKT_API size_t hkt_coro_stack_used(const struct hkt_coro *c);

/* What: the stack_size for coroutines, generators or tasks that run body: room for twice what any
 * has used so far, and for the frame of a signal on top of what was used. Known where the
 * environment has HKT_STACK_PROFILE=1, which is looked at when a thread makes its first coroutine;
 * there every stack is measured. Returns: bytes; 0: none that ran body was seen, among those that
 * this thread has, and what others have given back. Thread: any. */
HKT_API size_t hkt_stack_suggest(hkt_body_fn *body);

/* What: writes to standard error, for each function that coroutines, generators or tasks ran, and
 * each place in the program where those were made: how many there were, the most bytes of its stack
 * that one used, of how many, and the stack_size for those made there. The same is written at exit
 * where HKT_STACK_PROFILE is set. Thread: any. */
HKT_API void hkt_stack_report(void);

/* What: writes to standard error, a line each, the coroutines and generators of this thread that
 * were not freed: name, body, state, the bytes used of the stack, what a generator delegates to,
 * and the calls in which it is suspended, innermost first (where the C library can walk a stack).
 * For those of a thread with a loop, and its tasks, hkt_dump().
 * Suspends: never. Thread: any; its own are shown. Python: gi_frame, gi_yieldfrom. */
HKT_API void hkt_coro_dump(void);

/* The codes of what is yielded: its address; or itself, in the place of that. */
#define HKT__YIELDED      1
#define HKT__YIELDED_WORD 2

/* The funnels behind the inline doors. */
HKT_API_FAST int hkt__coro_step(struct hkt_coro *c, struct hkt_msg msg, void **value);
HKT_API int hkt__coro_yield(struct hkt_coro *self, struct hkt_msg msg, void **in);
HKT_API int hkt__coro_transfer(struct hkt_coro *self, struct hkt_coro *to, void *value, void **in);

HKT_END_DECLS

/* What: the user pointer given in the options or set here. */
HKT_INLINE void *hkt_coro_data(const struct hkt_coro *c)
{
    return c ? c->data : NULL;
}

HKT_INLINE void hkt_coro_set_data(struct hkt_coro *c, void *data)
{
    if (c)
        c->data = data;
}

HKT_INLINE int hkt__step(struct hkt_coro *c, void *in, void **value)
{
    struct hkt_msg msg = {in, 0};

    if (HKT_UNLIKELY(!c || c->ctx.flags != 0))
        return hkt__coro_step(c, msg, value);
    c->ctx.flags = HKT__RUNNING;
    msg = hkt__ctx_resume(&c->ctx, msg);
    if (value)
        *value = msg.value;
    return (int)msg.code;
}

HKT_INLINE int hkt__yield(struct hkt_coro *self, struct hkt_msg msg, void **in)
{
    if (HKT_UNLIKELY(!self || self->ctx.flags != HKT__RUNNING))
        return hkt__coro_yield(self, msg, in);
    self->ctx.flags = 0;
    msg = hkt_ctx_switch(&self->ctx, &self->ctx, msg);
    if (in)
        *in = msg.value;
    return (int)msg.code;
}

/* What: runs c until it yields or finishes. in: what its pending yield receives; must be NULL the
 * first time, when there is none. *value (which may be NULL) is what it yields, NULL at the end.
 * Returns: 1 yielded; 0 finished; the body's error; -ESHUTDOWN it had finished before; -EBUSY c is
 * running; -EINVAL in given to a coroutine that has not begun, which may still be started.
 * Suspends: the caller until then, on its own thread's stack. Thread: c's own.
 * Python: generator.send(). */
HKT_INLINE HKT_MUST_CHECK int hkt_coro_resume(struct hkt_coro *c, void *in, void **value)
{
    return hkt__step(c, in, value);
}

/* What: goes back to whoever resumed self, who receives value. *in (which may be NULL) is what
 * the next resume brings. May be called at any depth, and from inside another coroutine that self
 * resumed: the whole chain is suspended.
 * Returns: 0; HKT_ECLOSE: being closed, clean up and return it; -EPERM: self is not running.
 * Suspends: always. Python: yield. */
HKT_INLINE hkt_async int hkt_coro_yield(struct hkt_coro *self, void *value, void **in)
{
    struct hkt_msg msg = {value, HKT__YIELDED};

    return hkt__yield(self, msg, in);
}

/* What: suspends self and goes straight on in another coroutine, which from now on runs for self's
 * resumer: what it yields, and its end, go there. in: what its pending yield receives; *back: what
 * the next resume of self brings.
 * Returns: as hkt_coro_yield(); -EBUSY: to is running; -ESHUTDOWN: to has finished.
 * Suspends: always, but for errors. */
HKT_INLINE hkt_async int hkt_coro_transfer(struct hkt_coro *self, struct hkt_coro *to, void *in,
                                           void **back)
{
    if (HKT_UNLIKELY(!self || !to || self->ctx.flags != HKT__RUNNING || to->ctx.flags != 0))
        return hkt__coro_transfer(self, to, in, back);
    struct hkt_msg msg = {in, 0};
    struct hkt_ctx target;
    hkt__ctx_copy(&target, &to->ctx);
    hkt__ctx_copy(&to->ctx, &self->ctx); /* the resumer */
    to->ctx.flags = HKT__RUNNING;
    self->ctx.flags = 0;
    msg = hkt__ctx_switch_to(&self->ctx, &target, &to->ctx, msg);
    if (back)
        *back = msg.value;
    return (int)msg.code;
}

#if defined(__GNUC__)
HKT_INLINE void hkt__coro_cleanup(struct hkt_coro **c)
{
    hkt_coro_free(*c);
}
/* A coroutine that is freed when its scope is left. */
#define hkt_auto_coro __attribute__((cleanup(hkt__coro_cleanup))) struct hkt_coro *
#endif

#endif
