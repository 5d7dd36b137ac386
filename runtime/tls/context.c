/* SPDX-License-Identifier: MIT
 *
 * Contexts: what hkt_tls_opts become in OpenSSL's terms.
 */
#include "context.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

enum { HANDSHAKE_S = 60, SHUTDOWN_S = 30 };

/* A question on the terminal would hold up the loop. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

static int refuse(const char *what)
{
    const char *why = ERR_reason_error_string(ERR_peek_error());

    hkt_report("TLS: %s: %s", what, why ? why : "not taken");
    ERR_clear_error();
    return -EINVAL;
}

static int set_versions(SSL_CTX *ssl, const struct hkt_tls_opts *opts)
{
    int oldest = opts->oldest ? (int)opts->oldest : TLS1_2_VERSION;
    bool known = (oldest == TLS1_2_VERSION || oldest == TLS1_3_VERSION) &&
                 (opts->newest == 0 || opts->newest == HKT_TLS_1_3 || opts->newest == HKT_TLS_1_2);

    if (!known || !SSL_CTX_set_min_proto_version(ssl, oldest) ||
        !SSL_CTX_set_max_proto_version(ssl, (int)opts->newest))
        return refuse("the versions");
    return 0;
}

static int set_certificate(SSL_CTX *ssl, const struct hkt_tls_opts *opts)
{
    const char *key = opts->key ? opts->key : opts->cert;

    if (!opts->cert)
        return opts->key ? refuse("a key without a certificate") : 0;
    if (SSL_CTX_use_certificate_chain_file(ssl, opts->cert) != 1)
        return refuse(opts->cert);
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1)
        return refuse(key);
    return 0;
}

/* A server also says whose certificates it takes from clients. */
static int set_trust(SSL_CTX *ssl, const struct hkt_tls_opts *opts)
{
    if (!opts->ca_file && !opts->ca_dir)
        return SSL_CTX_set_default_verify_paths(ssl) == 1 ? 0 : refuse("the system's trust");
    if (opts->ca_file && SSL_CTX_load_verify_file(ssl, opts->ca_file) != 1)
        return refuse(opts->ca_file);
    if (opts->ca_dir && SSL_CTX_load_verify_dir(ssl, opts->ca_dir) != 1)
        return refuse(opts->ca_dir);
    if (opts->ca_file && opts->client != HKT_TLS_ANYBODY)
        SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(opts->ca_file));
    return 0;
}

/* The server's choice. A client that has none of the protocols is told so (RFC 7301, 3.2). */
static int choose_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *size,
                       const unsigned char *offered, unsigned offered_size, void *arg)
{
    const struct hkt_tls *tls = arg;
    unsigned char *found;

    (void)ssl;
    if (SSL_select_next_proto(&found, size, tls->alpn, tls->alpn_size, offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

/* As on the wire: each behind a byte with its size. */
static int set_alpn(struct hkt_tls *tls, const char *const *names)
{
    size_t size = 0, at = 0;

    if (!names || !names[0])
        return 0;
    for (const char *const *name = names; *name; name++) {
        if (!**name || strlen(*name) > 255)
            return refuse("a protocol's name");
        size += 1 + strlen(*name);
    }
    tls->alpn = hkt_alloc(size);
    if (!tls->alpn)
        return -ENOMEM;
    for (const char *const *name = names; *name; name++) {
        size_t length = strlen(*name);
        tls->alpn[at++] = (unsigned char)length;
        memcpy(tls->alpn + at, *name, length);
        at += length;
    }
    tls->alpn_size = (unsigned)size;
    SSL_CTX_set_alpn_select_cb(tls->ssl, choose_alpn, tls);
    return SSL_CTX_set_alpn_protos(tls->ssl, tls->alpn, tls->alpn_size) == 0 ? 0 : -ENOMEM;
}

/* A session is resumed in the context that made it, and in no other: what that one has found out
 * about its client may not be what this one asks. */
static int set_identity(SSL_CTX *ssl)
{
    unsigned char id[16];

    if (RAND_bytes(id, sizeof id) != 1 || SSL_CTX_set_session_id_context(ssl, id, sizeof id) != 1)
        return refuse("random bytes");
    return 0;
}

static int configure(struct hkt_tls *tls, const struct hkt_tls_opts *opts)
{
    SSL_CTX_set_options(tls->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(tls->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls->ssl, 1); /* a record in one call */
    SSL_CTX_set_default_passwd_cb(tls->ssl, no_password);
    hkt__tls_sessions_init(tls);
    HKT_TRY(set_identity(tls->ssl));
    HKT_TRY(set_versions(tls->ssl, opts));
    HKT_TRY(set_certificate(tls->ssl, opts));
    HKT_TRY(set_trust(tls->ssl, opts));
    return set_alpn(tls, opts->alpn);
}

int hkt_tls_new(const struct hkt_tls_opts *opts, struct hkt_tls **made)
{
    static const struct hkt_tls_opts none;
    struct hkt_tls *tls = hkt_alloc(sizeof *tls);

    *made = NULL;
    if (!tls)
        return -ENOMEM;
    if (!opts)
        opts = &none;
    ERR_clear_error();
    tls->users = 1;
    tls->verifies = !opts->unverified;
    tls->client = opts->client;
    tls->handshake_ns = opts->handshake_ns ? opts->handshake_ns : HKT_SEC(HANDSHAKE_S);
    tls->shutdown_ns = opts->shutdown_ns ? opts->shutdown_ns : HKT_SEC(SHUTDOWN_S);
    tls->ssl = SSL_CTX_new(TLS_method());
    int rc = tls->ssl ? configure(tls, opts) : -ENOMEM;
    if (rc < 0)
        hkt_tls_free(tls);
    else
        *made = tls;
    return rc;
}

int hkt__tls_client_mode(const struct hkt_tls *tls)
{
    if (tls->client == HKT_TLS_ANYBODY)
        return SSL_VERIFY_NONE;
    return SSL_VERIFY_PEER | (tls->client == HKT_TLS_KNOWN ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
}

void hkt__tls_leave(struct hkt_tls *tls)
{
    if (--tls->users > 0)
        return;
    hkt__tls_sessions_free(tls);
    hkt__tls_names_free(tls);
    SSL_CTX_free(tls->ssl);
    hkt_dealloc(tls->alpn);
    hkt_dealloc(tls);
}

void hkt_tls_free(struct hkt_tls *tls)
{
    if (tls)
        hkt__tls_leave(tls);
}
