/* SPDX-License-Identifier: MIT
 *
 * Writing to streams, and ending them.
 */
#include "net/streams.h"

enum { BULK = 4 << 20 };

/* Also where the system sends by itself, and says later how much it took. */
static void flush_now(struct hkt_stream *s)
{
    hkt_stream_flush(s);
    if (hkt_stream_pending(s) > 0)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
}

static int gathers(void *arg)
{
    struct hkt_stream *s[2];
    char buf[64];

    (void)arg;
    stream_pair(s, NULL);
    cr_assert_eq(hkt_stream_write(s[0], "", 0), 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(hkt_stream_write(s[0], "piece", 5), 0);
    cr_assert_eq(hkt_stream_pending(s[0]), 25);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert_eq(hkt_stream_pending(s[0]), 0, "it goes out by itself");
    cr_assert_eq(hkt_stream_read(s[1], buf, sizeof buf), 25, "in one");
    cr_assert_eq(hkt_stream_write(s[0], "x", 1), 0);
    flush_now(s[0]);
    cr_assert_eq(hkt_stream_pending(s[0]), 0);
    cr_assert_eq(hkt_stream_write(s[0], "y", 1), 0);
    cr_assert_eq(hkt_stream_drain(s[0]), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert_eq(hkt_stream_pending(s[0]), 0);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 2), 2);
    free_pair(s);
    return 0;
}

Test(write, is_gathered_and_goes_out_by_itself)
{
    on_each_backend(gathers, NULL);
}

static int ask(void *s)
{
    char answer[8];

    HKT_TRY(hkt_stream_write(s, "question", 8));
    return (int)hkt_stream_readexactly(s, answer, 6);
}

static int flushed_by_read(void *arg)
{
    struct hkt_stream *s[2];
    char buf[8];

    (void)arg;
    stream_pair(s, NULL);
    struct hkt_task *client = hkt_spawn(ask, s[0]);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 8), 8);
    cr_assert_eq(hkt_stream_write(s[1], "answer", 6), 0);
    cr_assert_eq(hkt_join(client), 6);
    free_pair(s);
    return 0;
}

Test(write, goes_out_when_its_task_reads)
{
    on_each_backend(flushed_by_read, NULL);
}

static char byte_at(size_t i)
{
    return (char)(i ^ i >> 8 ^ i >> 16);
}

static int write_bulk(void *s)
{
    char *data = malloc(BULK);

    for (size_t i = 0; i < BULK; i++)
        data[i] = byte_at(i);
    int rc = hkt_stream_write(s, data, BULK);
    free(data);
    return rc < 0 ? rc : hkt_stream_close(s);
}

static int large(void *arg)
{
    struct hkt_stream *s[2];
    static char buf[10000];
    size_t at = 0;
    ssize_t n;

    (void)arg;
    stream_pair(s, NULL);
    struct hkt_task *writer = hkt_spawn(write_bulk, s[0]);
    while ((n = hkt_stream_read(s[1], buf, sizeof buf)) > 0) {
        cr_assert(hkt_stream_pending(s[0]) <= 65536, "never more than the high mark");
        for (ssize_t i = 0; i < n; i++)
            cr_assert_eq(buf[i], byte_at(at + (size_t)i));
        at += (size_t)n;
    }
    cr_assert_eq(n, 0);
    cr_assert_eq(at, BULK);
    cr_assert_eq(hkt_join(writer), 0);
    free_pair(s);
    return 0;
}

Test(write, large_ones_arrive_whole)
{
    on_each_backend(large, NULL);
}

/* So that the system takes little at a time. The receiver keeps its own: with a window below a
 * segment TCP sends by timer, a few hundred milliseconds apart. */
static void small_send_buffer(struct hkt_stream *s)
{
    const int size = 4096;

    cr_assert_eq(setsockopt(hkt_stream_fd(s), SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

struct writer {
    struct hkt_stream *s;
    char letter;
    size_t size;
};

enum { LETTERS = 300000 };

static int write_letters(void *arg)
{
    const struct writer *w = arg;
    char *data = malloc(w->size);

    memset(data, w->letter, w->size);
    int rc = hkt_stream_write(w->s, data, w->size);
    free(data);
    return rc;
}

static int several_writers(void *arg)
{
    struct hkt_stream *s[2];
    static char buf[2 * LETTERS + 10];
    struct hkt_task *t[3];

    (void)arg;
    stream_pair(s, NULL);
    small_send_buffer(s[0]);
    struct writer w[3] = {{s[0], 'a', LETTERS}, {s[0], 'b', 10}, {s[0], 'c', LETTERS}};
    for (int i = 0; i < 3; i++)
        t[i] = hkt_spawn(write_letters, &w[i]);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, sizeof buf), sizeof buf);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    int changes = 0;
    for (size_t i = 1; i < sizeof buf; i++)
        changes += buf[i] != buf[i - 1];
    cr_assert_eq(changes, 2, "each in one piece");
    free_pair(s);
    return 0;
}

Test(write, several_tasks_do_not_mix)
{
    on_each_backend(several_writers, NULL);
}

/* Fills the socket until the system takes no more and `left` bytes are unsent. */
static void fill(struct hkt_stream *s, size_t left)
{
    static char data[32768];

    while (hkt_stream_pending(s) == 0) {
        cr_assert_eq(hkt_stream_write(s, data, sizeof data), 0);
        flush_now(s);
    }
    while (hkt_stream_pending(s) < left)
        cr_assert_eq(hkt_stream_write(s, data,
                                      left - hkt_stream_pending(s) < sizeof data
                                          ? left - hkt_stream_pending(s)
                                          : sizeof data),
                     0);
}

static int drain(void *s)
{
    return hkt_stream_drain(s);
}

static int write_more(void *s)
{
    static char data[10000];

    return hkt_stream_write(s, data, sizeof data);
}

static int read_all(void *s)
{
    static char buf[65536];
    ssize_t n;

    while ((n = hkt_stream_read(s, buf, sizeof buf)) > 0)
        ;
    return (int)n;
}

static int marks(void *arg)
{
    struct hkt_stream *s[2];
    struct hkt_task *waiting[3];

    (void)arg;
    stream_pair(s, NULL);
    fill(s[0], 65536);
    cr_assert_eq(hkt_stream_pending(s[0]), 65536);
    waiting[0] = hkt_spawn(drain, s[0]);
    waiting[1] = hkt_spawn(drain, s[0]);
    waiting[2] = hkt_spawn(write_more, s[0]);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_not(hkt_task_done(waiting[i]));
    struct hkt_task *reader = hkt_spawn(read_all, s[1]);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_join(waiting[i]), 0);
    cr_assert_eq(hkt_stream_close(s[0]), 0);
    cr_assert_eq(hkt_join(reader), 0);
    free_pair(s);
    return 0;
}

Test(write, waits_at_the_high_mark_and_drains_to_the_low_one)
{
    on_each_backend(marks, NULL);
}

/* Between sockets of one system, of which one that is full stays so until the other end is read:
 * TCP may find room later. */
static int low_mark(void *arg)
{
    const struct hkt_stream_opts opts = {.high = 1000, .low = 400};
    static char data[65536];
    struct hkt_stream *s[2];
    int fds[2];

    (void)arg;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_not_null(s[i] = hkt_stream_of(fds[i], &opts));
    while (send(fds[0], data, sizeof data, MSG_DONTWAIT) > 0)
        ;
    cr_assert_eq(hkt_stream_write(s[0], data, 300), 0);
    cr_assert_eq(hkt_stream_drain(s[0]), 0, "below the mark");
    cr_assert_eq(hkt_stream_pending(s[0]), 300);
    free_pair(s);
    return 0;
}

Test(write, a_drain_below_the_low_mark_does_not_wait)
{
    on_each_backend(low_mark, NULL);
}

static int cancelled_write(void *arg)
{
    struct hkt_stream *s[2];

    (void)arg;
    stream_pair(s, NULL);
    small_send_buffer(s[0]);
    fill(s[0], 65536);
    struct hkt_task *writer = hkt_spawn(write_more, s[0]);
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    hkt_task_cancel(writer);
    cr_assert_eq(hkt_join(writer), -ECANCELED);
    cr_assert_eq(hkt_stream_pending(s[0]), 65536, "nothing of it");
    struct hkt_task *reader = hkt_spawn(read_all, s[1]);
    cr_assert_eq(hkt_stream_write(s[0], "go on", 5), 0);
    while (hkt_stream_pending(s[0]) > 0)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    writer = hkt_spawn(write_bulk, s[0]);
    cr_assert_eq(hkt_sleep(0), 0);
    hkt_task_cancel(reader);
    hkt_detach(reader);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    hkt_task_cancel(writer);
    cr_assert_eq(hkt_join(writer), -ECANCELED);
    cr_assert_eq(hkt_stream_write(s[0], "x", 1), -EPIPE, "a part of it went");
    cr_assert_eq(hkt_stream_close(s[0]), -EPIPE);
    free_pair(s);
    return 0;
}

Test(write, cancelled)
{
    on_each_backend(cancelled_write, NULL);
}

static int half_close(void *arg)
{
    struct hkt_stream *s[2];
    char buf[16];

    (void)arg;
    stream_pair(s, NULL);
    cr_assert_eq(hkt_stream_write(s[0], "request", 7), 0);
    cr_assert_eq(hkt_stream_write_eof(s[0]), 0);
    cr_assert_eq(hkt_stream_write_eof(s[0]), 0, "again");
    cr_assert_eq(hkt_stream_write(s[0], "x", 1), -EPIPE);
    cr_assert_eq(hkt_stream_drain(s[0]), -EPIPE);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, sizeof buf), 7);
    send_text(s[1], "answer");
    cr_assert_eq(hkt_stream_readexactly(s[0], buf, 6), 6);
    cr_assert_eq(hkt_stream_close(s[1]), 0);
    cr_assert_eq(hkt_stream_read(s[0], buf, 1), 0);
    cr_assert_eq(hkt_stream_close(s[0]), 0);
    cr_assert_eq(hkt_stream_write_eof(s[0]), -ECONNRESET);
    free_pair(s);
    return 0;
}

Test(write, half_close)
{
    on_each_backend(half_close, NULL);
}

static int eof_after_backlog(void *arg)
{
    struct hkt_stream *s[2];

    (void)arg;
    stream_pair(s, NULL);
    fill(s[0], 65536);
    cr_assert_eq(hkt_stream_write_eof(s[0]), 0);
    cr_assert_eq(read_all(s[1]), 0, "the end comes behind what was gathered");
    cr_assert_eq(hkt_stream_pending(s[0]), 0);
    free_pair(s);
    return 0;
}

Test(write, the_end_follows_what_is_unsent)
{
    on_each_backend(eof_after_backlog, NULL);
}

static int wait_closed(void *s)
{
    return hkt_stream_wait_closed(s);
}

static int close_it(void *s)
{
    return hkt_stream_close(s);
}

static int read_one(void *s)
{
    char c;

    return (int)hkt_stream_read(s, &c, 1);
}

static int closes(void *arg)
{
    struct hkt_stream *s[2];
    struct hkt_task *t[4];
    char buf[8];
    const char *data;

    (void)arg;
    stream_pair(s, NULL);
    t[0] = hkt_spawn(wait_closed, s[0]);
    t[1] = hkt_spawn(wait_closed, s[0]);
    t[2] = hkt_spawn(read_one, s[0]);
    fill(s[0], 65536);
    t[3] = hkt_spawn(close_it, s[0]);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert_not(hkt_task_done(t[3]), "not everything was sent");
    cr_assert_eq(hkt_stream_write(s[0], "x", 1), -ECONNRESET);
    struct hkt_task *reader = hkt_spawn(read_all, s[1]);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(hkt_join(t[i]), 0, "%d; the reader sees the end", i);
    cr_assert_eq(hkt_join(reader), 0);
    cr_assert_eq(hkt_stream_close(s[0]), 0, "again");
    cr_assert_eq(hkt_stream_wait_closed(s[0]), 0);
    cr_assert_eq(hkt_stream_read(s[0], buf, 8), 0);
    cr_assert_eq(hkt_stream_readexactly(s[0], buf, 8), 0);
    cr_assert_eq(hkt_stream_readline(s[0], buf, 8), 0);
    cr_assert_eq(hkt_stream_peek(s[0], 1, &data), 0);
    cr_assert_eq(hkt_stream_drain(s[0]), -ECONNRESET);
    cr_assert_eq(hkt_stream_fd(s[0]), -EBADF);
    free_pair(s);
    return 0;
}

Test(write, close_flushes_and_tells_everybody)
{
    on_each_backend(closes, NULL);
}

static int cancelled_close(void *arg)
{
    struct hkt_stream *s[2];

    (void)arg;
    stream_pair(s, NULL);
    fill(s[0], 65536);
    struct hkt_task *closer = hkt_spawn(close_it, s[0]);
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    hkt_task_cancel(closer);
    cr_assert_eq(hkt_join(closer), -ECANCELED);
    cr_assert_eq(hkt_stream_fd(s[0]), -EBADF, "closed all the same");
    free_pair(s);
    return 0;
}

Test(write, a_cancelled_close_closes)
{
    on_each_backend(cancelled_close, NULL);
}

static int freed_in_use(void *arg)
{
    struct hkt_stream *s[2];
    struct hkt_task *t[4];

    (void)arg;
    stream_pair(s, NULL);
    fill(s[0], 65536);
    t[0] = hkt_spawn(read_one, s[0]);
    t[1] = hkt_spawn(drain, s[0]);
    t[2] = hkt_spawn(write_more, s[0]);
    t[3] = hkt_spawn(wait_closed, s[0]);
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    free_pair(s);
    cr_assert_eq(hkt_join(t[0]), -ECONNRESET);
    cr_assert_eq(hkt_join(t[1]), -ECONNRESET);
    cr_assert_eq(hkt_join(t[2]), -ECONNRESET);
    cr_assert_eq(hkt_join(t[3]), 0);
    return 0;
}

Test(write, freeing_a_stream_in_use)
{
    on_each_backend(freed_in_use, NULL);
}

static int freed_with_its_turn_queued(void *arg)
{
    struct hkt_stream *s[2];

    (void)arg;
    stream_pair(s, NULL);
    cr_assert_eq(hkt_stream_write(s[0], "x", 1), 0);
    free_pair(s);
    return hkt_sleep(HKT_MS(1));
}

Test(write, freeing_a_stream_that_has_something_to_send)
{
    on_each_backend(freed_with_its_turn_queued, NULL);
}

static int names(void *arg)
{
    struct hkt_stream *s[2];
    struct hkt_addr a, b;

    (void)arg;
    stream_pair(s, NULL);
    cr_assert_eq(hkt_stream_peer(s[0], &a), 0);
    cr_assert_eq(hkt_stream_local(s[1], &b), 0);
    cr_assert_eq(a.size, b.size);
    cr_assert_eq(memcmp(&a.sockaddr, &b.sockaddr, a.size), 0);
    cr_assert_eq(hkt_stream_close(s[0]), 0);
    cr_assert_eq(hkt_stream_peer(s[0], &a), -EBADF);
    cr_assert_eq(hkt_stream_local(s[0], &a), -EBADF);
    free_pair(s);
    return 0;
}

Test(write, names_of_both_ends)
{
    on_each_backend(names, NULL);
}

static int nothing(void *arg)
{
    struct hkt_addr addr;
    const char *data;
    char buf[8];

    (void)arg;
    cr_assert_eq(hkt_stream_read(NULL, buf, 8), -ENOMEM);
    cr_assert_eq(hkt_stream_readexactly(NULL, buf, 8), -ENOMEM);
    cr_assert_eq(hkt_stream_readline(NULL, buf, 8), -ENOMEM);
    cr_assert_eq(hkt_stream_readuntil(NULL, "\n", 1, &data), -ENOMEM);
    cr_assert_eq(hkt_stream_peek(NULL, 1, &data), -ENOMEM);
    cr_assert_eq(hkt_stream_write(NULL, buf, 8), -ENOMEM);
    cr_assert_eq(hkt_stream_drain(NULL), -ENOMEM);
    cr_assert_eq(hkt_stream_write_eof(NULL), -ENOMEM);
    cr_assert_eq(hkt_stream_close(NULL), -ENOMEM);
    cr_assert_eq(hkt_stream_wait_closed(NULL), -ENOMEM);
    cr_assert_eq(hkt_stream_peer(NULL, &addr), -ENOMEM);
    cr_assert_eq(hkt_stream_local(NULL, &addr), -ENOMEM);
    cr_assert_eq(hkt_stream_fd(NULL), -ENOMEM);
    cr_assert_eq(hkt_stream_pending(NULL), 0);
    cr_assert_eq(hkt_stream_buffered(NULL), 0);
    hkt_stream_consume(NULL, 1);
    hkt_stream_flush(NULL);
    hkt_stream_abort(NULL);
    hkt_stream_free(NULL);
    return 0;
}

Test(write, no_stream_is_no_memory)
{
    cr_assert_eq(hkt_run(nothing, NULL), 0);
}

static int fair(void *arg)
{
    struct hkt_stream *s[2];
    int done = 0;

    (void)arg;
    stream_pair(s, NULL);
    struct hkt_task *reader = hkt_spawn(read_all, s[1]);
    cr_assert_eq(hkt_sleep(0), 0);
    for (; done < 100000 && hkt_stream_buffered(s[1]) == 0 && !hkt_task_done(reader); done++) {
        cr_assert_eq(hkt_stream_write(s[0], "four", 4), 0);
        cr_assert_eq(hkt_stream_drain(s[0]), 0);
    }
    cr_assert_eq(hkt_stream_close(s[0]), 0);
    cr_assert_eq(hkt_join(reader), 0);
    free_pair(s);
    return 0;
}

/* In asyncio a loop of small writes and drains keeps the reader from its turn for ever. */
Test(write, small_writes_and_drains_leave_others_their_turn)
{
    on_each_backend(fair, NULL);
}

static int try_writes(void *arg)
{
    const struct hkt_stream_opts opts = {.high = 10000};
    struct hkt_stream *s[2];
    static char text[10000];
    size_t sum = 0;
    int rc;

    (void)arg;
    cr_assert_eq(hkt_stream_try_write(NULL, text, 1), -ENOMEM);
    stream_pair(s, &opts);
    cr_assert_eq(hkt_stream_try_write(s[0], text, 0), 0);
    cr_assert_eq(hkt_stream_try_write(s[0], text, sizeof text + 1), -EAGAIN, "never");
    while ((rc = hkt_stream_try_write(s[0], text, sizeof text)) == 0)
        sum += sizeof text;
    cr_assert_eq(rc, -EAGAIN);
    cr_assert(sum >= sizeof text);
    cr_assert_leq(hkt_stream_pending(s[0]), sizeof text);
    struct hkt_task *reader = hkt_spawn(read_all, s[1]);
    cr_assert_eq(hkt_stream_drain(s[0]), 0);
    cr_assert_eq(hkt_stream_try_write(s[0], text, 1), 0);
    cr_assert_eq(hkt_stream_write_eof(s[0]), 0);
    cr_assert_eq(hkt_stream_try_write(s[0], text, 1), -EPIPE);
    cr_assert_eq(hkt_join(reader), 0);
    hkt_stream_abort(s[0]);
    cr_assert_eq(hkt_stream_try_write(s[0], text, 1), -ECONNRESET);
    free_pair(s);
    return 0;
}

Test(write, without_waiting_or_not_at_all)
{
    on_each_backend(try_writes, NULL);
}

static int try_between(void *arg)
{
    struct hkt_stream *s[2];

    (void)arg;
    stream_pair(s, NULL);
    struct hkt_task *writer = hkt_spawn(write_bulk, s[0]);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_stream_try_write(s[0], "x", 1), -EAGAIN, "in the middle of the other's");
    hkt_stream_abort(s[0]);
    cr_assert_eq(hkt_join(writer), -ECONNRESET);
    free_pair(s);
    return 0;
}

Test(write, without_waiting_not_into_the_data_of_another)
{
    on_each_backend(try_between, NULL);
}
