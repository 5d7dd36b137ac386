/* SPDX-License-Identifier: MIT
 *
 * What the files of this layer need of the loop itself.
 */
#ifndef HOCKET_SCHED_LOOP_H
#define HOCKET_SCHED_LOOP_H

#include "sched.h"

/* Opens the back end of that name (NULL: HKT_POLLER, or the best), or the next that works. */
int hkt__poller_choose(struct hkt__poller *p, const char *name);

/* Runs the loop until t has ended; its result, -EINTR or -EDEADLK. */
int hkt__loop_run_task(struct hkt_loop *loop, struct hkt_task *t);

/* Cancels all tasks and waits for their ends. */
void hkt__loop_finish(struct hkt_loop *loop);

/* leftover.c: these say nothing unless the loop is made for debugging */

/* The loop is being made: what there is now is not left by it. */
void hkt__watch_for_left(void);
/* What is still going on when it is to end. */
void hkt__report_unfinished(const struct hkt_loop *loop);
/* What is left when nothing goes on any more. */
void hkt__report_left(struct hkt_loop *loop);

#endif
