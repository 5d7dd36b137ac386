/* SPDX-License-Identifier: MIT
 *
 * Waiting for a descriptor that belongs to somebody else: one registration for one event, and
 * nothing remembered.
 */
#include "sched/fdonce.h"

#include "base/sys.h"

#include <hocket/io.h>

struct borrowed {
    struct hkt__wait wait;
    struct hkt__once once;
};

static bool abort_borrowed(struct hkt__wait *w)
{
    struct borrowed *b = (struct borrowed *)(void *)w;

    hkt__once_cancel(&b->once);
    return true;
}

static const struct hkt__wait_kind borrowed_kind = {.abort = abort_borrowed};

static int ready_now(int fd, unsigned events)
{
    int ready = 0;

    if (events & HKT_READABLE && hkt__sys.poll_ready(fd, false))
        ready |= HKT_READABLE;
    if (events & HKT_WRITABLE && hkt__sys.poll_ready(fd, true))
        ready |= HKT_WRITABLE;
    return ready;
}

int hkt_poll(int fd, unsigned events)
{
    struct hkt_task *self = hkt__task_self();
    struct borrowed b = {.wait = {.why = "poll", .kind = &borrowed_kind, .detail = fd}};

    if (!self)
        return -EPERM;
    if (!events || events & ~(unsigned)(HKT_READABLE | HKT_WRITABLE))
        return -EINVAL;
    int rc = ready_now(fd, events);
    if (rc != 0) {
        hkt__op_done(hkt__loop);
        return rc;
    }
    rc = hkt__once_begin(hkt__loop, &b.once, fd, events, self);
    return rc < 0 ? rc : hkt__park(&b.wait);
}
