/* SPDX-License-Identifier: MIT
 *
 * Delegation (`yield from`), after PEP 380. A chain of generators, each suspended in the next:
 *
 *      outermost --delegate--> g --delegate--> g --delegate--> innermost
 *          |    <--delegator--   <--delegator--   <--delegator--   |
 *          +------------------------- far ------------------------+
 *
 * A step of the outermost goes straight to the innermost, whose yield goes straight back to the
 * resumer, so it costs the same at any depth. Only the ends' far links must be right: they move
 * when the innermost delegates further or finishes. Any generator of the chain may be stepped from
 * outside, which drives the innermost too; `entry` is the one that was stepped, because when the
 * innermost finishes its delegator goes on only if the step came through it.
 *
 * Flags: all but the innermost are DELEGATING, all but the outermost DELEGATED.
 */
#include "cold.h"

static struct hkt__cold *cold(const struct hkt_gen *g)
{
    return g->coro.cold;
}

static uint32_t flags(const struct hkt_gen *g)
{
    return g->coro.ctx.flags;
}

struct hkt_gen *hkt__gen_innermost(const struct hkt_gen *g)
{
    if (cold(g)->delegate && !cold(g)->delegator)
        return cold(g)->far;
    while (cold(g)->delegate)
        g = cold(g)->delegate;
    return (struct hkt_gen *)(uintptr_t)g;
}

static struct hkt_gen *outermost(struct hkt_gen *g)
{
    if (cold(g)->delegator && !cold(g)->delegate)
        return cold(g)->far;
    while (cold(g)->delegator)
        g = cold(g)->delegator;
    return g;
}

static void link_ends(struct hkt_gen *out, struct hkt_gen *in)
{
    cold(out)->far = in;
    cold(in)->far = out;
}

static void attach(struct hkt_gen *delegator, struct hkt_gen *sub)
{
    struct hkt_gen *out = outermost(delegator);
    struct hkt_gen *in = hkt__gen_innermost(sub);

    cold(delegator)->delegate = sub;
    cold(sub)->delegator = delegator;
    delegator->coro.ctx.flags |= HKT__DELEGATING;
    sub->coro.ctx.flags |= HKT__DELEGATED;
    link_ends(out, in);
}

void hkt__gen_detach(struct hkt_gen *x)
{
    struct hkt_gen *delegator = cold(x)->delegator;
    struct hkt_gen *out = outermost(x);
    struct hkt_gen *in = hkt__gen_innermost(x);

    cold(x)->delegator = NULL;
    cold(delegator)->delegate = NULL;
    x->coro.ctx.flags &= ~HKT__DELEGATED;
    delegator->coro.ctx.flags &= ~HKT__DELEGATING;
    link_ends(out, delegator);
    link_ends(x, in);
}

int hkt__gen_step_innermost(struct hkt_gen *g, struct hkt_msg msg, void **value)
{
    struct hkt_gen *in = hkt__gen_innermost(g);

    if (hkt__busy(&in->coro))
        return -EBUSY;
    cold(in)->entry = g;
    return hkt__coro_run(&in->coro, msg, value);
}

void hkt__gen_end(struct hkt_gen *x, int rc)
{
    struct hkt_gen *delegator = cold(x)->delegator;
    struct hkt_msg done = {cold(x)->result, rc < 0 ? rc : HKT__DELEGATE_DONE};

    hkt__gen_detach(x);
    if (cold(x)->entry == x) { /* stepped by itself: its delegator learns of it when stepped */
        hkt__coro_leave(&x->coro, NULL, (struct hkt_msg){NULL, rc < 0 ? rc : 0});
        return;
    }
    cold(delegator)->entry = cold(x)->entry;
    hkt__coro_leave(&x->coro, &delegator->coro, done);
}

int hkt__gen_close_delegates(struct hkt_gen *g)
{
    int signal = HKT_ECLOSE;
    struct hkt_gen *in = hkt__gen_innermost(g);

    if (hkt__busy(&in->coro) || hkt__busy(&g->coro))
        return 0;
    g->coro.ctx.flags |= HKT__CLOSING;
    while (in != g) {
        struct hkt_gen *delegator = cold(in)->delegator;
        hkt__gen_detach(in);
        delegator->coro.ctx.flags |= HKT__CLOSING;
        int rc = hkt__coro_step(&in->coro, (struct hkt_msg){NULL, signal}, NULL);
        if (delegator != g)
            delegator->coro.ctx.flags &= ~HKT__CLOSING;
        if (!(flags(in) & HKT__FINISHED))
            signal = -EPROTO; /* it yielded while being closed, and stays suspended there */
        else
            signal = rc < 0 ? rc : HKT_ECLOSE;
        in = delegator;
    }
    g->coro.ctx.flags &= ~HKT__CLOSING;
    return signal;
}

/* A generator to which another already delegates cannot be linked a second time: it is driven step
 * by step, by PEP 380's expansion. */
static int drive(struct hkt_gen *self, struct hkt_gen *sub, void **result)
{
    struct hkt_msg msg = {NULL, 0};

    for (;;) {
        struct hkt_msg given;
        bool finished = flags(sub) & HKT__FINISHED;
        int rc = hkt__coro_step(&sub->coro, msg, &given.value);
        if (rc <= 0) {
            *result = finished || rc < 0 ? NULL : cold(sub)->result;
            return rc;
        }
        self->coro.face = hkt__gen_innermost(sub)->coro.face; /* whose value it is */
        given.code = rc;
        msg.code = hkt__yield(&self->coro, given, &msg.value);
        if (msg.code == HKT_ECLOSE) {
            rc = hkt_gen_close(sub);
            return rc < 0 ? rc : HKT_ECLOSE;
        }
    }
}

static int may_delegate(const struct hkt_gen *self, const struct hkt_gen *sub)
{
    int rc = hkt__coro_check(HKT__CORO_OF(sub), "yield from");

    if (rc == 0)
        rc = hkt__coro_check(HKT__CORO_OF(self), "yield from");
    if (rc < 0)
        return rc;
    if (!(flags(self) & HKT__RUNNING))
        return -EPERM;
    return hkt__busy(&sub->coro) || hkt__busy(&hkt__gen_innermost(sub)->coro) ? -EBUSY : 0;
}

/* Goes on in sub's innermost, in the place of self, until the delegation has ended. */
static int delegate(struct hkt_gen *self, struct hkt_gen *sub, void **result)
{
    struct hkt_gen *in = hkt__gen_innermost(sub);
    struct hkt_gen *entry = flags(self) & HKT__DELEGATED ? cold(self)->entry : self;

    if (flags(in) & HKT__CREATED)
        hkt__coro_begin(&in->coro);
    attach(self, sub);
    cold(in)->entry = entry;
    struct hkt_msg msg = hkt__coro_hand_over(&self->coro, &in->coro, (struct hkt_msg){NULL, 0});
    if (msg.code != HKT__DELEGATE_DONE)
        return (int)msg.code; /* an error; or 0, when sub was finished by another's step */
    *result = msg.value;
    return 0;
}

int hkt_yield_from(struct hkt_gen *self, struct hkt_gen *sub, void **result)
{
    void *ignored;
    int rc = may_delegate(self, sub);

    if (!result)
        result = &ignored;
    *result = NULL;
    if (rc < 0 || flags(sub) & HKT__FINISHED)
        return rc;
    return cold(sub)->delegator ? drive(self, sub, result) : delegate(self, sub, result);
}
