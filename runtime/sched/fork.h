/* SPDX-License-Identifier: MIT
 *
 * The child of a fork(), which has no running loop.
 */
#ifndef HOCKET_SCHED_FORK_H
#define HOCKET_SCHED_FORK_H

#include "sched.h"

/* How many forks this process is from the first one that made a loop. */
extern unsigned hkt__forks;

/* Has all forks from now on leave the loops of the parent alone. Again: nothing. */
void hkt__fork_watch(void);

/* Whether the loop is the parent's. Not needed where hkt__loop is looked at, which is NULL then. */
static inline bool hkt__forked(const struct hkt_loop *loop)
{
    return loop->forks != hkt__forks;
}

#endif
