/* SPDX-License-Identifier: MIT
 *
 * Sessions that a client takes from one name of a server to another: the client is OpenSSL alone,
 * because the library's own would not do that. None may get past what a name asks of its clients.
 */
#include "tls/encrypted.h"

#include <openssl/ssl.h>

TestSuite(resumed, .init = make_certs);

/* A server of several names, and a client with what it was last given. */
struct visit {
    struct hkt_tls *server;
    SSL_CTX *client;
    SSL_SESSION *session;
    int answer;       /* the server's */
    bool resumed;     /* as the server sees it */
    char subject[64]; /* whom the server saw; empty: nobody */
};

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct visit *v = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    SSL_SESSION_free(v->session);
    v->session = session;
    return 1;
}

static SSL_CTX *new_client(struct visit *v, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    cr_assert(ctx);
    SSL_CTX_set_app_data(ctx, v);
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    return ctx;
}

static void show(SSL_CTX *client, const char *cert)
{
    cr_assert_eq(SSL_CTX_use_certificate_chain_file(client, cert_file(cert)), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey_file(client, cert_file(cert), SSL_FILETYPE_PEM), 1);
}

/* The client's side, through two pieces of memory. */

static int send_all(struct hkt_stream *s, BIO *out)
{
    char buf[4096];
    int n;

    while ((n = BIO_read(out, buf, sizeof buf)) > 0)
        HKT_TRY(hkt_stream_write(s, buf, (size_t)n));
    return hkt_stream_drain(s);
}

static int receive_some(struct hkt_stream *s, BIO *in)
{
    char buf[4096];
    ssize_t n = hkt_stream_read(s, buf, sizeof buf);

    if (n <= 0)
        return n < 0 ? (int)n : -EPIPE;
    return BIO_write(in, buf, (int)n) == n ? 0 : -ENOMEM;
}

/* Reads the byte that says that the server is content, and with it what TLS 1.3 sends before it. */
static int talk(SSL *ssl, struct hkt_stream *s)
{
    char c;

    for (;;) {
        int n = SSL_read(ssl, &c, 1);
        (void)send_all(s, SSL_get_wbio(ssl));
        if (n == 1)
            return 0;
        if (SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ)
            return -EPROTO;
        HKT_TRY(receive_some(s, SSL_get_rbio(ssl)));
    }
}

static int serve_one(struct visit *v, struct hkt_stream *s)
{
    v->answer = hkt_tls_accept(v->server, s);
    v->resumed = hkt_tls_resumed(s);
    if (hkt_tls_peer_subject(s, v->subject, sizeof v->subject) < 0)
        v->subject[0] = '\0';
    if (v->answer < 0) {
        hkt_stream_abort(s);
        return 0;
    }
    HKT_TRY(hkt_stream_write(s, "x", 1));
    return hkt_stream_drain(s);
}

struct accepting {
    struct visit *v;
    struct hkt_stream *s;
};

static int accept_it(void *arg)
{
    const struct accepting *a = arg;

    return serve_one(a->v, a->s);
}

/* One connection to that name, with the session of the last one. */
static int visit(struct visit *v, const char *name)
{
    struct hkt_stream *s[2];
    SSL *ssl = SSL_new(v->client);

    stream_pair(s, NULL);
    struct accepting a = {v, s[1]};
    struct hkt_task *server = hkt_spawn(accept_it, &a);
    cr_assert(ssl);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
    SSL_set_connect_state(ssl);
    if (name)
        SSL_set_tlsext_host_name(ssl, name);
    if (v->session)
        SSL_set_session(ssl, v->session);
    int rc = talk(ssl, s[0]);
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN); /* else the session is not to be resumed */
    SSL_free(ssl);
    hkt_stream_abort(s[0]);
    cr_assert_eq(hkt_join(server), 0);
    free_pair(s);
    return rc;
}

/* "localhost", and whoever names nobody, asks for nothing; the other names do. */
static void begin(struct visit *v, int version)
{
    const char *ca = cert_file("ca"), *server = cert_file("server");
    struct hkt_tls *known =
        new_tls(&(struct hkt_tls_opts){.cert = server, .ca_file = ca, .client = HKT_TLS_KNOWN});
    struct hkt_tls *others = new_tls(&(struct hkt_tls_opts){
        .cert = server, .ca_file = cert_file("other"), .client = HKT_TLS_ASKED});

    *v = (struct visit){.server = server_tls("server")};
    v->client = new_client(v, version);
    cr_assert_eq(hkt_tls_add_name(v->server, "known.test", known), 0);
    cr_assert_eq(hkt_tls_add_name(v->server, "others.test", others), 0);
    hkt_tls_free(known);
    hkt_tls_free(others);
}

static void end(struct visit *v)
{
    SSL_SESSION_free(v->session);
    SSL_CTX_free(v->client);
    hkt_tls_free(v->server);
}

static int without_certificate(void *version)
{
    const char *const from[] = {"localhost", NULL, "unknown.test"};
    struct visit v;

    begin(&v, *(int *)version);
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        cr_assert_eq(visit(&v, from[i]), 0, "%d", v.answer);
        cr_assert(v.session);
        cr_assert_neq(visit(&v, "known.test"), 0, "%d", (int)i);
        cr_assert_eq(v.answer, HKT_ECERT, "%d: %d", (int)i, v.answer);
        cr_assert_not(v.resumed);
    }
    end(&v);
    return 0;
}

static int trusted_by_another(void *version)
{
    struct visit v;

    begin(&v, *(int *)version);
    show(v.client, "client");
    cr_assert_eq(visit(&v, "known.test"), 0, "%d", v.answer);
    cr_assert_str_eq(v.subject, "CN = client");
    cr_assert(v.session);
    cr_assert_neq(visit(&v, "others.test"), 0, "its issuer is none of theirs");
    cr_assert_eq(v.answer, HKT_ECERT, "%d", v.answer);
    cr_assert_eq(visit(&v, "known.test"), 0, "%d", v.answer);
    cr_assert_eq(visit(&v, "localhost"), 0, "%d", v.answer);
    cr_assert_str_eq(v.subject, "", "which has asked for none");
    end(&v);
    return 0;
}

static int same_name(void *version)
{
    const char *const names[] = {"localhost", NULL, "known.test"};
    struct visit v;

    begin(&v, *(int *)version);
    show(v.client, "client");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_eq(visit(&v, names[i]), 0, "%d", v.answer);
        cr_assert_not(v.resumed, "%d", (int)i);
        cr_assert_eq(visit(&v, names[i]), 0, "%d", v.answer);
        cr_assert(v.resumed, "%d", (int)i);
        cr_assert_str_eq(v.subject, i == 2 ? "CN = client" : "");
        SSL_SESSION_free(v.session);
        v.session = NULL;
    }
    end(&v);
    return 0;
}

static void in_each_version(hkt_task_fn *fn)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        on_each_backend(fn, &version);
}

Test(resumed, no_session_stands_in_for_a_certificate)
{
    in_each_version(without_certificate);
}

Test(resumed, whom_one_name_trusts_another_need_not)
{
    in_each_version(trusted_by_another);
}

Test(resumed, each_name_resumes_its_own)
{
    in_each_version(same_name);
}
