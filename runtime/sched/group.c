/* SPDX-License-Identifier: MIT
 *
 * Task groups. Members are linked through their control blocks; the group itself is the caller's.
 */
#include "sched.h"

#include <string.h>

enum { CLOSED, OPEN, ABORTING };
/* Bits of state. */
enum { STATE = 3, PARENT_CANCELLED = 4, EXITING = 8 };

struct drain {
    struct hkt__wait wait;
    struct hkt_group *group;
    bool cancelled;
};

int hkt_group_enter(struct hkt_group *g)
{
    struct hkt_task *self = hkt__task_self();

    if (!self)
        return -EPERM;
    if (g->state & STATE)
        return -EBUSY;
    g->error_count = 0;
    g->parent = self;
    g->first = g->last = NULL;
    g->cancelling = hkt__job(self)->cancelling;
    g->state = OPEN;
    return 0;
}

static void add(struct hkt_group *g, struct hkt_task *t)
{
    struct hkt__job *job = hkt__job(t);

    job->group = g;
    job->group_prev = g->last;
    job->group_next = NULL;
    if (g->last)
        hkt__job(g->last)->group_next = t;
    else
        g->first = t;
    g->last = t;
}

static void take_out(struct hkt_group *g, struct hkt_task *t)
{
    struct hkt__job *job = hkt__job(t);

    if (job->group_prev)
        hkt__job(job->group_prev)->group_next = job->group_next;
    else
        g->first = job->group_next;
    if (job->group_next)
        hkt__job(job->group_next)->group_prev = job->group_prev;
    else
        g->last = job->group_prev;
    job->group = NULL;
}

static int spawn(struct hkt_group *g, hkt_task_fn *fn, void *arg, const struct hkt_task_opts *opts,
                 void *site)
{
    if ((g->state & STATE) != OPEN || (g->state & EXITING && !g->first))
        return -ESHUTDOWN;
    struct hkt_task *t = hkt__task_make(hkt__job(g->parent)->loop, fn, arg, opts);
    if (!t)
        return -ENOMEM;
    hkt__job(t)->handle = false; /* the group's reference is its list */
    hkt__job(t)->seen = true;
    add(g, t);
    hkt__task_inherits(t, opts, site);
    hkt__task_start(t, opts && opts->flags & HKT_EAGER);
    return 0;
}

HKT__APART int hkt_group_spawn_opts(struct hkt_group *g, hkt_task_fn *fn, void *arg,
                                    const struct hkt_task_opts *opts)
{
    return spawn(g, fn, arg, opts, HKT__SITE);
}

HKT__APART int hkt_group_spawn(struct hkt_group *g, hkt_task_fn *fn, void *arg)
{
    return spawn(g, fn, arg, NULL, HKT__SITE);
}

static void cancel_members(struct hkt_group *g)
{
    g->state = (g->state & ~STATE) | ABORTING;
    for (struct hkt_task *t = g->first; t; t = hkt__job(t)->group_next)
        (void)hkt_task_cancel(t);
}

static void keep_error(struct hkt_group *g, struct hkt_task *t, int rc)
{
    if (g->error_count < HKT_GROUP_ERRORS)
        g->errors[g->error_count] = rc;
    g->error_count++;
    if (g->on_error)
        g->on_error(g->ctx, t, rc);
}

static void wake_parent(struct hkt_group *g)
{
    if (g->state & EXITING && !g->first && g->parent->coro.data)
        hkt__wake(g->parent, 0);
}

void hkt__group_member_ended(struct hkt_task *t, int rc)
{
    struct hkt_group *g = hkt__job(t)->group;

    take_out(g, t);
    if (rc < 0 && rc != -ECANCELED) {
        keep_error(g, t, rc);
        if ((g->state & STATE) == OPEN) {
            cancel_members(g);
            if (!(g->state & EXITING)) { /* the body is cancelled too; exit takes that back */
                g->state |= PARENT_CANCELLED;
                (void)hkt_task_cancel(g->parent);
            }
        }
    }
    wake_parent(g);
}

/* The parent is cancelled while it waits for its members: they are, unless they have been, and it
 * waits on. */
static bool abort_drain(struct hkt__wait *w)
{
    struct drain *d = (struct drain *)(void *)w;

    d->cancelled = true;
    if ((d->group->state & STATE) == OPEN)
        cancel_members(d->group);
    return false;
}

static const struct hkt__wait_kind drain_kind = {.abort = abort_drain};

static bool drain(struct hkt_group *g)
{
    struct drain d = {.wait = {.why = "group", .kind = &drain_kind, .detail = -1}, .group = g};

    while (g->first)
        if (hkt__park(&d.wait) == -ECANCELED) /* requested after the last member's wake-up */
            d.cancelled = true;
    return d.cancelled;
}

/* A cancellation from outside that came together with errors, which have priority, is not lost:
 * it is delivered at the next suspension. */
static void keep_outer_cancel(struct hkt_task *parent)
{
    if (hkt__job(parent)->cancelling > 0) {
        (void)hkt_task_uncancel(parent);
        (void)hkt_task_cancel(parent);
    }
}

int hkt_group_exit(struct hkt_group *g, int rc)
{
    if (!(g->state & STATE) || g->parent != hkt__task_self())
        return -EPERM;
    bool own_cancel = g->state & PARENT_CANCELLED;
    bool cancelled = rc == -ECANCELED;

    g->state |= EXITING;
    if (rc < 0 && (g->state & STATE) == OPEN)
        cancel_members(g);
    if (rc < 0 && rc != -ECANCELED)
        keep_error(g, g->parent, rc);
    cancelled |= drain(g);
    g->state = CLOSED;
    if (own_cancel)
        (void)hkt_task_uncancel(g->parent);
    if (g->error_count == 0)
        return cancelled ? -ECANCELED : rc;
    keep_outer_cancel(g->parent);
    return g->errors[0];
}
