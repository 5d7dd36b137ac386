/* SPDX-License-Identifier: MIT
 *
 * Handshakes, and the end that both sides agree on.
 */
#include "transport.h"

#include <hocket/task.h>

#include <netinet/in.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static int port_of(const struct hkt_stream *s)
{
    struct hkt_addr addr;

    if (hkt_stream_peer(s, &addr) < 0)
        return 0;
    switch (addr.sockaddr.ss_family) {
    case AF_INET:
        return ntohs(((const struct sockaddr_in *)(const void *)&addr.sockaddr)->sin_port);
    case AF_INET6:
        return ntohs(((const struct sockaddr_in6 *)(const void *)&addr.sockaddr)->sin6_port);
    default:
        return 0;
    }
}

/* A number has no place in what the server is told, but in its certificate it has. */
static int set_host(struct hkt__tls_transport *t, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return 0;
    SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(t->ssl, host) == 1 && SSL_set_tlsext_host_name(t->ssl, host) == 1
               ? 0
               : -EINVAL;
}

static int set_client(struct hkt__tls_transport *t, const struct hkt_stream *s, const char *host)
{
    SSL_set_connect_state(t->ssl);
    SSL_set_verify(t->ssl, t->tls->verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (!host)
        return t->tls->verifies ? -EINVAL : 0;
    size_t size = strlen(host);
    if (size == 0 || size > 255 || host[0] == '.')
        return -EINVAL;
    HKT_TRY(set_host(t, host));
    snprintf(t->key, sizeof t->key, "%s:%d", host, port_of(s));
    hkt__tls_session_use(t->tls, t->ssl, t->key);
    return 0;
}

/* What the stream has read ahead is the handshake's. */
static int take_early(struct hkt__tls_transport *t, struct hkt_stream *s)
{
    const char *data;
    size_t size = hkt_stream_buffered(s);

    if (size == 0)
        return 0;
    ssize_t n = hkt_stream_peek(s, size, &data);
    if (n <= 0)
        return (int)n;
    HKT_TRY(hkt_buf_add(&t->early, data, (size_t)n));
    hkt_stream_consume(s, (size_t)n);
    return 0;
}

/* Ends with the transport being the stream's, or freed. */
static int shake(struct hkt_stream *s, struct hkt__tls_transport *t, int rc)
{
    struct hkt_timeout limit = {0};

    if (rc == 0)
        rc = hkt_timeout_enter(&limit, t->tls->handshake_ns);
    if (rc < 0) {
        t->base.ops->free(&t->base);
        return rc;
    }
    rc = take_early(t, s);
    if (rc == 0)
        rc = hkt_stream_start(s, &t->base);
    else
        t->base.ops->free(&t->base);
    return (int)hkt_timeout_exit(&limit, rc);
}

int hkt_tls_connect(struct hkt_tls *tls, struct hkt_stream *s, const char *host)
{
    struct hkt__tls_transport *t;

    if (!tls || !s)
        return -ENOMEM;
    HKT_TRY(hkt__tls_transport_new(tls, &t));
    return shake(s, t, set_client(t, s, host));
}

int hkt_tls_accept(struct hkt_tls *tls, struct hkt_stream *s)
{
    struct hkt__tls_transport *t;

    if (!tls || !s)
        return -ENOMEM;
    HKT_TRY(hkt__tls_transport_new(tls, &t));
    SSL_set_accept_state(t->ssl);
    SSL_set_verify(t->ssl, hkt__tls_client_mode(tls), NULL);
    return shake(s, t, 0);
}

/* The host of a URL, without brackets. */
static int host_of(const char *url, char *host, size_t size)
{
    const char *at = strstr(url, "://"), *end = strrchr(url, ':');

    if (!at || end <= at)
        return -EINVAL;
    at += 3;
    if (*at == '[' && end > at && end[-1] == ']') {
        at++;
        end--;
    }
    if (end <= at || (size_t)(end - at) >= size)
        return -EINVAL;
    memcpy(host, at, (size_t)(end - at));
    host[end - at] = '\0';
    return 0;
}

int hkt_open_tls_connection(struct hkt_tls *tls, const char *url, const char *host,
                            const struct hkt_connect_opts *opts, struct hkt_stream **s)
{
    char of_url[256];

    *s = NULL;
    if (!tls)
        return -ENOMEM;
    if (!host && host_of(url, of_url, sizeof of_url) == 0)
        host = of_url;
    HKT_TRY(hkt_open_connection(url, opts, s));
    int rc = hkt_tls_connect(tls, *s, host);
    if (rc < 0) {
        const char *why = hkt_tls_error(*s);
        if (why)
            hkt_report("%s: %s", url, why);
        hkt_stream_free(*s);
        *s = NULL;
    }
    return rc;
}

int hkt_tls_serve(struct hkt_stream *s, void *arg)
{
    const struct hkt_tls_service *service = arg;
    int rc = hkt_tls_accept(service->tls, s);

    if (rc < 0)
        return rc == -ENOMEM || rc == -ECANCELED ? rc : -ECONNRESET;
    return service->handler(s, service->arg);
}

static int end_both(struct hkt_stream *s)
{
    const char *data;
    ssize_t n;

    HKT_TRY(hkt_stream_write_eof(s));
    while ((n = hkt_stream_peek(s, 1, &data)) > 0)
        hkt_stream_consume(s, (size_t)n);
    if (n < 0 && n != -EBUSY) /* who reads will see the end */
        return (int)n;
    return hkt_stream_close(s);
}

int hkt_tls_close(struct hkt_stream *s)
{
    const struct hkt__tls_transport *t = hkt__tls_of(s);
    struct hkt_timeout limit = {0};

    if (!t || !t->ready)
        return hkt_stream_close(s);
    HKT_TRY(hkt_timeout_enter(&limit, t->tls->shutdown_ns));
    int rc = (int)hkt_timeout_exit(&limit, end_both(s));
    hkt_stream_abort(s);
    return rc;
}
