/* SPDX-License-Identifier: MIT
 *
 * Handshakes: those that succeed, and what is agreed on; those that must not.
 */
#include "tls/encrypted.h"

TestSuite(handshake, .init = make_certs);

static int simple(void *arg)
{
    struct hkt_stream *s[2];
    char buf[64];

    (void)arg;
    tls_pair(s, NULL);
    cr_assert(hkt_tls_on(s[0]) && hkt_tls_on(s[1]));
    cr_assert_str_eq(hkt_tls_version(s[0]), "TLSv1.3");
    cr_assert_str_eq(hkt_tls_cipher(s[0]), hkt_tls_cipher(s[1]));
    cr_assert_str_eq(hkt_tls_server_name(s[1]), "localhost");
    cr_assert_null(hkt_tls_alpn(s[0]));
    cr_assert_null(hkt_tls_error(s[0]));
    cr_assert_not(hkt_tls_resumed(s[0]));
    cr_assert(hkt_tls_ssl(s[0]));
    cr_assert_eq(hkt_tls_peer_subject(s[0], buf, sizeof buf), 11);
    cr_assert_str_eq(buf, "CN = server");
    cr_assert_eq(hkt_tls_peer_subject(s[0], buf, 5), 11);
    cr_assert_str_eq(buf, "CN =");
    cr_assert_eq(hkt_tls_peer_subject(s[1], buf, sizeof buf), -ENOENT);
    send_text(s[0], "question");
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 8), 8);
    send_text(s[1], "answer");
    cr_assert_eq(hkt_stream_readexactly(s[0], buf, 6), 6);
    cr_assert_eq(hkt_stream_close(s[0]), 0);
    cr_assert_eq(hkt_stream_read(s[1], buf, 8), 0);
    cr_assert_eq(hkt_stream_close(s[1]), 0);
    free_pair(s);
    return 0;
}

Test(handshake, succeeds)
{
    on_each_backend(simple, NULL);
}

/* Who connects to whom, and what each must answer. */
struct meeting {
    struct hkt_tls_opts client, server;
    const char *host;
    int rc[2];
    const char *why;                         /* part of the client's words; NULL: any, or none */
    const char *alpn, *version;              /* agreed on */
    struct hkt_tls *client_tls, *server_tls; /* instead of new ones */
};

static void check_agreement(const struct meeting *m, struct hkt_stream *s[2])
{
    for (int i = 0; i < 2; i++) {
        if (m->alpn)
            cr_assert_str_eq(hkt_tls_alpn(s[i]), m->alpn);
        else
            cr_assert_null(hkt_tls_alpn(s[i]));
        if (m->version)
            cr_assert_str_eq(hkt_tls_version(s[i]), m->version);
    }
}

static int meet(void *arg)
{
    const struct meeting *m = arg;
    struct hkt_tls *client = m->client_tls ? m->client_tls : new_tls(&m->client);
    struct hkt_tls *server = m->server_tls ? m->server_tls : new_tls(&m->server);
    struct hkt_stream *s[2];
    char c;
    int rc[2];

    stream_pair(s, NULL);
    shake_both(client, server, m->host, s, rc);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(rc[i], m->rc[i], "%d: %d, not %d: %s", i, rc[i], m->rc[i],
                     hkt_tls_error(s[i]));
    if (m->why)
        cr_assert(strstr(hkt_tls_error(s[0]), m->why), "%s", hkt_tls_error(s[0]));
    if (rc[0] == 0 && rc[1] == 0)
        check_agreement(m, s);
    if (rc[0] < 0) {
        cr_assert_not(hkt_tls_on(s[0]));
        cr_assert(hkt_stream_read(s[0], &c, 1) < 0);
        cr_assert(hkt_stream_write(s[0], "x", 1) < 0);
        cr_assert(hkt_stream_close(s[0]) < 0);
    }
    free_pair(s);
    if (!m->client_tls)
        hkt_tls_free(client);
    if (!m->server_tls)
        hkt_tls_free(server);
    return 0;
}

static void meets(struct meeting m)
{
    if (!m.client.ca_file)
        m.client.ca_file = cert_file("ca");
    if (!m.server.cert)
        m.server.cert = cert_file("server");
    if (!m.host)
        m.host = "localhost";
    on_each_backend(meet, &m);
}

Test(handshake, checks_the_name)
{
    meets((struct meeting){.host = "127.0.0.1"});
    meets((struct meeting){.host = "LOCALHOST"});
    meets((struct meeting){
        .host = "other.test", .rc = {HKT_ECERT, -EPROTO}, .why = "other.test: hostname mismatch"});
    meets((struct meeting){
        .host = "127.0.0.2", .rc = {HKT_ECERT, -EPROTO}, .why = "IP address mismatch"});
}

Test(handshake, checks_the_certificate)
{
    make_cert(&(struct cert){.name = "self", .san = "DNS:localhost"});
    make_cert(&(struct cert){
        .name = "old", .san = "DNS:localhost", .issuer = "ca", .from_days = -3, .to_days = -2});
    make_cert(&(struct cert){
        .name = "early", .san = "DNS:localhost", .issuer = "ca", .from_days = 2, .to_days = 3});
    meets((struct meeting){.server.cert = cert_file("self"),
                           .rc = {HKT_ECERT, -EPROTO},
                           .why = "localhost: self-signed certificate"});
    meets((struct meeting){.server.cert = cert_file("old"),
                           .rc = {HKT_ECERT, -EPROTO},
                           .why = "localhost: certificate has expired"});
    meets((struct meeting){
        .server.cert = cert_file("early"), .rc = {HKT_ECERT, -EPROTO}, .why = "not yet valid"});
    meets((struct meeting){
        .client.ca_file = cert_file("other"), .rc = {HKT_ECERT, -EPROTO}, .why = "unable to get"});
    meets((struct meeting){.server.cert = cert_file("self"), .client.unverified = true});
}

Test(handshake, agrees_on_a_protocol)
{
    static const char *const both[] = {"h2", "http/1.1", NULL};
    static const char *const old[] = {"http/1.1", NULL}, *const odd[] = {"odd", NULL};

    meets((struct meeting){.client.alpn = both, .server.alpn = both, .alpn = "h2"});
    meets((struct meeting){.client.alpn = old, .server.alpn = both, .alpn = "http/1.1"});
    meets((struct meeting){.client.alpn = both, .server.alpn = old, .alpn = "http/1.1"});
    meets((struct meeting){.server.alpn = both});
    meets((struct meeting){.client.alpn = both});
    meets((struct meeting){.client.alpn = odd,
                           .server.alpn = both,
                           .rc = {-EPROTO, -EPROTO},
                           .why = "no application protocol"});
}

Test(handshake, agrees_on_a_version)
{
    meets((struct meeting){.server.newest = HKT_TLS_1_2, .version = "TLSv1.2"});
    meets((struct meeting){.client.oldest = HKT_TLS_1_3, .version = "TLSv1.3"});
    meets((struct meeting){.client.oldest = HKT_TLS_1_3,
                           .server.newest = HKT_TLS_1_2,
                           .rc = {-EPROTO, -EPROTO},
                           .why = "alert protocol version"});
}

Test(handshake, asks_for_a_clients_certificate)
{
    const char *ca = cert_file("ca");

    for (enum hkt_tls_version newest = HKT_TLS_1_2; newest <= HKT_TLS_1_3; newest++) {
        struct meeting m = {.client.ca_file = ca, .client.newest = newest, .server.ca_file = ca};
        m.server.client = HKT_TLS_ASKED;
        meets(m);
        m.server.client = HKT_TLS_KNOWN;
        m.rc[0] = newest == HKT_TLS_1_2 ? -EPROTO : 0; /* else it learns when it reads */
        m.rc[1] = HKT_ECERT;
        meets(m);
        m.client.cert = cert_file("client");
        m.rc[0] = m.rc[1] = 0;
        meets(m);
    }
}

Test(handshake, chooses_by_name)
{
    struct hkt_tls *server = server_tls("server"), *other = server_tls("other");
    struct meeting m = {.server_tls = server, .host = "other.test"};

    cr_assert_eq(hkt_tls_add_name(server, "nobody.test", other), 0);
    cr_assert_eq(hkt_tls_add_name(server, "Other.Test", other), 0);
    cr_assert_eq(hkt_tls_add_name(server, "*.wild.test", other), 0);
    cr_assert_eq(hkt_tls_add_name(server, "", other), -EINVAL);
    cr_assert_eq(hkt_tls_add_name(server, "x", server), -EINVAL);
    cr_assert_eq(hkt_tls_add_name(server, "x", NULL), -ENOMEM);
    hkt_tls_free(other);
    meets(m);
    m.host = "localhost";
    meets(m);
    m.host = "127.0.0.1";
    meets(m);
    m.host = "a.wild.test";
    m.rc[0] = HKT_ECERT;
    m.rc[1] = -EPROTO;
    meets(m);
    hkt_tls_free(server);
}

static int resume(void *arg)
{
    struct hkt_tls_opts opts = {.ca_file = cert_file("ca"), .newest = *(enum hkt_tls_version *)arg};
    struct hkt_tls *client = new_tls(&opts), *server = server_tls("server");
    char text[HKT_ADDR_TEXT], c;

    struct hkt_tls_service service = {server, echo, NULL};
    struct hkt_server *listener = start_server("tcp://127.0.0.1:0", hkt_tls_serve, &service, NULL);
    for (int i = 0; i < 4; i++) {
        struct hkt_stream *s;
        int rc = hkt_open_tls_connection(client, url_of(listener, text),
                                         i == 3 ? "127.0.0.1" : "localhost", NULL, &s);
        cr_assert_eq(rc, 0, "%d", rc);
        cr_assert_eq(hkt_tls_resumed(s), i == 1 || i == 2, "%d", i);
        cr_assert_eq(hkt_stream_write(s, "x", 1), 0);
        cr_assert_eq(hkt_stream_readexactly(s, &c, 1), 1);
        cr_assert_eq(hkt_tls_close(s), 0);
        hkt_stream_free(s);
    }
    hkt_server_close(listener);
    cr_assert_eq(hkt_server_wait_closed(listener), 0);
    hkt_server_free(listener);
    hkt_tls_free(client);
    hkt_tls_free(server);
    return 0;
}

Test(handshake, resumes_a_session)
{
    for (enum hkt_tls_version newest = HKT_TLS_1_2; newest <= HKT_TLS_1_3; newest++)
        on_each_backend(resume, &newest);
}

static int starttls(void *arg)
{
    struct hkt_tls *client = client_tls(), *server = server_tls("server");
    struct hkt_stream *s[2];
    char line[32];
    int rc[2];

    (void)arg;
    stream_pair(s, NULL);
    /* The client's hello is read together with the line before it. */
    cr_assert_eq(hkt_stream_write(s[0], "starttls\n", 9), 0);
    struct side side = {client, s[0], "localhost"};
    struct hkt_task *t = hkt_spawn(shake, &side);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert_eq(hkt_stream_readline(s[1], line, sizeof line), 9);
    cr_assert(hkt_stream_buffered(s[1]) > 0);
    rc[1] = hkt_tls_accept(server, s[1]);
    rc[0] = hkt_join(t);
    cr_assert_eq(rc[0], 0, "%d", rc[0]);
    cr_assert_eq(rc[1], 0, "%d", rc[1]);
    cr_assert_eq(hkt_tls_accept(server, s[1]), -EBUSY, "again");
    send_text(s[1], "ready\n");
    cr_assert_eq(hkt_stream_readline(s[0], line, sizeof line), 6);
    free_pair(s);
    hkt_tls_free(client);
    hkt_tls_free(server);
    return 0;
}

Test(handshake, on_a_stream_in_use)
{
    on_each_backend(starttls, NULL);
}

static void ignore(void *ctx, const char *line)
{
    (void)line;
    ++*(int *)ctx;
}

Test(handshake, options_that_are_not_taken)
{
    static const char *const empty[] = {"", NULL};
    const char *server = cert_file("server"), *client = cert_file("client");
    const struct hkt_tls_opts bad[] = {
        {.cert = cert_file("nowhere")},
        {.cert = server, .key = client},
        {.key = server},
        {.ca_file = "/nowhere"},
        {.alpn = empty},
        {.oldest = (enum hkt_tls_version)0x0301},
        {.newest = (enum hkt_tls_version)7},
        {.oldest = HKT_TLS_1_3, .newest = (enum hkt_tls_version)0x0301},
    };
    int reports = 0;
    struct hkt_tls *tls;

    hkt_on_report(ignore, &reports);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(hkt_tls_new(&bad[i], &tls), -EINVAL, "%d", (int)i);
        cr_assert_null(tls);
    }
    cr_assert_eq(reports, (int)(sizeof bad / sizeof *bad));
    tls = new_tls(NULL);
    hkt_tls_free(tls);
    hkt_tls_free(NULL);
}

static int misuse(void *arg)
{
    struct hkt_tls *client = client_tls();
    struct hkt_stream *s[2];
    char buf[8];

    (void)arg;
    stream_pair(s, NULL);
    cr_assert_eq(hkt_tls_connect(client, s[0], NULL), -EINVAL);
    cr_assert_eq(hkt_tls_connect(client, s[0], ""), -EINVAL);
    cr_assert_eq(hkt_tls_connect(client, s[0], ".localhost"), -EINVAL);
    cr_assert_eq(hkt_tls_connect(client, NULL, "localhost"), -ENOMEM);
    cr_assert_eq(hkt_tls_connect(NULL, s[0], "localhost"), -ENOMEM);
    cr_assert_eq(hkt_tls_accept(NULL, s[0]), -ENOMEM);
    cr_assert_eq(hkt_tls_accept(client, NULL), -ENOMEM);
    cr_assert_null(hkt_tls_version(s[0]));
    cr_assert_null(hkt_tls_error(NULL));
    cr_assert_null(hkt_tls_ssl(s[0]));
    cr_assert_eq(hkt_tls_peer_subject(NULL, buf, sizeof buf), -ENOENT);
    cr_assert_not(hkt_tls_on(NULL));
    send_text(s[0], "plain");
    cr_assert_eq(hkt_stream_readexactly(s[1], buf, 5), 5, "it is as it was");
    hkt_stream_abort(s[0]);
    cr_assert_eq(hkt_tls_connect(client, s[0], "localhost"), -ECONNRESET);
    free_pair(s);
    hkt_tls_free(client);
    return 0;
}

Test(handshake, misuse)
{
    on_each_backend(misuse, NULL);
}
