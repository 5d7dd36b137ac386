/* SPDX-License-Identifier: MIT
 *
 * add_reader and add_writer: callbacks on descriptors, level triggered on top of edges: after each
 * call the descriptor is looked at, and while it is still ready the call is scheduled again.
 *
 * One that is first heard of here is borrowed: without calls nothing is remembered about it.
 */
#include "fdcall.h"
#include "fdwait.h"
#include "fork.h"

#include "base/os.h"
#include "base/sys.h"

#include <stdlib.h>

static bool still_ready(const struct hkt__fdcall *c, const struct hkt__fd *e)
{
    return (c->side == 0 && hkt__fd_has_ahead(e)) || hkt__sys.poll_ready(c->fd, c->side == 1);
}

static void run_call(void *arg)
{
    struct hkt__fdcall *c = arg;
    struct hkt_loop *loop = c->handle.loop;
    int fd = c->fd, side = c->side;

    c->fn(c->arg);
    struct hkt__fd *e = hkt__fd_find(loop, fd);
    if (e && e->call[side] == c && c->handle.state == HKT__IDLE && still_ready(c, e))
        (void)hkt_call_soon(loop, &c->handle, run_call, c);
}

void hkt__fdcall_event(struct hkt_loop *loop, struct hkt__fdcall *c)
{
    if (c && c->handle.state == HKT__IDLE)
        (void)hkt_call_soon(loop, &c->handle, run_call, c);
}

int hkt__fdcall_drop(struct hkt_loop *loop, struct hkt__fd *e, int side)
{
    struct hkt__fdcall *c = e->call[side];

    if (!c)
        return 0;
    (void)hkt_handle_cancel(&c->handle);
    e->call[side] = NULL;
    e->called = e->call[0] || e->call[1];
    loop->fd_waiters--;
    free(c);
    return 1;
}

/* In the child of a fork, what the poller knows is the parent's. */
static void give_back(struct hkt_loop *loop, int fd, struct hkt__fd *e)
{
    if (!e->called && !hkt__forked(loop))
        hkt__fd_give_back(loop, fd, e);
}

static int meet(struct hkt_loop *loop, int fd, int side, struct hkt__fd **e)
{
    const struct hkt__fd *old = hkt__fd_find(loop, fd);
    bool first = !old || !old->known;
    int rc = hkt__fd_get(loop, fd, e);

    if (rc < 0)
        return rc;
    (*e)->borrowed |= first;
    rc = hkt__fd_register(loop, fd, *e, side == 0 ? HKT__POLL_READ : HKT__POLL_WRITE);
    if (rc < 0)
        give_back(loop, fd, *e);
    return rc;
}

static int add(struct hkt_loop *loop, int fd, int side, hkt_call_fn *fn, void *arg)
{
    struct hkt__fd *e;

    if (!loop)
        return -ENOMEM;
    if (!fn)
        return -EINVAL;
    if (hkt__forked(loop))
        return -ECHILD;
    if (!hkt__own_thread(loop))
        return hkt__foreign(loop, "reader or writer");
    int rc = meet(loop, fd, side, &e);
    if (rc < 0)
        return rc;
    struct hkt__fdcall *c = e->call[side];
    if (!c) {
        if (!(c = hkt__os.alloc(sizeof *c))) {
            give_back(loop, fd, e);
            return -ENOMEM;
        }
        e->call[side] = c;
        e->called = true;
        loop->fd_waiters++;
    }
    c->fd = fd;
    c->side = side;
    c->fn = fn;
    c->arg = arg;
    if (still_ready(c, e))
        hkt__fdcall_event(loop, c);
    return 0;
}

static int drop(struct hkt_loop *loop, int fd, int side)
{
    if (loop && !hkt__own_thread(loop))
        return hkt__foreign(loop, "reader or writer");
    struct hkt__fd *e = loop ? hkt__fd_find(loop, fd) : NULL;

    if (!e || !hkt__fdcall_drop(loop, e, side))
        return 0;
    give_back(loop, fd, e);
    return 1;
}

int hkt_add_reader(struct hkt_loop *loop, int fd, hkt_call_fn *fn, void *arg)
{
    return add(loop, fd, 0, fn, arg);
}

int hkt_add_writer(struct hkt_loop *loop, int fd, hkt_call_fn *fn, void *arg)
{
    return add(loop, fd, 1, fn, arg);
}

int hkt_remove_reader(struct hkt_loop *loop, int fd)
{
    return drop(loop, fd, 0);
}

int hkt_remove_writer(struct hkt_loop *loop, int fd)
{
    return drop(loop, fd, 1);
}
