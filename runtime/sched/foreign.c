/* SPDX-License-Identifier: MIT
 *
 * What belongs to a loop is used by its thread, and what tasks of one loop wait for, by those. What
 * is used elsewhere answers -EXDEV; and because that is a mistake of the program's, and such
 * answers are easily dropped, it is said where somebody looks for mistakes.
 */
#include "sched.h"

int hkt__foreign(const struct hkt_loop *loop, const char *what)
{
    const struct hkt_task *self = hkt__task_self();
    char buf[32];

    if (HKT__CHECKED || loop->debug || (hkt__loop && hkt__loop->debug))
        hkt_report("'%s' used from %s%s: it belongs to another %s", what,
                   self ? "task " : "outside of its loop",
                   self ? hkt_task_name(self, buf, sizeof buf) : "",
                   hkt__own_thread(loop) ? "loop" : "thread");
    return -EXDEV;
}

int hkt__check_thread(const struct hkt_loop *loop, const char *what)
{
    return hkt__own_thread(loop) ? 0 : hkt__foreign(loop, what);
}
