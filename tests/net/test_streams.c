/* SPDX-License-Identifier: MIT
 *
 * Separators in pieces, and streams whose other end is gone: the scenarios of CPython's
 * test_streams that test_read.c and test_write.c do not have.
 */
#include "net/streams.h"

static void expect_slice(ssize_t n, const char *const *slice, const char *text)
{
    cr_assert_eq(n, (ssize_t)strlen(text), "%zd", n);
    cr_assert_eq(memcmp(*slice, text, strlen(text)), 0);
}

static int halves(void *arg)
{
    static const char *const text[] = {"QWEaa", "XYaa", "a", "QWEaa", "XYa", "aa", "aaa",
                                       "Xaaa",  "XXX",  "a", "a",     "a",   NULL};
    static const char *const expected[] = {"QWEaaXYaaa", "QWEaaXYaaa", "aaa", "Xaaa", "XXXaaa"};
    struct hkt_stream *s[2];
    const char *data;

    (void)arg;
    stream_pair(s, NULL);
    struct pieces pieces = {s[0], text};
    struct hkt_task *sender = hkt_spawn(send_pieces, &pieces);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        expect_slice(hkt_stream_readuntil(s[1], "aaa", 3, &data), &data, expected[i]);
    cr_assert_eq(hkt_stream_readuntil(s[1], "aaa", 3, &data), 0);
    cr_assert_eq(hkt_join(sender), 0);
    free_pair(s);
    return 0;
}

Test(streams, a_separator_that_comes_in_pieces_after_false_beginnings)
{
    on_each_backend(halves, NULL);
}

#define SEPARATOR(text)                                                                            \
    {                                                                                              \
        (void *)(uintptr_t)text, sizeof text - 1                                                   \
    }

static int unequal(void *arg)
{
    static const char *const text[] = {"data", "Z", "Aaaa", NULL};
    const struct iovec separators[] = {SEPARATOR("A"), SEPARATOR("long sep")};
    struct hkt_stream *s[2];
    const char *data;

    (void)arg;
    stream_pair(s, NULL);
    struct pieces pieces = {s[0], text};
    struct hkt_task *sender = hkt_spawn(send_pieces, &pieces);
    expect_slice(hkt_stream_readuntil_any(s[1], separators, 2, &data), &data, "dataZA");
    expect_slice(hkt_stream_readuntil_any(s[1], separators, 2, &data), &data, "aaa");
    cr_assert_eq(hkt_join(sender), 0);
    free_pair(s);
    return 0;
}

Test(streams, separators_of_which_one_is_longer_than_what_is_there)
{
    on_each_backend(unequal, NULL);
}

static int over_the_limit(void *arg)
{
    const struct hkt_stream_opts opts = {.limit = 3};
    const struct iovec separators[] = {SEPARATOR("A"), SEPARATOR("ome dataA")};
    struct hkt_stream *s[2];
    const char *data;
    char buf[16];

    (void)arg;
    stream_pair(s, &opts);
    send_text(s[0], "some dataA");
    cr_assert_eq(hkt_stream_readuntil_any(s[1], separators, 2, &data), -EMSGSIZE);
    cr_assert_eq(hkt_stream_buffered(s[1]), 10, "the data stays");
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 10), 10, "which has no limit");
    send_text(s[0], "chunk");
    cr_assert_eq(hkt_stream_read(s[1], buf, 5), 5, "nor has this");
    free_pair(s);
    return 0;
}

Test(streams, the_limit_is_that_of_separators_alone)
{
    on_each_backend(over_the_limit, NULL);
}

static int the_rest(void *arg)
{
    struct hkt_stream *s[2];
    char buf[32];

    (void)arg;
    stream_pair(s, NULL);
    send_text(s[0], "line1\nline2\nline3\n");
    cr_assert_eq(hkt_stream_readline(s[1], buf, sizeof buf), 6);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 7), 7, "over the next line's end");
    cr_assert_eq(memcmp(buf, "line2\nl", 7), 0);
    cr_assert_eq(hkt_stream_readline(s[1], buf, sizeof buf), 5);
    cr_assert_str_eq(buf, "ine3\n");
    free_pair(s);
    return 0;
}

Test(streams, lines_and_counts_may_be_mixed)
{
    on_each_backend(the_rest, NULL);
}

/* The other side goes away without reading what was sent to it. */
static int writes_in_vain(void *arg)
{
    struct hkt_stream *s[2];
    int rc = 0;

    (void)arg;
    stream_pair(s, NULL);
    send_text(s[0], "unread");
    cr_assert_eq(hkt_stream_close(s[1]), 0, "with something that nobody read");
    for (int i = 0; i < 1000000 && rc == 0; i++) {
        rc = hkt_stream_write(s[0], "foo\n", 4);
        if (rc == 0)
            rc = hkt_stream_drain(s[0]);
    }
    cr_assert(rc == -ECONNRESET || rc == -EPIPE, "%d", rc);
    cr_assert_lt(hkt_stream_write(s[0], "foo\n", 4), 0, "and ever after");
    free_pair(s);
    return 0;
}

Test(streams, writing_to_one_who_is_gone_ends_in_an_error)
{
    on_each_backend(writes_in_vain, NULL);
}

static int read_line(void *s)
{
    char line[16];

    return (int)hkt_stream_readline(s, line, sizeof line);
}

static int reset_while_reading(void *arg)
{
    const struct linger at_once = {.l_onoff = 1};

    for (int cancel = 0; cancel < 2; cancel++) {
        struct hkt_stream *s[2];
        stream_pair(s, NULL);
        send_text(s[0], "no newline");
        struct hkt_task *reader = hkt_spawn(read_line, s[1]);
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
        if (cancel)
            cr_assert(hkt_task_cancel(reader));
        cr_assert_eq(
            setsockopt(hkt_stream_fd(s[0]), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        hkt_stream_abort(s[0]);
        cr_assert_eq(hkt_join(reader), cancel ? -ECANCELED : -ECONNRESET);
        free_pair(s);
    }
    (void)arg;
    return 0;
}

Test(streams, an_error_reaches_one_who_reads_and_not_one_who_has_left)
{
    on_each_backend(reset_while_reading, NULL);
}
