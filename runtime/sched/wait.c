/* SPDX-License-Identifier: MIT
 *
 * Park and wake, the ready queue, and the switches between tasks and the loop.
 *
 * The queue is a list of links, each in a task's control block or in a handle; the lowest bit of a
 * link's address says which. A parking task takes the next one itself and switches straight to it;
 * the loop's own stack runs only for a handle, or when nothing is ready, or when the budget of
 * turns is used up and it is time to poll.
 */
#include "fork.h"
#include "sched.h"

#include "base/report.h"
#include "coro/side.h"
#include "coro/stack.h"

enum { TURNS_A_POLL = 256, HANDLE_TAG = 1 };

HKT__THREAD struct hkt_loop *hkt__loop;

/* The ready queue */

static struct hkt__link *link_of_task(struct hkt_task *t)
{
    return (struct hkt__link *)(void *)&t->coro.face;
}

static struct hkt_task *task_of_link(struct hkt__link *l)
{
    return (struct hkt_task *)((char *)l - offsetof(struct hkt_coro, face));
}

static bool is_handle(const struct hkt__link *tagged)
{
    return ((uintptr_t)tagged & HANDLE_TAG) != 0;
}

static struct hkt__link *untag(struct hkt__link *tagged)
{
    return (struct hkt__link *)((uintptr_t)tagged & ~(uintptr_t)HANDLE_TAG);
}

void hkt__ready_init(struct hkt_loop *loop)
{
    loop->ready.head = NULL;
    loop->ready.tail = &loop->ready.head;
}

static void push(struct hkt_loop *loop, struct hkt__link *tagged)
{
    struct hkt__link *l = untag(tagged);

    l->next = NULL;
    *loop->ready.tail = tagged;
    loop->ready.tail = &l->next;
}

static struct hkt__link *pop(struct hkt_loop *loop)
{
    struct hkt__link *tagged = loop->ready.head;

    if (!(loop->ready.head = untag(tagged)->next))
        loop->ready.tail = &loop->ready.head;
    return tagged;
}

void hkt__ready_push_task(struct hkt_loop *loop, struct hkt_task *t)
{
    push(loop, link_of_task(t));
}

void hkt__ready_push_handle(struct hkt_loop *loop, struct hkt_handle *h)
{
    h->state = HKT__QUEUED;
    push(loop, (struct hkt__link *)((uintptr_t)&h->ready | HANDLE_TAG));
}

void hkt__ready_remove_handle(struct hkt_loop *loop, struct hkt_handle *h)
{
    struct hkt__link **at = &loop->ready.head;

    while (untag(*at) != &h->ready)
        at = &untag(*at)->next;
    if (!(*at = h->ready.next))
        loop->ready.tail = at;
    h->state = HKT__IDLE;
}

/* Switches */

/* The next task, if the running one may hand over to it; NULL: go to the loop. */
static struct hkt_task *next_task(struct hkt_loop *loop)
{
    if (--loop->budget <= 0 || !loop->ready.head || is_handle(loop->ready.head))
        return NULL;
    return task_of_link(pop(loop));
}

static void switch_watched(struct hkt_loop *loop, struct hkt_task *self, struct hkt_task *next)
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

void hkt__leave_task(struct hkt_loop *loop, struct hkt_task *self)
{
    const struct hkt_msg none = {NULL, 0};
    struct hkt_task *next = next_task(loop);

    loop->current = next;
    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__SLOW))
        hkt__side_leave(NULL, &self->coro, next ? &next->coro : NULL);
    hkt__ctx_jump(next ? &next->coro.ctx : &loop->ctx, none);
}

/* From the loop into a task; comes back when no task can hand over to another. */
static void enter(struct hkt_loop *loop, struct hkt_task *t)
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

/* Takes the loop's own turn: one callback, or one task and those to which it hands over. */
static void run_next(struct hkt_loop *loop)
{
    struct hkt__link *tagged = pop(loop);

    loop->op_budget = HKT__OPS_A_TURN;
    if (is_handle(tagged)) {
        loop->budget--;
        call((struct hkt_handle *)((char *)untag(tagged) - offsetof(struct hkt_handle, ready)));
    } else {
        enter(loop, task_of_link(tagged));
    }
    if (HKT_UNLIKELY(loop->graveyard != NULL))
        hkt__bury(loop);
}

/* With a bound on a turn's length each turn comes back to the loop, which reads the clock. */
static void run_ready_timed(struct hkt_loop *loop)
{
    for (int turns = 0; loop->ready.head && turns < TURNS_A_POLL && !hkt__forked(loop); turns++) {
        struct hkt__turn_watch watch;
        loop->budget = 1;
        hkt__turn_begins(loop, &watch,
                         is_handle(loop->ready.head) ? NULL : task_of_link(loop->ready.head));
        run_next(loop);
        hkt__turn_ends(loop, &watch);
    }
}

void hkt__run_ready(struct hkt_loop *loop)
{
    if (HKT_UNLIKELY(loop->slow_ns > 0)) {
        run_ready_timed(loop);
        return;
    }
    loop->budget = TURNS_A_POLL;
    while (loop->ready.head && loop->budget > 0)
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
    struct hkt__link *l = link_of_task(self);
    if (!(l->next = loop->ready.head))
        loop->ready.tail = &l->next;
    loop->ready.head = l;
    loop->budget++; /* so that what t hands over to is not the loop */
    loop->current = t;
    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__SLOW))
        switch_watched(loop, self, t);
    else
        (void)hkt_ctx_switch(&self->coro.ctx, &t->coro.ctx, none);
}

/* The two verbs */

static int take_cancel(struct hkt_task *self)
{
    self->coro.ctx.flags &= ~HKT__CANCEL;
    return -ECANCELED;
}

int hkt__park(struct hkt__wait *w)
{
    struct hkt_loop *loop = hkt__loop;
    struct hkt_task *self = loop->current;

    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__CANCEL)) {
        take_cancel(self);
        if (w->abort(w))
            return -ECANCELED;
    }
    w->since = loop->now;
    self->coro.data = w;
    switch_away(loop, self);
    if (HKT_UNLIKELY(self->coro.ctx.flags & HKT__CANCEL) && !w->keep)
        return take_cancel(self);
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
        return take_cancel(self);
    return (int)self->coro.ctx.aux;
}

void hkt__wake_on(struct hkt_loop *loop, struct hkt_task *t, int rc)
{
    if (HKT_UNLIKELY(!t->coro.data))
        hkt__fatal("wake of task '%s', which is not parked", hkt_task_name(t, (char[32]){0}, 32));
    t->coro.data = NULL;
    t->coro.ctx.aux = (uint32_t)rc;
    hkt__ready_push_task(loop, t);
}

void hkt__wake(struct hkt_task *t, int rc)
{
    hkt__wake_on(hkt__job(t)->loop, t, rc);
}

void hkt__give_way(void)
{
    struct hkt_loop *loop = hkt__loop;
    struct hkt_task *self = loop->current;

    loop->op_budget = HKT__OPS_A_TURN;
    hkt__ready_push_task(loop, self);
    switch_away(loop, self);
}

int hkt__turn(void)
{
    struct hkt_task *self = hkt__loop->current;

    hkt__give_way();
    return HKT_UNLIKELY(self->coro.ctx.flags & HKT__CANCEL) ? take_cancel(self) : 0;
}
