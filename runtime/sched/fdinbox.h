/* SPDX-License-Identifier: MIT
 *
 * What the system has received ahead for a descriptor, where the poller can do that.
 */
#ifndef HOCKET_SCHED_FDINBOX_H
#define HOCKET_SCHED_FDINBOX_H

#include "fdwait.h"

#include <sys/types.h>

/* Takes bytes out. The count; 0 at the end; -EAGAIN: there are none, and it may be asked for more;
 * or what receiving failed with. */
ssize_t hkt__inbox_read(struct hkt_loop *loop, struct hkt__fd *e, void *buf, size_t size);

/* Suspends the running task until there is something to take, receiving if that is not going on.
 * As hkt__fd_wait(). */
int hkt__inbox_wait(int fd, struct hkt__fd *e, const char *why);

/* What the poller said. */
void hkt__inbox_event(struct hkt_loop *loop, struct hkt__fd *e, const struct hkt__event *event);

/* Ends receiving, and drops what is there. */
void hkt__inbox_forget(struct hkt_loop *loop, int fd, struct hkt__fd *e);

#endif
