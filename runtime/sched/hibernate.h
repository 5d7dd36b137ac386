/* SPDX-License-Identifier: MIT
 *
 * Which tasks' stacks are put aside, and when.
 */
#ifndef HOCKET_SCHED_HIBERNATE_H
#define HOCKET_SCHED_HIBERNATE_H

#include "sched.h"

#include "coro/stack.h"

/* Of a loop that does it. */
struct hkt__hibernation {
    int64_t after; /* how long a task has waited, at least */
    int64_t next;  /* when to look again; INT64_MAX: after something has happened */
    unsigned most; /* stacks in one sweep */
    size_t above;  /* bytes of memory that the process may have without it */
    struct hkt__walk walk;
    bool too_young; /* this round has met a task that is to be met again */
    bool at_random; /* for tests */
    uint32_t random;
};

/* 0; -ENOMEM. */
int hkt__hibernation_begin(struct hkt_loop *loop, const struct hkt_loop_opts *opts);
void hkt__hibernation_end(struct hkt_loop *loop);

/* Once in an iteration, before the loop polls. */
void hkt__hibernation_sweep(struct hkt_loop *loop);

#endif
