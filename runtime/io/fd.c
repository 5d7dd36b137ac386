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
static inline int try_begin(int fd, unsigned direction, struct hkt__fd **e)
{
    if (!hkt__loop)
        return -EPERM;
    int rc = hkt__fd_get(hkt__loop, fd, e);
    if (rc < 0)
        return rc;
    return (*e)->told & direction && !((*e)->ready & direction) ? -EAGAIN : 0;
}

static ssize_t try_end(struct hkt__fd *e, unsigned direction, ssize_t n, size_t asked)
{
    hkt__loop->op_budget--; /* for whoever may give way next */
    if (n == -EAGAIN || n == -EWOULDBLOCK) {
        e->ready &= (uint8_t)~direction;
        return -EAGAIN;
    }
    if (n > 0 && n < (ssize_t)asked && e->tcp)
        hkt__fd_drained(e, direction);
    return n;
}

/* A socket's own calls are the shorter way into the system. */
static ssize_t read_quickly(const struct hkt__fd *e, int fd, void *buf, size_t size)
{
    ssize_t n;

    do
        n = e->tcp ? hkt__sys.recv(fd, buf, size, 0) : hkt__sys.read(fd, buf, size);
    while (HKT_UNLIKELY(n < 0) && hkt__interrupted(n));
    return n;
}

ssize_t hkt_try_read(int fd, void *buf, size_t size)
{
    struct hkt__fd *e;
    ssize_t n = try_begin(fd, HKT__POLL_READ, &e);

    if (n < 0 && n != -EAGAIN)
        return n;
    if (HKT_UNLIKELY(e->inbox.used)) {
        ssize_t got = hkt__inbox_read(hkt__loop, e, buf, size);
        if (got != -EAGAIN || e->inbox.armed)
            return got;
        n = 0; /* receiving has stopped: whatever there is was not received */
    }
    return n < 0 ? n : try_end(e, HKT__POLL_READ, read_quickly(e, fd, buf, size), size);
}

static ssize_t send_many(int fd, const struct iovec *iov, int n)
{
    const struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                               .msg_iovlen = (unsigned)n};

    return hkt__sys.sendmsg(fd, &msg, MSG_NOSIGNAL);
}

HKT__APART static ssize_t write_no_socket(int fd, const struct iovec *iov, int n)
{
    ssize_t rc;

    do
        rc = hkt__sys.writev(fd, iov, n);
    while (HKT_UNLIKELY(rc < 0) && hkt__interrupted(rc));
    return rc;
}

/* As a socket's, which can be told to raise no signal; else as any descriptor's. */
static ssize_t write_quietly(int fd, const struct iovec *iov, int n)
{
    ssize_t rc;

    do
        rc = n == 1 ? hkt__sys.send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
                    : send_many(fd, iov, n);
    while (HKT_UNLIKELY(rc < 0) && hkt__interrupted(rc));
    return HKT_LIKELY(rc != -ENOTSOCK) ? rc : write_no_socket(fd, iov, n);
}

static ssize_t send_quickly(const struct hkt__fd *e, int fd, const void *buf, size_t size)
{
    const struct iovec iov = {(void *)(uintptr_t)buf, size};
    ssize_t n;

    if (HKT_UNLIKELY(!e->tcp))
        return write_quietly(fd, &iov, 1);
    do
        n = hkt__sys.send(fd, buf, size, MSG_NOSIGNAL);
    while (HKT_UNLIKELY(n < 0) && hkt__interrupted(n));
    return n;
}

ssize_t hkt_try_write(int fd, const void *buf, size_t size)
{
    struct hkt__fd *e;
    ssize_t n = try_begin(fd, HKT__POLL_WRITE, &e);

    return n < 0 ? n : try_end(e, HKT__POLL_WRITE, send_quickly(e, fd, buf, size), size);
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

    if (rc < 0 || (direction == HKT__POLL_READ && hkt__fd_has_ahead(a.fd)))
        return rc;
    return hkt__attempt_ready(&a);
}

int hkt_wait_input(int fd)
{
    struct hkt_loop *loop = hkt__loop;
    struct hkt__fd *e;

    if (HKT_UNLIKELY(!loop || !loop->current))
        return -EPERM;
    int rc = hkt__fd_get(loop, fd, &e);
    if (HKT_UNLIKELY(rc < 0))
        return rc;
    if (!loop->no_receive || e->inbox.used)
        return hkt__inbox_wait(fd, e, "input");
    return hkt__fd_wait_entry(fd, e, HKT__POLL_READ, "input");
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
