/* SPDX-License-Identifier: MIT
 *
 * Sends that the system carries out by itself.
 */
#ifndef HOCKET_SCHED_FDSEND_H
#define HOCKET_SCHED_FDSEND_H

#include "sched.h"

/* What the poller said. */
void hkt__send_event(struct hkt_loop *loop, const struct hkt__event *event);

/* Ends all that are going on; they are over when the loop has none left. */
void hkt__sends_cancel(struct hkt_loop *loop);

#endif
