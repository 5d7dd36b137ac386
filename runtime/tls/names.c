/* SPDX-License-Identifier: MIT
 *
 * A server with several names: the client says which one it means, before it is shown a
 * certificate.
 */
#include "context.h"

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

static int choose(SSL *ssl, int *alert, void *arg)
{
    const struct hkt_tls *tls = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    if (!name)
        return SSL_TLSEXT_ERR_NOACK;
    for (const struct hkt__tls_name *n = tls->names; n; n = n->next) {
        if (!means(n->text, name))
            continue;
        SSL_set_SSL_CTX(ssl, n->tls->ssl);
        SSL_set_verify(ssl, hkt__tls_client_mode(n->tls), NULL);
        break;
    }
    return SSL_TLSEXT_ERR_OK;
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
    SSL_CTX_set_tlsext_servername_callback(tls->ssl, choose);
    SSL_CTX_set_tlsext_servername_arg(tls->ssl, tls);
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
