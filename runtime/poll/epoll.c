/* SPDX-License-Identifier: MIT */
#include "poll/poller.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
static int o(struct hkt__poller *p)
{
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    p->notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event e = {EPOLLIN | EPOLLET, {.u64 = ~0ull}};
    epoll_ctl(p->fd, EPOLL_CTL_ADD, p->notify_fd, &e);
    return 0;
}
static void c(struct hkt__poller *p)
{
    close(p->fd);
    close(p->notify_fd);
}
static int add(struct hkt__poller *p, int fd, uint64_t t)
{
    struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u64 = t}};
    return epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}
static int once(struct hkt__poller *p, int fd, uint32_t w, uint64_t t)
{
    struct epoll_event e = {EPOLLONESHOT, {.u64 = t}};
    if (w & 1)
        e.events |= EPOLLIN;
    if (w & 2)
        e.events |= EPOLLOUT;
    return epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}
static void rem(struct hkt__poller *p, int fd, uint64_t token)
{
    (void)token;
    struct epoll_event e;
    epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, &e);
}
static int w(struct hkt__poller *p, struct hkt__event *ev, int most, int64_t t)
{
    struct epoll_event e[256];
    struct timespec ts = {t / 1000000000, t % 1000000000};
    int n = epoll_pwait2(p->fd, e, most < 256 ? most : 256, t < 0 ? 0 : &ts, 0);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        ev[i].token = e[i].data.u64;
        ev[i].what = 0;
        if (e[i].data.u64 == ~0ull) {
            uint64_t x;
            (void)!read(p->notify_fd, &x, 8);
            ev[i].what = HKT__POLL_NOTIFY;
            continue;
        }
        if (e[i].events & EPOLLIN)
            ev[i].what |= 1;
        if (e[i].events & EPOLLOUT)
            ev[i].what |= 2;
        if (e[i].events & (EPOLLRDHUP | EPOLLHUP))
            ev[i].what |= 4;
        if (e[i].events & EPOLLERR)
            ev[i].what |= 8;
    }
    return n;
}
static void nt(struct hkt__poller *p)
{
    uint64_t x = 1;
    (void)!write(p->notify_fd, &x, 8);
}
const struct hkt__poller_ops hkt__poller_epoll = {"epoll", false, o, c, add, once, rem, w, nt};
