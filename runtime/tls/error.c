/* SPDX-License-Identifier: MIT
 *
 * What OpenSSL's errors become: a code, and a line.
 */
#include "transport.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static void say(struct hkt__tls_transport *t, const char *what, const char *why)
{
    snprintf(t->text, sizeof t->text, "%.200s: %.100s", what, why);
}

/* The certificate was what failed: of whom, and why. */
static bool is_refused(struct hkt__tls_transport *t, unsigned long code)
{
    char what[HKT__TLS_TEXT_SIZE];
    long result = SSL_get_verify_result(t->ssl);
    const char *host = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
    bool none = ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;

    if (ERR_GET_REASON(code) != SSL_R_CERTIFICATE_VERIFY_FAILED && !none)
        return false;
    if (!host)
        host = t->key[0] ? t->key : "the other side";
    snprintf(what, sizeof what, "the certificate of %.180s",
             SSL_is_server(t->ssl) ? "the client" : host);
    say(t, what, none ? "none was shown" : X509_verify_cert_error_string(result));
    return true;
}

static int protocol_error(struct hkt__tls_transport *t)
{
    unsigned long code = ERR_peek_error();
    const char *why = ERR_reason_error_string(code);

    if (ERR_GET_LIB(code) == ERR_LIB_SSL && is_refused(t, code))
        return HKT_ECERT;
    if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
        return -ENOMEM;
    say(t, t->ready ? "TLS failed" : "no TLS connection", why ? why : "unknown error");
    return -EPROTO;
}

static int code_of(struct hkt__tls_transport *t, int reason)
{
    if (t->io_error)
        return t->io_error;
    if (t->cut) {
        say(t, "cut short", "the connection has ended without a word");
        return -ECONNRESET;
    }
    return reason == SSL_ERROR_SSL ? protocol_error(t) : -EPROTO;
}

int hkt__tls_fail(struct hkt__tls_transport *t, int reason)
{
    if (!t->error)
        t->error = code_of(t, reason);
    ERR_clear_error();
    return t->error;
}
