/* SPDX-License-Identifier: MIT
 *
 * Pairs of descriptors that are connected with each other, and what one does with them. The near
 * end is the one that is polled; both are non-blocking.
 */
#ifndef TESTS_POLL_ENDS_H
#define TESTS_POLL_ENDS_H

#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct ends {
    int near;
    int far;
};

static inline int unblock(int fd)
{
    cr_assert(fd >= 0, "%s", strerror(errno));
    cr_assert(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
    return fd;
}

static inline struct ends unix_ends(void)
{
    int fd[2];

    cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    return (struct ends){unblock(fd[0]), unblock(fd[1])};
}

/* near is the end that reads. */
static inline struct ends pipe_ends(void)
{
    int fd[2];

    cr_assert(pipe(fd) == 0);
    return (struct ends){unblock(fd[0]), unblock(fd[1])};
}

/* A socket with a port of its own on the loopback address. */
static inline int bound(int type, struct sockaddr_in *addr)
{
    socklen_t size = sizeof *addr;
    int fd = unblock(socket(AF_INET, type, 0));

    memset(addr, 0, sizeof *addr);
    addr->sin_family = AF_INET;
    addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(bind(fd, (struct sockaddr *)addr, sizeof *addr) == 0, "%s", strerror(errno));
    cr_assert(getsockname(fd, (struct sockaddr *)addr, &size) == 0);
    return fd;
}

static inline int listener(struct sockaddr_in *addr)
{
    int fd = bound(SOCK_STREAM, addr);

    cr_assert(listen(fd, 16) == 0);
    return fd;
}

/* A connection, also one that is not made yet. */
static inline int connecting(const struct sockaddr_in *addr)
{
    int fd = unblock(socket(AF_INET, SOCK_STREAM, 0));
    int rc = connect(fd, (const struct sockaddr *)addr, sizeof *addr);

    cr_assert(rc == 0 || errno == EINPROGRESS || errno == ECONNREFUSED, "%s", strerror(errno));
    return fd;
}

static inline int accept_one(int listening)
{
    int fd = accept(listening, NULL, NULL);

    for (int i = 0; fd < 0 && errno == EAGAIN && i < 1000; i++) {
        usleep(1000);
        fd = accept(listening, NULL, NULL);
    }
    return unblock(fd);
}

static inline struct ends tcp_ends(void)
{
    struct sockaddr_in addr;
    int listening = listener(&addr);
    struct ends e = {.near = connecting(&addr)};

    e.far = accept_one(listening);
    close(listening);
    return e;
}

static inline struct ends udp_ends(void)
{
    struct sockaddr_in near, far;
    struct ends e = {bound(SOCK_DGRAM, &near), bound(SOCK_DGRAM, &far)};

    cr_assert(connect(e.near, (struct sockaddr *)&far, sizeof far) == 0);
    cr_assert(connect(e.far, (struct sockaddr *)&near, sizeof near) == 0);
    return e;
}

static inline void close_ends(struct ends e)
{
    close(e.near);
    close(e.far);
}

static inline void put_bytes(int fd, size_t n)
{
    static const char bytes[4096];

    cr_assert_eq(write(fd, bytes, n), (ssize_t)n, "%s", strerror(errno));
}

/* Reads until there is no more for now. How much there was. */
static inline size_t drain(int fd)
{
    static char bytes[65536];
    size_t sum = 0;
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        sum += (size_t)n;
    return sum;
}

/* Writes until there is no more room for now. */
static inline void fill(int fd)
{
    static const char bytes[65536];

    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    cr_assert_eq(errno, EAGAIN);
}

#endif
