/* SPDX-License-Identifier: MIT */
#include "refill.h"

#include "os.h"
#include "syscall.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long address(const void *p)
{
    return (long)(uintptr_t)p;
}

ssize_t hkt__refill_read(int fd, void *buf, size_t size)
{
    return hkt__syscall(SYS_read, fd, address(buf), (long)size, 0, 0, 0);
}

ssize_t hkt__refill_write(int fd, const void *buf, size_t size)
{
    return hkt__syscall(SYS_write, fd, address(buf), (long)size, 0, 0, 0);
}

ssize_t hkt__refill_readv(int fd, const struct iovec *iov, int n)
{
    return hkt__syscall(SYS_readv, fd, address(iov), n, 0, 0, 0);
}

ssize_t hkt__refill_writev(int fd, const struct iovec *iov, int n)
{
    return hkt__syscall(SYS_writev, fd, address(iov), n, 0, 0, 0);
}

ssize_t hkt__refill_recv(int fd, void *buf, size_t size, int flags)
{
    return hkt__syscall(SYS_recvfrom, fd, address(buf), (long)size, flags, 0, 0);
}

ssize_t hkt__refill_send(int fd, const void *buf, size_t size, int flags)
{
    return hkt__syscall(SYS_sendto, fd, address(buf), (long)size, flags, 0, 0);
}

ssize_t hkt__refill_recvmsg(int fd, struct msghdr *msg, int flags)
{
    return hkt__syscall(SYS_recvmsg, fd, address(msg), flags, 0, 0, 0);
}

ssize_t hkt__refill_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    return hkt__syscall(SYS_sendmsg, fd, address(msg), flags, 0, 0, 0);
}

int hkt__refill_accept(int fd, struct sockaddr *addr, socklen_t *addr_size)
{
    return (int)hkt__syscall(SYS_accept4, fd, address(addr), address(addr_size),
                             SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0);
}

int hkt__refill_close(int fd)
{
    return (int)hkt__syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

int hkt__refill_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    return (int)hkt__syscall(SYS_epoll_ctl, epoll, op, fd, address(event), 0, 0);
}

int hkt__refill_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    return (int)hkt__syscall(SYS_epoll_wait, epoll, address(events), most, timeout_ms, 0, 0);
}

int hkt__refill_epoll_pwait2(int epoll, struct epoll_event *events, int most, int64_t timeout_ns)
{
    const int64_t timeout[2] = {timeout_ns / 1000000000, timeout_ns % 1000000000};

    return (int)hkt__syscall(HKT__SYS_EPOLL_PWAIT2, epoll, address(events), most, address(timeout),
                             0, 0);
}

static bool kernel_spoils_returns(void)
{
    char text[128];
    int fd =
        open("/sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return strstr(text, "Safe RET") != NULL;
}

bool hkt__refill_wanted(void)
{
    const char *said = getenv("HKT_REFILL");

    if (hkt__os.shadow_stack())
        return false;
    return said && *said ? *said == '1' : kernel_spoils_returns();
}
