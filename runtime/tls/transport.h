/* SPDX-License-Identifier: MIT
 *
 * One encrypted connection.
 */
#ifndef HOCKET_TLS_TRANSPORT_H
#define HOCKET_TLS_TRANSPORT_H

#include "context.h"

enum { HKT__TLS_TEXT_SIZE = 304 };

struct hkt__tls_transport {
    struct hkt_transport base;
    struct hkt_tls *tls;
    SSL *ssl;
    struct hkt_buf early; /* what the stream had read before */
    struct hkt_buf out;   /* encrypted, and not sent */
    int io_error;         /* of the descriptor, or -ENOMEM */
    int error;            /* that it ended with */
    bool ready;           /* the handshake is over */
    bool cut;             /* the input has ended without a word */
    char alpn[256];
    char key[HKT__TLS_KEY_SIZE];   /* of its session; empty: none is remembered */
    char text[HKT__TLS_TEXT_SIZE]; /* of the error */
};

/* What: makes one that is not attached to a stream. Returns: 0; -ENOMEM; -EINVAL. */
int hkt__tls_transport_new(struct hkt_tls *tls, struct hkt__tls_transport **t);

/* What: that of a stream, or NULL. */
struct hkt__tls_transport *hkt__tls_of(const struct hkt_stream *s);

/* What: the code for what OpenSSL answered, which is kept, with its words. Returns: negative. */
int hkt__tls_fail(struct hkt__tls_transport *t, int reason);

/* What: how OpenSSL reads and writes. Returns: NULL when out of memory. */
BIO *hkt__tls_bio_new(struct hkt__tls_transport *t);

#endif
