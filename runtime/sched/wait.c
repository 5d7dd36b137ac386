/* SPDX-License-Identifier: MIT
 *
 * Park and wake, the ready queue, and the switches between tasks and the loop.
 *
 * A parking task takes the next one itself and switches straight to it; the loop's own stack runs
 * only for a handle, or when nothing is ready, or when the budget of turns is used up and it is
 * time to poll.
 */
#include "fork.h"
#include "sched.h"

#include "base/report.h"
#include "coro/side.h"
#include "coro/stack.h"

enum { TURNS_A_POLL = 256 };

HKT__THREAD struct hkt_loop *hkt__loop;

/* Switches */

/* The next task, if the running one may hand over to it; NULL: go to the loop. */
static struct hkt_task *next_task(struct hkt_loop *loop)
{
    struct hkt__ready *q = &loop->ready;

    if (--loop->budget <= 0 || !hkt__ready_any(q) || !hkt__ready_is_task(q))
        return NULL;
    struct hkt_task *next = hkt__ready_first_task(q);
    q->head++;
    return next;
}

/* Apart, because its record would lie in the frame of each parked task. */
HKT__APART static void switch_watched(struct hkt_loop *loop, struct hkt_task *self,
                                      struct hkt_task *next)
{
    const struct hkt_msg none = {NULL, 0};
    struct hkt__side me;

    hkt__side_leave(&me, &self->coro, next ? &next->coro : NULL);
    (void)hkt_ctx_switch(&self->coro.ctx, next ? &next->coro.ctx : &loop->ctx, none);
    hkt__side_arrive(&me, &self->coro);
}

/* From the running task to the next one, or to the loop; comes back when woken. */
static void switch_away(struct hkt_loop *loop, struct hkt_task *self)
{
    const struct hkt_msg none = {NULL, 0};
    struct hkt_task *next = next_task(loop);

    loop->current = next;
    if (next == self) /* it gave up its turn, and nobody else wanted it */
        return;
    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__SLOW)) {
        switch_watched(loop, self, next);
        return;
    }
    (void)hkt_ctx_switch(&self->coro.ctx, next ? &next->coro.ctx : &loop->ctx, none);
}

const struct hkt_ctx *hkt__leave_begin(struct hkt_loop *loop)
{
    struct hkt_task *next = next_task(loop);

    loop->current = next;
    return next ? &next->coro.ctx : &loop->ctx;
}

void hkt__leave_watched(struct hkt_loop *loop, struct hkt_task *self)
{
    const struct hkt_msg none = {NULL, 0};
    struct hkt_task *next = next_task(loop);

    loop->current = next;
    hkt__side_leave(NULL, &self->coro, next ? &next->coro : NULL);
    hkt__ctx_jump(next ? &next->coro.ctx : &loop->ctx, none);
}

/* From the loop into a task; comes back when no task can hand over to another. */
HKT_INLINE void enter(struct hkt_loop *loop, struct hkt_task *t)
{
    const struct hkt_msg none = {NULL, 0};
    struct hkt__side me;
    bool slow = t->coro.ctx.flags & HKT__SLOW;

    loop->current = t;
    if (HKT_UNLIKELY(slow))
        hkt__side_resume_leave(&me, &t->coro);
    (void)hkt_ctx_switch(&loop->ctx, &t->coro.ctx, none);
    if (HKT_UNLIKELY(slow))
        hkt__side_resume_arrive(&me);
}

static void call(struct hkt_handle *h)
{
    hkt_call_fn *fn = h->fn;
    void *arg = h->arg;

    h->state = HKT__IDLE; /* the call may schedule it again, or free it */
    fn(arg);
}

static void call_next(struct hkt_loop *loop)
{
    struct hkt_handle *h = hkt__ready_pop_handle(&loop->ready);

    loop->budget--;
    if (h)
        call(h);
}

/* Takes the loop's own turn: one callback, or one task and those to which it hands over. */
static void run_next(struct hkt_loop *loop)
{
    struct hkt__ready *q = &loop->ready;

    loop->op_budget = HKT__OPS_A_TURN;
    if (hkt__ready_is_task(q)) {
        struct hkt_task *t = hkt__ready_first_task(q);
        q->head++;
        enter(loop, t);
    } else {
        call_next(loop);
    }
    if (HKT_UNLIKELY(loop->graveyard != NULL))
        hkt__bury(loop);
}

/* With a bound on a turn's length each turn comes back to the loop, which reads the clock. */
static void run_ready_timed(struct hkt_loop *loop)
{
    const struct hkt__ready *q = &loop->ready;

    for (int turns = 0; hkt__ready_any(q) && turns < TURNS_A_POLL && !hkt__forked(loop); turns++) {
        struct hkt__turn_watch watch;
        loop->budget = 1;
        hkt__turn_begins(loop, &watch, hkt__ready_is_task(q) ? hkt__ready_first_task(q) : NULL);
        run_next(loop);
        hkt__turn_ends(loop, &watch);
    }
}

void hkt__run_ready(struct hkt_loop *loop)
{
    hkt__ready_trim(&loop->ready, loop->task_count);
    if (HKT_UNLIKELY(loop->slow_ns > 0)) {
        run_ready_timed(loop);
        return;
    }
    loop->budget = TURNS_A_POLL;
    while (hkt__ready_any(&loop->ready) && loop->budget > 0)
        run_next(loop);
}

void hkt__run_now(struct hkt_loop *loop, struct hkt_task *t)
{
    const struct hkt_msg none = {NULL, 0};
    struct hkt_task *self = loop->current;

    if (!self) {
        enter(loop, t);
        return;
    }
    /* The spawner goes on next: it takes the head of the queue. */
    hkt__ready_push_first(&loop->ready, self);
    loop->budget++; /* so that what t hands over to is not the loop */
    loop->current = t;
    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__SLOW))
        switch_watched(loop, self, t);
    else
        (void)hkt_ctx_switch(&self->coro.ctx, &t->coro.ctx, none);
}

/* The two verbs */

/* What was requested before, of who parks now. True: it does not wait at all. Else who was told may
 * have woken it already, as if it were parked, or will. */
HKT__APART static bool parks_in_vain(struct hkt_task *self, struct hkt__wait *w)
{
    self->coro.ctx.flags &= ~HKT__CANCEL;
    if (!w->kind->abort(w))
        return false;
    self->coro.data = NULL;
    (void)hkt__take_cancel(self);
    return true;
}

int hkt__park(struct hkt__wait *w)
{
    struct hkt_loop *loop = hkt__loop;
    struct hkt_task *self = loop->current;

    w->since = loop->now;
    self->coro.data = w;
    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__CANCEL) && parks_in_vain(self, w))
        return -ECANCELED;
    switch_away(loop, self);
    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__CANCEL) && !w->keep)
        return hkt__take_cancel(self);
    return (int)self->coro.ctx.aux;
}

const struct hkt_ctx *hkt__park_begin(struct hkt__wait *w)
{
    struct hkt_loop *loop = hkt__loop;
    struct hkt_task *self = loop->current;

    if (HKT_UNLIKELY(self->coro.ctx.flags & (HKT__CANCEL | HKT__SLOW)))
        return NULL;
    w->since = loop->now;
    self->coro.data = w;
    struct hkt_task *next = next_task(loop);
    loop->current = next;
    return next ? &next->coro.ctx : &loop->ctx;
}

int hkt__park_end(const struct hkt__wait *w)
{
    struct hkt_task *self = hkt__loop->current;

    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__CANCEL) && !w->keep)
        return hkt__take_cancel(self);
    return (int)self->coro.ctx.aux;
}

int hkt__parted(const struct hkt__parting *p)
{
    return hkt__park_end((const struct hkt__wait *)(const void *)p->room);
}

void hkt__wake_on(struct hkt_loop *loop, struct hkt_task *t, int rc)
{
    if (HKT_UNLIKELY(!t->coro.data))
        hkt__fatal("wake of task '%s', which is not parked", hkt_task_name(t, (char[32]){0}, 32));
    t->coro.data = NULL;
    t->coro.ctx.aux = (uint32_t)rc;
    hkt__ready_push(&loop->ready, t);
}

void hkt__wake(struct hkt_task *t, int rc)
{
    hkt__wake_on(hkt__job(t)->loop, t, rc);
}

static void queue_again(struct hkt_loop *loop, struct hkt_task *self)
{
    loop->op_budget = HKT__OPS_A_TURN;
    hkt__ready_push(&loop->ready, self);
    switch_away(loop, self);
}

void hkt__give_way(void)
{
    struct hkt_loop *loop = hkt__loop;

    loop->budget = 0;
    queue_again(loop, loop->current);
}

const struct hkt_ctx *hkt__turn_begin(struct hkt_loop *loop)
{
    struct hkt_task *self = loop->current;

    if (HKT_UNLIKELY(self->coro.ctx.flags & (HKT__CANCEL | HKT__SLOW)))
        return NULL;
    loop->op_budget = HKT__OPS_A_TURN;
    hkt__ready_push(&loop->ready, self);
    struct hkt_task *next = next_task(loop);
    loop->current = next;
    return next ? &next->coro.ctx : &loop->ctx;
}

int hkt__turn_cancelled(void)
{
    return hkt__take_cancel(hkt__loop->current);
}

int hkt__turn(void)
{
    struct hkt_loop *loop = hkt__loop;
    struct hkt_task *self = loop->current;

    queue_again(loop, self);
    return HKT_UNLIKELY(self->coro.ctx.flags & HKT__CANCEL) ? hkt__take_cancel(self) : 0;
}

int hkt__turn_polled(void)
{
    struct hkt_loop *loop = hkt__loop;

    if (!loop || !loop->current)
        return -EPERM;
    loop->budget = 0;
    return hkt__turn();
}
