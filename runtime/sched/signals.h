/* SPDX-License-Identifier: MIT
 *
 * Signals as events of a loop.
 */
#ifndef HOCKET_SCHED_SIGNALS_H
#define HOCKET_SCHED_SIGNALS_H

#include "sched.h"

#include <hocket/signal.h>

/* Wakes and calls those on this loop whose signals have come. */
void hkt__signals_take(struct hkt_loop *loop);
/* hkt_call_on_signal() of the library itself: it does not keep the loop waiting. */
int hkt__watch_signal(struct hkt_loop *loop, struct hkt_signal_watch *w, int signum,
                      hkt_call_fn *fn, void *arg);
/* Withdraws what is left of a loop that ends. */
void hkt__signals_forget(struct hkt_loop *loop);

/* SIGPIPE is ignored, unless somebody has an opinion on it, until the last one that asked for that
 * lets go. */
void hkt__sigpipe_hold(void);
void hkt__sigpipe_release(void);

/* In the child of a fork(): signals do there what they did before any loop watched them. */
void hkt__signals_forked(void);

#endif
