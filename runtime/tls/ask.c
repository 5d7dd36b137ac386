/* SPDX-License-Identifier: MIT
 *
 * What can be asked of an encrypted stream.
 */
#include "transport.h"

#include <openssl/err.h>
#include <string.h>

/* One whose handshake has succeeded. */
static const struct hkt__tls_transport *ready_of(const struct hkt_stream *s)
{
    const struct hkt__tls_transport *t = hkt__tls_of(s);

    return t && t->ready ? t : NULL;
}

bool hkt_tls_on(const struct hkt_stream *s)
{
    return ready_of(s) != NULL;
}

const char *hkt_tls_error(const struct hkt_stream *s)
{
    const struct hkt__tls_transport *t = hkt__tls_of(s);

    return t && t->text[0] ? t->text : NULL;
}

const char *hkt_tls_alpn(const struct hkt_stream *s)
{
    const struct hkt__tls_transport *t = ready_of(s);

    return t && t->alpn[0] ? t->alpn : NULL;
}

const char *hkt_tls_version(const struct hkt_stream *s)
{
    const struct hkt__tls_transport *t = ready_of(s);

    return t ? SSL_get_version(t->ssl) : NULL;
}

const char *hkt_tls_cipher(const struct hkt_stream *s)
{
    const struct hkt__tls_transport *t = ready_of(s);

    return t ? SSL_get_cipher_name(t->ssl) : NULL;
}

const char *hkt_tls_server_name(const struct hkt_stream *s)
{
    const struct hkt__tls_transport *t = ready_of(s);

    return t ? SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
}

bool hkt_tls_resumed(const struct hkt_stream *s)
{
    const struct hkt__tls_transport *t = ready_of(s);

    return t && SSL_session_reused(t->ssl);
}

static int print_subject(X509 *cert, char *buf, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    int rc = -ENOMEM;

    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
                                  XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
        size_t n = (size_t)BIO_get_mem_data(bio, &text);
        size_t fits = n < size ? n : size - 1;
        memcpy(buf, text, fits);
        buf[fits] = '\0';
        rc = (int)n;
    }
    BIO_free(bio);
    ERR_clear_error();
    return rc;
}

int hkt_tls_peer_subject(const struct hkt_stream *s, char *buf, size_t size)
{
    const struct hkt__tls_transport *t = ready_of(s);
    X509 *cert = t ? SSL_get0_peer_certificate(t->ssl) : NULL;

    if (size == 0)
        return -EINVAL;
    buf[0] = '\0';
    return cert ? print_subject(cert, buf, size) : -ENOENT;
}

struct ssl_st *hkt_tls_ssl(const struct hkt_stream *s)
{
    const struct hkt__tls_transport *t = hkt__tls_of(s);

    return t ? t->ssl : NULL;
}
