/* SPDX-License-Identifier: MIT
 *
 * Calls on any descriptor.
 */
#include "attempt.h"
#include "sched/fdinbox.h"

#include "base/sys.h"

#include <hocket/io.h>

static size_t total(const struct iovec *iov, int n)
{
    size_t size = 0;

    for (int i = 0; i < n; i++)
        size += iov[i].iov_len;
    return size;
}

ssize_t hkt_read(int fd, void *buf, size_t size)
{
    HKT__ATTEMPT(fd, HKT__POLL_READ, "read", size, hkt__sys.read(fd, buf, size));
}

ssize_t hkt_readv(int fd, const struct iovec *iov, int n)
{
    HKT__ATTEMPT(fd, HKT__POLL_READ, "read", total(iov, n), hkt__sys.readv(fd, iov, n));
}

ssize_t hkt_read_full(int fd, void *buf, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = hkt_read(fd, (char *)buf + done, size - done);
        if (n < 0 && done == 0)
            return n;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

ssize_t hkt_write(int fd, const void *buf, size_t size)
{
    HKT__ATTEMPT(fd, HKT__POLL_WRITE, "write", size, hkt__sys.write(fd, buf, size));
}

ssize_t hkt_writev(int fd, const struct iovec *iov, int n)
{
    HKT__ATTEMPT(fd, HKT__POLL_WRITE, "write", total(iov, n), hkt__sys.writev(fd, iov, n));
}

int hkt_write_all(int fd, const void *buf, size_t size, size_t *done)
{
    size_t written = 0;
    ssize_t n = 0;

    while (written < size && (n = hkt_write(fd, (const char *)buf + written, size - written)) >= 0)
        written += (size_t)n;
    if (done)
        *done = written;
    return n < 0 ? (int)n : 0;
}

/* Whether a call that must not wait is worth making: 0, -EAGAIN, or why it cannot be made. */
static int try_begin(int fd, unsigned direction, struct hkt__fd **e)
{
    if (!hkt__loop)
        return -EPERM;
    int rc = hkt__fd_get(hkt__loop, fd, e);
    if (rc < 0)
        return rc;
    return (*e)->registered && !((*e)->ready & direction) ? -EAGAIN : 0;
}

static ssize_t try_end(struct hkt__fd *e, unsigned direction, ssize_t n, size_t asked)
{
    if (n == -EAGAIN || n == -EWOULDBLOCK) {
        e->ready &= (uint8_t)~direction;
        return -EAGAIN;
    }
    if (n > 0 && n < (ssize_t)asked && e->tcp)
        hkt__fd_drained(e, direction);
    return n;
}

ssize_t hkt_try_read(int fd, void *buf, size_t size)
{
    struct hkt__fd *e;
    ssize_t n = try_begin(fd, HKT__POLL_READ, &e);

    if (n < 0 && n != -EAGAIN)
        return n;
    if (e->inbox.used) {
        n = hkt__inbox_read(hkt__loop, e, buf, size);
        if (n != -EAGAIN || e->inbox.armed)
            return n;
        n = 0; /* receiving has stopped: whatever there is was not received */
    }
    if (n < 0)
        return n;
    /* A socket's own calls are the shorter way into the system. */
    do
        n = e->tcp ? hkt__sys.recv(fd, buf, size, 0) : hkt__sys.read(fd, buf, size);
    while (n == -EINTR);
    return try_end(e, HKT__POLL_READ, n, size);
}

/* As a socket's, which can be told to raise no signal; else as any descriptor's. */
static ssize_t write_quietly(int fd, const struct iovec *iov, int n)
{
    const struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                               .msg_iovlen = (unsigned)n};
    ssize_t rc;

    do
        rc = n == 1 ? hkt__sys.send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
                    : hkt__sys.sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (rc == -EINTR);
    if (rc != -ENOTSOCK)
        return rc;
    do
        rc = hkt__sys.writev(fd, iov, n);
    while (rc == -EINTR);
    return rc;
}

ssize_t hkt_try_writev(int fd, const struct iovec *iov, int n)
{
    struct hkt__fd *e;
    ssize_t rc = try_begin(fd, HKT__POLL_WRITE, &e);

    return rc < 0 ? rc : try_end(e, HKT__POLL_WRITE, write_quietly(fd, iov, n), total(iov, n));
}

static int wait_for(int fd, unsigned direction, const char *why)
{
    struct hkt__attempt a;
    int rc = hkt__attempt_begin(&a, fd, direction, why);

    return rc < 0 ? rc : hkt__attempt_ready(&a);
}

int hkt_wait_input(int fd)
{
    struct hkt_loop *loop = hkt__loop;

    return HKT_LIKELY(loop && loop->current) ? hkt__inbox_wait(fd, "input") : -EPERM;
}

int hkt_wait_readable(int fd)
{
    return wait_for(fd, HKT__POLL_READ, "readable");
}

int hkt_wait_writable(int fd)
{
    return wait_for(fd, HKT__POLL_WRITE, "writable");
}

int hkt_close(int fd)
{
    if (hkt__loop)
        hkt__fd_forget(hkt__loop, fd);
    return hkt__sys.close(fd);
}
