/* SPDX-License-Identifier: MIT
 *
 * Connections that the system has accepted ahead for a listener, where the poller can do that.
 */
#ifndef HOCKET_SCHED_FDACCEPT_H
#define HOCKET_SCHED_FDACCEPT_H

#include "fdwait.h"

/* Suspends the running task until there is a connection. Its descriptor; or what accepting failed
 * with; -ENOSYS: this listener is to be asked by plain calls. */
int hkt__accepted_next(int fd);

/* Whether it would answer at once; then: what it would answer. */
bool hkt__accepted_ready(const struct hkt__fd *e);
int hkt__accepted_take(struct hkt__fd *e);

/* What the poller said. */
void hkt__accepted_event(struct hkt_loop *loop, struct hkt__fd *e, const struct hkt__event *event);

/* Ends accepting, and closes what nobody has taken. */
void hkt__accepted_forget(struct hkt_loop *loop, int fd, struct hkt__fd *e);
/* The same when the poller is closed already. */
void hkt__accepted_drop(struct hkt__fd *e);

#endif
