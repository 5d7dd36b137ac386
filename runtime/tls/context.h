/* SPDX-License-Identifier: MIT
 *
 * What connections share.
 */
#ifndef HOCKET_TLS_CONTEXT_H
#define HOCKET_TLS_CONTEXT_H

#include <hocket/tls.h>

#include <openssl/ssl.h>

enum { HKT__TLS_KEY_SIZE = 272 }; /* a host name, a port and a NUL */

/* The certificate for a name. */
struct hkt__tls_name {
    struct hkt__tls_name *next;
    struct hkt_tls *tls;
    char text[];
};

/* What a client remembers of a server. */
struct hkt__tls_session {
    struct hkt__tls_session *next;
    SSL_SESSION *ssl;
    char key[HKT__TLS_KEY_SIZE];
};

struct hkt_tls {
    SSL_CTX *ssl;
    size_t users;        /* the owner and the streams */
    unsigned char *alpn; /* as it is sent */
    unsigned alpn_size;
    bool verifies;
    enum hkt_tls_client client;
    int64_t handshake_ns, shutdown_ns;
    struct hkt__tls_name *names;
    struct hkt__tls_session *sessions; /* the newest first */
};

/* What: how much the server side wants to know of its clients, as OpenSSL's flags. */
int hkt__tls_client_mode(const struct hkt_tls *tls);

/* What: one user less; the last one frees it. */
void hkt__tls_leave(struct hkt_tls *tls);

/* The certificates for other names are found by hkt_tls_add_name(). */
void hkt__tls_names_free(struct hkt_tls *tls);

/* What: has the client side remember sessions. The key of a connection is its transport's. */
void hkt__tls_sessions_init(struct hkt_tls *tls);
void hkt__tls_sessions_free(struct hkt_tls *tls);
/* What: gives a new connection the session that is remembered for key, if there is one. */
void hkt__tls_session_use(struct hkt_tls *tls, SSL *ssl, const char *key);

#endif
