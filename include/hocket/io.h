/* SPDX-License-Identifier: MIT
 *
 * hocket/io.h: file descriptors whose calls suspend the task instead of blocking the thread.
 *
 * Every call is tried first and suspends only if it would block. It answers like the system's call,
 * with a negative error instead of errno, and besides:
 *
 *      -ECANCELED  the task was cancelled, or the descriptor closed by hkt_close(), while it
 *                  waited: nothing was read, written, accepted or sent by this call
 *      -EBUSY      another task waits for the same direction of the same descriptor
 *      -EPERM      not in a task
 *
 * Interrupted calls are repeated. No call is ended by SIGPIPE: see hkt_loop_new(). A time limit is
 * a scope around any of them: hkt_timeout_enter() in task.h.
 *
 * A descriptor is made non-blocking when first used here, which other processes that share it will
 * notice. Close it with hkt_close(): a number that was closed behind hocket's back and given out
 * again is mistaken for the old one. All on the loop's own thread.
 */
#ifndef HOCKET_IO_H
#define HOCKET_IO_H

#include <hocket/loop.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* What can be waited for, for hkt_poll(). */
enum { HKT_READABLE = 1, HKT_WRITABLE = 2 };

HKT_BEGIN_DECLS

/* What: read(2), at least one byte. Returns: the count; 0 at the end. Suspends: if it would block.
 * asyncio: sock_recv(), StreamReader.read(). */
HKT_API hkt_async ssize_t hkt_read(int fd, void *buf, size_t size);
HKT_API hkt_async ssize_t hkt_readv(int fd, const struct iovec *iov, int n);

/* What: reads until size bytes are there or the end. Returns: the count, less than size only at the
 * end; an error only when nothing was read. Suspends: if it would block. */
HKT_API hkt_async ssize_t hkt_read_full(int fd, void *buf, size_t size);

/* What: write(2), what fits. Returns: the count. Suspends: if it would block. */
HKT_API hkt_async ssize_t hkt_write(int fd, const void *buf, size_t size);
HKT_API hkt_async ssize_t hkt_writev(int fd, const struct iovec *iov, int n);

/* What: writes all of it. *done (which may be NULL) is how much was written, also on error.
 * Returns: 0, or the error. Suspends: if it would block. asyncio: sock_sendall(). */
HKT_API hkt_async int hkt_write_all(int fd, const void *buf, size_t size, size_t *done);

/* What: the socket calls. flags as theirs; MSG_NOSIGNAL is added.
 * Returns: the count. Suspends: if it would block.
 * asyncio: sock_recv(), sock_sendall(), sock_recvfrom(), sock_sendto(). */
HKT_API hkt_async ssize_t hkt_recv(int fd, void *buf, size_t size, int flags);
HKT_API hkt_async ssize_t hkt_send(int fd, const void *buf, size_t size, int flags);
HKT_API hkt_async ssize_t hkt_recvfrom(int fd, void *buf, size_t size, int flags,
                                       struct sockaddr *addr, socklen_t *addr_size);
HKT_API hkt_async ssize_t hkt_sendto(int fd, const void *buf, size_t size, int flags,
                                     const struct sockaddr *addr, socklen_t addr_size);
HKT_API hkt_async ssize_t hkt_recvmsg(int fd, struct msghdr *msg, int flags);
HKT_API hkt_async ssize_t hkt_sendmsg(int fd, const struct msghdr *msg, int flags);

/* What: accepts a connection, non-blocking and close-on-exec. addr may be NULL.
 * Returns: the new descriptor; connections that were reset before they could be accepted are
 * skipped. -EMFILE and its like are answered at once: see hkt_serve() for a server that copes.
 * Suspends: if none waits. asyncio: sock_accept(). */
HKT_API hkt_async int hkt_accept(int fd, struct sockaddr *addr, socklen_t *addr_size);

/* What: connects a socket. After -ECANCELED the socket may still be connecting: close it.
 * Returns: 0, or what the connection failed with. Suspends: until it is decided.
 * asyncio: sock_connect(). */
HKT_API hkt_async int hkt_connect(int fd, const struct sockaddr *addr, socklen_t addr_size);

/* What: read(2), write(2) and writev(2) that never wait: for buffers that are flushed and filled
 * when it suits. On a socket the write raises no SIGPIPE, whatever its action. Others do not get
 * their turn in them: whoever makes many of them without waiting gives it up by hkt_sleep(0).
 * Returns: the count; 0 at the end of what is read; -EAGAIN: it would have to wait; -EPERM: no loop
 * runs here. Suspends: never: callbacks may call them too. */
HKT_API HKT_MUST_CHECK ssize_t hkt_try_read(int fd, void *buf, size_t size);
HKT_API HKT_MUST_CHECK ssize_t hkt_try_write(int fd, const void *buf, size_t size);
HKT_API HKT_MUST_CHECK ssize_t hkt_try_writev(int fd, const struct iovec *iov, int n);

/* What: waits until hkt_try_read() has an answer. From the first time on the system may receive
 * ahead of the calls that take it (io_uring does, from TCP sockets), so only hkt_try_read() may
 * read from fd then. Returns: 0; as above. Suspends: if nothing has come. */
HKT_API hkt_async int hkt_wait_input(int fd);

/* What: leaves size bytes to the system, which sends all of them, together with what the loop asks
 * of it besides; then fn(arg, result) is called by the loop. Until then both the bytes and s stay
 * where they are. One at a time for a descriptor, or the order is lost.
 * Returns: 0; -ENOSYS: the poller, or this kind of descriptor, has no such thing: write then;
 * -EBUSY: s is on its way; -ENOMEM. Suspends: never. */
HKT_API HKT_MUST_CHECK int hkt_send_begin(struct hkt_sending *s, int fd, const void *data,
                                          size_t size, hkt_sent_fn *fn, void *arg);

/* What: whether hkt_send_begin() takes bytes for fd, now and as long as it is open.
 * Suspends: never. */
HKT_API bool hkt_send_possible(int fd);

/* What: asks for its end, which still has to be waited for: fn is called, with what was sent, or
 * -ECANCELED if that is nothing. Suspends: never. */
HKT_API void hkt_send_cancel(struct hkt_sending *s);

/* What: socket(2), non-blocking and close-on-exec. Suspends: never. */
HKT_API HKT_MUST_CHECK int hkt_socket(int domain, int type, int protocol);

/* What: wakes whoever waits for fd with -ECANCELED, and closes it. Returns: 0 or -errno.
 * Suspends: never. */
HKT_API int hkt_close(int fd);

/* What: waits until a call on fd may not block: at once unless the last one said that it would. For
 * taking a buffer only when there is something to put into it.
 * Returns: 0; as above. Suspends: if fd is known to be empty, or full. */
HKT_API hkt_async int hkt_wait_readable(int fd);
HKT_API hkt_async int hkt_wait_writable(int fd);

/* What: waits until fd is readable or writable, as its owner, a library such as libcurl or libpq,
 * asks. Nothing is remembered about fd afterwards, so the library may close it when it likes; but
 * not while this waits, unless by hkt_close(). Other calls here that would wait for fd answer
 * -EBUSY meanwhile. events: HKT_READABLE, HKT_WRITABLE or both.
 * Returns: those that are; -EINVAL: none asked for; -EBUSY: a task is in this call for fd, or one
 * was in another that had to wait for it, which makes fd hocket's own.
 * Suspends: unless one is. */
HKT_API hkt_async int hkt_poll(int fd, unsigned events);

HKT_END_DECLS

#endif
