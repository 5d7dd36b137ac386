/* SPDX-License-Identifier: MIT
 *
 * What tasks inherit.
 */
#ifndef HOCKET_SCHED_CONTEXT_H
#define HOCKET_SCHED_CONTEXT_H

#include "sched.h"

#include <hocket/context.h>

/* Gives a new task the variables as they are here, or those of the context in opts, which may be
 * NULL. */
void hkt__vars_inherit(struct hkt__job *job, const struct hkt_task_opts *opts);
/* Takes them away. */
void hkt__vars_leave(struct hkt__job *job);

#endif
