/* SPDX-License-Identifier: MIT
 *
 * Streams: what makes and ends one, and the ways in and out of its two buffers. The forms of
 * reading that look into what has come are in read.c.
 *
 * Sending has one funnel, flush(), which never waits. It is called by whoever wants something sent,
 * before the loop polls, when the first gathered byte asked for that and nobody did it since, and,
 * while the system takes no more, when the descriptor becomes writable again. Who has to wait for
 * it waits for the stream to change.
 */
#include <hocket/net.h>
#include <hocket/task.h>

#include "piece.h"

#include <string.h>

enum {
    LIMIT = 65536,
    HIGH = 65536,
    DIRECT = 2048,    /* a read of so much goes straight into the caller's memory */
    OPS_A_TURN = 128, /* calls that did not wait, before one gives others their turn */
};

/* What the system is sending: it must not move. */
struct away {
    struct hkt_stream *stream;
    struct hkt_buf buf;
    struct hkt_sending sending;
};

/* What each call looks at comes first. */
struct hkt_stream {
    int fd;
    int error; /* that sending failed with */
    uint32_t limit, high, low;
    uint16_t users; /* calls in progress, and the flush: while there are any the memory stays */
    uint8_t ops;
    bool reading; /* a task is in a read */
    bool writing; /* a task is in the middle of its data */
    bool queued;  /* the flush is */
    bool armed;   /* sending goes on when the descriptor is writable */
    bool at_end;  /* of the input */
    bool drained; /* the input, as far as the last read can tell: wait before the next */
    bool written; /* what is gathered: the system does not take it as a whole */
    bool closed;
    bool freed : 1;
    bool closing : 1;
    bool ended : 1;                  /* the output, by write_eof */
    bool told : 1;                   /* the other side, of that */
    struct hkt_transport *transport; /* mostly none */
    struct hkt_buf in, out;
    struct away *away; /* NULL before the first */
    struct hkt__watchers watchers;
    struct hkt_prepare flush; /* before the loop polls */
};

static uint32_t or_default(uint32_t given, uint32_t otherwise)
{
    return given ? given : otherwise;
}

struct hkt_stream *hkt_stream_of(int fd, const struct hkt_stream_opts *opts)
{
    static const struct hkt_stream_opts none;
    struct hkt_stream *s = hkt__piece_take(&hkt__shelves.streams, sizeof *s);

    if (!s)
        return NULL;
    if (!opts)
        opts = &none;
    *s = (struct hkt_stream){
        .fd = fd, .limit = or_default(opts->limit, LIMIT), .high = or_default(opts->high, HIGH)};
    s->low = or_default(opts->low, s->high / 4);
    return s;
}

HKT__APART static void destroy(struct hkt_stream *s)
{
    hkt_buf_release(&s->in);
    hkt_buf_release(&s->out);
    if (s->transport)
        s->transport->ops->free(s->transport);
    hkt_dealloc(s->away);
    hkt__piece_give(&hkt__shelves.streams, s);
}

static inline void leave(struct hkt_stream *s)
{
    if (HKT_UNLIKELY(--s->users == 0 && s->freed))
        destroy(s);
}

/* What a transport holds, unless it is in vain. */
static inline size_t held(const struct hkt_stream *s)
{
    return HKT_LIKELY(!s->transport) || s->error || s->closed ? 0 : s->transport->unsent;
}

static size_t going(const struct hkt_stream *s)
{
    return s->away ? hkt_buf_len(&s->away->buf) : 0;
}

static size_t unsent(const struct hkt_stream *s)
{
    return going(s) + hkt_buf_len(&s->out) + held(s);
}

static char *front(const struct hkt_buf *b)
{
    return b->data ? b->data + b->start : NULL;
}

static int wait_change(struct hkt_stream *s)
{
    return hkt__watchers_wait(&s->watchers);
}

HKT__APART static int give_turn(struct hkt_stream *s)
{
    s->ops = 0;
    return hkt_task_current() ? hkt__turn_polled() : 0;
}

/* A call that need not wait gives others their turn now and then, or a fast peer starves them. */
static inline int be_fair(struct hkt_stream *s)
{
    return HKT_LIKELY(++s->ops < OPS_A_TURN) ? 0 : give_turn(s);
}

/* Sending */

static inline void disarm(struct hkt_stream *s)
{
    if (HKT_LIKELY(!s->armed))
        return;
    (void)hkt_remove_writer(hkt_loop_current(), s->fd);
    s->armed = false;
}

/* Nothing more can be sent. */
HKT__APART static void fail(struct hkt_stream *s, int error)
{
    s->error = error;
    hkt_buf_release(&s->out);
    disarm(s);
    hkt__watchers_wake(&s->watchers);
}

/* Hands the gathered bytes, and then data, to the system. How much of data it took, or why not. */
static ssize_t push(struct hkt_stream *s, const void *data, size_t size)
{
    size_t gathered = hkt_buf_len(&s->out);
    const struct iovec iov[2] = {{front(&s->out), gathered}, {(void *)(uintptr_t)data, size}};
    int first = gathered == 0, count = 1 + (gathered > 0 && size > 0);

    if (going(s) > 0)
        return -EAGAIN;
    ssize_t n = HKT_LIKELY(!s->transport)
                    ? hkt_try_writev(s->fd, iov + first, count)
                    : s->transport->ops->writev(s->transport, iov + first, count);

    if (n < 0)
        return n;
    hkt_buf_consume(&s->out, (size_t)n);
    return (size_t)n > gathered ? n - (ssize_t)gathered : 0;
}

static void flush(struct hkt_stream *s);
static void on_writable(void *arg);
static void on_sent(void *arg, ssize_t result);

static void arm(struct hkt_stream *s)
{
    if (s->armed)
        return;
    int rc = hkt_add_writer(hkt_loop_current(), s->fd, on_writable, s);
    if (rc < 0)
        fail(s, rc);
    else
        s->armed = true;
}

/* The flush that was asked for has nothing to do any more. */
static void unqueue(struct hkt_stream *s)
{
    if (s->queued && hkt_prepare_cancel(&s->flush)) {
        s->queued = false;
        s->users--; /* and it is not freed, or nobody would flush it */
    }
}

/* Tells the other side that no more comes. */
HKT__APART static void tell_end(struct hkt_stream *s)
{
    s->told = true;
    if (!s->transport) {
        (void)shutdown(s->fd, SHUT_WR); /* of a connection that is gone: reads will tell */
        return;
    }
    s->transport->ops->end(s->transport);
    if (held(s) > 0)
        flush(s);
}

static void all_sent(struct hkt_stream *s)
{
    hkt_buf_release(&s->out);
    disarm(s);
    unqueue(s);
    if (s->ended && !s->told)
        tell_end(s);
}

/* Something was sent: whoever waits for that may go on. */
static void sent(struct hkt_stream *s)
{
    size_t left = unsent(s);

    if (left == 0)
        all_sent(s);
    if (left <= s->low && s->watchers.first)
        hkt__watchers_wake(&s->watchers);
}

/* Leaves what was gathered to the system, where that takes it whole. */
HKT__APART static bool send_away(struct hkt_stream *s)
{
    struct away *a = s->away;

    s->written = !hkt_send_possible(s->fd);
    if (s->written || (!a && !(a = hkt_alloc(sizeof *a))))
        return false;
    a->stream = s;
    int rc = hkt_send_begin(&a->sending, s->fd, front(&s->out), hkt_buf_len(&s->out), on_sent, a);
    s->away = a;
    if (rc < 0)
        return false;
    a->buf = s->out;
    s->out = (struct hkt_buf){0};
    s->users++;
    return true;
}

static ssize_t write_out(struct hkt_stream *s)
{
    const struct iovec iov = {front(&s->out), hkt_buf_len(&s->out)};

    return HKT_LIKELY(!s->transport)
               ? hkt_try_write(s->fd, iov.iov_base, iov.iov_len)
               : s->transport->ops->writev(s->transport, &iov, iov.iov_len > 0);
}

static void flush(struct hkt_stream *s)
{
    if (going(s) > 0)
        return;
    if (HKT_UNLIKELY(!s->written) && hkt_buf_len(&s->out) > 0 && send_away(s))
        return;
    while (hkt_buf_len(&s->out) > 0 || held(s) > 0) {
        ssize_t n = write_out(s);
        if (n == -EAGAIN) {
            arm(s);
            break;
        }
        if (n < 0) {
            fail(s, (int)n);
            return;
        }
        hkt_buf_consume(&s->out, (size_t)n);
    }
    sent(s);
}

static void on_writable(void *arg)
{
    flush(arg);
}

static void on_sent(void *arg, ssize_t result)
{
    struct away *a = arg;
    struct hkt_stream *s = a->stream;
    size_t size = hkt_buf_len(&a->buf);

    hkt_buf_release(&a->buf);
    if (s->closed)
        hkt__watchers_wake(&s->watchers);
    else if (result < 0 || (size_t)result < size)
        fail(s, result < 0 ? (int)result : -EPIPE);
    else if (hkt_buf_len(&s->out) > 0)
        flush(s);
    else
        sent(s);
    leave(s);
}

static void before_poll(void *arg)
{
    struct hkt_stream *s = arg;

    s->queued = false;
    if (!s->closed && !s->armed)
        flush(s);
    leave(s);
}

static int may_write(const struct hkt_stream *s)
{
    if (s->closing || s->closed)
        return -ECONNRESET;
    return s->ended ? -EPIPE : s->error;
}

static int gather(struct hkt_stream *s, const void *data, size_t size)
{
    int rc = hkt_buf_add(&s->out, data, size);

    if (rc == 0 && !s->queued && !s->armed && size > 0 &&
        hkt_call_before_poll(hkt_loop_current(), &s->flush, before_poll, s) == 0) {
        s->queued = true;
        s->users++;
    }
    return rc;
}

static bool fits(const struct hkt_stream *s, size_t size)
{
    return size <= s->high && unsent(s) <= s->high - size;
}

/* Waits until the system may take more. */
static int wait_room(struct hkt_stream *s)
{
    int rc;

    if (unsent(s) > 0) {
        if (going(s) == 0)
            arm(s);
        rc = s->error ? s->error : wait_change(s);
    } else {
        rc = hkt_wait_writable(s->fd);
    }
    int now = may_write(s);
    return now < 0 ? now : rc;
}

/* From where it lies, until the rest fits into the buffer. */
static int write_in_place(struct hkt_stream *s, const char **at, size_t *left)
{
    int rc = 0;

    while (rc == 0 && !fits(s, *left)) {
        ssize_t n = push(s, *at, *left);
        if (n == -EAGAIN) {
            rc = wait_room(s);
        } else if (n < 0) {
            fail(s, (int)n);
            rc = (int)n;
        } else {
            *at += n;
            *left -= (size_t)n;
        }
    }
    return rc < 0 ? rc : gather(s, *at, *left);
}

HKT__APART static int write_large(struct hkt_stream *s, const char *data, size_t size)
{
    size_t left = size;
    int rc = 0;

    while (s->writing && rc == 0) {
        rc = wait_change(s);
        if (rc == 0)
            rc = may_write(s);
    }
    if (rc < 0)
        return rc;
    s->writing = true;
    rc = write_in_place(s, &data, &left);
    s->writing = false;
    if (rc < 0 && left < size && !s->error)
        fail(s, -EPIPE); /* what follows a piece of it would be misunderstood */
    hkt__watchers_wake(&s->watchers);
    return rc;
}

int hkt_stream_write(struct hkt_stream *s, const void *data, size_t size)
{
    int rc = s ? may_write(s) : -ENOMEM;

    if (rc < 0 || size == 0)
        return rc;
    s->users++;
    rc = be_fair(s);
    if (rc == 0)
        rc = may_write(s);
    if (rc == 0)
        rc = HKT_LIKELY(fits(s, size) && !s->writing) ? gather(s, data, size)
                                                      : write_large(s, data, size);
    leave(s);
    return rc;
}

int hkt_stream_try_write(struct hkt_stream *s, const void *data, size_t size)
{
    int rc = s ? may_write(s) : -ENOMEM;

    if (rc < 0 || size == 0)
        return rc;
    if (s->writing)
        return -EAGAIN;
    if (!fits(s, size))
        flush(s);
    rc = may_write(s);
    if (rc < 0)
        return rc;
    return fits(s, size) ? gather(s, data, size) : -EAGAIN;
}

int hkt_stream_drain(struct hkt_stream *s)
{
    int rc = s ? may_write(s) : -ENOMEM;

    if (rc < 0)
        return rc;
    s->users++;
    rc = be_fair(s);
    if (rc == 0 && !s->closed)
        flush(s);
    while (rc == 0 && unsent(s) > s->low)
        rc = wait_change(s);
    if (rc == 0)
        rc = may_write(s);
    leave(s);
    return rc;
}

void hkt_stream_flush(struct hkt_stream *s)
{
    if (s && !s->closed)
        flush(s);
}

size_t hkt_stream_pending(const struct hkt_stream *s)
{
    return s ? unsent(s) : 0;
}

int hkt_stream_write_eof(struct hkt_stream *s)
{
    if (!s)
        return -ENOMEM;
    if (s->closing || s->closed)
        return -ECONNRESET;
    s->ended = true;
    flush(s);
    return s->error;
}

/* Receiving */

/* Into `to`, or, when that is NULL, behind what is in the buffer. */
static ssize_t read_now(struct hkt_stream *s, void *to, size_t size)
{
    if (s->at_end || s->closed)
        return 0;
    ssize_t n = to ? 0 : hkt_buf_reserve(&s->in, 1);
    if (n < 0)
        return n;
    if (!to)
        size = s->in.size - s->in.end;
    char *at = to ? to : s->in.data + s->in.end;
    n = HKT_LIKELY(!s->transport) ? hkt_try_read(s->fd, at, size)
                                  : s->transport->ops->read(s->transport, at, size);
    if (n > 0 && !to)
        s->in.end += (uint32_t)n;
    s->at_end = n == 0;
    s->drained = n > 0 && (size_t)n < size && !s->transport;
    return n;
}

static int await_input(struct hkt_stream *s)
{
    int rc = hkt_wait_input(s->fd);

    if (rc == -ECANCELED && s->closed && hkt_task_cancelling(hkt_task_current()) == 0)
        return 0; /* the end, and not the task's */
    return rc;
}

/* Waits for input, holding no memory for it. */
static int wait_input(struct hkt_stream *s)
{
    if (hkt_buf_len(&s->in) == 0)
        hkt_buf_release(&s->in);
    if (hkt_buf_len(&s->out) > 0 || held(s) > 0)
        flush(s);
    if (s->error)
        return s->error;
    return await_input(s);
}

/* That sending has failed is no reason not to read what the other side said before it went. It has
 * come already, but the loop may have to look for it. */
HKT__APART static ssize_t read_rest(struct hkt_stream *s, void *to, size_t size)
{
    struct hkt_timeout limit = {0};
    ssize_t n = read_now(s, to, size);

    if (n == -EAGAIN && hkt_timeout_enter(&limit, HKT_MS(1)) == 0) {
        n = (ssize_t)hkt_timeout_exit(&limit, await_input(s));
        if (n == 0)
            n = read_now(s, to, size);
    }
    return n > 0 || n == -ECANCELED ? n : s->error;
}

static ssize_t receive(struct hkt_stream *s, void *to, size_t size)
{
    for (;;) {
        ssize_t n = s->drained ? -EAGAIN : read_now(s, to, size);
        if (n != -EAGAIN)
            return n;
        s->drained = false;
        int rc = wait_input(s);
        if (HKT_UNLIKELY(rc < 0))
            return rc == s->error ? read_rest(s, to, size) : rc;
    }
}

static int begin_read(struct hkt_stream *s)
{
    if (!s)
        return -ENOMEM;
    if (s->reading)
        return -EBUSY;
    s->reading = true;
    s->users++;
    return 0;
}

static ssize_t end_read(struct hkt_stream *s, ssize_t n)
{
    s->reading = false;
    if (s->freed)
        n = -ECONNRESET; /* the caller must not look at it again */
    leave(s);
    return n;
}

ssize_t hkt_stream_read(struct hkt_stream *s, void *buf, size_t size)
{
    ssize_t n = begin_read(s);

    if (n < 0)
        return n;
    n = be_fair(s);
    bool direct = size >= DIRECT && hkt_buf_len(&s->in) == 0;
    if (n == 0 && direct)
        n = receive(s, buf, size);
    else if (n == 0 && size > 0 && hkt_buf_len(&s->in) == 0)
        n = receive(s, NULL, 0);
    if (n >= 0 && !direct && !s->closed && size > 0) {
        size_t len = hkt_buf_len(&s->in);
        n = (ssize_t)(size < len ? size : len);
        if (n > 0)
            memcpy(buf, front(&s->in), (size_t)n);
        hkt_buf_consume(&s->in, (size_t)n);
    }
    return end_read(s, n);
}

ssize_t hkt_stream_peek(struct hkt_stream *s, size_t size, const char **data)
{
    ssize_t n = begin_read(s);

    *data = NULL;
    if (n < 0)
        return n;
    n = be_fair(s);
    bool more = n == 0;
    while (more && hkt_buf_len(&s->in) < size) {
        n = receive(s, NULL, 0);
        more = n > 0;
    }
    if (n >= 0 && !s->closed) {
        *data = front(&s->in);
        n = (ssize_t)hkt_buf_len(&s->in);
    }
    return end_read(s, n);
}

void hkt_stream_consume(struct hkt_stream *s, size_t size)
{
    if (s)
        hkt_buf_consume(&s->in, size);
}

size_t hkt_stream_buffered(const struct hkt_stream *s)
{
    return s ? hkt_buf_len(&s->in) : 0;
}

/* Transports */

static int start_steps(struct hkt_stream *s)
{
    for (;;) {
        int rc = s->transport->ops->start(s->transport);
        if (held(s) > 0)
            flush(s);
        if (rc != -EAGAIN)
            return rc < 0 ? rc : s->error;
        rc = wait_input(s);
        if (s->closed)
            return -ECONNRESET;
        if (rc < 0)
            return rc;
    }
}

static int start(struct hkt_stream *s, struct hkt_transport *t)
{
    int rc = may_write(s);

    if (rc == 0)
        flush(s);
    while (rc == 0 && unsent(s) > 0) {
        rc = wait_change(s);
        if (rc == 0)
            rc = may_write(s);
    }
    if (rc < 0)
        return rc;
    t->fd = s->fd;
    s->transport = t;
    s->written = true;  /* through it, and not left to the system */
    s->drained = false; /* it may hold what has come */
    rc = start_steps(s);
    if (rc < 0 && !s->closed)
        fail(s, rc == -ECANCELED ? -EPIPE : rc);
    return rc;
}

/* Whether it can be given one now. */
static int begin_start(struct hkt_stream *s, const struct hkt_transport *t)
{
    if (!s || !t)
        return -ENOMEM;
    if (!hkt_task_current())
        return -EPERM;
    return s->writing || s->transport ? -EBUSY : begin_read(s);
}

int hkt_stream_start(struct hkt_stream *s, struct hkt_transport *t)
{
    int rc = begin_start(s, t);

    if (rc < 0) {
        if (t)
            t->ops->free(t);
        return rc;
    }
    s->writing = true; /* others wait until it can be written to */
    rc = start(s, t);
    s->writing = false;
    hkt__watchers_wake(&s->watchers);
    if (s->transport != t)
        t->ops->free(t);
    return (int)end_read(s, rc);
}

struct hkt_transport *hkt_stream_transport(const struct hkt_stream *s)
{
    return s ? s->transport : NULL;
}

/* Ending */

void hkt_stream_abort(struct hkt_stream *s)
{
    if (!s || s->closed)
        return;
    s->closing = s->closed = true;
    s->drained = false;
    hkt_buf_release(&s->out);
    if (s->away)
        hkt_send_cancel(&s->away->sending);
    disarm(s);
    (void)hkt_close(s->fd);
    s->fd = -EBADF;
    hkt__watchers_wake(&s->watchers);
}

/* A transport's other side may have sent what nobody asked for, and the system resets a connection
 * that is closed before all was read: what was sent last might be lost. */
static void drop_input(struct hkt_stream *s)
{
    enum { MOST = 64 };
    char buf[1024];

    for (int i = 0; i < MOST && s->transport->ops->read(s->transport, buf, sizeof buf) > 0; i++)
        ;
}

int hkt_stream_close(struct hkt_stream *s)
{
    int rc = 0;

    if (!s)
        return -ENOMEM;
    s->users++;
    s->closing = true;
    s->ended |= s->transport != NULL; /* an end that is not told would be mistaken for a cut */
    if (!s->closed)
        flush(s);
    while (rc == 0 && unsent(s) > 0)
        rc = wait_change(s);
    if (s->transport && rc == 0 && !s->closed && !s->reading)
        drop_input(s);
    hkt_stream_abort(s);
    rc = rc < 0 ? rc : s->error;
    leave(s);
    return rc;
}

int hkt_stream_wait_closed(struct hkt_stream *s)
{
    int rc = 0;

    if (!s)
        return -ENOMEM;
    s->users++;
    while (rc == 0 && !s->closed)
        rc = wait_change(s);
    leave(s);
    return rc;
}

void hkt_stream_free(struct hkt_stream *s)
{
    if (!s)
        return;
    hkt_stream_abort(s);
    s->freed = true;
    s->users++;
    leave(s);
}

bool hkt__stream_unread(struct hkt_stream *s)
{
    char c;

    if (s->at_end || s->closed || s->reading || s->transport)
        return false;
    return s->drained ? recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0
                      : hkt_try_read(s->fd, &c, 1) > 0;
}

/* Asking */

int hkt_stream_fd(const struct hkt_stream *s)
{
    return s ? s->fd : -ENOMEM;
}

size_t hkt_stream_limit(const struct hkt_stream *s)
{
    return s ? s->limit : 0;
}

int hkt_stream_peer(const struct hkt_stream *s, struct hkt_addr *addr)
{
    if (!s)
        return -ENOMEM;
    *addr = (struct hkt_addr){.size = sizeof addr->sockaddr, .type = SOCK_STREAM};
    return getpeername(s->fd, (struct sockaddr *)&addr->sockaddr, &addr->size) == 0 ? 0 : -errno;
}

int hkt_stream_local(const struct hkt_stream *s, struct hkt_addr *addr)
{
    if (!s)
        return -ENOMEM;
    *addr = (struct hkt_addr){.size = sizeof addr->sockaddr, .type = SOCK_STREAM};
    return getsockname(s->fd, (struct sockaddr *)&addr->sockaddr, &addr->size) == 0 ? 0 : -errno;
}
