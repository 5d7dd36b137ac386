/* SPDX-License-Identifier: MIT
 *
 * A server with several names: the client says which one it means, before it is shown a
 * certificate.
 */
#include "transport.h"

#include <string.h>
#include <strings.h>

/* Whether name is meant by text, which may begin with "*." for one label. */
static bool means(const char *text, const char *name)
{
    if (strncmp(text, "*.", 2) != 0)
        return strcasecmp(text, name) == 0;
    const char *dot = strchr(name, '.');
    return dot && dot > name && strcasecmp(text + 1, dot) == 0;
}

/* Of those that the context of the connection knows, which is not always the current one of ssl. */
static const struct hkt_tls *named(SSL *ssl, const char *name)
{
    const struct hkt__tls_transport *t = SSL_get_app_data(ssl);
    const struct hkt_tls *tls = t->tls;

    for (const struct hkt__tls_name *n = tls->names; name && n; n = n->next)
        if (means(n->text, name))
            return n->tls;
    return tls;
}

/* The host name of the hello's list, which has no other kind and only one. false: there is none,
 * or it is malformed, which OpenSSL will say when it comes to it. */
static bool asked_name(SSL *ssl, char name[256])
{
    enum { HEAD = 5 }; /* the list's size, the kind, the name's size */
    const unsigned char *data;
    size_t size;

    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) || size <= HEAD ||
        size - HEAD > 255 || data[2] != TLSEXT_NAMETYPE_host_name ||
        ((size_t)data[3] << 8 | data[4]) != size - HEAD || memchr(data + HEAD, 0, size - HEAD))
        return false;
    memcpy(name, data + HEAD, size - HEAD);
    name[size - HEAD] = '\0';
    return true;
}

/* Before OpenSSL looks for a session to resume: so it is looked for in the context of that name. */
static int choose(SSL *ssl, int *alert, void *arg)
{
    char name[256];
    const struct hkt_tls *chosen = named(ssl, asked_name(ssl, name) ? name : NULL);

    (void)alert, (void)arg;
    SSL_set_SSL_CTX(ssl, chosen->ssl);
    SSL_set_verify(ssl, hkt__tls_client_mode(chosen), NULL);
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* A hello that is repeated on request may not name another host than the first one, after which
 * the context was chosen. */
static int confirm(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)arg;
    if (SSL_is_server(ssl) && SSL_get_SSL_CTX(ssl) != named(ssl, name)->ssl) {
        *alert = SSL_AD_ILLEGAL_PARAMETER;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

int hkt_tls_add_name(struct hkt_tls *tls, const char *name, struct hkt_tls *other)
{
    if (!tls || !other)
        return -ENOMEM;
    if (!name || !*name || other == tls)
        return -EINVAL;
    size_t size = strlen(name) + 1;
    struct hkt__tls_name *n = hkt_alloc(sizeof *n + size), **at = &tls->names;

    if (!n)
        return -ENOMEM;
    memcpy(n->text, name, size);
    n->tls = other;
    other->users++;
    while (*at)
        at = &(*at)->next;
    *at = n;
    SSL_CTX_set_client_hello_cb(tls->ssl, choose, NULL);
    SSL_CTX_set_tlsext_servername_callback(tls->ssl, confirm);
    return 0;
}

void hkt__tls_names_free(struct hkt_tls *tls)
{
    struct hkt__tls_name *n;

    while ((n = tls->names) != NULL) {
        tls->names = n->next;
        hkt__tls_leave(n->tls);
        hkt_dealloc(n);
    }
}
