/* SPDX-License-Identifier: MIT
 *
 * Receiving begins when somebody first waits for input by hkt_wait_input(), and goes on by itself.
 * The buffers are the poller's, shared by all descriptors: whoever does not read what came gets no
 * more of them, and when none is left descriptors are read by plain calls, which are always right.
 */
#include "fdinbox.h"

#include <string.h>

enum { BUFFERS_MOST = 16 }; /* of one descriptor; a few more may be on their way */

static size_t take(struct hkt__buffer *b, void *to, size_t size)
{
    size_t n = b->end - b->start;

    n = n < size ? n : size;
    memcpy(to, b->data + b->start, n);
    b->start += (uint32_t)n;
    return n;
}

static void drop_first(struct hkt_loop *loop, struct hkt__inbox *in)
{
    struct hkt__buffer *b = in->first;

    in->first = b->next;
    in->count--;
    loop->poller.ops->recycle(&loop->poller, b);
}

ssize_t hkt__inbox_read(struct hkt_loop *loop, struct hkt__fd *e, void *buf, size_t size)
{
    struct hkt__inbox *in = &e->inbox;
    size_t done = 0;

    while (in->first && done < size) {
        done += take(in->first, (char *)buf + done, size - done);
        if (in->first->start == in->first->end)
            drop_first(loop, in);
    }
    if (done > 0 || size == 0)
        return (ssize_t)done;
    return in->ended ? in->rc : -EAGAIN;
}

static uint64_t token_of_receive(int fd, const struct hkt__fd *e)
{
    return hkt__fd_token(fd, e) | HKT__POLL_RECEIVE;
}

static int begin(struct hkt_loop *loop, int fd, struct hkt__fd *e)
{
    int rc = loop->poller.ops->receive(&loop->poller, fd, hkt__fd_token(fd, e));

    if (rc < 0)
        return rc;
    e->inbox.armed = e->inbox.used = true;
    e->ready &= (uint8_t)~HKT__POLL_READ;
    return 0;
}

static bool may_receive(const struct hkt_loop *loop, struct hkt__fd *e)
{
    bool starved = e->inbox.starved;

    e->inbox.starved = false;
    return e->tcp && !loop->no_receive && !starved;
}

int hkt__inbox_wait(int fd, struct hkt__fd *e, const char *why)
{
    struct hkt_loop *loop = hkt__loop;

    if (e->inbox.first || e->inbox.ended)
        return 0;
    if (!e->inbox.armed && (!may_receive(loop, e) || begin(loop, fd, e) < 0))
        return hkt__fd_wait_entry(fd, e, HKT__POLL_READ, why);
    return hkt__fd_park(fd, e, HKT__POLL_READ, why);
}

static void append(struct hkt__inbox *in, struct hkt__buffer *b)
{
    b->next = NULL;
    if (in->first)
        in->last->next = b;
    else
        in->first = b;
    in->last = b;
    in->count++;
}

/* Receiving has stopped, for a reason that says nothing of the connection: its reader goes on by
 * plain calls until it next waits. */
static bool is_passing(int rc)
{
    return rc == -ENOBUFS || rc == -ECANCELED || rc == -EINVAL || rc == -EOPNOTSUPP;
}

static void stopped(struct hkt_loop *loop, struct hkt__fd *e, int rc)
{
    if (rc == -EINVAL || rc == -EOPNOTSUPP)
        loop->no_receive = true;
    if (is_passing(rc)) {
        e->ready |= HKT__POLL_READ;
        e->inbox.starved = rc == -ENOBUFS;
        return;
    }
    e->inbox.ended = true;
    e->inbox.rc = rc;
}

void hkt__inbox_event(struct hkt_loop *loop, struct hkt__fd *e, const struct hkt__event *event)
{
    struct hkt__inbox *in = &e->inbox;

    if (event->what & HKT__POLL_LAST)
        in->armed = false;
    if (event->result > 0 && event->buffer)
        append(in, event->buffer);
    else
        stopped(loop, e, event->result);
    if (in->count >= BUFFERS_MOST && in->armed) {
        int fd = (int)(uint32_t)event->token;
        loop->poller.ops->remove(&loop->poller, fd, token_of_receive(fd, e));
    }
}

void hkt__inbox_forget(struct hkt_loop *loop, int fd, struct hkt__fd *e)
{
    if (e->inbox.armed)
        loop->poller.ops->remove(&loop->poller, fd, token_of_receive(fd, e));
    while (e->inbox.first)
        drop_first(loop, &e->inbox);
    e->inbox = (struct hkt__inbox){0};
}
