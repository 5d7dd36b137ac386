/* SPDX-License-Identifier: MIT
 *
 * Pending deadlines. Nodes belong to whoever waits and are linked in place, so arming cannot fail.
 * Nodes of equal deadlines fire in the order in which they were armed.
 */
#ifndef HOCKET_BASE_TIMER_H
#define HOCKET_BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct hkt__timer {
    int64_t when; /* nanoseconds of the loop's clock */
    uint64_t order;
    struct hkt__timer *link[3]; /* the structure's */
    bool armed;
};

struct hkt__timers;

#endif
