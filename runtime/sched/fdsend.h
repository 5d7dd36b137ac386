/* SPDX-License-Identifier: MIT
 *
 * Sends that the system carries out by itself.
 */
#ifndef HOCKET_SCHED_FDSEND_H
#define HOCKET_SCHED_FDSEND_H

#include "sched.h"

#include <sys/types.h>

/* Whether the poller sends by itself, and on fd. */
bool hkt__send_possible(struct hkt_loop *loop, int fd);
/* Sends as hkt_send_begin() says; s has its function. */
int hkt__send_begin(struct hkt_loop *loop, struct hkt_sending *s, int fd, const void *data,
                    size_t size);
void hkt__send_cancel(struct hkt_sending *s);

/* What the poller said. */
void hkt__send_event(struct hkt_loop *loop, const struct hkt__event *event);

/* Has the system make a call on a file: fn(arg, what it answers) is called by the loop. Until then
 * s and what the call works on stay where they are. 0; -ENOSYS: the poller has no such thing. */
int hkt__file_begin(struct hkt_sending *s, const struct hkt__poll_file *f,
                    void (*fn)(void *arg, ssize_t result), void *arg);

/* Ends all that are going on; they are over when the loop has none left. */
void hkt__sends_cancel(struct hkt_loop *loop);

#endif
