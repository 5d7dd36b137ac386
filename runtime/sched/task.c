/* SPDX-License-Identifier: MIT
 *
 * The life of a task: made, queued, run, ended, buried.
 *
 * Two parties refer to a task: the loop until it has ended, and a handle until it is joined,
 * detached or its group is done with it. The control block, and with it the stack, is given back
 * when both have let go; never by the task itself while it still stands on that stack, but from the
 * loop's graveyard.
 */
#include "context.h"
#include "fork.h"
#include "origin.h"
#include "sched.h"

#include "base/report.h"
#include "coro/side.h"
#include "coro/stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of tasks that are called by their number. */
static const char unnamed[] = "task";

/* Making */

static void list_add(struct hkt_loop *loop, struct hkt__job *job)
{
    job->prev = loop->last;
    job->next = NULL;
    if (loop->last)
        loop->last->next = job;
    else
        loop->first = job;
    loop->last = job;
    loop->task_count++;
}

static void list_remove(struct hkt_loop *loop, struct hkt__job *job)
{
    if (job->prev)
        job->prev->next = job->next;
    else
        loop->first = job->next;
    if (job->next)
        job->next->prev = job->prev;
    else
        loop->last = job->prev;
    loop->task_count--;
}

static void task_end(struct hkt_loop *loop, struct hkt_task *self, int rc)
{
    struct hkt__job *job = hkt__job(self);

    if (HKT_UNLIKELY(self->coro.ctx.flags & (HKT__CANCEL | HKT__CANCELLED)))
        rc = hkt__cancelled_result(self, rc);
    job->ended = true;
    list_remove(loop, job);
    job->ended_order = ++loop->ended_count;
    if (rc == -ECANCELED)
        (void)hkt__future_finish(&job->done, rc, NULL, HKT_CANCELLED);
    else
        (void)hkt__future_finish(&job->done, rc, NULL, HKT_DONE);
    if (job->group)
        hkt__group_member_ended(self, rc);
    if (HKT_UNLIKELY(job->vars != NULL))
        hkt__vars_leave(job);
    if (!job->handle) {
        job->buried = loop->graveyard;
        loop->graveyard = self;
    }
}

/* The first function on a task's stack. */
static void task_main(struct hkt_ctx *ctx, struct hkt_msg msg)
{
    struct hkt_task *self = (struct hkt_task *)(void *)ctx;
    struct hkt__job *job = hkt__job(self);
    int rc = -ECANCELED;

    (void)msg;
    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__SLOW))
        hkt__side_arrive(NULL, &self->coro);
    if (HKT_LIKELY(!(self->coro.ctx.flags & HKT__CANCEL)))
        rc = self->coro.cold->fn.upper(self->coro.cold->arg);
    task_end(job->loop, self, rc);
    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__SLOW))
        hkt__leave_watched(job->loop, self);
    hkt__ctx_jump(hkt__leave_begin(job->loop), (struct hkt_msg){NULL, 0});
}

/* The runtime's own calls need more than there is on a small one. */
static size_t stack_size_of(const struct hkt_task_opts *opts)
{
    bool small = opts->stack_size >= HKT_STACK_MIN && opts->stack_size <= HKT__STACK_SMALL;

    return small ? HKT__STACK_SMALL + 1 : opts->stack_size;
}

struct hkt_task *hkt__task_make(struct hkt_loop *loop, hkt_task_fn *fn, void *arg,
                                const struct hkt_task_opts *opts)
{
    const struct hkt_coro_opts coro_opts = {.stack_size = opts ? stack_size_of(opts) : 0};
    struct hkt_coro *c;

    if (hkt__ready_reserve(&loop->ready, loop->task_count + 1) < 0 ||
        !(c = hkt__coro_make(arg, coro_opts.stack_size ? &coro_opts : NULL, 0, NULL)))
        return NULL;
    struct hkt_task *t = (struct hkt_task *)(void *)c;
    struct hkt__job *job = hkt__job(t);
    *job = (struct hkt__job){.loop = loop,
                             .data = opts ? opts->data : NULL,
                             .id = ++loop->next_id,
                             .done = {.loop = loop, .value = t, .state = HKT__OF_TASK},
                             .handle = true};
    c->cold->fn.upper = fn;
    c->cold->name = opts && opts->name ? opts->name : unnamed;
    hkt__coro_begin_at(c, task_main);
    c->ctx.flags |= HKT__TASK;
    if (HKT_UNLIKELY(opts && opts->flags & HKT_RESIDENT))
        c->ctx.flags |= HKT__RESIDENT;
    c->data = NULL;
    list_add(loop, job);
    return t;
}

void hkt__task_start(struct hkt_task *t, bool eager)
{
    struct hkt_loop *loop = hkt__job(t)->loop;

    if (eager && loop == hkt__loop)
        hkt__run_now(loop, t);
    else
        hkt__ready_push(&loop->ready, t);
}

static struct hkt_task *spawn(struct hkt_loop *loop, hkt_task_fn *fn, void *arg,
                              const struct hkt_task_opts *opts, void *site)
{
    if (!loop) {
        hkt_report("a task was spawned where no loop runs: none was made");
        return NULL;
    }
    struct hkt_task *t = hkt__task_make(loop, fn, arg, opts);
    if (!t)
        return NULL;
    hkt__task_inherits(t, opts, site);
    hkt__task_start(t, opts && opts->flags & HKT_EAGER);
    return t;
}

HKT__APART struct hkt_task *hkt_spawn(hkt_task_fn *fn, void *arg)
{
    return spawn(hkt__loop, fn, arg, NULL, HKT__SITE);
}

static struct hkt_task *spawn_on(struct hkt_loop *loop, hkt_task_fn *fn, void *arg,
                                 const struct hkt_task_opts *opts, void *site)
{
    if (loop && hkt__check_thread(loop, "spawn") < 0)
        return NULL;
    return spawn(loop, fn, arg, opts, site);
}

HKT__APART struct hkt_task *hkt_spawn_opts(hkt_task_fn *fn, void *arg,
                                           const struct hkt_task_opts *opts)
{
    return opts && opts->loop ? spawn_on(opts->loop, fn, arg, opts, HKT__SITE)
                              : spawn(hkt__loop, fn, arg, opts, HKT__SITE);
}

HKT__APART struct hkt_task *hkt_ensure_future(struct hkt_loop *loop, hkt_task_fn *fn, void *arg)
{
    return spawn_on(loop, fn, arg, NULL, HKT__SITE);
}

/* Ending */

static void give_back(struct hkt_task *t)
{
    struct hkt__job *job = hkt__job(t);
    char buf[32], origin[HKT__ORIGIN_SIZE];

    if (!job->seen && job->done.rc < 0 && job->done.rc != -ECANCELED)
        hkt_report("task '%s' failed and nobody looked: %s%s", hkt_task_name(t, buf, sizeof buf),
                   hkt_strerror(job->done.rc), hkt__origin_text(t, origin));
    if (HKT_UNLIKELY(t->coro.cold->thread->watched))
        hkt__side_unwatch(&t->coro);
    hkt__stack_give(&t->coro);
}

void hkt__bury(struct hkt_loop *loop)
{
    struct hkt_task *t;

    while ((t = loop->graveyard) != NULL) {
        loop->graveyard = hkt__job(t)->buried;
        give_back(t);
    }
}

void hkt__task_unref(struct hkt_task *t)
{
    struct hkt__job *job = hkt__job(t);

    job->handle = false;
    if (job->ended)
        give_back(t);
}

static int check(const struct hkt_task *t, const char *verb)
{
    int rc = hkt__coro_check((const struct hkt_coro *)t, verb);

    return HKT_UNLIKELY(rc == -EXDEV) ? hkt__foreign(hkt__job(t)->loop, verb) : rc;
}

void hkt_detach(struct hkt_task *t)
{
    if (check(t, "detach") == 0)
        hkt__task_unref(t);
}

int hkt__may_wait_for(const struct hkt_task *t)
{
    int rc = check(t, "wait");

    if (rc < 0)
        return rc;
    if (!hkt__task_self())
        return -EPERM;
    if (hkt__job(t)->loop != hkt__loop)
        return hkt__foreign(hkt__job(t)->loop, "wait");
    return t == hkt__task_self() ? -EDEADLK : 0;
}

static bool cancel_task(void *t)
{
    return hkt__task_pass_cancel(t);
}

int hkt_join(struct hkt_task *t)
{
    int rc = hkt__may_wait_for(t);

    if (rc < 0)
        return rc;
    struct hkt__job *job = hkt__job(t);
    if (job->joining || !job->handle)
        return -EBUSY;
    job->joining = job->seen = true;
    rc = hkt__future_wait_cancelling(&job->done, "join", cancel_task, t);
    job->joining = false;
    if (job->ended)
        hkt__task_unref(t);
    else
        job->handle = false; /* the waiter was cancelled after the wake-up; t frees itself */
    return rc;
}

int hkt_task_wait(struct hkt_task *t, int *rc)
{
    int waited = hkt__may_wait_for(t);

    if (waited < 0)
        return waited;
    struct hkt__job *job = hkt__job(t);
    waited = hkt__future_wait_kept(&job->done, "task");
    if (!job->ended)
        return waited;
    job->seen = true;
    *rc = job->done.rc;
    return 0;
}

int hkt_await_shielded(struct hkt_task *t)
{
    int rc = hkt__may_wait_for(t);

    if (rc < 0)
        return rc;
    rc = hkt__future_wait(&hkt__job(t)->done, "shielded task");
    if (hkt__job(t)->ended) /* else the waiter was cancelled, and does not see it */
        hkt__job(t)->seen = true;
    return rc;
}

/* Cancellation */

static void cancel_parked(struct hkt_task *t, struct hkt__wait *w)
{
    t->coro.ctx.flags |= HKT__CANCELLING;
    bool alone = w->kind->abort(w);
    t->coro.ctx.flags &= ~HKT__CANCELLING;
    if (!alone)
        return;
    t->coro.ctx.flags |= HKT__CANCELLED;
    hkt__wake(t, -ECANCELED);
}

bool hkt_task_cancel(struct hkt_task *t)
{
    if (check(t, "cancel") < 0 || hkt__job(t)->ended || hkt__forked(hkt__job(t)->loop))
        return false;
    hkt__job(t)->cancelling++;
    struct hkt__wait *w = t->coro.data;
    if (!w)
        t->coro.ctx.flags |= HKT__CANCEL;
    else
        cancel_parked(t, w);
    return true;
}

bool hkt__task_pass_cancel(struct hkt_task *t)
{
    return !t || (!(t->coro.ctx.flags & HKT__CANCELLING) && hkt_task_cancel(t));
}

int hkt_task_cancelling(const struct hkt_task *t)
{
    int rc = check(t, "cancelling");

    return rc < 0 ? rc : hkt__job(t)->cancelling;
}

int hkt_task_uncancel(struct hkt_task *t)
{
    int rc = check(t, "uncancel");

    if (rc < 0)
        return rc;
    struct hkt__job *job = hkt__job(t);
    if (job->cancelling > 0 && --job->cancelling == 0)
        t->coro.ctx.flags &= ~HKT__CANCEL;
    return job->cancelling;
}

/* Looking */

bool hkt_task_done(const struct hkt_task *t)
{
    return !t || hkt__job(t)->ended;
}

int hkt_task_result(const struct hkt_task *t)
{
    int rc = check(t, "result");

    if (rc < 0)
        return rc;
    hkt__job(t)->seen = true;
    return hkt_future_result(&hkt__job(t)->done);
}

struct hkt_future *hkt_task_future(struct hkt_task *t)
{
    return t ? &hkt__job(t)->done : NULL;
}

struct hkt_task *hkt_task_next(const struct hkt_loop *loop, const struct hkt_task *t)
{
    if (t)
        return hkt__job_task(hkt__job(t)->next);
    return loop ? hkt__job_task(loop->first) : NULL;
}

const char *hkt_task_name(const struct hkt_task *t, char *buf, size_t size)
{
    if (!t)
        return "none";
    if (t->coro.cold->name != unnamed)
        return t->coro.cold->name;
    snprintf(buf, size, "task-%" PRIu64, hkt__job(t)->id);
    return buf;
}

void hkt_task_set_name(struct hkt_task *t, const char *name)
{
    if (!t)
        return;
    t->coro.cold->name = name ? name : unnamed;
}

void *hkt_task_data(const struct hkt_task *t)
{
    return t ? hkt__job(t)->data : NULL;
}

void hkt_task_set_data(struct hkt_task *t, void *data)
{
    if (t)
        hkt__job(t)->data = data;
}
