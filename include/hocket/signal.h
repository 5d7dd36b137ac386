/* SPDX-License-Identifier: MIT
 *
 * hocket/signal.h: Unix signals as events of a loop. A signal's action, in the process, is replaced
 * while anybody watches it, and put back afterwards.
 */
#ifndef HOCKET_SIGNAL_H
#define HOCKET_SIGNAL_H

#include <hocket/loop.h>

/* A set of signals for hkt_signal_wait(). */
#define HKT_SIG(signum) (UINT64_C(1) << ((signum)-1))

/* A callback on a signal; the caller's, kept in place until removed. Fields are private. */
struct hkt_signal_watch {
    struct hkt_signal_watch *next;
    struct hkt_handle handle;
    struct hkt_task *task;
    hkt_call_fn *fn;
    void *arg;
    uint64_t set;
    int came;
    int quiet;
};

HKT_BEGIN_DECLS

/* What: calls fn(arg) from the loop each time signum has come; several that come before the loop
 * looks may be one call. w is zeroed.
 * Returns: 0; -EINVAL: no such signal (1 to 64), or one that cannot be caught; -EBUSY: w is in use;
 * -ECHILD: the loop is of the parent of a fork(). Suspends: never. Thread: the loop's own.
 * asyncio: add_signal_handler(). */
HKT_API HKT_MUST_CHECK int hkt_call_on_signal(struct hkt_loop *loop, struct hkt_signal_watch *w,
                                              int signum, hkt_call_fn *fn, void *arg);

/* What: withdraws it; the last watch of a signal puts the former action back.
 * Returns: 1; 0 when it was not set. asyncio: remove_signal_handler(). */
HKT_API int hkt_remove_signal(struct hkt_signal_watch *w);

/* What: waits for one of the signals in set, a sum of HKT_SIG().
 * Returns: its number; -EINVAL; -ECANCELED; -EPERM: not in a task. Suspends: always. */
HKT_API hkt_async int hkt_signal_wait(uint64_t set);

HKT_END_DECLS

#endif
