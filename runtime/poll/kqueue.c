/* SPDX-License-Identifier: MIT
 *
 * kqueue: macOS, FreeBSD, OpenBSD, NetBSD. A descriptor has a filter for each direction. So it may
 * come twice in one batch, and what ends one direction says nothing of the other.
 *
 * The systems differ in the types of the fields of struct kevent, which only put() and token_of()
 * need to know.
 */
#include "poller.h"

#include "base/os.h"

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 1024 };

/* Some systems refuse to sleep for years. */
#define SECONDS_MOST 1000000

/* libkqueue, which stands in for a kernel, does not see that a descriptor is closed, and takes a
 * lock where a signal handler may call. */
#if defined(LIBKQUEUE)
#define CLOSE_UNSEEN true
#else
#define CLOSE_UNSEEN false
#endif
#if defined(EVFILT_USER) && !defined(LIBKQUEUE)
#define HAVE_USER_EVENT 1
#else
#define HAVE_USER_EVENT 0
#endif

struct kqueue {
    atomic_bool notified; /* and not yet seen: one trigger wakes as well as many */
    int pipe_out;         /* where there is no user event, else -1 */
    struct kevent events[EVENTS];
};

/* Tokens. Where udata is too narrow for one, it has the half that the event does not tell. */

#define NARROW (sizeof((struct kevent *)0)->udata < sizeof(uint64_t))

static uint64_t udata_of(uint64_t token)
{
    return NARROW ? token >> 32 : token;
}

static uint64_t token_of(const struct kevent *k)
{
    uint64_t udata = (uintptr_t)k->udata;

    return NARROW ? udata << 32 | (uint32_t)k->ident : udata;
}

/* Changes */

static void put(struct kevent *k, int ident, int filter, unsigned flags, uint64_t token)
{
    memset(k, 0, sizeof *k);
    k->ident = (__typeof__(k->ident))ident;
    k->filter = (__typeof__(k->filter))filter;
    k->flags = (__typeof__(k->flags))(flags | EV_RECEIPT);
    k->udata = (__typeof__(k->udata))(uintptr_t)udata_of(token);
}

/* Each change is answered in its place by a receipt, so that no event comes out here and one
 * refusal does not keep the other changes from being made. */
static int submit(struct hkt__poller *p, struct kevent *changes, int n)
{
    const struct timespec now = {0};
    int answered = kevent(p->fd, changes, n, changes, n, &now);

    return answered == n ? 0 : answered < 0 ? -errno : -EIO;
}

static int answer(const struct kevent *receipt)
{
    return receipt->flags & EV_ERROR ? -(int)receipt->data : 0;
}

static int change_one(struct hkt__poller *p, struct kevent *change)
{
    int rc = submit(p, change, 1);

    return rc < 0 ? rc : answer(change);
}

static void kqueue_remove(struct hkt__poller *p, int fd, uint64_t token)
{
    struct kevent k[2];

    put(&k[0], fd, EVFILT_READ, EV_DELETE, token);
    put(&k[1], fd, EVFILT_WRITE, EV_DELETE, token);
    (void)submit(p, k, 2);
}

/* There are filters for files, but they fall silent at the end of one, where a read is as ready as
 * before. */
static int pollable(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -errno;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) ? -EPERM : 0;
}

/* A file may have one of the filters only, and a pipe refuses that for writing when the other end
 * was closed. */
static int kqueue_add(struct hkt__poller *p, int fd, uint32_t what, uint64_t token)
{
    struct kevent k[2];
    int rc = pollable(fd);

    (void)what;
    if (rc < 0)
        return rc;
    /* In this order, because libkqueue asks for the peer's end with the filter that comes last. */
    put(&k[0], fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, token);
    put(&k[1], fd, EVFILT_READ, EV_ADD | EV_CLEAR, token);
    rc = submit(p, k, 2);
    if (rc < 0)
        return rc;
    int writes = answer(&k[0]), reads = answer(&k[1]);
    if ((reads == 0 || writes == 0) && reads != -ENOMEM && writes != -ENOMEM)
        return 0;
    kqueue_remove(p, fd, token);
    return reads < 0 ? reads : writes;
}

static int kqueue_add_once(struct hkt__poller *p, int fd, uint32_t what, uint64_t token)
{
    struct kevent k;
    int rc = pollable(fd);

    if (rc < 0)
        return rc;
    if (what & HKT__POLL_WRITE) {
        put(&k, fd, EVFILT_WRITE, EV_ADD | EV_ONESHOT, token);
        rc = change_one(p, &k);
    }
    if (rc == 0 && what & HKT__POLL_READ) {
        put(&k, fd, EVFILT_READ, EV_ADD | EV_ONESHOT, token);
        rc = change_one(p, &k);
    }
    if (rc < 0)
        kqueue_remove(p, fd, token);
    return rc;
}

/* Notification: a user event, or a pipe to oneself. */

#if HAVE_USER_EVENT
static int notify_open(struct hkt__poller *p)
{
    struct kevent k;

    put(&k, 0, EVFILT_USER, EV_ADD | EV_CLEAR, 0);
    return change_one(p, &k);
}

static bool is_notification(const struct hkt__poller *p, const struct kevent *k)
{
    (void)p;
    return k->filter == EVFILT_USER;
}

static void notify_drain(struct hkt__poller *p)
{
    (void)p; /* EV_CLEAR has */
}

static void notify_send(struct hkt__poller *p)
{
    struct kevent k;

    put(&k, 0, EVFILT_USER, 0, 0);
    k.fflags = NOTE_TRIGGER;
    (void)change_one(p, &k);
}
#else
static int notify_open(struct hkt__poller *p)
{
    struct kqueue *q = p->impl;
    struct kevent k;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -errno;
    q->pipe_out = ends[0];
    p->notify_fd = ends[1];
    put(&k, q->pipe_out, EVFILT_READ, EV_ADD, 0);
    return change_one(p, &k);
}

static bool is_notification(const struct hkt__poller *p, const struct kevent *k)
{
    const struct kqueue *q = p->impl;

    return k->filter == EVFILT_READ && (int)k->ident == q->pipe_out;
}

static void notify_drain(struct hkt__poller *p)
{
    const struct kqueue *q = p->impl;
    char byte;
    ssize_t n = read(q->pipe_out, &byte, 1);

    (void)n; /* there is one at most */
}

static void notify_send(struct hkt__poller *p)
{
    ssize_t n = write(p->notify_fd, "", 1);

    (void)n;
}
#endif

static void kqueue_notify(struct hkt__poller *p)
{
    struct kqueue *q = p->impl;
    int saved = errno;

    if (!atomic_exchange(&q->notified, true))
        notify_send(p);
    errno = saved;
}

/* Waiting */

static uint32_t translate(const struct kevent *k)
{
    uint32_t what = k->filter == EVFILT_WRITE ? HKT__POLL_WRITE : HKT__POLL_READ;

    /* The end of the way out may be our own shutdown(), after which the peer goes on sending. */
    if (k->flags & EV_EOF && what == HKT__POLL_READ)
        what |= HKT__POLL_HUP;
    if (k->flags & EV_ERROR || (k->flags & EV_EOF && k->fflags != 0))
        what |= HKT__POLL_ERROR;
    return what;
}

/* What was asked for once, in both directions, has come in one: the other must not come too. */
static void end_other(struct hkt__poller *p, const struct kevent *came)
{
    struct kevent k;
    int other = came->filter == EVFILT_READ ? EVFILT_WRITE : EVFILT_READ;

    put(&k, (int)came->ident, other, EV_DELETE, 0);
    (void)change_one(p, &k);
}

/* The flag goes last. A notification that finds it up triggers nothing; but then this wait has not
 * returned yet, and its caller looks at what it was notified of when it has. */
static void take_notification(struct hkt__poller *p, struct hkt__event *event)
{
    struct kqueue *q = p->impl;

    notify_drain(p);
    atomic_exchange(&q->notified, false);
    *event = (struct hkt__event){.what = HKT__POLL_NOTIFY};
}

/* Adds k to the n events that there are; how many there are then. */
static int take(struct hkt__poller *p, const struct kevent *k, struct hkt__event *events, int n)
{
    uint64_t token;

    if (is_notification(p, k)) {
        take_notification(p, &events[n]);
        return n + 1;
    }
    if (k->flags & EV_ONESHOT)
        end_other(p, k);
    token = token_of(k);
    if (n > 0 && events[n - 1].token == token && !(events[n - 1].what & HKT__POLL_NOTIFY)) {
        events[n - 1].what |= translate(k);
        return n;
    }
    events[n] = (struct hkt__event){.token = token, .what = translate(k)};
    return n + 1;
}

static int kqueue_wait(struct hkt__poller *p, struct hkt__event *events, int most,
                       int64_t timeout_ns)
{
    struct kqueue *q = p->impl;
    int64_t seconds = timeout_ns / 1000000000;
    struct timespec timeout = {.tv_sec = (time_t)(seconds < SECONDS_MOST ? seconds : SECONDS_MOST),
                               .tv_nsec = (long)(timeout_ns % 1000000000)};
    int came = kevent(p->fd, NULL, 0, q->events, most < EVENTS ? most : EVENTS,
                      timeout_ns < 0 ? NULL : &timeout);
    int n = 0;

    if (came < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < came; i++)
        n = take(p, &q->events[i], events, n);
    return n;
}

/* Making and ending */

static void kqueue_close(struct hkt__poller *p)
{
    struct kqueue *q = p->impl;

    if (p->notify_fd >= 0)
        close(p->notify_fd);
    if (q->pipe_out >= 0)
        close(q->pipe_out);
    if (p->fd >= 0)
        close(p->fd);
    free(q);
    p->impl = NULL;
    p->fd = p->notify_fd = -1;
}

static int kqueue_open(struct hkt__poller *p)
{
    struct kqueue *q = hkt__os.alloc(sizeof *q);
    int rc = 0;

    if (!q)
        return -ENOMEM;
    q->pipe_out = -1;
    p->impl = q;
    p->notify_fd = -1;
    p->fd = kqueue();
    if (p->fd < 0 || fcntl(p->fd, F_SETFD, FD_CLOEXEC) != 0)
        rc = -errno;
    if (rc == 0)
        rc = notify_open(p);
    if (rc < 0)
        kqueue_close(p);
    return rc;
}

const struct hkt__poller_ops hkt__poller_kqueue = {
    .name = "kqueue",
    .remove_before_close = CLOSE_UNSEEN,
    .both_ways = true,
    .urgent_unseen = true,
    .open = kqueue_open,
    .close = kqueue_close,
    .add = kqueue_add,
    .add_once = kqueue_add_once,
    .remove = kqueue_remove,
    .wait = kqueue_wait,
    .notify = kqueue_notify,
};
