/* SPDX-License-Identifier: MIT
 *
 * Datagrams of both families, and what the network says of one that could not be delivered, which
 * is an error once and not the socket's end; over each poller.
 */
#include "io/backends.h"

#include <errno.h>
#include <hocket/net.h>

struct udp {
    struct sockaddr_storage addr;
    socklen_t size;
    int fd;
};

/* A socket with a port of its own; of that port, if addr has one. false: there is no such family.
 */
static bool open_udp(struct udp *u, int family)
{
    struct hkt_addr any;
    const char *url = family == AF_INET ? "udp://127.0.0.1:0" : "udp://[::1]:0";

    cr_assert_eq(hkt_addr_parse(&any, url), 0);
    u->fd = hkt_socket(family, SOCK_DGRAM, 0);
    if (u->fd < 0)
        return false;
    if (u->size == 0) {
        memcpy(&u->addr, &any.sockaddr, sizeof u->addr);
        u->size = any.size;
    }
    if (bind(u->fd, (struct sockaddr *)&u->addr, u->size) != 0) {
        cr_assert_eq(errno, EADDRNOTAVAIL);
        (void)hkt_close(u->fd);
        return false;
    }
    cr_assert_eq(getsockname(u->fd, (struct sockaddr *)&u->addr, &u->size), 0);
    return true;
}

static const struct sockaddr *address(const struct udp *u)
{
    return (const struct sockaddr *)&u->addr;
}

static int send_later(void *arg)
{
    const struct udp *u = arg;

    HKT_TRY(hkt_sleep(HKT_MS(2)));
    ssize_t n = hkt_sendto(u[0].fd, "later", 5, 0, address(&u[1]), u[1].size);
    return n == 5 ? 0 : (int)n;
}

static int exchange(void *family)
{
    struct udp u[2] = {{.size = 0}};
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    char buf[64];

    if (!open_udp(&u[0], ARG_FD(family)) || !open_udp(&u[1], ARG_FD(family))) {
        fprintf(stderr, "not run: there is no such family here\n");
        return 0;
    }
    for (int n = 0; n < 4; n++) { /* the empty one too */
        cr_assert_eq(hkt_sendto(u[0].fd, "abc", (size_t)n, 0, address(&u[1]), u[1].size), n);
        size = sizeof from;
        cr_assert_eq(hkt_recvfrom(u[1].fd, buf, sizeof buf, 0, (struct sockaddr *)&from, &size), n);
        cr_assert_eq(size, u[0].size);
        cr_assert_eq(memcmp(&from, &u[0].addr, size), 0);
    }
    struct hkt_task *t = hkt_spawn(send_later, u);
    cr_assert_eq(hkt_recv(u[1].fd, buf, sizeof buf, 0), 5, "it was waited for");
    cr_assert_eq(hkt_join(t), 0);
    (void)hkt_close(u[0].fd);
    return hkt_close(u[1].fd);
}

Test(udp, datagrams_of_ipv4)
{
    on_each_backend(exchange, FD_ARG(AF_INET));
}

Test(udp, datagrams_of_ipv6)
{
    on_each_backend(exchange, FD_ARG(AF_INET6));
}

static int receive(void *fd)
{
    char buf[64];

    return (int)hkt_recv(ARG_FD(fd), buf, sizeof buf, 0);
}

/* Nobody is at the port, and then somebody is. */
static int undelivered(void *family)
{
    struct udp near = {.size = 0}, far = {.size = 0};
    char buf[8];

    if (!open_udp(&near, ARG_FD(family)) || !open_udp(&far, ARG_FD(family))) {
        fprintf(stderr, "not run: there is no such family here\n");
        return 0;
    }
    cr_assert_eq(hkt_connect(near.fd, address(&far), far.size), 0);
    cr_assert_eq(hkt_close(far.fd), 0);
    for (int i = 0; i < 3; i++) {
        struct hkt_task *waiting = hkt_spawn(receive, FD_ARG(near.fd));
        cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
        cr_assert_not(hkt_task_done(waiting), "the error was told once");
        cr_assert_eq(hkt_send(near.fd, "lost", 4, 0), 4);
        cr_assert_eq(hkt_join(waiting), -ECONNREFUSED, "who waits is told");
        cr_assert_eq(hkt_send(near.fd, "lost", 4, 0), 4);
        cr_assert_eq(hkt_recv(near.fd, buf, sizeof buf, 0), -ECONNREFUSED, "and who asks later");
    }
    cr_assert(open_udp(&far, ARG_FD(family)));
    struct hkt_task *waiting = hkt_spawn(receive, FD_ARG(near.fd));
    cr_assert_eq(hkt_send(near.fd, "hello", 5, 0), 5);
    cr_assert_eq(hkt_recv(far.fd, buf, sizeof buf, 0), 5);
    cr_assert_eq(hkt_sendto(far.fd, "hi", 2, 0, address(&near), near.size), 2);
    cr_assert_eq(hkt_join(waiting), 2, "the socket is as good as before");
    (void)hkt_close(far.fd);
    return hkt_close(near.fd);
}

Test(udp, what_is_not_delivered_is_an_error_once_ipv4)
{
    on_each_backend(undelivered, FD_ARG(AF_INET));
}

Test(udp, what_is_not_delivered_is_an_error_once_ipv6)
{
    on_each_backend(undelivered, FD_ARG(AF_INET6));
}
