/* SPDX-License-Identifier: MIT
 *
 * Who waits for what.
 */
#include "sched.h"
#include "signals.h"

#include "base/os.h"

#include <inttypes.h>
#include <stdio.h>

void hkt__task_describe(char *out, size_t size, const struct hkt_task *t, int64_t now)
{
    const struct hkt__wait *w = t->coro.data;

    if (t == hkt__task_self())
        snprintf(out, size, "running");
    else if (!w)
        snprintf(out, size, "ready");
    else if (w->detail >= 0)
        snprintf(out, size, "waits for %s on fd %d since %.1f ms", w->why, w->detail,
                 (double)(now - w->since) / 1e6);
    else
        snprintf(out, size, "waits for %s since %.1f ms", w->why, (double)(now - w->since) / 1e6);
}

static void dump_task(const struct hkt_task *t, int64_t now)
{
    char buf[32], wait[160], line[320];
    int cancelling = hkt__job(t)->cancelling;

    hkt__task_describe(wait, sizeof wait, t, now);
    int n = snprintf(line, sizeof line, "  %-16s %s, stack %zu of %zu%s\n",
                     hkt_task_name(t, buf, sizeof buf), wait, hkt_coro_stack_used(&t->coro),
                     hkt_coro_stack_size(&t->coro), cancelling ? ", being cancelled" : "");
    hkt__os.write_stderr(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

void hkt_dump(struct hkt_loop *loop)
{
    char line[160];

    if (!loop)
        loop = hkt__loop;
    if (!loop)
        return;
    int n = snprintf(line, sizeof line, "hocket: %zu tasks, %zu timers, poller %s\n",
                     loop->task_count, hkt__timers_count(&loop->timers), loop->poller.ops->name);
    hkt__os.write_stderr(line, (size_t)n);
    int64_t now = hkt__loop_clock(loop);
    for (const struct hkt_task *t = loop->first; t; t = hkt__job(t)->next)
        dump_task(t, now);
}

static void dump_now(void *loop)
{
    hkt_dump(loop);
}

int hkt_dump_on_signal(struct hkt_loop *loop, int signum)
{
    return loop ? hkt__watch_signal(loop, &loop->dump_watch, signum, dump_now, loop) : -ENOMEM;
}
