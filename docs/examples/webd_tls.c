/* SPDX-License-Identifier: MIT
 *
 * webd with encryption: the handler of a connection is called after the handshake.
 */
#include "webd.h"

#include <hocket/tls.h>

int serve_at(void *arg)
{
    struct place *p = arg;
    const struct hkt_tls_opts opts = {
        .cert = p->cert, .key = p->key, .alpn = protocols, .handshake_ns = p->step_ns};
    struct hkt_tls_service service = {.handler = p->service.handler, .arg = p->service.arg};

    if (!p->cert)
        return hkt_service_run(&p->service);
    HKT_TRY(hkt_tls_new(&opts, &service.tls));
    int rc = hkt_serve(p->service.url, hkt_tls_serve, &service, p->service.opts);
    hkt_tls_free(service.tls);
    return rc == -ECANCELED ? 0 : rc;
}

const char *agreed_protocol(const struct hkt_stream *s)
{
    return hkt_tls_alpn(s);
}
