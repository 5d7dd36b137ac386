/* SPDX-License-Identifier: MIT
 *
 * epoll. A descriptor is registered once, so that it costs no further call however often it runs
 * empty and fills again. That it can be written to is asked for when somebody has to wait for it,
 * which few do: it would be the first event of each connection, for nothing.
 */
#include "poller.h"

#include "base/os.h"
#include "base/sys.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS = 1024 };

/* Of the eventfd; no registration has it. */
#define TOKEN_NOTIFY UINT64_MAX

/* Is there when ThreadSanitizer is. It holds signals back except in calls that it knows to block,
 * and epoll_pwait2 it does not know. */
__attribute__((weak)) void __tsan_init(void);

#define EDGES (EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET)

struct epoll {
    atomic_bool notified; /* and not yet seen: one write wakes as well as many */
    bool precise;         /* the kernel counts nanoseconds */
    struct epoll_event events[EVENTS];
};

/* Up, because late is right and early is not; and no more than fits, which is 24 days. */
static int to_ms(int64_t ns)
{
    int64_t ms = ns / 1000000 + (ns % 1000000 != 0);

    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void epoll_close(struct hkt__poller *p)
{
    if (p->notify_fd >= 0)
        close(p->notify_fd);
    if (p->fd >= 0)
        close(p->fd);
    free(p->impl);
    p->impl = NULL;
    p->fd = p->notify_fd = -1;
}

static int epoll_open(struct hkt__poller *p)
{
    struct epoll *e = hkt__os.alloc(sizeof *e);
    struct epoll_event notify = {.events = EPOLLIN, .data.u64 = TOKEN_NOTIFY};
    int rc = 0;

    if (!e)
        return -ENOMEM;
    p->notify_fd = -1;
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->fd < 0 || (p->notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0 ||
        epoll_ctl(p->fd, EPOLL_CTL_ADD, p->notify_fd, &notify) != 0)
        rc = -errno;
    p->impl = e;
    if (rc < 0)
        epoll_close(p);
    else
        e->precise = !__tsan_init && hkt__sys.epoll_pwait2(p->fd, e->events, EVENTS, 0) == 0;
    return rc;
}

static int control(struct hkt__poller *p, int op, int fd, uint32_t events, uint64_t token)
{
    struct epoll_event e = {.events = events, .data.u64 = token};

    return hkt__sys.epoll_ctl(p->fd, op, fd, &e);
}

/* EEXIST: it is widened; or fd was closed and made again by dup(), while another number kept the
 * file and with it the registration open. */
static int epoll_add(struct hkt__poller *p, int fd, uint32_t what, uint64_t token)
{
    uint32_t events = what & HKT__POLL_WRITE ? EDGES | EPOLLOUT : EDGES;
    int rc = control(p, EPOLL_CTL_ADD, fd, events, token);

    return rc == -EEXIST ? control(p, EPOLL_CTL_MOD, fd, events, token) : rc;
}

static int epoll_add_once(struct hkt__poller *p, int fd, uint32_t what, uint64_t token)
{
    uint32_t events = EPOLLONESHOT;

    if (what & HKT__POLL_READ)
        events |= EPOLLIN | EPOLLRDHUP;
    if (what & HKT__POLL_WRITE)
        events |= EPOLLOUT;
    return control(p, EPOLL_CTL_ADD, fd, events, token);
}

static void epoll_remove(struct hkt__poller *p, int fd, uint64_t token)
{
    (void)control(p, EPOLL_CTL_DEL, fd, 0, token);
}

static int wait_kernel(struct hkt__poller *p, int most, int64_t timeout_ns)
{
    struct epoll *e = p->impl;

    if (timeout_ns > 0 && e->precise)
        return hkt__sys.epoll_pwait2(p->fd, e->events, most, timeout_ns);
    return hkt__sys.epoll_wait(p->fd, e->events, most, timeout_ns < 0 ? -1 : to_ms(timeout_ns));
}

static uint32_t translate(uint32_t events)
{
    uint32_t what = 0;

    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLPRI))
        what |= HKT__POLL_READ;
    if (events & (EPOLLOUT | EPOLLHUP))
        what |= HKT__POLL_WRITE;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLPRI))
        what |= HKT__POLL_HUP;
    if (events & EPOLLERR)
        what |= HKT__POLL_ERROR;
    return what;
}

/* The flag goes last. A notification that finds it up writes nothing; but then this wait has not
 * returned yet, and its caller looks at what it was notified of when it has. */
static void take_notification(struct hkt__poller *p, struct hkt__event *event)
{
    struct epoll *e = p->impl;
    uint64_t count;
    ssize_t n = read(p->notify_fd, &count, sizeof count);

    (void)n;
    atomic_exchange(&e->notified, false);
    *event = (struct hkt__event){.what = HKT__POLL_NOTIFY};
}

static int epoll_wait_events(struct hkt__poller *p, struct hkt__event *events, int most,
                             int64_t timeout_ns)
{
    struct epoll *e = p->impl;
    int n = wait_kernel(p, most < EVENTS ? most : EVENTS, timeout_ns);

    if (n < 0)
        return n == -EINTR ? 0 : n;
    for (int i = 0; i < n; i++) {
        const struct epoll_event *came = &e->events[i];
        events[i] = (struct hkt__event){.token = came->data.u64, .what = translate(came->events)};
        if (came->data.u64 == TOKEN_NOTIFY)
            take_notification(p, &events[i]);
    }
    return n;
}

static void epoll_notify(struct hkt__poller *p)
{
    struct epoll *e = p->impl;
    const uint64_t one = 1;
    int saved = errno;

    if (!atomic_exchange(&e->notified, true)) {
        ssize_t n = write(p->notify_fd, &one, sizeof one);
        (void)n;
    }
    errno = saved;
}

const struct hkt__poller_ops hkt__poller_epoll = {
    .name = "epoll",
    .remove_before_close = false,
    .open = epoll_open,
    .close = epoll_close,
    .add = epoll_add,
    .add_once = epoll_add_once,
    .remove = epoll_remove,
    .wait = epoll_wait_events,
    .notify = epoll_notify,
};
