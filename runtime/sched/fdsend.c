/* SPDX-License-Identifier: MIT */
#include "fdsend.h"
#include "fdwait.h"
#include "fork.h"

/* Instead of the descriptor: a call on a file, which no two are told apart by. */
enum { A_FILE = -2 };

static uint64_t token_of(const struct hkt_sending *s)
{
    return HKT__POLL_SEND | (s->fd == A_FILE ? HKT__POLL_FILE : 0) | (uintptr_t)s;
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

bool hkt__send_possible(struct hkt_loop *loop, int fd)
{
    struct hkt__fd *e;

    return loop->poller.ops->send && hkt__fd_get(loop, fd, &e) == 0 && e->tcp;
}

int hkt__send_begin(struct hkt_loop *loop, struct hkt_sending *s, int fd, const void *data,
                    size_t size)
{
    if (!hkt__send_possible(loop, fd))
        return -ENOSYS;
    s->fd = fd;
    int rc = loop->poller.ops->send(&loop->poller, fd, data, size, token_of(s));
    if (rc < 0)
        return rc;
    link_send(loop, s);
    return 0;
}

int hkt__file_begin(struct hkt_sending *s, const struct hkt__poll_file *f,
                    void (*fn)(void *arg, ssize_t result), void *arg)
{
    struct hkt_loop *loop = hkt__loop;

    if (!loop->poller.ops->file)
        return -ENOSYS;
    s->fd = A_FILE;
    s->fn = fn;
    s->arg = arg;
    int rc = loop->poller.ops->file(&loop->poller, f, token_of(s));
    if (rc == 0)
        link_send(loop, s);
    return rc;
}

void hkt__send_cancel(struct hkt_sending *s)
{
    if (s->loop && !hkt__forked(s->loop))
        s->loop->poller.ops->remove(&s->loop->poller, s->fd, token_of(s));
}

void hkt__send_event(struct hkt_loop *loop, const struct hkt__event *event)
{
    uint64_t address = event->token & ~(HKT__POLL_SEND | HKT__POLL_FILE);
    struct hkt_sending *s = (struct hkt_sending *)(uintptr_t)address;

    unlink_send(loop, s);
    s->fn(s->arg, event->result);
}

void hkt__sends_cancel(struct hkt_loop *loop)
{
    for (struct hkt_sending *s = loop->sends; s; s = s->next)
        hkt__send_cancel(s);
}
