/* SPDX-License-Identifier: MIT
 *
 * In place of httpd_tls.c where OpenSSL is not to be had.
 */
#include "httpd.h"

int serve_at(void *arg)
{
    struct place *p = arg;

    if (!p->cert)
        return hkt_service_run(&p->service);
    hkt_report("httpd was built without TLS");
    return -ENOSYS;
}

const char *agreed_protocol(const struct hkt_stream *s)
{
    (void)s;
    return NULL;
}
