/* SPDX-License-Identifier: MIT
 *
 * hocket/base.h: what every other header needs: export and check marks, error codes, units of
 * time, scope exits, and the report hook.
 *
 * Every function of hocket answers with one number: zero or positive is success, negative says
 * why not. Where errno has the word the code is -errno; the words it lacks are below. Nothing
 * in hocket sets or reads errno as a channel.
 */
#ifndef HOCKET_BASE_H
#define HOCKET_BASE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define HKT_VERSION_MAJOR 0
#define HKT_VERSION_MINOR 1
#define HKT_VERSION_PATCH 0

#ifdef __cplusplus
#define HKT_BEGIN_DECLS extern "C" {
#define HKT_END_DECLS   }
#else
#define HKT_BEGIN_DECLS
#define HKT_END_DECLS
#endif

#if defined(__GNUC__)
#define HKT_API __attribute__((visibility("default")))
/* For calls of a few nanoseconds: into the shared library without a stop in a table of jumps. */
#if defined(__x86_64__) && !defined(__clang__)
#define HKT_API_FAST __attribute__((visibility("default"), noplt))
#else
#define HKT_API_FAST HKT_API
#endif
#define HKT_MUST_CHECK   __attribute__((warn_unused_result))
#define HKT_NORETURN     __attribute__((noreturn))
#define HKT_INLINE       static inline __attribute__((always_inline, unused))
#define HKT_UNUSED       __attribute__((unused))
#define HKT_LIKELY(x)    __builtin_expect(!!(x), 1)
#define HKT_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define HKT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define HKT__THREAD      __thread /* in C++ too, where it costs no call as thread_local does */
/* For what a fast path rarely calls: inlined there it would cost that path saved registers. */
#define HKT__APART __attribute__((noinline))
#else
#define HKT_API
#define HKT_API_FAST
#define HKT_MUST_CHECK
#define HKT_NORETURN
#define HKT_INLINE static inline
#define HKT_UNUSED
#define HKT_LIKELY(x)   (x)
#define HKT_UNLIKELY(x) (x)
#define HKT_PRINTF(f, a)
#define HKT__THREAD _Thread_local
#define HKT__APART
#endif

/* One load instead of a call, also in a shared library. */
#if defined(__ELF__)
#define HKT__TLS_FAST __attribute__((tls_model("initial-exec")))
#else
#define HKT__TLS_FAST
#endif

/* Marks, in front of a declaration, every function that may suspend its caller, and no other:
 * `grep hkt_async` lists all suspension and cancellation points. It is C's `await`. */
#define hkt_async HKT_MUST_CHECK

/* Being closed: what a yield answers when its generator or coroutine is told to finish
 * (Python's GeneratorExit). The body cleans up and returns it. Not -ECANCELED, which is a task's.
 */
#define HKT_ECLOSE (-4097)
/* A barrier was broken or aborted (Python's BrokenBarrierError). */
#define HKT_EBROKEN (-4098)
/* The other side's certificate was refused, or its name is another (Python's
 * SSLCertVerificationError). */
#define HKT_ECERT (-4099)

/* Time is int64_t nanoseconds of a monotonic clock. */
#define HKT_NS(n)  ((int64_t)(n))
#define HKT_US(n)  ((int64_t)(n)*1000)
#define HKT_MS(n)  ((int64_t)(n)*1000000)
#define HKT_SEC(n) ((int64_t)(n)*1000000000)

/* Evaluates a call and, when it failed, returns its code from the enclosing function. */
#define HKT_TRY(call)                                                                              \
    do {                                                                                           \
        int64_t hkt__rc = (call);                                                                  \
        if (HKT_UNLIKELY(hkt__rc < 0))                                                             \
            return (int)hkt__rc;                                                                   \
    } while (0)

#define HKT__CAT2(a, b) a##b
#define HKT__CAT(a, b)  HKT__CAT2(a, b)

#if defined(__GNUC__)
struct hkt__defer {
    void (*fn)(void *);
    void *arg;
};

HKT_INLINE void hkt__defer_run(struct hkt__defer *d)
{
    d->fn(d->arg);
}

/* Runs fn(arg) when the enclosing scope is left, by any way but longjmp; the last one first. It is
 * how a body releases what it holds when it is closed or cancelled (Python's `finally`). */
#define HKT_DEFER(fn, arg)                                                                         \
    __attribute__((cleanup(hkt__defer_run), unused)) struct hkt__defer HKT__CAT(                   \
        hkt__defer_, __COUNTER__) = {(fn), (arg)}
#endif

/* A pending deadline, private: public only so that a scheduled call can hold one. Zeroed memory is
 * one that is not armed. Others may read `when`, and no more. */
struct hkt__timer {
    int64_t when;             /* nanoseconds of the loop's clock */
    uint64_t order;           /* of arming, among equal deadlines */
    struct hkt__timer *next;  /* in a slot or among siblings */
    struct hkt__timer *prev;  /* the same; the first sibling's is the parent */
    struct hkt__timer *child; /* the first one below it in the heap; in a slot, a hint */
    uint32_t place;           /* 0: not armed */
    uint32_t wakes;           /* not a call's: the owner's */
};

HKT_BEGIN_DECLS

/* What: zeroed memory through the library's replaceable allocator, and its return. size 0 is 1.
 * Returns: NULL when there is none. Suspends: never. Thread: any. */
HKT_API HKT_MUST_CHECK void *hkt_alloc(size_t size);
HKT_API void hkt_dealloc(void *memory);

/* What: the text of a code that any function of hocket answered.
 * Returns: a constant string; never NULL. Suspends: never. Thread: any. */
HKT_API const char *hkt_strerror(int code);

/* Called with one line, without a newline, for what cannot be answered by a return code: a body
 * that ignored its close when it was freed, options out of range, a refused platform. */
typedef void hkt_report_fn(void *ctx, const char *line);

/* What: replaces the function that is told of such reports; NULL restores the default, which
 * writes "hocket: LINE" to standard error.
 * Suspends: never. Thread: any, but not while other threads use hocket.
 * asyncio: loop.set_exception_handler. */
HKT_API void hkt_on_report(hkt_report_fn *fn, void *ctx);

/* What: reports one line, formatted as by printf, as the library itself does: for code built on top
 * of it. Suspends: never. Thread: any. asyncio: loop.call_exception_handler(). */
HKT_API void hkt_report(const char *format, ...) HKT_PRINTF(1, 2);

HKT_END_DECLS

#endif
