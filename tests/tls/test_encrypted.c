/* SPDX-License-Identifier: MIT
 *
 * Encrypted streams in use: data, ends, limits of time and cancellation.
 */
#include "tls/encrypted.h"

#include <openssl/ssl.h>

TestSuite(encrypted, .init = make_certs);

enum { BULK = 2 << 20 };

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
    return rc < 0 ? rc : hkt_stream_write_eof(s);
}

static int read_bulk(void *s)
{
    char *buf = malloc(10000);
    size_t at = 0;
    ssize_t n;

    while ((n = hkt_stream_read(s, buf, 10000)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            cr_assert_eq(buf[i], byte_at(at + (size_t)i));
        at += (size_t)n;
    }
    free(buf);
    cr_assert_eq(at, BULK);
    return (int)n;
}

static int both_ways(void *arg)
{
    struct hkt_stream *s[2];
    struct hkt_task *t[4];

    (void)arg;
    tls_pair(s, NULL);
    for (int i = 0; i < 2; i++) {
        t[i] = hkt_spawn(write_bulk, s[i]);
        t[2 + i] = hkt_spawn(read_bulk, s[i]);
    }
    for (int i = 0; i < 4; i++)
        cr_assert_eq(hkt_join(t[i]), 0, "%d", i);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(hkt_stream_close(s[i]), 0);
    free_pair(s);
    return 0;
}

Test(encrypted, large_transfers_both_ways_at_once)
{
    on_each_backend(both_ways, NULL);
}

enum { KEYS = 10, PIECE = 100000 };

static int read_pieces(void *s)
{
    char *buf = malloc(PIECE);
    int n = PIECE;

    for (int i = 0; i < KEYS && n == PIECE; i++) {
        n = (int)hkt_stream_readexactly(s, buf, PIECE);
        cr_assert_eq(buf[PIECE - 1], 'x');
    }
    free(buf);
    return n;
}

static int new_keys(void *arg)
{
    struct hkt_stream *s[2];
    static char piece[PIECE];
    char line[8];

    (void)arg;
    tls_pair(s, NULL);
    memset(piece, 'x', sizeof piece);
    struct hkt_task *t = hkt_spawn(read_pieces, s[1]);
    for (int i = 0; i < KEYS; i++) { /* each wants an answer of the side that reads */
        cr_assert_eq(SSL_key_update(hkt_tls_ssl(s[0]), SSL_KEY_UPDATE_REQUESTED), 1);
        cr_assert_eq(hkt_stream_write(s[0], piece, PIECE), 0);
    }
    cr_assert_eq(hkt_stream_drain(s[0]), 0);
    cr_assert_eq(hkt_join(t), PIECE);
    send_text(s[1], "done\n");
    cr_assert_eq(hkt_stream_readline(s[0], line, sizeof line), 5);
    free_pair(s);
    return 0;
}

Test(encrypted, large_transfers_both_ways_at_once_in_tls_1_2)
{
    newest_version = HKT_TLS_1_2;
    on_each_backend(both_ways, NULL);
}

Test(encrypted, new_keys_on_the_way)
{
    on_each_backend(new_keys, NULL);
}

static int forms(void *arg)
{
    static const char *const text[] = {"a li", "ne\nanother\nexac", "tly|un", "til|rest", NULL};
    struct hkt_stream *s[2];
    char buf[32];
    const char *data;

    (void)arg;
    tls_pair(s, NULL);
    struct pieces p = {s[1], text};
    struct hkt_task *t = hkt_spawn(send_pieces, &p);
    cr_assert_eq(hkt_stream_readline(s[0], buf, sizeof buf), 7);
    cr_assert_str_eq(buf, "a line\n");
    cr_assert_eq(hkt_stream_readline(s[0], buf, sizeof buf), 8);
    cr_assert_eq(hkt_stream_readexactly(s[0], buf, 8), 8);
    cr_assert_eq(memcmp(buf, "exactly|", 8), 0);
    cr_assert_eq(hkt_stream_readuntil(s[0], "|", 1, &data), 6);
    cr_assert_eq(memcmp(data, "until|", 6), 0);
    cr_assert_eq(hkt_stream_readexactly(s[0], buf, 8), 4, "and the end");
    cr_assert_eq(hkt_stream_read(s[0], buf, 8), 0);
    cr_assert_eq(hkt_join(t), 0);
    send_text(s[0], "the other half goes on");
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 22), 22);
    cr_assert_eq(hkt_stream_close(s[0]), 0);
    cr_assert_eq(hkt_stream_read(s[1], buf, 8), 0);
    cr_assert_eq(hkt_stream_close(s[1]), 0);
    free_pair(s);
    return 0;
}

Test(encrypted, forms_of_reading_and_half_close)
{
    on_each_backend(forms, NULL);
}

static int gathers(void *arg)
{
    struct hkt_stream *s[2];
    char buf[64];

    (void)arg;
    tls_pair(s, NULL);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(hkt_stream_write(s[0], "piece", 5), 0);
    cr_assert_eq(hkt_stream_pending(s[0]), 25);
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(hkt_stream_pending(s[0]), 0, "it goes out by itself");
    cr_assert_eq(hkt_stream_read(s[1], buf, sizeof buf), 25, "in one");
    free_pair(s);
    return 0;
}

Test(encrypted, forms_of_reading_and_half_close_in_tls_1_2)
{
    newest_version = HKT_TLS_1_2;
    on_each_backend(forms, NULL);
}

Test(encrypted, writes_are_gathered)
{
    on_each_backend(gathers, NULL);
}

static int read_all(void *s)
{
    static char buf[65536];
    ssize_t n;

    while ((n = hkt_stream_read(s, buf, sizeof buf)) > 0)
        ;
    return (int)n;
}

static int drain(void *s)
{
    return hkt_stream_drain(s);
}

/* Writes until the system takes no more. */
static void fill(struct hkt_stream *s)
{
    static char data[30000];

    do {
        cr_assert_eq(hkt_stream_write(s, data, sizeof data), 0);
        hkt_stream_flush(s);
    } while (hkt_stream_pending(s) < sizeof data);
}

static int marks(void *arg)
{
    struct hkt_stream *s[2];
    struct hkt_task *t[3];

    (void)arg;
    tls_pair(s, NULL);
    fill(s[0]);
    t[0] = hkt_spawn(drain, s[0]);
    t[1] = hkt_spawn(write_bulk, s[0]);
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_not(hkt_task_done(t[0]));
    cr_assert_not(hkt_task_done(t[1]));
    t[2] = hkt_spawn(read_all, s[1]);
    cr_assert_eq(hkt_join(t[0]), 0);
    cr_assert_eq(hkt_join(t[1]), 0);
    cr_assert_eq(hkt_stream_close(s[0]), 0);
    cr_assert_eq(hkt_join(t[2]), 0, "the end follows all of it");
    free_pair(s);
    return 0;
}

Test(encrypted, waits_for_a_slow_reader)
{
    on_each_backend(marks, NULL);
}

static int cut(void *arg)
{
    struct hkt_stream *s[2];
    char buf[8];

    (void)arg;
    tls_pair(s, NULL);
    send_text(s[0], "x");
    hkt_stream_abort(s[0]);
    ssize_t n = hkt_stream_readexactly(s[1], buf, 1);
    cr_assert(n == 1 || n == -ECONNRESET);
    cr_assert_eq(hkt_stream_read(s[1], buf, 8), -ECONNRESET, "no end that was told");
    cr_assert_eq(hkt_stream_read(s[1], buf, 8), -ECONNRESET, "again");
    free_pair(s);
    tls_pair(s, NULL);
    cr_assert_eq(shutdown(hkt_stream_fd(s[0]), SHUT_WR), 0);
    cr_assert_eq(hkt_stream_read(s[1], buf, 8), -ECONNRESET);
    cr_assert_str_eq(hkt_tls_error(s[1]), "cut short: the connection has ended without a word");
    free_pair(s);
    return 0;
}

Test(encrypted, a_connection_that_is_cut_short)
{
    on_each_backend(cut, NULL);
}

static int noise(void *arg)
{
    struct hkt_stream *s[2];
    char buf[8];

    (void)arg;
    tls_pair(s, NULL);
    cr_assert_eq(send(hkt_stream_fd(s[0]), "no record at all", 16, MSG_NOSIGNAL), 16);
    cr_assert_eq(hkt_stream_read(s[1], buf, 8), -EPROTO);
    cr_assert(hkt_tls_error(s[1]));
    cr_assert_eq(hkt_stream_read(s[1], buf, 8), -EPROTO, "again");
    cr_assert_eq(hkt_stream_read(s[0], buf, 8), -EPROTO, "it was told");
    free_pair(s);
    return 0;
}

Test(encrypted, what_is_no_record)
{
    on_each_backend(noise, NULL);
}

static int close_both(void *s)
{
    return hkt_tls_close(s);
}

static int agreed_end(void *arg)
{
    struct hkt_stream *s[2];
    char buf[8];

    (void)arg;
    tls_pair(s, NULL);
    cr_assert_eq(hkt_stream_write(s[0], "last", 4), 0);
    struct hkt_task *t = hkt_spawn(close_both, s[0]);
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 8), 4);
    cr_assert_not(hkt_task_done(t));
    send_text(s[1], "dropped");
    cr_assert_eq(hkt_stream_close(s[1]), 0);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(hkt_stream_fd(s[0]), -EBADF);
    cr_assert_eq(hkt_tls_close(s[0]), -ECONNRESET, "closed");
    free_pair(s);
    stream_pair(s, NULL);
    cr_assert_eq(hkt_tls_close(s[0]), 0, "not encrypted: as any");
    cr_assert_eq(hkt_tls_close(NULL), -ENOMEM);
    free_pair(s);
    return 0;
}

Test(encrypted, an_end_that_both_agree_on)
{
    on_each_backend(agreed_end, NULL);
}

/* Simulated time, which passes only while nothing else happens. */
static int64_t simulated_now;

static int64_t simulated_clock(void *ctx)
{
    (void)ctx;
    return simulated_now;
}

static void simulated_sleep(void *ctx, int64_t until)
{
    (void)ctx;
    simulated_now = until;
}

static void in_simulated_time(hkt_task_fn *fn)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct hkt_loop_opts opts = {
            .poller = backends[i], .clock = simulated_clock, .sleep_until = simulated_sleep};
        if (have_backend(backends[i]))
            cr_assert_eq(hkt_run_opts(fn, NULL, &opts), 0, "over %s", backends[i]);
    }
}

static int silent(void *arg)
{
    struct hkt_tls *client = client_tls();
    struct hkt_stream *s[2];
    char c;

    (void)arg;
    stream_pair(s, NULL);
    int64_t began = hkt_now();
    cr_assert_eq(hkt_tls_connect(client, s[0], "localhost"), -ETIMEDOUT);
    cr_assert(hkt_now() - began >= HKT_SEC(60));
    cr_assert_eq(hkt_tls_accept(client, s[1]), -EPROTO, "it has no certificate");
    cr_assert_eq(hkt_stream_read(s[0], &c, 1), -ENOTCONN);
    cr_assert_eq(hkt_stream_write(s[0], &c, 1), -EPIPE);
    free_pair(s);
    hkt_tls_free(client);
    return 0;
}

Test(encrypted, a_handshake_with_a_silent_peer)
{
    in_simulated_time(silent);
}

static int deaf(void *arg)
{
    struct hkt_stream *s[2];

    (void)arg;
    tls_pair(s, NULL);
    int64_t began = hkt_now();
    cr_assert_eq(hkt_tls_close(s[0]), -ETIMEDOUT);
    cr_assert(hkt_now() - began >= HKT_SEC(30));
    cr_assert_eq(hkt_stream_fd(s[0]), -EBADF);
    free_pair(s);
    return 0;
}

Test(encrypted, an_end_that_the_other_side_never_says)
{
    in_simulated_time(deaf);
}

static int write_one(void *s)
{
    return hkt_stream_write(s, "x", 1);
}

static int cancelled(void *arg)
{
    struct hkt_tls *client = client_tls();
    struct hkt_stream *s[2];
    char c;

    (void)arg;
    for (int i = 0; i < 3; i++) { /* cancelled, closed, freed */
        stream_pair(s, NULL);
        struct side side = {client, s[0], "localhost"};
        struct hkt_task *t = hkt_spawn(shake, &side), *writer;
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
        cr_assert_eq(hkt_stream_read(s[0], &c, 1), -EBUSY);
        cr_assert_eq(hkt_tls_connect(client, s[0], "localhost"), -EBUSY);
        writer = hkt_spawn(write_one, s[0]);
        cr_assert_eq(hkt_sleep(0), 0);
        cr_assert_not(hkt_task_done(writer), "it waits for the handshake");
        if (i == 0)
            hkt_task_cancel(t);
        else if (i == 1)
            hkt_stream_abort(s[0]);
        else
            hkt_stream_free(s[0]);
        cr_assert_eq(hkt_join(t), i == 0 ? -ECANCELED : -ECONNRESET, "%d", i);
        cr_assert_eq(hkt_join(writer), i == 0 ? -EPIPE : -ECONNRESET, "%d", i);
        if (i < 2)
            hkt_stream_free(s[0]);
        hkt_stream_free(s[1]);
    }
    hkt_tls_free(client);
    return 0;
}

Test(encrypted, a_handshake_that_is_broken_off)
{
    on_each_backend(cancelled, NULL);
}

static int reset(void *arg)
{
    const struct linger now = {.l_onoff = 1};
    struct hkt_tls *client = client_tls();
    struct hkt_stream *s[2];
    char c;

    (void)arg;
    for (int shaken = 0; shaken < 2; shaken++) {
        if (shaken)
            tls_pair(s, NULL);
        else
            stream_pair(s, NULL);
        setsockopt(hkt_stream_fd(s[1]), SOL_SOCKET, SO_LINGER, &now, sizeof now);
        hkt_stream_abort(s[1]);
        if (shaken)
            cr_assert_eq(hkt_stream_read(s[0], &c, 1), -ECONNRESET);
        else
            cr_assert_lt(hkt_tls_connect(client, s[0], "localhost"), 0);
        cr_assert_null(hkt_tls_error(s[0]));
        free_pair(s);
    }
    hkt_tls_free(client);
    return 0;
}

Test(encrypted, a_peer_that_resets)
{
    on_each_backend(reset, NULL);
}

static int handle(struct hkt_stream *s, void *arg)
{
    char line[64];
    ssize_t n = hkt_stream_readline(s, line, sizeof line);

    if (n <= 0)
        return (int)n;
    ++*(int *)arg;
    return hkt_stream_write(s, line, (size_t)n); /* the server sends, and tells the end */
}

static void ignore(void *ctx, const char *line)
{
    (void)ctx, (void)line;
}

static int served(void *arg)
{
    struct hkt_tls *client = client_tls(), *server = server_tls("server");
    int handled = 0;
    struct hkt_tls_service service = {server, handle, &handled};
    struct hkt_server *listener = start_server("tcp://127.0.0.1:0", hkt_tls_serve, &service, NULL);
    struct hkt_stream *s;
    char line[64], url[HKT_ADDR_TEXT];

    (void)arg;
    hkt_on_report(ignore, NULL);
    s = connect_to(listener);
    send_text(s, "GET / HTTP/1.0\r\n\r\n");
    while (hkt_stream_read(s, line, sizeof line) > 0)
        ;
    hkt_stream_free(s);
    cr_assert_eq(handled, 0, "no plain text");
    cr_assert_eq(hkt_open_tls_connection(client, url_of(listener, url), NULL, NULL, &s), 0);
    cr_assert_eq(hkt_stream_write(s, "hello\n", 6), 0);
    cr_assert_eq(hkt_stream_readexactly(s, line, sizeof line), 6, "and the end");
    hkt_stream_free(s);
    cr_assert_eq(hkt_open_tls_connection(client, url, "other.test", NULL, &s), HKT_ECERT);
    cr_assert_null(s);
    hkt_server_close(listener);
    cr_assert_eq(hkt_server_wait_closed(listener), 0);
    cr_assert_eq(handled, 1);
    hkt_server_free(listener);
    hkt_tls_free(client);
    hkt_tls_free(server);
    return 0;
}

Test(encrypted, servers)
{
    on_each_backend(served, NULL);
}

/* The most that a side of a connection takes of its task's stack. */
static int stack_use(void *arg)
{
    struct hkt_tls *client = client_tls(), *server = server_tls("server");
    struct hkt_stream *s[2];

    (void)arg;
    stream_pair(s, NULL);
    struct side sides[2] = {{client, s[0], "localhost"}, {server, s[1], NULL}};
    struct hkt_task *t[2];
    for (int i = 0; i < 2; i++)
        t[i] = hkt_spawn(shake, &sides[i]);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    free_pair(s);
    hkt_tls_free(client);
    hkt_tls_free(server);
    return 0;
}

Test(encrypted, handshakes_on_stacks_of_the_usual_size)
{
    on_each_backend(stack_use, NULL);
}
