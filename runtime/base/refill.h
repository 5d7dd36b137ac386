/* SPDX-License-Identifier: MIT
 *
 * Doors of hkt__sys that refill the return predictor: see arch/x86_64/syscall.h. Only where that is
 * (HKT_HAVE_REFILL).
 */
#ifndef HOCKET_BASE_REFILL_H
#define HOCKET_BASE_REFILL_H

#include "sys.h"

/* Whether this machine needs it: what the variable HKT_REFILL says (0 or 1), or else the kernel. */
bool hkt__refill_wanted(void);

ssize_t hkt__refill_read(int fd, void *buf, size_t size);
ssize_t hkt__refill_write(int fd, const void *buf, size_t size);
ssize_t hkt__refill_readv(int fd, const struct iovec *iov, int n);
ssize_t hkt__refill_writev(int fd, const struct iovec *iov, int n);
ssize_t hkt__refill_recv(int fd, void *buf, size_t size, int flags);
ssize_t hkt__refill_send(int fd, const void *buf, size_t size, int flags);
ssize_t hkt__refill_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t hkt__refill_sendmsg(int fd, const struct msghdr *msg, int flags);
int hkt__refill_accept(int fd, struct sockaddr *addr, socklen_t *addr_size);
int hkt__refill_close(int fd);
int hkt__refill_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int hkt__refill_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms);
int hkt__refill_epoll_pwait2(int epoll, struct epoll_event *events, int most, int64_t timeout_ns);

#endif
