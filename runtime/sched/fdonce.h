/* SPDX-License-Identifier: MIT
 *
 * Waits for descriptors that somebody else owns: one registration for one event each.
 */
#ifndef HOCKET_SCHED_FDONCE_H
#define HOCKET_SCHED_FDONCE_H

#include "fdwait.h"

/* One wait; on the waiter's stack. */
struct hkt__once {
    struct hkt__once *next; /* of the same descriptor */
    struct hkt_task *task;
    uint64_t token;
};

/* Has t, which parks next, woken with the events that came, or with -ECANCELED when fd is closed.
 * 0 or -errno; -EBUSY: it is registered already. */
int hkt__once_begin(struct hkt_loop *loop, struct hkt__once *o, int fd, unsigned events,
                    struct hkt_task *t);
void hkt__once_cancel(struct hkt__once *o);

/* What the poller said. */
void hkt__once_event(struct hkt_loop *loop, const struct hkt__event *event);

/* Wakes all that wait for e's descriptor with -ECANCELED. */
void hkt__onces_forget(struct hkt_loop *loop, struct hkt__fd *e);

#endif
