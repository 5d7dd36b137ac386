/* SPDX-License-Identifier: MIT
 *
 * Streams whose bytes pass through something on their way: here each is turned over, after both
 * sides have said a word.
 */
#include "net/streams.h"

enum { WORD = 3, BULK = 1 << 20 };

struct turner {
    struct hkt_transport base;
    struct hkt_buf out;
    int to_come; /* of the word */
    int fails;   /* that the start does */
    bool said;
    int *freed;
};

static struct turner *turner_of(struct hkt_transport *base)
{
    return (struct turner *)(void *)base;
}

static void turn(char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (char)~data[i];
}

static int add(struct turner *t, const void *data, size_t size)
{
    int rc = hkt_buf_add(&t->out, data, size);

    if (rc == 0)
        turn(t->out.data + t->out.end - size, size);
    t->base.unsent = hkt_buf_len(&t->out);
    return rc;
}

static int start(struct hkt_transport *base)
{
    struct turner *t = turner_of(base);
    char word[WORD];

    if (!t->said) {
        t->said = true;
        HKT_TRY(add(t, "hey", WORD));
    }
    if (t->fails)
        return t->fails;
    while (t->to_come > 0) {
        ssize_t n = hkt_try_read(base->fd, word, (size_t)t->to_come);
        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        t->to_come -= (int)n;
    }
    return 0;
}

static ssize_t read_some(struct hkt_transport *base, void *buf, size_t size)
{
    ssize_t n = hkt_try_read(base->fd, buf, size);

    if (n > 0)
        turn(buf, (size_t)n);
    return n;
}

static int send_out(struct turner *t)
{
    while (hkt_buf_len(&t->out) > 0) {
        const struct iovec iov = {t->out.data + t->out.start, hkt_buf_len(&t->out)};
        ssize_t n = hkt_try_writev(t->base.fd, &iov, 1);
        if (n < 0)
            return (int)n;
        hkt_buf_consume(&t->out, (size_t)n);
        t->base.unsent = hkt_buf_len(&t->out);
    }
    hkt_buf_release(&t->out);
    return 0;
}

static ssize_t write_some(struct hkt_transport *base, const struct iovec *iov, int n)
{
    struct turner *t = turner_of(base);
    ssize_t done = 0;
    int rc = send_out(t);

    if (rc < 0)
        return rc;
    for (int i = 0; i < n && done < 10000; i++) {
        size_t size = iov[i].iov_len < 10000 ? iov[i].iov_len : 10000;
        HKT_TRY(add(t, iov[i].iov_base, size));
        done += (ssize_t)size;
        if (size < iov[i].iov_len)
            break;
    }
    rc = send_out(t);
    return rc < 0 && rc != -EAGAIN ? rc : done;
}

static void end(struct hkt_transport *base)
{
    cr_assert_eq(base->unsent, 0);
    cr_assert_eq(shutdown(base->fd, SHUT_WR), 0);
}

static void free_turner(struct hkt_transport *base)
{
    struct turner *t = turner_of(base);

    ++*t->freed;
    hkt_buf_release(&t->out);
    hkt_dealloc(t);
}

static const struct hkt_transport_ops ops = {start, read_some, write_some, end, free_turner};
static int freed;

static struct hkt_transport *new_turner(int fails)
{
    struct turner *t = hkt_alloc(sizeof *t);

    cr_assert(t);
    *t = (struct turner){.base.ops = &ops, .to_come = WORD, .fails = fails, .freed = &freed};
    return &t->base;
}

static int start_turning(void *s)
{
    return hkt_stream_start(s, new_turner(0));
}

static void turning_pair(struct hkt_stream *s[2])
{
    stream_pair(s, NULL);
    freed = 0;
    struct hkt_task *t = hkt_spawn(start_turning, s[1]);
    cr_assert_eq(start_turning(s[0]), 0);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert(hkt_stream_transport(s[0]));
}

static int turns(void *arg)
{
    struct hkt_stream *s[2];
    char buf[16];

    (void)arg;
    turning_pair(s);
    send_text(s[0], "question\n");
    cr_assert_eq(hkt_stream_readline(s[1], buf, sizeof buf), 9);
    cr_assert_str_eq(buf, "question\n");
    cr_assert_eq(hkt_stream_write(s[1], "answer", 6), 0);
    cr_assert_eq(hkt_stream_close(s[1]), 0);
    cr_assert_eq(hkt_stream_readexactly(s[0], buf, sizeof buf), 6);
    cr_assert_eq(hkt_stream_read(s[0], buf, 1), 0);
    cr_assert_eq(start_turning(s[0]), -EBUSY, "it has one");
    cr_assert_eq(freed, 1, "that was not taken");
    free_pair(s);
    cr_assert_eq(freed, 3);
    return 0;
}

Test(transport, is_passed_through)
{
    on_each_backend(turns, NULL);
}

static int write_bulk(void *s)
{
    char *data = malloc(BULK);

    for (size_t i = 0; i < BULK; i++)
        data[i] = (char)(i * 7 + i / 251);
    int rc = hkt_stream_write(s, data, BULK);
    free(data);
    return rc < 0 ? rc : hkt_stream_write_eof(s);
}

static int read_bulk(void *s)
{
    char *buf = malloc(5000);
    size_t at = 0;
    ssize_t n;

    while ((n = hkt_stream_read(s, buf, 5000)) > 0) {
        for (ssize_t i = 0; i < n; i++, at++)
            cr_assert_eq(buf[i], (char)(at * 7 + at / 251));
    }
    free(buf);
    cr_assert_eq(at, BULK);
    return (int)n;
}

static int bulk(void *arg)
{
    struct hkt_stream *s[2];
    struct hkt_task *t[4];

    (void)arg;
    turning_pair(s);
    for (int i = 0; i < 2; i++) {
        t[i] = hkt_spawn(write_bulk, s[i]);
        t[2 + i] = hkt_spawn(read_bulk, s[i]);
    }
    for (int i = 0; i < 4; i++)
        cr_assert_eq(hkt_join(t[i]), 0, "%d", i);
    free_pair(s);
    return 0;
}

Test(transport, large_transfers_both_ways_at_once)
{
    on_each_backend(bulk, NULL);
}

static int after_clear_text(void *arg)
{
    struct hkt_stream *s[2];
    char buf[16];

    (void)arg;
    stream_pair(s, NULL);
    cr_assert_eq(hkt_stream_write(s[0], "clear\n", 6), 0);
    struct hkt_task *t = hkt_spawn(start_turning, s[0]);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 6), 6, "what was written goes out as it was");
    cr_assert_eq(memcmp(buf, "clear\n", 6), 0);
    cr_assert_eq(hkt_stream_buffered(s[1]) % WORD, 0);
    hkt_stream_consume(s[1], hkt_stream_buffered(s[1]));
    hkt_task_cancel(t);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(hkt_stream_write(s[0], "x", 1), -EPIPE, "it can only be closed");
    cr_assert_lt(hkt_stream_close(s[0]), 0);
    free_pair(s);
    return 0;
}

Test(transport, a_start_that_is_cancelled)
{
    on_each_backend(after_clear_text, NULL);
}

static int failing(void *arg)
{
    struct hkt_stream *s[2];
    char buf[16];

    (void)arg;
    freed = 0;
    stream_pair(s, NULL);
    cr_assert_eq(hkt_stream_start(s[0], new_turner(-EPROTO)), -EPROTO);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, WORD), WORD, "its last word");
    cr_assert_eq(hkt_stream_write(s[0], "x", 1), -EPROTO);
    hkt_stream_abort(s[1]);
    cr_assert_eq(start_turning(s[1]), -ECONNRESET);
    cr_assert_eq(start_turning(NULL), -ENOMEM);
    cr_assert_eq(hkt_stream_start(s[0], NULL), -ENOMEM);
    cr_assert_null(hkt_stream_transport(NULL));
    free_pair(s);
    cr_assert_eq(freed, 3);
    return 0;
}

Test(transport, a_start_that_fails)
{
    on_each_backend(failing, NULL);
}
