/* SPDX-License-Identifier: MIT
 *
 * The half of the seam that concerns descriptors: the system's calls, answering a count or -errno.
 * Tests replace a door by storing into hkt__sys.
 */
#ifndef HOCKET_BASE_SYS_H
#define HOCKET_BASE_SYS_H

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct epoll_event;

struct hkt__sys {
    ssize_t (*read)(int fd, void *buf, size_t size);
    ssize_t (*write)(int fd, const void *buf, size_t size);
    ssize_t (*readv)(int fd, const struct iovec *iov, int n);
    ssize_t (*writev)(int fd, const struct iovec *iov, int n);
    ssize_t (*recv)(int fd, void *buf, size_t size, int flags);
    ssize_t (*send)(int fd, const void *buf, size_t size, int flags);
    ssize_t (*recvmsg)(int fd, struct msghdr *msg, int flags);
    ssize_t (*sendmsg)(int fd, const struct msghdr *msg, int flags);
#if defined(__linux__)
    int (*epoll_ctl)(int epoll, int op, int fd, struct epoll_event *event);
    int (*epoll_wait)(int epoll, struct epoll_event *events, int most, int timeout_ms);
    /* -ENOSYS: before Linux 5.11. */
    int (*epoll_pwait2)(int epoll, struct epoll_event *events, int most, int64_t timeout_ns);
#endif
    /* The new descriptor, non-blocking and close-on-exec. */
    int (*accept)(int fd, struct sockaddr *addr, socklen_t *addr_size);
    int (*socket)(int domain, int type, int protocol);
    int (*connect)(int fd, const struct sockaddr *addr, socklen_t addr_size);
    /* What a connection in progress has come to: 0 or -errno. */
    int (*socket_error)(int fd);
    /* The other end's address, as accept() says it. */
    int (*peer)(int fd, struct sockaddr *addr, socklen_t *addr_size);
    int (*close)(int fd);
    int (*set_nonblock)(int fd);
    /* Whether fd is a TCP socket: there a count shorter than asked for says that no more is there,
     * as it does not for datagrams, terminals, or unix sockets, whose reads end at messages. */
    bool (*is_tcp)(int fd);
    /* Whether a read, or a write, would not block now. */
    bool (*poll_ready)(int fd, bool write);
    /* From file at *offset, which moves, to a socket. -ENOSYS: there is no such call here, or not
     * for such a file. */
    ssize_t (*sendfile)(int socket, int file, int64_t *offset, size_t size);
    /* A descriptor that becomes readable when the process ends. -ENOSYS: there are none here. */
    int (*pidfd_open)(pid_t pid);
    /* Marks all descriptors from first on as close-on-exec. -ENOSYS: there is no such call here. */
    int (*cloexec_from)(int first);
    /* These answer 0 or EAI_*, as the system's. They block. */
    int (*getaddrinfo)(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list);
    int (*getnameinfo)(const struct sockaddr *addr, socklen_t addr_size, char *host,
                       socklen_t host_size, char *service, socklen_t service_size, int flags);
    /* Starts a detached thread, in which all signals are blocked. 0 or -errno. */
    int (*thread)(void *(*fn)(void *), void *arg);
    /* Starts one that is joined, with the caller's signal mask. 0 or -errno. */
    int (*thread_begin)(pthread_t *thread, void *(*fn)(void *), void *arg);
};

extern struct hkt__sys hkt__sys;

/* Opens those doors that suit this machine best, where none was replaced. Once; any thread. */
void hkt__sys_suit(void);

/* Of Linux: called by its number, the same on every ISA, because libraries older than the kernel
 * lack it. */
enum { HKT__SYS_EPOLL_PWAIT2 = 441 };

#endif
