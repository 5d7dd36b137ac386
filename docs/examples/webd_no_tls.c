/* SPDX-License-Identifier: MIT
 *
 * In place of webd_tls.c where OpenSSL is not to be had.
 */
#include "webd.h"

int serve_at(void *arg)
{
    struct place *p = arg;

    if (!p->cert)
        return hkt_service_run(&p->service);
    hkt_report("webd was built without TLS");
    return -ENOSYS;
}

const char *agreed_protocol(const struct hkt_stream *s)
{
    (void)s;
    return NULL;
}
