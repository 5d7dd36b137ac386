/* SPDX-License-Identifier: MIT
 *
 * Where a task was made is noted where the result of a coroutine would be, which a task has not;
 * and for who measures stacks, where that of a coroutine is noted, too. It costs nothing elsewhere:
 * a spawn looks whether tasks inherit anything, in any thread, and a loop that is made for
 * debugging, or where stacks are measured, says that they do.
 */
#include "origin.h"
#include "context.h"

#include "base/symbol.h"
#include "coro/stack.h"

#include <stdio.h>

atomic_bool hkt__tasks_inherit;

void hkt__task_inherit(struct hkt_task *t, const struct hkt_task_opts *opts, void *site)
{
    hkt__vars_inherit(hkt__job(t), opts);
    if (hkt__job(t)->loop->debug)
        t->coro.cold->result = site;
    if (t->coro.cold->thread->profiled)
        t->coro.cold->watched->site = site;
}

/* The place is behind the call, and perhaps behind the function. */
const char *hkt__origin_text(const struct hkt_task *t, char buf[HKT__ORIGIN_SIZE])
{
    const uintptr_t site = (uintptr_t)t->coro.cold->result;
    char where[HKT__ORIGIN_SIZE - 16];

    buf[0] = '\0';
    if (site) {
        hkt__symbol_name(site - 1, where, sizeof where);
        snprintf(buf, HKT__ORIGIN_SIZE, ", made in %s", where);
    }
    return buf;
}

int hkt__cancelled_result(const struct hkt_task *t, int rc)
{
    const struct hkt__job *job = hkt__job(t);
    char name[32], origin[HKT__ORIGIN_SIZE];

    if (t->coro.ctx.flags & HKT__CANCEL) /* requested, and never delivered: a value is lost */
        return rc < 0 ? rc : -ECANCELED;
    if (job->loop->debug && job->cancelling > 0 && rc != -ECANCELED)
        hkt_report("task '%s' was cancelled, and ended with %d all the same%s",
                   hkt_task_name(t, name, sizeof name), rc, hkt__origin_text(t, origin));
    return rc;
}
