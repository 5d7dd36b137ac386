/* SPDX-License-Identifier: MIT
 *
 * Who waits for what, and where.
 */
#include "sched.h"
#include "signals.h"

#include "base/os.h"
#include "coro/dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What snprintf made of it, if perhaps not all. */
static void write_line(const char *line, int n, size_t size)
{
    hkt__os.write_stderr(line, (size_t)n < size ? (size_t)n : size - 1);
}

static void describe_wait(char *out, size_t size, const struct hkt__wait *w, int64_t now)
{
    double ms = (double)(now - w->since) / 1e6;
    int n = w->detail < 0
                ? snprintf(out, size, "waits for %s since %.1f ms", w->why, ms)
                : snprintf(out, size, "waits for %s on fd %d since %.1f ms", w->why, w->detail, ms);

    if (w->kind->describe && (size_t)n < size)
        w->kind->describe(w, now, out + n, size - (size_t)n);
}

void hkt__task_describe(char *out, size_t size, const struct hkt_task *t, int64_t now)
{
    const struct hkt__wait *w = t->coro.data;

    if (t == hkt__task_self())
        snprintf(out, size, "running");
    else if (!w)
        snprintf(out, size, "ready");
    else
        describe_wait(out, size, w, now);
}

/* A stack that is put aside is looked at, and put aside again. */
static void dump_suspended(struct hkt_task *t, struct hkt__names *names)
{
    bool hibernates = hkt_task_rouse(t) > 0;

    hkt__dump_trace(&t->coro, names);
    if (hibernates)
        (void)hkt_task_hibernate(t);
}

static void dump_task(struct hkt_task *t, int64_t now, struct hkt__names *names)
{
    char buf[32], wait[160], line[320];
    int cancelling = hkt__job(t)->cancelling;
    bool hibernates = hkt__hibernates(&t->coro);

    hkt__task_describe(wait, sizeof wait, t, now);
    int n = snprintf(line, sizeof line, "  %-16s %s, stack %zu of %zu%s%s\n",
                     hkt_task_name(t, buf, sizeof buf), wait, hkt_coro_stack_used(&t->coro),
                     hkt_coro_stack_size(&t->coro), cancelling ? ", being cancelled" : "",
                     hibernates ? ", hibernates" : "");
    write_line(line, n, sizeof line);
    if (t->coro.data)
        dump_suspended(t, names);
}

static void dump_limit(void *now, const struct hkt__timer *timer)
{
    const struct hkt_task *t = timer->wakes ? NULL : hkt__timeout_task(hkt__handle_of(timer));
    char buf[32], line[160];

    if (!t)
        return;
    int n = snprintf(line, sizeof line, "  time limit of %s: %.1f ms more\n",
                     hkt_task_name(t, buf, sizeof buf),
                     (double)(timer->when - *(const int64_t *)now) / 1e6);
    write_line(line, n, sizeof line);
}

void hkt_dump(struct hkt_loop *loop)
{
    char line[160], hibernate[64] = "";
    struct hkt__names names;

    if (!loop)
        loop = hkt__loop;
    if (!loop)
        return;
    memset(&names, 0, sizeof names);
    if (hkt__hibernating() > 0)
        snprintf(hibernate, sizeof hibernate, ", %zu of this thread hibernate", hkt__hibernating());
    int n = snprintf(line, sizeof line, "hocket: %zu tasks%s, %zu timers, poller %s\n",
                     loop->task_count, hibernate, hkt__timers_count(&loop->timers),
                     loop->poller.ops->name);
    write_line(line, n, sizeof line);
    int64_t now = hkt__loop_clock(loop);
    for (const struct hkt__job *job = loop->first; job; job = job->next)
        dump_task(hkt__job_task(job), now, &names);
    hkt__timers_each(&loop->timers, dump_limit, &now);
    if (loop == hkt__loop && hkt__dump_count() > 0)
        hkt_coro_dump();
}

/* What a task that never waits would else keep from being printed until it ends its turn. snprintf
 * of words and numbers allocates nothing and locks nothing. */
void hkt__dump_running(const struct hkt_loop *loop, int signum)
{
    char buf[32], line[160];
    const struct hkt_task *t;

    if (!pthread_equal(loop->thread, pthread_self()) || !(loop->dump_watch.set & HKT_SIG(signum)) ||
        !(t = loop->current))
        return;
    int n =
        snprintf(line, sizeof line, "hocket: task '%s' runs while the dump waits for its turn\n",
                 hkt_task_name(t, buf, sizeof buf));
    write_line(line, n, sizeof line);
}

static void dump_now(void *loop)
{
    hkt_dump(loop);
}

int hkt_dump_on_signal(struct hkt_loop *loop, int signum)
{
    return loop ? hkt__watch_signal(loop, &loop->dump_watch, signum, dump_now, loop) : -ENOMEM;
}
