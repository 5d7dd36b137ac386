/* SPDX-License-Identifier: MIT
 *
 * A process and what waits for its end.
 */
#ifndef HOCKET_IO_PROCESS_H
#define HOCKET_IO_PROCESS_H

#include "pool.h"
#include "sched/sched.h"

#include <hocket/process.h>

struct hkt__watcher;

struct hkt_process {
    struct hkt_loop *loop; /* NULL: it was freed */
    struct hkt__loop_end end;
    struct hkt__watcher *watcher; /* a thread's, where there is no pidfd */
    struct hkt_future ended;
    pid_t pid;
    int pidfd; /* or -1 */
    int fds[3];
    int status;
    bool leads; /* a group */
    bool freed; /* by its owner, while it ran */
};

/* reap.c */

/* From now on the loop watches p, whose pid is set. 0, or why nothing can. */
int hkt__reap_begin(struct hkt_process *p);
/* Whether it has ended and was waited for. */
static inline bool hkt__reaped(const struct hkt_process *p)
{
    return hkt_future_state(&p->ended) != HKT_PENDING;
}
int hkt__process_signal(const struct hkt_process *p, int signum);
/* Ends the last that there is of it. */
void hkt__process_drop(struct hkt_process *p);

#endif
