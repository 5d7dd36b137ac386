/* SPDX-License-Identifier: MIT
 *
 * Contexts, and pairs of encrypted streams.
 */
#ifndef TESTS_TLS_ENCRYPTED_H
#define TESTS_TLS_ENCRYPTED_H

#include "net/streams.h"
#include "tls/certs.h"

#include <hocket/tls.h>

static inline struct hkt_tls *new_tls(const struct hkt_tls_opts *opts)
{
    struct hkt_tls *tls;
    int rc = hkt_tls_new(opts, &tls);

    cr_assert_eq(rc, 0, "%d", rc);
    return tls;
}

static inline struct hkt_tls *client_tls(void)
{
    const struct hkt_tls_opts opts = {.ca_file = cert_file("ca")};

    return new_tls(&opts);
}

/* The newest version that servers have; 0: any. */
static enum hkt_tls_version newest_version;

static inline struct hkt_tls *server_tls(const char *cert)
{
    const struct hkt_tls_opts opts = {.cert = cert_file(cert), .newest = newest_version};

    return new_tls(&opts);
}

/* One side of a handshake. */
struct side {
    struct hkt_tls *tls;
    struct hkt_stream *s;
    const char *host; /* NULL: the server's */
};

static inline int shake(void *arg)
{
    const struct side *side = (const struct side *)arg;

    return side->host ? hkt_tls_connect(side->tls, side->s, side->host)
                      : hkt_tls_accept(side->tls, side->s);
}

/* Both handshakes; s[0] is the client. What each answered. */
static inline void shake_both(struct hkt_tls *client, struct hkt_tls *server, const char *host,
                              struct hkt_stream *s[2], int rc[2])
{
    struct side sides[2] = {{client, s[0], host}, {server, s[1], NULL}};
    struct hkt_task *t = hkt_spawn(shake, &sides[1]);

    rc[0] = shake(&sides[0]);
    rc[1] = hkt_join(t);
}

/* A pair of encrypted streams. */
static inline void tls_pair(struct hkt_stream *s[2], const struct hkt_stream_opts *opts)
{
    struct hkt_tls *client = client_tls(), *server = server_tls("server");
    int rc[2];

    stream_pair(s, opts);
    shake_both(client, server, "localhost", s, rc);
    cr_assert_eq(rc[0], 0, "%d: %s", rc[0], hkt_tls_error(s[0]));
    cr_assert_eq(rc[1], 0, "%d: %s", rc[1], hkt_tls_error(s[1]));
    hkt_tls_free(client);
    hkt_tls_free(server);
}

#endif
