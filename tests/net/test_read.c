/* SPDX-License-Identifier: MIT
 *
 * Reading from streams.
 */
#include "net/streams.h"

#include <stdint.h>

enum { LIMIT = 64 };

static const struct hkt_stream_opts small = {.limit = LIMIT};

static int reads(void *arg)
{
    struct hkt_stream *s[2];
    char buf[8192];

    (void)arg;
    stream_pair(s, NULL);
    send_text(s[0], "hello world");
    cr_assert_eq(hkt_stream_read(s[1], buf, 0), 0, "nothing asked for");
    cr_assert_eq(hkt_stream_read(s[1], buf, 5), 5);
    cr_assert_eq(memcmp(buf, "hello", 5), 0);
    cr_assert_eq(hkt_stream_buffered(s[1]), 6);
    cr_assert_eq(hkt_stream_read(s[1], buf, sizeof buf), 6, "what is there");
    send_text(s[0], "again");
    cr_assert_eq(hkt_stream_read(s[1], buf, sizeof buf), 5, "straight into the caller's");
    cr_assert_eq(hkt_stream_buffered(s[1]), 0);
    cr_assert_eq(hkt_stream_close(s[0]), 0);
    cr_assert_eq(hkt_stream_read(s[1], buf, sizeof buf), 0, "the end");
    cr_assert_eq(hkt_stream_read(s[1], buf, 1), 0, "and again");
    free_pair(s);
    return 0;
}

Test(read, some_bytes)
{
    on_each_backend(reads, NULL);
}

static int reads_exactly(void *arg)
{
    static const char *const text[] = {"ab", "cd", "efg", NULL};
    struct hkt_stream *s[2];
    char buf[8];

    (void)arg;
    stream_pair(s, &small);
    struct pieces pieces = {s[0], text};
    struct hkt_task *sender = hkt_spawn(send_pieces, &pieces);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 0), 0);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 3), 3, "of two pieces");
    cr_assert_eq(memcmp(buf, "abc", 3), 0);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 8), 4, "short at the end");
    cr_assert_eq(memcmp(buf, "defg", 4), 0);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 8), 0);
    cr_assert_eq(hkt_join(sender), 0);
    free_pair(s);
    return 0;
}

Test(read, exactly)
{
    on_each_backend(reads_exactly, NULL);
}

enum { MUCH = 1000000 };

static int send_much(void *arg)
{
    static char data[MUCH];

    for (size_t i = 0; i < MUCH; i++)
        data[i] = (char)(i * 7 >> 3);
    HKT_TRY(hkt_stream_write(arg, data, sizeof data));
    return hkt_stream_close(arg);
}

static int reads_much(void *arg)
{
    static char buf[MUCH + 1];
    struct hkt_stream *s[2];

    (void)arg;
    stream_pair(s, &small);
    struct hkt_task *sender = hkt_spawn(send_much, s[0]);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, MUCH + 1), MUCH, "is not limited");
    for (size_t i = 0; i < MUCH; i++)
        cr_assert_eq(buf[i], (char)(i * 7 >> 3));
    cr_assert_eq(hkt_join(sender), 0);
    free_pair(s);
    return 0;
}

Test(read, exactly_more_than_the_limit)
{
    on_each_backend(reads_much, NULL);
}

static int read_eight(void *s)
{
    char buf[8];

    return (int)hkt_stream_readexactly(s, buf, 8);
}

static int cancelled_loses_nothing(void *arg)
{
    struct hkt_stream *s[2];
    char buf[8];

    (void)arg;
    stream_pair(s, NULL);
    send_text(s[0], "1234");
    struct hkt_task *reader = hkt_spawn(read_eight, s[1]);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert_eq(hkt_stream_buffered(s[1]), 4);
    hkt_task_cancel(reader);
    cr_assert_eq(hkt_join(reader), -ECANCELED);
    send_text(s[0], "5678");
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 8), 8);
    cr_assert_eq(memcmp(buf, "12345678", 8), 0);
    free_pair(s);
    return 0;
}

Test(read, a_cancelled_one_loses_nothing)
{
    on_each_backend(cancelled_loses_nothing, NULL);
}

/* The slice is looked up after the call: arguments are evaluated in any order. */
static void expect_slice(ssize_t n, const char *const *slice, const char *text)
{
    const char *data = *slice;

    cr_assert_eq(n, (ssize_t)strlen(text), "%zd", n);
    cr_assert_eq(memcmp(data, text, strlen(text)), 0, "%.*s", (int)n, data);
}

static int reads_until(void *arg)
{
    static const char *const text[] = {"one\r", "\ntwo\r\n\r", "\nrest", NULL};
    struct hkt_stream *s[2];
    const char *data;

    (void)arg;
    stream_pair(s, NULL);
    struct pieces pieces = {s[0], text};
    struct hkt_task *sender = hkt_spawn(send_pieces, &pieces);
    cr_assert_eq(hkt_stream_readuntil(s[1], "", 0, &data), -EINVAL);
    cr_assert_eq(hkt_stream_readuntil_any(s[1], NULL, 0, &data), -EINVAL);
    expect_slice(hkt_stream_readuntil(s[1], "\r\n", 2, &data), &data, "one\r\n");
    expect_slice(hkt_stream_readuntil(s[1], "\r\n\r\n", 4, &data), &data, "two\r\n\r\n");
    expect_slice(hkt_stream_readuntil(s[1], "\n", 1, &data), &data, "rest");
    cr_assert_eq(hkt_stream_readuntil(s[1], "\n", 1, &data), 0);
    cr_assert_eq(hkt_join(sender), 0);
    free_pair(s);
    return 0;
}

Test(read, until_a_separator_in_pieces)
{
    on_each_backend(reads_until, NULL);
}

static int earliest_end(void *arg)
{
    const struct iovec separators[] = {{(void *)(uintptr_t) "bcde", 4},
                                       {(void *)(uintptr_t) "cd", 2},
                                       {(void *)(uintptr_t) ";", 1}};
    struct hkt_stream *s[2];
    const char *data;

    (void)arg;
    stream_pair(s, NULL);
    send_text(s[0], "abcdef;x");
    expect_slice(hkt_stream_readuntil_any(s[1], separators, 3, &data), &data, "abcd");
    expect_slice(hkt_stream_readuntil_any(s[1], separators, 3, &data), &data, "ef;");
    free_pair(s);
    return 0;
}

Test(read, until_the_separator_that_ends_first)
{
    on_each_backend(earliest_end, NULL);
}

static void fill_text(char *text, size_t n, const char *end)
{
    memset(text, 'x', n);
    strcpy(text + n, end);
}

static int until_limit(void *arg)
{
    char text[LIMIT + 16];
    struct hkt_stream *s[2];
    const char *data;

    (void)arg;
    stream_pair(s, &small);
    cr_assert_eq(hkt_stream_limit(s[1]), LIMIT);
    fill_text(text, LIMIT, "\n");
    send_text(s[0], text);
    expect_slice(hkt_stream_readuntil(s[1], "\n", 1, &data), &data, text);
    fill_text(text, LIMIT + 1, "\n");
    send_text(s[0], text);
    cr_assert_eq(hkt_stream_readuntil(s[1], "\n", 1, &data), -EMSGSIZE);
    cr_assert_eq(hkt_stream_buffered(s[1]), LIMIT + 2, "the data stays");
    cr_assert_eq(hkt_stream_readuntil(s[1], "\n", 1, &data), -EMSGSIZE, "and again");
    hkt_stream_consume(s[1], LIMIT + 2);
    fill_text(text, LIMIT + 1, "");
    send_text(s[0], text);
    cr_assert_eq(hkt_stream_readuntil(s[1], "\n", 1, &data), -EMSGSIZE, "it cannot come any more");
    cr_assert_eq(hkt_stream_buffered(s[1]), LIMIT + 1);
    free_pair(s);
    return 0;
}

Test(read, until_within_the_limit)
{
    on_each_backend(until_limit, NULL);
}

static int default_limit(void *arg)
{
    static char text[65536 + 2];
    struct hkt_stream *s[2];
    const char *data;

    (void)arg;
    stream_pair(s, NULL);
    fill_text(text, 65536, "\n");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(hkt_stream_write(s[0], text, sizeof text - 1), 0);
        cr_assert_eq(hkt_stream_readuntil(s[1], "\n", 1, &data), 65537);
        cr_assert_eq(memcmp(data, text, 65537), 0);
    }
    free_pair(s);
    return 0;
}

Test(read, the_default_limit_is_64_kib)
{
    on_each_backend(default_limit, NULL);
}

static int reads_lines(void *arg)
{
    static const char *const text[] = {"first\nsec", "ond\n\n", "last", NULL};
    struct hkt_stream *s[2];
    char line[16];

    (void)arg;
    stream_pair(s, NULL);
    struct pieces pieces = {s[0], text};
    struct hkt_task *sender = hkt_spawn(send_pieces, &pieces);
    cr_assert_eq(hkt_stream_readline(s[1], line, 1), -EINVAL);
    cr_assert_eq(hkt_stream_readline(s[1], line, sizeof line), 6);
    cr_assert_str_eq(line, "first\n");
    cr_assert_eq(hkt_stream_readline(s[1], line, 8), 7, "just fits");
    cr_assert_str_eq(line, "second\n");
    cr_assert_eq(hkt_stream_readline(s[1], line, 2), 1);
    cr_assert_str_eq(line, "\n");
    cr_assert_eq(hkt_stream_readline(s[1], line, sizeof line), 4);
    cr_assert_str_eq(line, "last");
    cr_assert_eq(hkt_stream_readline(s[1], line, sizeof line), 0);
    cr_assert_str_eq(line, "");
    cr_assert_eq(hkt_join(sender), 0);
    free_pair(s);
    return 0;
}

Test(read, lines)
{
    on_each_backend(reads_lines, NULL);
}

static int long_lines(void *arg)
{
    struct hkt_stream *s[2];
    char line[8];

    (void)arg;
    stream_pair(s, NULL);
    send_text(s[0], "much too long\nshort\n");
    cr_assert_eq(hkt_stream_readline(s[1], line, sizeof line), -EMSGSIZE);
    cr_assert_eq(hkt_stream_readline(s[1], line, sizeof line), 6, "dropped up to its newline");
    send_text(s[0], "no newline yet");
    cr_assert_eq(hkt_stream_readline(s[1], line, sizeof line), -EMSGSIZE);
    cr_assert_eq(hkt_stream_buffered(s[1]), 0, "dropped as far as it came");
    send_text(s[0], "!\n");
    cr_assert_eq(hkt_stream_readline(s[1], line, sizeof line), 2);
    free_pair(s);
    return 0;
}

Test(read, a_line_too_long_is_dropped)
{
    on_each_backend(long_lines, NULL);
}

static int peeks(void *arg)
{
    static const char *const text[] = {"abc", "def", NULL};
    struct hkt_stream *s[2];
    const char *data;

    (void)arg;
    stream_pair(s, NULL);
    struct pieces pieces = {s[0], text};
    struct hkt_task *sender = hkt_spawn(send_pieces, &pieces);
    expect_slice(hkt_stream_peek(s[1], 1, &data), &data, "abc");
    expect_slice(hkt_stream_peek(s[1], 4, &data), &data, "abcdef");
    hkt_stream_consume(s[1], 2);
    expect_slice(hkt_stream_peek(s[1], 1, &data), &data, "cdef");
    expect_slice(hkt_stream_peek(s[1], 5, &data), &data, "cdef");
    hkt_stream_consume(s[1], 100);
    cr_assert_eq(hkt_stream_peek(s[1], 1, &data), 0);
    cr_assert_eq(hkt_join(sender), 0);
    free_pair(s);
    return 0;
}

Test(read, peek_and_consume)
{
    on_each_backend(peeks, NULL);
}

static int everything(void *arg)
{
    static const char *const text[] = {"abc", "def", "\n\n", NULL};
    struct hkt_stream *s[2];
    const char *data;
    char c;

    (void)arg;
    stream_pair(s, NULL);
    struct pieces pieces = {s[0], text};
    struct hkt_task *sender = hkt_spawn(send_pieces, &pieces);
    cr_assert_eq(hkt_stream_read(s[1], &c, 1), 1, "what was taken is not in it");
    cr_assert_eq(hkt_stream_readall(s[1], 6, &data), -EMSGSIZE);
    cr_assert_eq(hkt_stream_readall(s[1], 0, &data), -EMSGSIZE);
    expect_slice(hkt_stream_readall(s[1], 7, &data), &data, "bcdef\n\n");
    cr_assert_eq(hkt_stream_readall(s[1], 7, &data), 0);
    cr_assert_eq(hkt_stream_readall(s[1], SIZE_MAX, &data), 0);
    cr_assert_eq(hkt_join(sender), 0);
    free_pair(s);
    return 0;
}

Test(read, all_to_the_end)
{
    on_each_backend(everything, NULL);
}

enum { PLENTY = 3 << 20 };

static int send_plenty(void *s)
{
    static char text[PLENTY];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 251);
    HKT_TRY(hkt_stream_write(s, text, sizeof text));
    return hkt_stream_write_eof(s);
}

static int plenty(void *arg)
{
    struct hkt_stream *s[2];
    const char *data;
    size_t wrong = 0;

    (void)arg;
    stream_pair(s, NULL);
    struct hkt_task *sender = hkt_spawn(send_plenty, s[0]);
    cr_assert_eq(hkt_stream_readall(s[1], 100000, &data), -EMSGSIZE, "it does not wait for all");
    cr_assert_eq(hkt_stream_readall(s[1], SIZE_MAX, &data), PLENTY, "and nothing is lost");
    for (size_t i = 0; i < PLENTY; i++)
        wrong += data[i] != (char)(i % 251);
    cr_assert_eq(wrong, 0);
    cr_assert_eq(hkt_join(sender), 0);
    free_pair(s);
    return 0;
}

Test(read, all_of_plenty)
{
    on_each_backend(plenty, NULL);
}

static int read_all(void *s)
{
    const char *data;

    return (int)hkt_stream_readall(s, 100, &data);
}

static int all_cancelled(void *arg)
{
    const struct linger hard = {1, 0};
    struct hkt_stream *s[2];
    const char *data;

    (void)arg;
    stream_pair(s, NULL);
    struct hkt_task *t = hkt_spawn(read_all, s[1]);
    send_text(s[0], "abc");
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(hkt_join(hkt_spawn(read_all, s[1])), -EBUSY);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    t = hkt_spawn(read_all, s[1]);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(setsockopt(hkt_stream_fd(s[0]), SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    hkt_stream_abort(s[0]);
    cr_assert_eq(hkt_join(t), -ECONNRESET);
    expect_slice(hkt_stream_peek(s[1], 1, &data), &data, "abc");
    free_pair(s);
    return 0;
}

Test(read, all_of_what_ends_otherwise_loses_nothing)
{
    on_each_backend(all_cancelled, NULL);
}

static int read_one(void *s)
{
    char buf[1];

    return (int)hkt_stream_read(s, buf, 1);
}

static int two_readers(void *arg)
{
    struct hkt_stream *s[2];
    char buf[8];
    const char *data;

    (void)arg;
    stream_pair(s, NULL);
    struct hkt_task *first = hkt_spawn(read_one, s[1]);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_stream_read(s[1], buf, 8), -EBUSY);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 8), -EBUSY);
    cr_assert_eq(hkt_stream_readline(s[1], buf, 8), -EBUSY);
    cr_assert_eq(hkt_stream_peek(s[1], 8, &data), -EBUSY);
    send_text(s[0], "x");
    cr_assert_eq(hkt_join(first), 1, "undisturbed");
    free_pair(s);
    return 0;
}

Test(read, a_second_reader_is_refused)
{
    on_each_backend(two_readers, NULL);
}

static int count_turns(void *count)
{
    for (;;) {
        ++*(int *)count;
        HKT_TRY(hkt_sleep(0));
    }
}

/* Data that is always there must not keep others from their turn. */
static int fair(void *arg)
{
    static char text[60000];
    struct hkt_stream *s[2];
    int turns = 0;
    char c;

    (void)arg;
    stream_pair(s, NULL);
    struct hkt_task *other = hkt_spawn(count_turns, &turns);
    cr_assert_eq(hkt_stream_write(s[0], text, sizeof text), 0);
    cr_assert_eq(hkt_stream_read(s[1], &c, 1), 1);
    int before = turns;
    for (int i = 0; i < 10000; i++)
        cr_assert_eq(hkt_stream_read(s[1], &c, 1), 1);
    cr_assert(turns - before >= 50, "%d turns beside 10000 reads", turns - before);
    hkt_task_cancel(other);
    hkt_detach(other);
    free_pair(s);
    return 0;
}

Test(read, a_flood_leaves_others_their_turn)
{
    on_each_backend(fair, NULL);
}

static int pipes(void *arg)
{
    int fds[2];
    char line[16];

    (void)arg;
    cr_assert_eq(pipe(fds), 0);
    struct hkt_stream *in = hkt_stream_of(fds[0], NULL), *out = hkt_stream_of(fds[1], NULL);
    send_text(out, "through\na pipe\n");
    cr_assert_eq(hkt_stream_readline(in, line, sizeof line), 8);
    cr_assert_eq(hkt_stream_readline(in, line, sizeof line), 7);
    cr_assert_eq(hkt_stream_close(out), 0);
    cr_assert_eq(hkt_stream_readline(in, line, sizeof line), 0);
    hkt_stream_free(in);
    hkt_stream_free(out);
    return 0;
}

Test(read, from_a_pipe)
{
    on_each_backend(pipes, NULL);
}

/* The other side answers, and goes without having read what was sent to it: a reset. */
static int answered_and_reset(void *arg)
{
    struct hkt_stream *s[2];
    char buf[16];
    int rc;

    (void)arg;
    stream_pair(s, NULL);
    send_text(s[1], "first");
    cr_assert_eq(hkt_stream_read(s[0], buf, sizeof buf), 5);
    send_text(s[0], "unread");
    send_text(s[1], "answer");
    while (hkt_stream_pending(s[1]) > 0)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    hkt_stream_abort(s[1]);
    while ((rc = hkt_stream_write(s[0], "x", 1)) == 0) { /* until that is known */
        hkt_stream_flush(s[0]);
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    }
    cr_assert(rc == -EPIPE || rc == -ECONNRESET, "%d", rc);
    ssize_t n = hkt_stream_read(s[0], buf, sizeof buf);
    cr_assert_eq(n, 6, "what came before is not lost: %zd on %s", n,
                 hkt_loop_poller(hkt_loop_current()));
    cr_assert_eq(memcmp(buf, "answer", 6), 0);
    cr_assert_eq(hkt_stream_read(s[0], buf, sizeof buf), rc);
    free_pair(s);
    return 0;
}

Test(read, what_came_before_sending_failed)
{
    on_each_backend(answered_and_reset, NULL);
}
