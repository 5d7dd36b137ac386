/* SPDX-License-Identifier: MIT
 *
 * Calls on sockets.
 */
#include "attempt.h"
#include "sched/fdaccept.h"

#include "base/sys.h"

#include <hocket/io.h>

#include <netinet/in.h>

ssize_t hkt_recvmsg(int fd, struct msghdr *msg, int flags)
{
    HKT__ATTEMPT(fd, HKT__POLL_READ, "recv", 0, hkt__sys.recvmsg(fd, msg, flags));
}

ssize_t hkt_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    HKT__ATTEMPT(fd, HKT__POLL_WRITE, "send", 0, hkt__sys.sendmsg(fd, msg, flags | MSG_NOSIGNAL));
}

/* Only a stream says by a short count that it is drained; a datagram is as long as it is. The flags
 * that change what a count means are rare: with any the next call just tries. */
ssize_t hkt_recv(int fd, void *buf, size_t size, int flags)
{
    HKT__ATTEMPT(fd, HKT__POLL_READ, "recv", flags ? 0 : size, hkt__sys.recv(fd, buf, size, flags));
}

ssize_t hkt_send(int fd, const void *buf, size_t size, int flags)
{
    HKT__ATTEMPT(fd, HKT__POLL_WRITE, "send", size,
                 hkt__sys.send(fd, buf, size, flags | MSG_NOSIGNAL));
}

ssize_t hkt_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
                     socklen_t *addr_size)
{
    struct iovec iov = {buf, size};
    struct msghdr msg = {.msg_name = addr,
                         .msg_namelen = addr && addr_size ? *addr_size : 0,
                         .msg_iov = &iov,
                         .msg_iovlen = 1};
    ssize_t n = hkt_recvmsg(fd, &msg, flags);

    if (n >= 0 && addr_size)
        *addr_size = msg.msg_namelen;
    return n;
}

ssize_t hkt_sendto(int fd, const void *buf, size_t size, int flags, const struct sockaddr *addr,
                   socklen_t addr_size)
{
    struct iovec iov = {(void *)(uintptr_t)buf, size};
    struct msghdr msg = {.msg_name = (void *)(uintptr_t)addr,
                         .msg_namelen = addr_size,
                         .msg_iov = &iov,
                         .msg_iovlen = 1};

    return hkt_sendmsg(fd, &msg, flags);
}

/* Whether it says something of a connection that is no more, and nothing of the listener: Linux
 * hands over what the network made of it. */
static bool is_of_one(ssize_t rc)
{
    static const int passing[] = {
        ECONNABORTED,
        EPROTO,
        ENETDOWN,
        ENOPROTOOPT,
        EHOSTDOWN,
        ETIMEDOUT,
        ENETUNREACH,
        EHOSTUNREACH,
#if defined(ENONET)
        ENONET,
#endif
    };

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (rc == -passing[i])
            return true;
    return false;
}

/* One that the system accepted before anybody asked whose it is. If that cannot be told any more,
 * it has been reset. */
static ssize_t accept_ahead(struct hkt__fd *e, struct sockaddr *addr, socklen_t *addr_size)
{
    int conn = hkt__accepted_take(e);

    if (conn < 0 || !addr || hkt__sys.peer(conn, addr, addr_size) == 0)
        return conn;
    (void)hkt__sys.close(conn);
    return -ECONNABORTED;
}

static ssize_t accept_one(int fd, struct hkt__fd *e, struct sockaddr *addr, socklen_t *addr_size)
{
    ssize_t rc;

    do
        rc = hkt__accepted_ready(e) ? accept_ahead(e, addr, addr_size)
                                    : hkt__sys.accept(fd, addr, addr_size);
    while (rc < 0 && is_of_one(rc));
    return rc;
}

/* The listener itself says nothing of those that were accepted ahead, unless there come more. */
static ssize_t accept_waiting(int fd, struct sockaddr *addr, socklen_t *addr_size)
{
    struct hkt__fd *known = hkt__fd_find(hkt__loop, fd);

    if (HKT_UNLIKELY(known && hkt__accepted_ready(known))) {
        ssize_t rc = accept_one(fd, known, addr, addr_size);
        if (rc != -EAGAIN && rc != -EWOULDBLOCK && rc != -EINTR)
            return rc;
    }
    HKT__ATTEMPT(fd, HKT__POLL_READ, "accept", 0, accept_one(fd, hkt__a.fd, addr, addr_size));
}

static bool listener_is_tcp(int fd)
{
    const struct hkt__fd *e = hkt__fd_find(hkt__loop, fd);

    return e && e->tcp;
}

/* Who does not ask for the address can be given what was accepted ahead. */
static int accept_any(int fd)
{
    int conn;

    if (!hkt__loop->poller.ops->accept)
        return (int)accept_waiting(fd, NULL, NULL);

    do
        conn = hkt__accepted_next(fd);
    while (is_of_one(conn));
    return conn == -ENOSYS ? (int)accept_waiting(fd, NULL, NULL) : conn;
}

int hkt_accept(int fd, struct sockaddr *addr, socklen_t *addr_size)
{
    if (!hkt__loop || !hkt__loop->current)
        return -EPERM;
    int conn = addr ? (int)accept_waiting(fd, addr, addr_size) : accept_any(fd);
    if (conn < 0)
        return conn;
    int rc = hkt__fd_adopt(conn, listener_is_tcp(fd));
    if (rc < 0) {
        (void)hkt__sys.close(conn);
        return rc;
    }
    return conn;
}

int hkt_socket(int domain, int type, int protocol)
{
    int fd = hkt__sys.socket(domain, type, protocol);

    if (fd < 0 || !hkt__loop)
        return fd;
    bool tcp = type == SOCK_STREAM && (domain == AF_INET || domain == AF_INET6) &&
               (protocol == 0 || protocol == IPPROTO_TCP);
    int rc = hkt__fd_adopt(fd, tcp);
    if (rc < 0) {
        (void)hkt__sys.close(fd);
        return rc;
    }
    return fd;
}

int hkt_connect(int fd, const struct sockaddr *addr, socklen_t addr_size)
{
    struct hkt__attempt a;
    int rc = hkt__attempt_begin(&a, fd, HKT__POLL_WRITE, "connect");

    if (rc < 0)
        return rc;
    rc = hkt__sys.connect(fd, addr, addr_size);
    if (rc != -EINPROGRESS && rc != -EINTR)
        return rc; /* decided; -EAGAIN of a unix socket means that its backlog is full */
    a.fd->ready &= (uint8_t)~HKT__POLL_WRITE;
    rc = hkt__attempt_ready(&a);
    return rc < 0 ? rc : hkt__sys.socket_error(fd);
}
