/* SPDX-License-Identifier: MIT
 *
 * The record of a wait is gone when it ends, and an event for it may be on its way then: so a token
 * is a number and not an address. It is looked for among those that wait for the descriptor.
 */
#include "fdonce.h"
#include "fork.h"

#define SERIAL_MASK UINT64_C(0x0fffffff)

static uint64_t token_of(uint32_t serial, int fd)
{
    return HKT__POLL_ONCE | (serial & SERIAL_MASK) << 32 | (uint32_t)fd;
}

static struct hkt__fd *entry_of(const struct hkt_loop *loop, uint64_t token)
{
    return hkt__fd_find(loop, (int)(uint32_t)token);
}

int hkt__once_begin(struct hkt_loop *loop, struct hkt__once *o, int fd, unsigned events,
                    struct hkt_task *t)
{
    struct hkt__fd *e;
    int rc = hkt__fd_entry(loop, fd, &e);

    if (rc < 0)
        return rc;
    if (e->told || e->onces) /* the kernels have one registration for a descriptor */
        return -EBUSY;
    *o = (struct hkt__once){e->onces, t, token_of(loop->onces++, fd)};
    rc = loop->poller.ops->add_once(&loop->poller, fd, events, o->token);
    if (rc < 0)
        return rc;
    e->onces = o;
    loop->fd_waiters++;
    return 0;
}

/* A child of a fork() has the kernel's half in common with its parent. */
static void end(struct hkt_loop *loop, struct hkt__fd *e, struct hkt__once *o)
{
    struct hkt__once **at = &e->onces;

    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    loop->fd_waiters--;
    if (!hkt__forked(loop))
        loop->poller.ops->remove(&loop->poller, (int)(uint32_t)o->token, o->token);
}

void hkt__once_cancel(struct hkt__once *o)
{
    struct hkt_loop *loop = hkt__job(o->task)->loop;

    end(loop, entry_of(loop, o->token), o);
}

void hkt__once_event(struct hkt_loop *loop, const struct hkt__event *event)
{
    struct hkt__fd *e = entry_of(loop, event->token);
    struct hkt__once *o = e ? e->onces : NULL;
    uint32_t what = event->what;

    while (o && o->token != event->token)
        o = o->next;
    if (!o) /* it has ended: this one was on its way */
        return;
    if (what & (HKT__POLL_ERROR | HKT__POLL_HUP))
        what |= HKT__POLL_READ | HKT__POLL_WRITE;
    end(loop, e, o);
    hkt__wake(o->task, (int)(what & (HKT__POLL_READ | HKT__POLL_WRITE)));
}

void hkt__onces_forget(struct hkt_loop *loop, struct hkt__fd *e)
{
    struct hkt__once *o;

    while ((o = e->onces) != NULL) {
        end(loop, e, o);
        hkt__wake(o->task, -ECANCELED);
    }
}
