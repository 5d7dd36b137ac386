/* SPDX-License-Identifier: MIT
 *
 * Sends that the system carries out by itself.
 */
#ifndef HOCKET_SCHED_FDSEND_H
#define HOCKET_SCHED_FDSEND_H

#include "sched.h"

/* Sends as hkt_send_begin() says; s has its function. */
int hkt__send_begin(struct hkt_loop *loop, struct hkt_sending *s, int fd, const void *data,
                    size_t size);
void hkt__send_cancel(struct hkt_sending *s);

/* What the poller said. */
void hkt__send_event(struct hkt_loop *loop, const struct hkt__event *event);

/* Ends all that are going on; they are over when the loop has none left. */
void hkt__sends_cancel(struct hkt_loop *loop);

#endif
