/* SPDX-License-Identifier: MIT
 *
 * A loop's channel to c-ares, which has its sockets and its time limits watched by the loop, and
 * the questions that are asked through it.
 */
#ifndef HOCKET_IO_CARES_H
#define HOCKET_IO_CARES_H

#include "sched/sched.h"

#include <ares.h>

struct hkt__cares_socket;
struct hkt__lookup;
struct hkt__naming;

struct hkt__cares {
    ares_channel channel;
    struct hkt_loop *loop;
    struct hkt_handle timer;
    struct hkt__loop_end end;
    struct hkt__cares_socket *sockets;
};

struct hkt__cares_query {
    struct hkt__cares *cares;
    struct hkt_handle start;
    struct hkt_task *waiter;    /* until it was answered, or cancelled */
    struct hkt__lookup *lookup; /* one of the two */
    struct hkt__naming *naming;
    struct addrinfo *kinds; /* of sockets: what every address found comes with */
};

/* NULL without memory. One of the two is the record that it is about. */
struct hkt__cares_query *hkt__cares_query_new(struct hkt__lookup *l, struct hkt__naming *n);
/* Has start(q), from the loop's stack, ask c-ares, and waits: what was answered. After -ECANCELED
 * the record is no longer the caller's; q is not in any case. */
int hkt__cares_ask(struct hkt__cares_query *q, hkt_call_fn *start);
/* When c-ares has answered; the last that is done with q. */
void hkt__cares_answer(struct hkt__cares_query *q, int rc);

/* The running loop's, made when first asked for. 0, -ENOMEM, -EIO: c-ares refuses (reported). */
int hkt__cares_get(struct hkt__cares **c);

/* After each call that may have changed what the channel waits for. */
void hkt__cares_rearm(struct hkt__cares *c);

/* The code for ARES_*. */
int hkt__cares_code(int status);

#endif
