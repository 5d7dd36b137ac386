/* SPDX-License-Identifier: MIT
 *
 * What a stream does when it is encrypted. No call waits: output that the system does not take is
 * kept, and the stream, which is told how much that is, tries again.
 */
#include "transport.h"

#include <openssl/err.h>
#include <string.h>

/* Of plaintext in a record: with what encryption adds it fits into a buffer of the pool. */
enum { RECORD = HKT_BUF_SIZE - 384 };

static struct hkt__tls_transport *tls_of(struct hkt_transport *base)
{
    return (struct hkt__tls_transport *)(void *)base; /* its first part */
}

/* Returns: 0: nothing is unsent; -EAGAIN; an error. */
static int send_out(struct hkt__tls_transport *t)
{
    while (hkt_buf_len(&t->out) > 0) {
        const struct iovec iov = {t->out.data + t->out.start, hkt_buf_len(&t->out)};
        ssize_t n = hkt_try_writev(t->base.fd, &iov, 1);
        if (n < 0)
            return (int)n;
        hkt_buf_consume(&t->out, (size_t)n);
        t->base.unsent -= (size_t)n;
    }
    hkt_buf_release(&t->out);
    return 0;
}

static void note_alpn(struct hkt__tls_transport *t)
{
    const unsigned char *name;
    unsigned size;

    SSL_get0_alpn_selected(t->ssl, &name, &size);
    if (size > 0 && size < sizeof t->alpn)
        memcpy(t->alpn, name, size);
}

static int start(struct hkt_transport *base)
{
    struct hkt__tls_transport *t = tls_of(base);

    if (t->error)
        return t->error;
    ERR_clear_error();
    int rc = SSL_do_handshake(t->ssl);
    if (rc == 1) {
        note_alpn(t);
        t->ready = true;
        return 0;
    }
    int reason = SSL_get_error(t->ssl, rc);
    return reason == SSL_ERROR_WANT_READ ? -EAGAIN : hkt__tls_fail(t, reason);
}

static ssize_t read_some(struct hkt_transport *base, void *buf, size_t size)
{
    struct hkt__tls_transport *t = tls_of(base);
    size_t n = 0;

    if (t->error || !t->ready)
        return t->error ? t->error : -ENOTCONN;
    ERR_clear_error();
    int rc = SSL_read_ex(t->ssl, buf, size, &n);
    int reason = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, rc);
    if (base->unsent > 0)
        (void)send_out(t); /* an alert, or a new key: whoever writes learns what fails */
    switch (reason) {
    case SSL_ERROR_NONE:
        return (ssize_t)n;
    case SSL_ERROR_WANT_READ:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return hkt__tls_fail(t, reason);
    }
}

/* A record of what lies at data. Returns: its size; an error. */
static ssize_t encrypt(struct hkt__tls_transport *t, const char *data, size_t size)
{
    size_t n = 0;

    ERR_clear_error();
    int rc = SSL_write_ex(t->ssl, data, size < RECORD ? size : RECORD, &n);
    return rc == 1 ? (ssize_t)n : hkt__tls_fail(t, SSL_get_error(t->ssl, rc));
}

static ssize_t write_some(struct hkt_transport *base, const struct iovec *iov, int n)
{
    struct hkt__tls_transport *t = tls_of(base);
    size_t done = 0;
    int rc = send_out(t);

    if (rc == 0 && n > 0 && (t->error || !t->ready))
        rc = t->error ? t->error : -ENOTCONN;
    for (int i = 0; i < n && rc == 0; i++) {
        for (size_t at = 0; at < iov[i].iov_len && rc == 0;) {
            ssize_t size = encrypt(t, (const char *)iov[i].iov_base + at, iov[i].iov_len - at);
            if (size < 0)
                return size;
            at += (size_t)size;
            done += (size_t)size;
            if (base->unsent > HKT_BUF_SIZE / 2 || (i == n - 1 && at == iov[i].iov_len))
                rc = send_out(t);
        }
    }
    return done > 0 && rc == -EAGAIN ? (ssize_t)done : rc < 0 ? rc : (ssize_t)done;
}

static void end(struct hkt_transport *base)
{
    struct hkt__tls_transport *t = tls_of(base);

    if (!t->ready || t->error)
        return;
    ERR_clear_error();
    (void)SSL_shutdown(t->ssl); /* 0: the other side has not said so yet */
    ERR_clear_error();
}

static void free_transport(struct hkt_transport *base)
{
    struct hkt__tls_transport *t = tls_of(base);

    SSL_free(t->ssl);
    hkt_buf_release(&t->early);
    hkt_buf_release(&t->out);
    hkt__tls_leave(t->tls);
    hkt_dealloc(t);
}

static const struct hkt_transport_ops ops = {start, read_some, write_some, end, free_transport};

int hkt__tls_transport_new(struct hkt_tls *tls, struct hkt__tls_transport **made)
{
    struct hkt__tls_transport *t = hkt_alloc(sizeof *t);

    if (!t)
        return -ENOMEM;
    t->base.ops = &ops;
    t->tls = tls;
    tls->users++;
    ERR_clear_error();
    t->ssl = SSL_new(tls->ssl);
    BIO *bio = t->ssl ? hkt__tls_bio_new(t) : NULL;
    if (!bio) {
        free_transport(&t->base);
        return -ENOMEM;
    }
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    *made = t;
    return 0;
}

struct hkt__tls_transport *hkt__tls_of(const struct hkt_stream *s)
{
    struct hkt_transport *base = hkt_stream_transport(s);

    return base && base->ops == &ops ? tls_of(base) : NULL;
}
