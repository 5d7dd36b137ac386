/* SPDX-License-Identifier: MIT */
#include "fdaccept.h"

#include "base/os.h"
#include "base/sys.h"

#include <stdlib.h>
#include <string.h>

enum { AHEAD_MOST = 64 }; /* more wait in the system's own queue; a few may be on their way */

struct hkt__accepted {
    int *fds;
    size_t first, count, room;
    int error; /* to be answered once, when the connections before it were taken */
    bool armed;
};

static uint64_t token_of(int fd, const struct hkt__fd *e)
{
    return hkt__fd_token(fd, e) | HKT__POLL_ACCEPT;
}

static int begin(struct hkt_loop *loop, int fd, struct hkt__fd *e)
{
    if (!e->tcp || !loop->poller.ops->accept || loop->no_accept)
        return -ENOSYS;
    if (!e->accepted && !(e->accepted = hkt__os.alloc(sizeof *e->accepted)))
        return -ENOMEM;
    int rc = loop->poller.ops->accept(&loop->poller, fd, hkt__fd_token(fd, e));
    e->accepted->armed = rc == 0;
    return rc;
}

static bool take(struct hkt__accepted *a, int *rc)
{
    if (a->count > 0) {
        *rc = a->fds[a->first++];
        if (--a->count == 0)
            a->first = 0;
        return true;
    }
    *rc = a->error;
    a->error = 0;
    return *rc < 0;
}

bool hkt__accepted_ready(const struct hkt__fd *e)
{
    return e->accepted && (e->accepted->count > 0 || e->accepted->error);
}

int hkt__accepted_take(struct hkt__fd *e)
{
    int rc = -EAGAIN;

    (void)take(e->accepted, &rc);
    return rc;
}

int hkt__accepted_next(int fd)
{
    struct hkt_loop *loop = hkt__loop;
    struct hkt__fd *e;
    int rc = hkt__fd_get(loop, fd, &e);

    if (rc < 0)
        return rc;
    uint32_t generation = e->generation;
    while (!e->accepted || !take(e->accepted, &rc)) {
        if ((!e->accepted || !e->accepted->armed) && (rc = begin(loop, fd, e)) < 0)
            return rc;
        rc = hkt__fd_park(fd, e, HKT__POLL_READ, "accept");
        if (rc < 0)
            return rc;
        if (e->generation != generation)
            return -ECANCELED;
    }
    return rc;
}

static bool make_room(struct hkt__accepted *a)
{
    if (a->first + a->count < a->room)
        return true;
    size_t room = a->room ? a->room * 2 : AHEAD_MOST;
    int *fds = hkt__os.alloc(room * sizeof *fds);
    if (!fds)
        return false;
    if (a->count > 0)
        memcpy(fds, a->fds + a->first, a->count * sizeof *fds);
    free(a->fds);
    a->fds = fds;
    a->first = 0;
    a->room = room;
    return true;
}

static void append(struct hkt__accepted *a, int conn)
{
    if (make_room(a)) {
        a->fds[a->first + a->count++] = conn;
        return;
    }
    (void)hkt__sys.close(conn);
    a->error = -ENOMEM;
}

/* Whether it ended because it was told to, or for good. */
static bool failed(struct hkt_loop *loop, int rc)
{
    if (rc == -EINVAL || rc == -EOPNOTSUPP) {
        loop->no_accept = true;
        return true;
    }
    return rc != -ECANCELED;
}

void hkt__accepted_event(struct hkt_loop *loop, struct hkt__fd *e, const struct hkt__event *event)
{
    struct hkt__accepted *a = e->accepted;

    if (event->what & HKT__POLL_LAST)
        a->armed = false;
    if (event->result >= 0)
        append(a, event->result);
    else if (failed(loop, event->result))
        a->error = loop->no_accept ? -ENOSYS : event->result;
    if (a->count >= AHEAD_MOST && a->armed) {
        int fd = (int)(uint32_t)event->token;
        loop->poller.ops->remove(&loop->poller, fd, token_of(fd, e));
    }
}

void hkt__accepted_forget(struct hkt_loop *loop, int fd, struct hkt__fd *e)
{
    if (e->accepted && e->accepted->armed)
        loop->poller.ops->remove(&loop->poller, fd, token_of(fd, e));
    hkt__accepted_drop(e);
}

void hkt__accepted_drop(struct hkt__fd *e)
{
    struct hkt__accepted *a = e->accepted;

    if (!a)
        return;
    for (size_t i = 0; i < a->count; i++)
        (void)hkt__sys.close(a->fds[a->first + i]);
    free(a->fds);
    free(a);
    e->accepted = NULL;
}
