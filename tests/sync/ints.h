/* SPDX-License-Identifier: MIT
 *
 * Tasks that send and receive numbers, one each.
 */
#ifndef TESTS_SYNC_INTS_H
#define TESTS_SYNC_INTS_H

#include "sched/simulated.h"

#include <hocket/channel.h>

HKT_CHANNEL_OF(ints, int);

struct op {
    struct hkt_channel *c;
    int value; /* to send; or what was received */
    int rc;    /* 99 before it has ended */
};

static inline int send_one(void *arg)
{
    struct op *o = (struct op *)arg;

    o->rc = ints_send(o->c, o->value);
    return o->rc;
}

static inline int recv_one(void *arg)
{
    struct op *o = (struct op *)arg;

    o->rc = ints_recv(o->c, &o->value);
    return o->rc;
}

/* Lets all that is ready run. */
static inline void settle(void)
{
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_sleep(0), 0);
}

static inline struct hkt_task *sender(struct op *o, struct hkt_channel *c, int value)
{
    *o = (struct op){c, value, 99};
    return hkt_spawn(send_one, o);
}

static inline struct hkt_task *receiver(struct op *o, struct hkt_channel *c)
{
    *o = (struct op){c, -1, 99};
    return hkt_spawn(recv_one, o);
}

#endif
