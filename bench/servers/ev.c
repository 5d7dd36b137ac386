/* SPDX-License-Identifier: MIT
 *
 * libev: callbacks.
 */
#include "server.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    ev_io io; /* the first */
    struct http http;
};

static char buffer[SERVER_BUFFER];

static void on_input(struct ev_loop *loop, ev_io *io, int events)
{
    struct connection *c = (struct connection *)io;
    ssize_t n = recv(io->fd, buffer, sizeof buffer, 0);
    struct answer a = {NULL, 0};

    (void)events;
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0)
        a = answer_to(&c->http, buffer, (size_t)n);
    if (a.data && (a.size == 0 || send(io->fd, a.data, a.size, MSG_NOSIGNAL) == (ssize_t)a.size))
        return;
    ev_io_stop(loop, io);
    close(io->fd);
    free(c);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
    int fd;

    (void)events;
    while ((fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *c = malloc(sizeof *c);
        if (!c)
            server_fail("malloc");
        server_no_delay(fd);
        http_init(&c->http);
        ev_io_init(&c->io, on_input, fd, EV_READ);
        ev_io_start(loop, &c->io);
    }
}

int server_run(void)
{
    struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);
    ev_io listener;

    ev_io_init(&listener, on_connection, server_listen(), EV_READ);
    ev_io_start(loop, &listener);
    return ev_run(loop, 0);
}
