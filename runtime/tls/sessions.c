/* SPDX-License-Identifier: MIT
 *
 * What a client remembers of servers, so that the next handshake is short. A session of TLS 1.3 is
 * used once, so that nobody can tell by it that two connections are of one client.
 */
#include "transport.h"

#include <string.h>

enum { MOST = 64 }; /* of a context */

static struct hkt__tls_session **find(struct hkt_tls *tls, const char *key)
{
    struct hkt__tls_session **at = &tls->sessions;

    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static void drop(struct hkt__tls_session **at)
{
    struct hkt__tls_session *old = *at;

    *at = old->next;
    SSL_SESSION_free(old->ssl);
    hkt_dealloc(old);
}

static void drop_oldest(struct hkt_tls *tls)
{
    struct hkt__tls_session **at = &tls->sessions;

    for (int n = 0; *at && n < MOST; n++)
        at = &(*at)->next;
    if (*at)
        drop(at);
}

/* Returns: whether the session is kept, with the reference that OpenSSL holds for us. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct hkt__tls_transport *t = SSL_get_app_data(ssl);

    if (SSL_is_server(ssl) || !t->key[0] || !SSL_SESSION_is_resumable(session))
        return 0;
    struct hkt__tls_session **at = find(t->tls, t->key);
    if (*at)
        drop(at);
    struct hkt__tls_session *new = hkt_alloc(sizeof *new);
    if (!new)
        return 0;
    new->ssl = session;
    memcpy(new->key, t->key, sizeof new->key);
    new->next = t->tls->sessions;
    t->tls->sessions = new;
    drop_oldest(t->tls);
    return 1;
}

void hkt__tls_sessions_init(struct hkt_tls *tls)
{
    SSL_CTX_set_session_cache_mode(tls->ssl, SSL_SESS_CACHE_BOTH | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls->ssl, on_session);
}

void hkt__tls_session_use(struct hkt_tls *tls, SSL *ssl, const char *key)
{
    struct hkt__tls_session **at = find(tls, key);

    if (!*at)
        return;
    (void)SSL_set_session(ssl, (*at)->ssl);
    if (SSL_SESSION_get_protocol_version((*at)->ssl) >= TLS1_3_VERSION)
        drop(at);
}

void hkt__tls_sessions_free(struct hkt_tls *tls)
{
    while (tls->sessions)
        drop(&tls->sessions);
}
