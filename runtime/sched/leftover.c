/* SPDX-License-Identifier: MIT
 *
 * What a loop that is made for debugging says at its end about what is left in it.
 */
#include "loop.h"

#include <stdio.h>

enum { TASKS_NAMED = 10 };

void hkt__report_tasks_left(const struct hkt_loop *loop)
{
    size_t n = 0;

    if (!loop->debug || !loop->first)
        return;
    hkt_report("%zu tasks are left at the end, and are cancelled", loop->task_count);
    for (const struct hkt_task *t = loop->first; t && n < TASKS_NAMED; t = hkt__job(t)->next, n++) {
        char buf[32], wait[160];
        hkt__task_describe(wait, sizeof wait, t, loop->now);
        hkt_report("task '%s' is left: %s", hkt_task_name(t, buf, sizeof buf), wait);
    }
}

static size_t count_signals(const struct hkt_loop *loop)
{
    size_t n = 0;

    for (const struct hkt_signal_watch *w = loop->signal_watches; w; w = w->next)
        n += !w->quiet;
    return n;
}

void hkt__report_left(struct hkt_loop *loop)
{
    const struct {
        size_t count;
        const char *what;
    } left[] = {
        {hkt__timers_count(&loop->timers), "timed calls"},
        {loop->fd_waiters, "callbacks on descriptors"},
        {count_signals(loop), "calls on signals"},
        {atomic_load(&loop->holds), "holds"},
        {hkt__any_before_poll(loop), "calls before the poll"},
        {hkt__ready_any(&loop->ready) || atomic_load(&loop->posted), "calls that were due"},
    };

    if (!loop->debug)
        return;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        if (left[i].count > 0)
            hkt_report("the loop ends with %zu %s", left[i].count, left[i].what);
}
