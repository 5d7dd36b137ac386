/* SPDX-License-Identifier: MIT
 *
 * What a loop that is made for debugging says at its end about what is left in it.
 */
#include "loop.h"
#include "origin.h"

#include "base/symbol.h"
#include "coro/stack.h"

#include <stdio.h>

enum { NAMED = 10 };

atomic_size_t hkt__calls_left;

static void report_tasks(const struct hkt_loop *loop)
{
    const struct hkt__job *job = loop->first;

    hkt_report("%zu tasks are left at the end, and are cancelled", loop->task_count);
    for (int n = 0; job && n < NAMED; job = job->next, n++) {
        const struct hkt_task *t = hkt__job_task(job);
        char buf[32], wait[160], origin[HKT__ORIGIN_SIZE];
        hkt__task_describe(wait, sizeof wait, t, loop->now);
        hkt_report("task '%s' is left: %s%s", hkt_task_name(t, buf, sizeof buf), wait,
                   hkt__origin_text(t, origin));
    }
}

void hkt__report_unfinished(const struct hkt_loop *loop)
{
    size_t sends = 0;

    if (!loop->debug)
        return;
    if (loop->first)
        report_tasks(loop);
    for (const struct hkt_sending *s = loop->sends; s; s = s->next)
        sends++;
    if (sends > 0)
        hkt_report("%zu sends or calls on files are left at the end, and are cancelled", sends);
}

/* Coroutines. Those that there were before the loop are marked, until their memory is used anew. */

void hkt__watch_for_left(void)
{
    struct hkt__walk walk = {.slab = NULL};
    struct hkt_coro *c;

    while ((c = hkt__stack_walk(&walk)) != NULL)
        c->cold->traits |= HKT__OLDER;
}

static uintptr_t body_of(const struct hkt_coro *c)
{
    return c->cold->traits & HKT__IS_GEN ? (uintptr_t)c->cold->fn.gen : (uintptr_t)c->cold->fn.coro;
}

static void report_coro(const struct hkt_coro *c)
{
    const char *what = c->cold->traits & HKT__IS_GEN ? "generator" : "coroutine";
    char name[160];

    hkt__symbol_name(body_of(c), name, sizeof name);
    hkt_report("%s '%s' of %s is left: it was %s", what, c->cold->name, name,
               c->ctx.flags & HKT__CREATED ? "never begun, and not freed" : "not freed");
}

static void report_handle(const struct hkt_task *t)
{
    char name[32], origin[HKT__ORIGIN_SIZE];

    hkt_report("task '%s' is left: it has ended, and was neither joined nor detached%s",
               hkt_task_name(t, name, sizeof name), hkt__origin_text(t, origin));
}

/* Tasks that have not ended are reported elsewhere, and those of other loops at their ends. */
static bool is_left(const struct hkt_coro *c, const struct hkt_loop *loop)
{
    const struct hkt_task *t = (const struct hkt_task *)(const void *)c;

    return !(c->cold->traits & HKT__OLDER) &&
           (!(c->ctx.flags & HKT__TASK) || (hkt__job(t)->loop == loop && hkt__job(t)->ended));
}

static void report_coroutines(const struct hkt_loop *loop)
{
    struct hkt__walk walk = {.slab = NULL};
    const struct hkt_coro *c;
    int named = 0;

    while (named < NAMED && (c = hkt__stack_walk(&walk)) != NULL) {
        if (!is_left(c, loop))
            continue;
        named++;
        if (c->ctx.flags & HKT__TASK)
            report_handle((const struct hkt_task *)(const void *)c);
        else
            report_coro(c);
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
        {atomic_load(&hkt__calls_left), "blocking calls that go on and that nobody waits for"},
    };

    if (!loop->debug)
        return;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        if (left[i].count > 0)
            hkt_report("the loop ends with %zu %s", left[i].count, left[i].what);
    report_coroutines(loop);
}
