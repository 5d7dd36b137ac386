/* SPDX-License-Identifier: MIT
 *
 * The floor with epoll: nothing between it and the system. Edge triggered; what fills less than the
 * buffer was all there is, unless the other side has ended, so one call receives.
 */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512 };

static struct http *connections[SERVER_FDS];
static char buffer[SERVER_BUFFER];
static int epoll, listener;

static void watch(int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        server_fail("epoll_ctl");
}

static void end(int fd)
{
    free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

static void accept_all(void)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= SERVER_FDS)
            server_fail("too many connections");
        server_no_delay(fd);
        connections[fd] = http_new();
        watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        server_fail("accept4");
}

/* Whether the connection goes on. */
static bool answer(int fd, size_t size)
{
    struct answer a = answer_to(connections[fd], buffer, size);

    return a.data && (a.size == 0 || send(fd, a.data, a.size, MSG_NOSIGNAL) == (ssize_t)a.size);
}

static void serve(int fd, unsigned events)
{
    bool more;

    do {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 || !answer(fd, (size_t)n)) {
            end(fd);
            return;
        }
        more = n == sizeof buffer || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    } while (more);
}

int server_run(void)
{
    struct epoll_event events[EVENTS];

    epoll = epoll_create1(EPOLL_CLOEXEC);
    listener = server_listen();
    watch(listener, EPOLLIN | EPOLLET);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener)
                accept_all();
            else
                serve(events[i].data.fd, events[i].events);
        }
    }
}
