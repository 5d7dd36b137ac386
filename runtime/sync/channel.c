/* SPDX-License-Identifier: MIT
 *
 * Channels. Whoever finds the other side waiting hands the element over itself, to or from the
 * other's stack, and wakes it with the outcome; so nobody can pass those who wait, and a waiter
 * that wakes has nothing left to do. An element that was handed over is there even if its receiver
 * is cancelled before it runs: the wake-up is marked to be kept (hkt__wait.keep), on both sides.
 *
 * Receivers wait only when the buffer is empty, senders only when it is full.
 */
#include "line.h"
#include "select.h"
#include "store.h"

/* A call that waits. */
struct call {
    struct hkt__wait wait;
    struct hkt__party party;
};

static struct hkt__party *party_of(struct hkt__node *n)
{
    return (struct hkt__party *)(void *)((char *)n - offsetof(struct hkt__party, node));
}

static bool abort_call(struct hkt__wait *wait)
{
    hkt__line_unlink(&((struct call *)(void *)wait)->party.node);
    return true;
}

static void move_call(void *from, void *to)
{
    (void)from;
    hkt__line_moved(&((struct call *)to)->party.node);
}

static const struct hkt__wait_kind call_kind = {.record = {move_call, sizeof(struct call)},
                                                .abort = abort_call};

/* Takes p out of its line and lets it go on. */
static void complete(struct hkt_channel *c, struct hkt__party *p, int rc, bool handed_over)
{
    hkt__line_unlink(&p->node);
    if (HKT_UNLIKELY(p->of != NULL)) {
        hkt__case_happens(p->of, rc, handed_over);
        return;
    }
    struct call *call = (struct call *)(void *)((char *)p - offsetof(struct call, party));
    call->wait.keep = handed_over;
    hkt__wake_on(c->loop, p->task, rc);
}

static int check(const struct hkt_channel *c, size_t size)
{
    if (HKT_UNLIKELY(!c))
        return -ENOMEM;
    return HKT_LIKELY(size == c->store.size) ? 0 : -EINVAL;
}

/* Those who wait are of one loop. */
static int join_line(struct hkt_channel *c, struct hkt__line *line, struct hkt__party *p)
{
    if (HKT_UNLIKELY(c->loop != hkt__loop)) {
        if (c->senders.first || c->receivers.first)
            return hkt__foreign(c->loop, "channel");
        c->loop = hkt__loop;
    }
    hkt__line_append(line, &p->node);
    return 0;
}

_Static_assert(sizeof(struct call) <= sizeof(((struct hkt__parting *)0)->room), "room for a call");

static int wait_in(struct hkt_channel *c, struct hkt__line *line, void *value, const char *why,
                   struct hkt__parting *parting)
{
    struct hkt_task *self = hkt__loop->current;
    struct call *call = (struct call *)(void *)parting->room;

    call->wait = (struct hkt__wait){.why = why, .kind = &call_kind, .detail = -1};
    call->party.value = value;
    call->party.task = self;
    call->party.of = NULL;
    int rc = join_line(c, line, &call->party);
    if (HKT_UNLIKELY(rc < 0))
        return rc;
    parting->self = &self->coro.ctx;
    parting->next = hkt__park_begin(&call->wait);
    return HKT_LIKELY(parting->next != NULL) ? HKT__PARTS : hkt__park(&call->wait);
}

/* Sending */

static int send_now(struct hkt_channel *c, const void *value)
{
    if (HKT_UNLIKELY(c->closed))
        return -ESHUTDOWN;
    if (c->receivers.first) {
        struct hkt__party *p = party_of(c->receivers.first);
        if (HKT_UNLIKELY(hkt__line_may_wake(c->loop) < 0))
            return -EXDEV;
        hkt__copy(p->value, value, c->store.size);
        complete(c, p, 1, true);
        return 0;
    }
    if (hkt__store_full(&c->store))
        return -EAGAIN;
    hkt__store_push(&c->store, value);
    return 0;
}

int hkt_channel_try_send(struct hkt_channel *c, const void *value, size_t size)
{
    int rc = check(c, size);

    return rc < 0 ? rc : send_now(c, value);
}

int hkt__channel_send(struct hkt_channel *c, const void *value, size_t size, struct hkt__parting *p)
{
    struct hkt_loop *loop = hkt__loop;
    int rc = check(c, size);

    if (HKT_UNLIKELY(rc < 0))
        return rc;
    if (HKT_UNLIKELY(!loop || !loop->current))
        return -EPERM;
    rc = send_now(c, value);
    if (rc == -EAGAIN)
        return wait_in(c, &c->senders, (void *)(uintptr_t)value, "send", p);
    hkt__op_done(loop);
    return rc;
}

/* Receiving */

static int recv_now(struct hkt_channel *c, void *value)
{
    struct hkt__party *p = c->senders.first ? party_of(c->senders.first) : NULL;

    if (p && HKT_UNLIKELY(hkt__line_may_wake(c->loop) < 0))
        return -EXDEV;
    if (c->store.count > 0) {
        hkt__store_pop(&c->store, value);
        if (p)
            hkt__store_push(&c->store, p->value);
    } else if (p) {
        hkt__copy(value, p->value, c->store.size);
    } else {
        return c->closed ? 0 : -EAGAIN;
    }
    if (p)
        complete(c, p, 0, true);
    return 1;
}

int hkt_channel_try_recv(struct hkt_channel *c, void *value, size_t size)
{
    int rc = check(c, size);

    return rc < 0 ? rc : recv_now(c, value);
}

int hkt__channel_recv(struct hkt_channel *c, void *value, size_t size, struct hkt__parting *p)
{
    struct hkt_loop *loop = hkt__loop;
    int rc = check(c, size);

    if (HKT_UNLIKELY(rc < 0))
        return rc;
    if (HKT_UNLIKELY(!loop || !loop->current))
        return -EPERM;
    rc = recv_now(c, value);
    if (rc == -EAGAIN)
        return wait_in(c, &c->receivers, value, "receive", p);
    hkt__op_done(loop);
    return rc;
}

/* Making and closing */

int hkt_channel_init(struct hkt_channel *c, void *room, size_t capacity, size_t size)
{
    if (!c)
        return -ENOMEM;
    if (size == 0 || (capacity > 0 && !room))
        return -EINVAL;
    *c = (struct hkt_channel){.store = {.items = room, .size = size, .capacity = capacity}};
    return 0;
}

int hkt_channel_close(struct hkt_channel *c)
{
    if (!c)
        return -ENOMEM;
    if (c->closed)
        return -EALREADY;
    if ((c->receivers.first || c->senders.first) && hkt__line_may_wake(c->loop) < 0)
        return -EXDEV;
    c->closed = true;
    while (c->receivers.first)
        complete(c, party_of(c->receivers.first), 0, false);
    while (c->senders.first)
        complete(c, party_of(c->senders.first), -ESHUTDOWN, false);
    return 0;
}

bool hkt_channel_closed(const struct hkt_channel *c)
{
    return !c || c->closed;
}

size_t hkt_channel_count(const struct hkt_channel *c)
{
    return c ? c->store.count : 0;
}

size_t hkt_channel_capacity(const struct hkt_channel *c)
{
    return c ? c->store.capacity : 0;
}

/* As cases of a select */

static bool send_ready(struct hkt_case *c)
{
    const struct hkt_channel *on = c->on;

    return on->closed || on->receivers.first || !hkt__store_full(&on->store);
}

static bool recv_ready(struct hkt_case *c)
{
    const struct hkt_channel *on = c->on;

    return on->store.count > 0 || on->senders.first || on->closed;
}

static int send_perform(struct hkt_case *c)
{
    return send_now(c->on, c->value);
}

static int recv_perform(struct hkt_case *c)
{
    return recv_now(c->on, c->value);
}

static int enlist(struct hkt_case *c, struct hkt__line *line)
{
    c->wait.party.value = c->value;
    c->wait.party.of = c;
    return join_line(c->on, line, &c->wait.party);
}

static int send_enlist(struct hkt_case *c)
{
    return enlist(c, &((struct hkt_channel *)c->on)->senders);
}

static int recv_enlist(struct hkt_case *c)
{
    return enlist(c, &((struct hkt_channel *)c->on)->receivers);
}

static void withdraw(struct hkt_case *c)
{
    hkt__line_unlink(&c->wait.party.node);
}

static const struct hkt__case_ops send_ops = {send_ready, send_perform, send_enlist, withdraw,
                                              false};
static const struct hkt__case_ops recv_ops = {recv_ready, recv_perform, recv_enlist, withdraw,
                                              false};

static struct hkt_case make_case(struct hkt_channel *c, void *value, size_t size,
                                 const struct hkt__case_ops *ops)
{
    int rc = check(c, size);

    return rc < 0 ? hkt__case_failed(rc) : (struct hkt_case){.ops = ops, .on = c, .value = value};
}

struct hkt_case hkt_channel_send_case(struct hkt_channel *c, const void *value, size_t size)
{
    return make_case(c, (void *)(uintptr_t)value, size, &send_ops);
}

struct hkt_case hkt_channel_recv_case(struct hkt_channel *c, void *value, size_t size)
{
    return make_case(c, value, size, &recv_ops);
}
