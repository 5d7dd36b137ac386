/* SPDX-License-Identifier: MIT
 *
 * What a case of a select is to it. Cases of descriptors are made in a layer that this one does not
 * know, so each kind brings its verbs along.
 */
#ifndef HOCKET_SYNC_SELECT_H
#define HOCKET_SYNC_SELECT_H

#include "sched/sched.h"

#include <hocket/channel.h>

/* A perform's answer: another thread was quicker, and the select is to look again. */
#define HKT__CASE_GONE (-0x40000000)

struct hkt__case_ops {
    /* Called once, when the select begins: whether it can happen at once, or not be waited for. */
    bool (*ready)(struct hkt_case *c);
    /* After true: lets it happen; the case's rc. */
    int (*perform)(struct hkt_case *c);
    /* After false: has hkt__case_happens() called. 0, or why it cannot be waited for. */
    int (*enlist)(struct hkt_case *c);
    void (*withdraw)(struct hkt_case *c);
    bool shared; /* other threads look at the case */
};

struct hkt__select {
    struct hkt__wait wait;
    struct hkt_task *task;
    struct hkt_loop *loop;
    struct hkt_case *cases;
    size_t n;
};

/* Ends the select, of which c, which waits for nothing any more, is the case that happened.
 * handed_over: something would be lost if a cancellation were answered instead. */
void hkt__case_happens(struct hkt_case *c, int rc, bool handed_over);

/* One that happens at once, with that. */
struct hkt_case hkt__case_failed(int rc);

#endif
