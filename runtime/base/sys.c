/* SPDX-License-Identifier: MIT */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#endif
#if defined(HKT_HAVE_REFILL)
#include "refill.h"
#endif

static ssize_t answer(ssize_t rc)
{
    return rc < 0 ? -errno : rc;
}

static ssize_t sys_read(int fd, void *buf, size_t size)
{
    return answer(read(fd, buf, size));
}

static ssize_t sys_write(int fd, const void *buf, size_t size)
{
    return answer(write(fd, buf, size));
}

static ssize_t sys_readv(int fd, const struct iovec *iov, int n)
{
    return answer(readv(fd, iov, n));
}

static ssize_t sys_writev(int fd, const struct iovec *iov, int n)
{
    return answer(writev(fd, iov, n));
}

static ssize_t sys_recv(int fd, void *buf, size_t size, int flags)
{
    return answer(recv(fd, buf, size, flags));
}

static ssize_t sys_send(int fd, const void *buf, size_t size, int flags)
{
    return answer(send(fd, buf, size, flags));
}

static ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
    return answer(recvmsg(fd, msg, flags));
}

static ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    return answer(sendmsg(fd, msg, flags));
}

#if defined(__linux__)
static int sys_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    return (int)answer(epoll_ctl(epoll, op, fd, event));
}

static int sys_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    return (int)answer(epoll_wait(epoll, events, most, timeout_ms));
}

static int sys_epoll_pwait2(int epoll, struct epoll_event *events, int most, int64_t timeout_ns)
{
    /* 64 bits each, whatever the machine's struct timespec is made of. */
    const int64_t timeout[2] = {timeout_ns / 1000000000, timeout_ns % 1000000000};

    return (int)answer(
        syscall(HKT__SYS_EPOLL_PWAIT2, epoll, events, most, timeout, NULL, (size_t)0));
}
#endif

static int sys_set_nonblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    if (flags & O_NONBLOCK)
        return 0;
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
static int sys_accept(int fd, struct sockaddr *addr, socklen_t *addr_size)
{
    return (int)answer(accept4(fd, addr, addr_size, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

static int sys_socket(int domain, int type, int protocol)
{
    return (int)answer(socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}
#else
static int tame(int fd)
{
    int rc;

    if (fd < 0)
        return -errno;
    rc = sys_set_nonblock(fd);
    if (rc == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
        return fd;
    rc = rc < 0 ? rc : -errno;
    close(fd);
    return rc;
}

static int sys_accept(int fd, struct sockaddr *addr, socklen_t *addr_size)
{
    return tame(accept(fd, addr, addr_size));
}

static int sys_socket(int domain, int type, int protocol)
{
    return tame(socket(domain, type, protocol));
}
#endif

static int sys_connect(int fd, const struct sockaddr *addr, socklen_t addr_size)
{
    return (int)answer(connect(fd, addr, addr_size));
}

static int sys_socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return -errno;
    return -error;
}

static int sys_peer(int fd, struct sockaddr *addr, socklen_t *addr_size)
{
    return (int)answer(getpeername(fd, addr, addr_size));
}

static int sys_close(int fd)
{
    return (int)answer(close(fd));
}

static bool sys_is_tcp(int fd)
{
    struct sockaddr_storage addr;
    socklen_t addr_size = sizeof addr;
    int type = 0;
    socklen_t size = sizeof type;

#if defined(SO_PROTOCOL)
    int protocol = 0;
    socklen_t protocol_size = sizeof protocol;
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &protocol_size) != 0 ||
        protocol != IPPROTO_TCP)
        return false; /* SCTP ends its reads at messages, and MPTCP promises nothing */
#endif
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
           getsockname(fd, (struct sockaddr *)&addr, &addr_size) == 0 &&
           (addr.ss_family == AF_INET || addr.ss_family == AF_INET6);
}

static bool sys_poll_ready(int fd, bool write)
{
    struct pollfd p = {fd, write ? POLLOUT : POLLIN, 0};

    return poll(&p, 1, 0) > 0;
}

#if defined(__linux__)
static ssize_t sys_sendfile(int socket, int file, int64_t *offset, size_t size)
{
    off_t at = (off_t)*offset;
    ssize_t n = answer(sendfile(socket, file, &at, size));

    *offset = at;
    return n == -EINVAL ? -ENOSYS : n;
}
#else
/* The other systems' calls of this name are all different. */
static ssize_t sys_sendfile(int socket, int file, int64_t *offset, size_t size)
{
    (void)socket;
    (void)file;
    (void)offset;
    (void)size;
    return -ENOSYS;
}
#endif

#if defined(__linux__) && defined(SYS_pidfd_open)
static int sys_pidfd_open(pid_t pid)
{
    return (int)answer(syscall(SYS_pidfd_open, pid, 0));
}
#else
static int sys_pidfd_open(pid_t pid)
{
    (void)pid;
    return -ENOSYS;
}
#endif

/* But for faults, which are the thread's own: blocked, they end the process whoever handles them.
 */
static void fill_but_faults(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};

    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(set, faults[i]);
}

#if defined(__linux__) && defined(SYS_close_range)
enum { RANGE_CLOEXEC = 4 }; /* CLOSE_RANGE_CLOEXEC, which is younger than the call: then -EINVAL */

static int sys_cloexec_from(int first)
{
    int rc = (int)answer(syscall(SYS_close_range, (unsigned)first, ~0U, RANGE_CLOEXEC));

    return rc < 0 ? -ENOSYS : 0;
}
#else
static int sys_cloexec_from(int first)
{
    (void)first;
    return -ENOSYS;
}
#endif

static int sys_thread(void *(*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    fill_but_faults(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* which it inherits */
    int rc = pthread_create(&thread, &attr, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return -rc;
}

static int sys_thread_begin(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    return -pthread_create(thread, NULL, fn, arg);
}

struct hkt__sys hkt__sys = {
    .read = sys_read,
    .write = sys_write,
    .readv = sys_readv,
    .writev = sys_writev,
    .recv = sys_recv,
    .send = sys_send,
    .recvmsg = sys_recvmsg,
    .sendmsg = sys_sendmsg,
#if defined(__linux__)
    .epoll_ctl = sys_epoll_ctl,
    .epoll_wait = sys_epoll_wait,
    .epoll_pwait2 = sys_epoll_pwait2,
#endif
    .accept = sys_accept,
    .socket = sys_socket,
    .connect = sys_connect,
    .socket_error = sys_socket_error,
    .peer = sys_peer,
    .close = sys_close,
    .set_nonblock = sys_set_nonblock,
    .is_tcp = sys_is_tcp,
    .poll_ready = sys_poll_ready,
    .sendfile = sys_sendfile,
    .pidfd_open = sys_pidfd_open,
    .cloexec_from = sys_cloexec_from,
    .getaddrinfo = getaddrinfo,
    .getnameinfo = getnameinfo,
    .thread = sys_thread,
    .thread_begin = sys_thread_begin,
};

#if defined(HKT_HAVE_REFILL)
#define SUIT(door)                                                                                 \
    if (hkt__sys.door == sys_##door)                                                               \
    hkt__sys.door = hkt__refill_##door

static void suit(void)
{
    if (!hkt__refill_wanted())
        return;
    SUIT(read);
    SUIT(write);
    SUIT(readv);
    SUIT(writev);
    SUIT(recv);
    SUIT(send);
    SUIT(recvmsg);
    SUIT(sendmsg);
    SUIT(accept);
    SUIT(close);
    SUIT(epoll_ctl);
    SUIT(epoll_wait);
    SUIT(epoll_pwait2);
}

void hkt__sys_suit(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, suit);
}
#else
void hkt__sys_suit(void)
{
}
#endif
