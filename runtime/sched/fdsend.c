/* SPDX-License-Identifier: MIT */
#include "fdsend.h"
#include "fdwait.h"
#include "fork.h"

static uint64_t token_of(const struct hkt_sending *s)
{
    return HKT__POLL_ONCE | HKT__POLL_SEND | (uintptr_t)s;
}

static void link_send(struct hkt_loop *loop, struct hkt_sending *s)
{
    s->loop = loop;
    s->prev = NULL;
    s->next = loop->sends;
    if (s->next)
        s->next->prev = s;
    loop->sends = s;
    loop->outside++;
}

static void unlink_send(struct hkt_loop *loop, struct hkt_sending *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        loop->sends = s->next;
    if (s->next)
        s->next->prev = s->prev;
    s->loop = NULL;
    loop->outside--;
}

int hkt__send_begin(struct hkt_loop *loop, struct hkt_sending *s, int fd, const void *data,
                    size_t size)
{
    struct hkt__fd *e;

    if (!loop->poller.ops->send)
        return -ENOSYS;
    int rc = hkt__fd_get(loop, fd, &e);
    if (rc < 0 || !e->tcp)
        return rc < 0 ? rc : -ENOSYS;
    rc = loop->poller.ops->send(&loop->poller, fd, data, size, token_of(s));
    if (rc < 0)
        return rc;
    s->fd = fd;
    link_send(loop, s);
    return 0;
}

void hkt__send_cancel(struct hkt_sending *s)
{
    if (s->loop && !hkt__forked(s->loop))
        s->loop->poller.ops->remove(&s->loop->poller, s->fd, token_of(s));
}

void hkt__send_event(struct hkt_loop *loop, const struct hkt__event *event)
{
    uint64_t address = event->token & ~(HKT__POLL_ONCE | HKT__POLL_SEND);
    struct hkt_sending *s = (struct hkt_sending *)(uintptr_t)address;

    unlink_send(loop, s);
    s->fn(s->arg, event->result);
}

void hkt__sends_cancel(struct hkt_loop *loop)
{
    for (struct hkt_sending *s = loop->sends; s; s = s->next)
        hkt__send_cancel(s);
}
