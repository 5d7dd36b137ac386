/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait in a line, and note in which order they went on.
 */
#ifndef TESTS_SCHED_IN_ORDER_H
#define TESTS_SCHED_IN_ORDER_H

#include "support/test.h"

#include <hocket/hocket.h>

enum { MANY = 300 };

static int order[MANY], ended;
static struct hkt_channel channel;

static inline int receive_in_order(void *i)
{
    int got, rc = hkt_channel_recv(&channel, &got, sizeof got);

    order[ended++] = (int)(intptr_t)i;
    return rc == 1 && got == (int)(intptr_t)i ? 0 : -EIO;
}

#endif
