/* SPDX-License-Identifier: MIT
 *
 * A turn that takes too long holds up everything else on the loop: it is reported by name.
 */
#include "sched.h"

#include "base/report.h"

#include <inttypes.h>
#include <stdio.h>

void hkt__turn_begins(struct hkt_loop *loop, struct hkt__turn_watch *w, const struct hkt_task *t)
{
    char buf[sizeof w->name];

    /* The name is copied because a task may end, and its block be used anew, within its turn. */
    snprintf(w->name, sizeof w->name, "%s", t ? hkt_task_name(t, buf, sizeof buf) : "a callback");
    w->began = hkt__loop_clock(loop);
}

void hkt__turn_ends(struct hkt_loop *loop, const struct hkt__turn_watch *w)
{
    int64_t took = hkt__loop_clock(loop) - w->began;

    if (took > loop->slow_ns)
        hkt_report("%s held the loop for %" PRId64 " us, more than %" PRId64, w->name, took / 1000,
                   loop->slow_ns / 1000);
}
