/* SPDX-License-Identifier: MIT
 *
 * Out of memory at every allocation of hocket's that an encrypted connection makes, from the
 * contexts to the end of the streams. OpenSSL's own do not fail.
 */
#include "tls/encrypted.h"

#include "base/os.h"

TestSuite(tls_oom, .init = make_certs);

static struct hkt__os real;
static int calls, fail_at;

static void *failing_alloc(size_t size)
{
    return fail_at >= 0 && calls++ == fail_at ? NULL : real.alloc(size);
}

/* The parts of a life answer what fails; the last one to fail is what the life answers. */

static int exchange(struct hkt_stream *s[2])
{
    static char data[100000];
    char buf[8];

    HKT_TRY(hkt_stream_write(s[0], "question", 8));
    ssize_t n = hkt_stream_readexactly(s[1], buf, 8);
    if (n != 8)
        return n < 0 ? (int)n : -ECONNRESET;
    HKT_TRY(hkt_stream_write(s[1], data, 20000));
    n = hkt_stream_readexactly(s[0], data, 20000);
    if (n != 20000)
        return n < 0 ? (int)n : -ECONNRESET;
    HKT_TRY(hkt_stream_close(s[0]));
    n = hkt_stream_read(s[1], buf, 8);
    return n != 0 ? (int)n : hkt_stream_close(s[1]);
}

/* The other side must not wait for one that has failed. */
static int shake_or_abort(void *arg)
{
    const struct side *side = arg;
    int rc = shake(arg);

    if (rc < 0)
        hkt_stream_abort(side->s);
    return rc;
}

static int shake_and_exchange(struct hkt_tls *client, struct hkt_tls *server)
{
    struct hkt_stream *s[2];
    int fds[2], rc[2] = {0, 0};

    tcp_pair(fds);
    for (int i = 0; i < 2; i++) {
        s[i] = hkt_stream_of(fds[i], NULL);
        if (!s[i])
            close(fds[i]);
    }
    struct side sides[2] = {{client, s[0], "localhost"}, {server, s[1], NULL}};
    struct hkt_task *t = hkt_spawn(shake_or_abort, &sides[1]);
    if (!t || !s[1])
        hkt_stream_abort(s[0]);
    rc[0] = shake_or_abort(&sides[0]);
    rc[1] = hkt_join(t);
    if (rc[0] == 0 && rc[1] == 0)
        rc[0] = exchange(s);
    free_pair(s);
    return rc[0] < 0 ? rc[0] : rc[1];
}

static int live(void *arg)
{
    static const char *const alpn[] = {"one", "two", NULL};
    const struct hkt_tls_opts client_opts = {.ca_file = cert_file("ca"), .alpn = alpn};
    const struct hkt_tls_opts server_opts = {.cert = cert_file("server"), .alpn = alpn};
    struct hkt_tls *client, *server = NULL;
    int *result = arg, rc = hkt_tls_new(&client_opts, &client);

    if (rc == 0)
        rc = hkt_tls_new(&server_opts, &server);
    if (rc == 0)
        rc = hkt_tls_add_name(server, "other.test", client);
    for (int i = 0; i < 2 && rc == 0; i++) /* the second time a session is resumed */
        rc = shake_and_exchange(client, server);
    hkt_tls_free(client);
    hkt_tls_free(server);
    *result = rc;
    return 0;
}

static bool is_answer(int rc)
{
    return rc == 0 || rc == -ENOMEM || rc == -ECONNRESET || rc == -EPIPE || rc == -EPROTO;
}

static void ignore(void *ctx, const char *line)
{
    (void)ctx, (void)line;
}

Test(tls_oom, each_allocation_fails, .timeout = 120)
{
    hkt_on_report(ignore, NULL);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct hkt_loop_opts opts = {.poller = backends[i]};
        int failed = 0, rc = 0;
        if (!have_backend(backends[i]))
            continue;
        real = hkt__os;
        fail_at = -1;
        cr_assert_eq(hkt_run_opts(live, &rc, &opts), 0);
        cr_assert_eq(rc, 0);
        hkt__os.alloc = failing_alloc;
        for (int k = 0; k == 0 || calls > fail_at; k++) {
            calls = 0;
            fail_at = k;
            int run = hkt_run_opts(live, &rc, &opts);
            cr_assert(run == 0 || run == -ENOMEM, "without %d: %d", k, run);
            if (run == 0)
                cr_assert(is_answer(rc), "without %d: %d", k, rc);
            failed += rc < 0;
            cr_assert_lt(k, 500);
        }
        cr_assert_gt(failed, 8, "%d", failed);
        hkt__os = real;
    }
}
