/* SPDX-License-Identifier: MIT
 *
 * hocket/net.h: addresses, byte streams with buffers, and servers with a task for each connection.
 *
 * An address is written as a URL:
 *
 *      tcp://127.0.0.1:7000  tcp://[::1]:7000  tcp://localhost:7000  udp://...
 *      tcp://:7000           every address of this machine; to listen on
 *      unix:///run/x.sock    unix:@name (abstract, Linux)
 *      fd://3                a descriptor that was inherited; to listen on
 *      systemd://NAME        the sockets of that name that systemd handed over; NAME may be empty
 *
 * What is written to a stream is gathered, and goes out by itself: when the task waits in a read of
 * the same stream, when a write would take what is gathered over the high mark, by a drain or a
 * close, and at the latest when the loop's next turn comes. What the system does not take then is
 * sent in the background. So no write is ever stuck, and many small ones are one system call.
 *
 * A stream that waits for input, and has nothing unsent, holds no buffer.
 *
 * All on the loop's own thread, while the loop runs. Calls that suspend answer -EPERM outside tasks
 * and -ECANCELED when the task was cancelled. NULL streams and servers are answered with -ENOMEM.
 */
#ifndef HOCKET_NET_H
#define HOCKET_NET_H

#include <hocket/base.h>
#include <hocket/io.h>
#include <hocket/loop.h>

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct hkt_stream;
struct hkt_server;

HKT_BEGIN_DECLS

/* Addresses */

/* A socket's address, and the type of socket that its URL says. */
struct hkt_addr {
    struct sockaddr_storage sockaddr;
    socklen_t size;
    int type; /* SOCK_STREAM or SOCK_DGRAM */
};

/* Room for the text of any address, with its NUL. */
#define HKT_ADDR_TEXT 160

/* What: reads a URL whose host, if it has one, is a number.
 * Returns: 0; -EINVAL, having reported the URL and what is wrong with it. Suspends: never. */
HKT_API HKT_MUST_CHECK int hkt_addr_parse(struct hkt_addr *addr, const char *url);

/* What: writes the URL of an address, cut to size bytes with the NUL. An unnamed unix socket is
 * "unix:". Returns: buf. Suspends: never. */
HKT_API const char *hkt_addr_format(const struct hkt_addr *addr, char *buf, size_t size);

/* What: the addresses that a URL stands for, those to be tried first in front, families taking
 * turns. passive: to listen on. max: how many fit.
 * Returns: how many; -EINVAL: not a URL of an address; -ENOENT: no such host; both are reported;
 * else as hkt_getaddrinfo(). Suspends: if a name has to be looked up. asyncio: getaddrinfo(). */
HKT_API hkt_async int hkt_resolve(const char *url, bool passive, struct hkt_addr *list, size_t max);

/* Buffers */

/* Bytes, from [start] to [end]. Zeroed is ready for use and holds no memory; the memory comes from
 * and goes to a pool of the thread's. Fields are to be read only. */
struct hkt_buf {
    char *data;
    uint32_t start, end, size;
};

/* The size of the pool's pieces, and so of a buffer's first memory. */
#define HKT_BUF_SIZE 16384u

HKT_API HKT_MUST_CHECK int hkt__buf_make_room(struct hkt_buf *b, size_t size);
HKT_API void hkt__buf_drop(struct hkt_buf *b);

/* What: makes room for at least size more bytes at the end; what is there may move.
 * Returns: 0; -ENOMEM, nothing changed. Suspends: never. */
HKT_INLINE HKT_MUST_CHECK int hkt_buf_reserve(struct hkt_buf *b, size_t size)
{
    return HKT_LIKELY(b->size - b->end >= size) ? 0 : hkt__buf_make_room(b, size);
}
/* What: appends. Returns: 0; -ENOMEM. Suspends: never. */
HKT_API HKT_MUST_CHECK int hkt_buf_add(struct hkt_buf *b, const void *data, size_t size);
/* What: empties it and gives its memory back. Suspends: never. */
HKT_INLINE void hkt_buf_release(struct hkt_buf *b)
{
    if (b->data)
        hkt__buf_drop(b);
}
/* What: how many bytes it holds. Suspends: never. */
HKT_INLINE size_t hkt_buf_len(const struct hkt_buf *b)
{
    return b->end - b->start;
}
/* What: takes size bytes, or what is there, from the front; nothing moves. Suspends: never. */
HKT_INLINE void hkt_buf_consume(struct hkt_buf *b, size_t size)
{
    b->start += (uint32_t)(size < hkt_buf_len(b) ? size : hkt_buf_len(b));
}

/* Streams */

struct hkt_stream_opts {
    uint32_t limit; /* bytes of a line, or of what precedes a separator; 0: 65536 */
    uint32_t high;  /* unsent bytes that are kept at most; 0: 65536 */
    uint32_t low;   /* a drain waits until no more than these are unsent; 0: a quarter of high */
};

/* What: makes a stream of a descriptor: a connected socket, a pipe, a terminal. opts may be NULL.
 * Returns: the stream; NULL when out of memory: fd stays the caller's.
 * Suspends: never. Owner: the caller, who ends it by hkt_stream_free(); it owns fd.
 * asyncio: connect_read_pipe(), open_connection(sock=). */
HKT_API HKT_MUST_CHECK struct hkt_stream *hkt_stream_of(int fd, const struct hkt_stream_opts *opts);

struct hkt_connect_opts {
    struct hkt_stream_opts stream;
    int64_t stagger_ns; /* an address's head start before the next is tried beside it; 0: 250 ms */
};

/* What: connects to a URL. Of several addresses (IPv6 first, then in turns) each gets a head start
 * over the next; the first that answers wins and the others are dropped: Happy Eyeballs, RFC 8305.
 * opts may be NULL. *s is NULL unless it succeeds.
 * Returns: 0; -EINVAL, -ENOENT: as hkt_resolve(); when all addresses fail, what the first failed
 * with; -ENOMEM. Suspends: until it is decided. Owner: the caller, of *s. A time limit is a scope
 * around it. asyncio: open_connection(). */
HKT_API hkt_async int hkt_open_connection(const char *url, const struct hkt_connect_opts *opts,
                                          struct hkt_stream **s);

/* What: reads what is there, at least 1 byte and at most size.
 * Returns: the count; 0 at the end, on a closed stream, and for size 0; -ECONNRESET and the like,
 * also what sending failed with, after what had come before; -EBUSY: another task reads from it.
 * Suspends: if nothing is there. asyncio: read(n). */
HKT_API hkt_async ssize_t hkt_stream_read(struct hkt_stream *s, void *buf, size_t size);

/* What: reads exactly size bytes, unless the end comes first.
 * Returns: the count, which is less than size only at the end; an error as hkt_stream_read(): what
 * had come stays in the stream, if size is within its limit, else it is lost.
 * Suspends: if not as much is there. asyncio: readexactly(). */
HKT_API hkt_async ssize_t hkt_stream_readexactly(struct hkt_stream *s, void *buf, size_t size);

/* What: reads a line with its newline, and puts a NUL behind it.
 * Returns: the count without the NUL; 0 at the end; a last line may lack the newline; -EMSGSIZE: it
 * does not fit, or is over the limit: it is dropped, up to its newline or as far as it has come;
 * -EINVAL: size is less than 2; as hkt_stream_read(). Suspends: if no whole line is there.
 * asyncio: readline(). */
HKT_API hkt_async ssize_t hkt_stream_readline(struct hkt_stream *s, char *line, size_t size);

/* What: reads up to and with a separator, without copying: *data stays valid until the next read
 * from the stream, and is not NUL-terminated.
 * Returns: the count; at the end what is left, which lacks the separator, and then 0; -EMSGSIZE:
 * more than the limit precedes it: the data stays; -EINVAL: an empty separator; as
 * hkt_stream_read(). Suspends: if no separator is there. asyncio: readuntil(). */
HKT_API hkt_async ssize_t hkt_stream_readuntil(struct hkt_stream *s, const void *separator,
                                               size_t size, const char **data);
/* What: the same for several separators; the one that ends first counts.
 * Suspends: if none is there. asyncio: readuntil(tuple). */
HKT_API hkt_async ssize_t hkt_stream_readuntil_any(struct hkt_stream *s,
                                                   const struct iovec *separators, int n,
                                                   const char **data);

/* What: reads all that comes until the end, without copying: *data stays valid until the next read
 * from the stream, and is not NUL-terminated. limit: how much that may be.
 * Returns: the count, 0 if nothing came; -EMSGSIZE: more than the limit precedes the end: the data
 * stays; as hkt_stream_read(), and what had come stays then. Suspends: until the end.
 * asyncio: read(-1). */
HKT_API hkt_async ssize_t hkt_stream_readall(struct hkt_stream *s, size_t limit, const char **data);

/* What: waits until at least size bytes are there, or the end, and shows all that is there, without
 * taking it. *data stays valid until the next read or peek.
 * Returns: how many are there, less than size only at the end; as hkt_stream_read().
 * Suspends: if fewer are there. */
HKT_API hkt_async ssize_t hkt_stream_peek(struct hkt_stream *s, size_t size, const char **data);

/* What: takes size bytes of what hkt_stream_peek() showed. Suspends: never. */
HKT_API void hkt_stream_consume(struct hkt_stream *s, size_t size);

/* What: how many bytes have come and were not taken yet. Suspends: never. */
HKT_API size_t hkt_stream_buffered(const struct hkt_stream *s);

/* What: writes all of it. Small writes are gathered (see above); one that would take the unsent
 * bytes over the high mark is handed to the system from where it lies, and the task waits until no
 * more than that mark is left. Of several tasks that write to a stream each gets its data in one
 * piece.
 * Returns: 0, which says that it will be sent, not that it arrived; what an earlier write failed
 * with; -EPIPE: after hkt_stream_write_eof(); -ECONNRESET: after a close; -ENOMEM. After -ECANCELED
 * nothing of it was sent, or else the stream can only be read or closed: later writes answer
 * -EPIPE. Suspends: if the unsent bytes would be more than the high mark; now and then to give
 * others their turn. asyncio: write() and drain(). */
HKT_API hkt_async int hkt_stream_write(struct hkt_stream *s, const void *data, size_t size);

/* What: writes all of it if that needs no waiting, or nothing: for who must not wait for the other
 * side, and may not be suspended. Returns: 0; -EAGAIN: the unsent bytes would be more than the high
 * mark, although the system was given what it takes, or another task is in the middle of its data;
 * else as hkt_stream_write(). Suspends: never. asyncio: write(). */
HKT_API HKT_MUST_CHECK int hkt_stream_try_write(struct hkt_stream *s, const void *data,
                                                size_t size);

/* What: sends what was gathered, and waits until no more than the low mark is unsent.
 * Returns: 0; as hkt_stream_write(). Suspends: if more is unsent; now and then to give others their
 * turn. asyncio: drain(). */
HKT_API hkt_async int hkt_stream_drain(struct hkt_stream *s);

/* What: hands to the system what it takes now of what was gathered. Suspends: never. */
HKT_API void hkt_stream_flush(struct hkt_stream *s);

/* What: how many bytes were written and not sent yet. Suspends: never.
 * asyncio: get_write_buffer_size(). */
HKT_API size_t hkt_stream_pending(const struct hkt_stream *s);

/* What: ends the writing: the other side reads to the end once all was sent; reading goes on.
 * Returns: 0; -ECONNRESET: closed; -ENOMEM. Suspends: never. asyncio: write_eof(). */
HKT_API int hkt_stream_write_eof(struct hkt_stream *s);

/* What: waits until everything was sent, then closes. Another task that reads from it sees the end;
 * one that writes gets -ECONNRESET. When it is cancelled, it closes without waiting.
 * Returns: 0; the error that kept something from being sent; -ECANCELED: closed, but perhaps not
 * all sent. Closing again waits for the same. Suspends: if not everything was sent.
 * asyncio: close() and wait_closed(). */
HKT_API hkt_async int hkt_stream_close(struct hkt_stream *s);

/* What: closes at once; what is unsent is dropped. Suspends: never. asyncio: transport.abort(). */
HKT_API void hkt_stream_abort(struct hkt_stream *s);

/* What: waits until it is closed, whoever does that. Returns: 0; -ECANCELED.
 * Suspends: if it is open. asyncio: wait_closed(). */
HKT_API hkt_async int hkt_stream_wait_closed(struct hkt_stream *s);

/* What: ends it, as by hkt_stream_abort() if it is open. Calls of other tasks on it answer as for a
 * closed one. NULL is fine. Suspends: never. */
HKT_API void hkt_stream_free(struct hkt_stream *s);

/* What: the descriptor, -EBADF once closed; the other side's address, and this one's.
 * Returns: 0 or -errno. Suspends: never. asyncio: get_extra_info(). */
HKT_API int hkt_stream_fd(const struct hkt_stream *s);
HKT_API int hkt_stream_peer(const struct hkt_stream *s, struct hkt_addr *addr);
HKT_API int hkt_stream_local(const struct hkt_stream *s, struct hkt_addr *addr);

/* What: the bytes that may precede a separator. Suspends: never. */
HKT_API size_t hkt_stream_limit(const struct hkt_stream *s);

/* Transports */

/* What a stream's bytes pass through on their way from and to its descriptor, such as encryption:
 * see tls.h. None of the calls waits or suspends; the stream makes them while it is open. */
struct hkt_transport {
    const struct hkt_transport_ops *ops;
    int fd;        /* the stream's */
    size_t unsent; /* bytes that the transport holds and the system has not taken */
};

struct hkt_transport_ops {
    /* Takes a step of what precedes the first byte. Returns: 0: done; -EAGAIN: more input is
     * needed; an error. */
    int (*start)(struct hkt_transport *t);
    /* As hkt_try_read(). */
    ssize_t (*read)(struct hkt_transport *t, void *buf, size_t size);
    /* Hands what it holds to the system, and then takes of iov, of which n may be 0. Returns: how
     * much was taken, sent or not; -EAGAIN: nothing, the system takes no more; an error. */
    ssize_t (*writev)(struct hkt_transport *t, const struct iovec *iov, int n);
    /* Says that no more comes: what says so becomes unsent. */
    void (*end)(struct hkt_transport *t);
    void (*free)(struct hkt_transport *t);
};

/* What: gives an open stream a transport: what was written so far is sent without it, and then it
 * is started. Writes of other tasks wait for that.
 * Returns: 0; -EBUSY: another task reads from it or writes to it, or it has a transport; what
 * sending, the end of the input (-ECONNRESET) or t's start failed with: it can only be closed then;
 * -ENOMEM; -ECANCELED. Suspends: until it has started. Owner: the stream, also after an error. */
HKT_API hkt_async int hkt_stream_start(struct hkt_stream *s, struct hkt_transport *t);

/* What: the stream's transport. Returns: NULL if it has none. Suspends: never. */
HKT_API struct hkt_transport *hkt_stream_transport(const struct hkt_stream *s);

/* Servers */

/* Serves one connection, in a task of its own. The stream is flushed, closed and freed when it
 * returns. Zero or positive is success; an error is reported, unless it says no more than that the
 * other side went away (-ECONNRESET, -EPIPE) or that the task was cancelled. */
typedef int hkt_stream_fn(struct hkt_stream *s, void *arg);

struct hkt_server_opts {
    int backlog;       /* connections that wait to be accepted; 0: the system's most */
    bool reuse_port;   /* share the port with other listeners, which get connections in turns. The
                          cores of hkt_run_cores() that ask for port 0 of a URL get the same */
    bool same_cpu;     /* with reuse_port, for threads that are pinned: this listener gets the
                          connections whose packets arrive on the processor where it was made,
                          so that the system, too, keeps all of a connection on one. For network
                          cards that spread packets over the processors: where they all come to
                          one, its listener gets every connection. Linux 6.2; a hint elsewhere */
    size_t stack_size; /* of a connection's task, as in struct hkt_task_opts; 0: the default */
    int64_t grace_ns;  /* hkt_serve(): how long connections may go on when it is cancelled; 0: 2 s,
                          negative: not at all */
    int64_t linger_ns; /* how long what a handler wrote may take to be sent after its return; 0:
                          30 s, negative: no time. If there is input that it did not read, up to
                          2 s of that time the client may go on sending, and all is dropped: a
                          connection that is closed while something comes is reset, and what was
                          written last may be lost */
    struct hkt_stream_opts stream;
};

/* The most addresses that one URL stands for. */
#define HKT_ADDRS_MAX 16

/* What: makes listening sockets: one for each address of the URL. A unix socket that nobody listens
 * on any more is taken over. opts may be NULL. max: how many fds fit.
 * Returns: how many; as hkt_resolve(); -EADDRINUSE, also when a unix path is something else;
 * -ENOENT: no such socket was handed over; -E2BIG: more were than fit; -errno.
 * Suspends: if a name has to be looked up. Owner: the caller closes them. */
HKT_API hkt_async int hkt_listen(const char *url, const struct hkt_server_opts *opts, int *fds,
                                 size_t max);

/* What: the sockets that systemd handed to this process under a name; NULL or empty: all.
 * Returns: how many, 0 if none. Suspends: never. Owner: the caller. systemd: sd_listen_fds(). */
HKT_API int hkt_listen_fds(const char *name, int *fds, size_t max);

/* What: listens on a URL, and runs handler(stream, arg) in a task for each connection. When the
 * process is out of descriptors or memory that is reported once, and connections wait until one
 * ends, or a second. opts may be NULL. *server is NULL unless it succeeds.
 * Returns: 0; as hkt_listen(); -ENOMEM. Suspends: if a name has to be looked up.
 * Owner: the caller, who ends it by hkt_server_free(). asyncio: start_server(). */
HKT_API hkt_async int hkt_start_server(const char *url, hkt_stream_fn *handler, void *arg,
                                       const struct hkt_server_opts *opts,
                                       struct hkt_server **server);

/* What: the address of its i-th socket: the port, when 0 was asked for.
 * Returns: 0; -ENOENT: no such socket; -ESHUTDOWN: closed. Suspends: never.
 * asyncio: Server.sockets. */
HKT_API int hkt_server_addr(const struct hkt_server *server, size_t i, struct hkt_addr *addr);

/* What: the number of connections that are being served. Suspends: never. */
HKT_API size_t hkt_server_count(const struct hkt_server *server);

/* What: accepts no more connections; those that are there go on. The path of a unix socket is
 * removed, if it is still this socket. Again: nothing. Suspends: never. asyncio: Server.close(). */
HKT_API void hkt_server_close(struct hkt_server *server);

/* What: waits until it is closed and its last connection has ended. A connection may call it and is
 * not waited for.
 * Returns: 0; -ECANCELED; what accepting failed with, which closes it.
 * Suspends: unless that is so. asyncio: Server.wait_closed(). */
HKT_API hkt_async int hkt_server_wait_closed(struct hkt_server *server);

/* What: closes it, lets connections go on for grace_ns (negative: as long as they like), cancels
 * those that are left, and waits for their end. A connection may call it and is not waited for.
 * Returns: how many were cancelled; -ECANCELED: the caller was, which ends the grace.
 * Suspends: if there are connections. */
HKT_API hkt_async int hkt_server_shutdown(struct hkt_server *server, int64_t grace_ns);

/* What: ends it, closing it first; connections that are left are cancelled. NULL is fine.
 * Suspends: never. */
HKT_API void hkt_server_free(struct hkt_server *server);

/* What: a whole server: starts it, and serves until cancelled (as hkt_run() is by SIGINT and
 * SIGTERM); then shuts it down. opts may be NULL.
 * Returns: -ECANCELED; as hkt_start_server(), reported. Suspends: always, once it has started.
 * asyncio: Server.serve_forever(). */
HKT_API hkt_async int hkt_serve(const char *url, hkt_stream_fn *handler, void *arg,
                                const struct hkt_server_opts *opts);

/* A whole program: int main(void) { return hkt_run(HKT_SERVER("tcp://127.0.0.1:7000", serve)); }
 * ends with 0 when it was stopped by a signal, and otherwise says what went wrong. */
#define HKT_SERVER(url_, handler_)                                                                 \
    hkt_service_run, &(struct hkt_service)                                                         \
    {                                                                                              \
        (url_), (handler_), NULL, NULL                                                             \
    }

struct hkt_service {
    const char *url;
    hkt_stream_fn *handler;
    void *arg;
    const struct hkt_server_opts *opts;
};

/* What: hkt_serve() as a task, for hkt_run(). service: a struct hkt_service.
 * Returns: 0 when it was cancelled; as hkt_serve(). Suspends: always, once it has started. */
HKT_API hkt_async int hkt_service_run(void *service);

HKT_END_DECLS

/* Private: public only because the functions that use it are written on public headers. */

/* Where tasks wait for something to change, to look again. Zeroed is ready for use. */
struct hkt__watchers {
    struct hkt__watcher *first;
};

HKT_MUST_CHECK int hkt__watchers_wait(struct hkt__watchers *w);
void hkt__watchers_wake(struct hkt__watchers *w);

/* Private: whether there is input that nobody took, of which it may take some. */
bool hkt__stream_unread(struct hkt_stream *s);

#endif
