/* SPDX-License-Identifier: MIT
 *
 * Sends back what comes, encrypted both ways.
 *
 *      tls_echo CERT KEY [URL]         by default on tcp://127.0.0.1:7443
 *
 * CERT and KEY are files in PEM. Stop it with Ctrl-C.
 */
#include <hocket/hocket.h>
#include <hocket/tls.h>

#include <stdio.h>

static int echo(struct hkt_stream *s, void *arg)
{
    char buf[4096];
    ssize_t n;

    (void)arg;
    while ((n = hkt_stream_read(s, buf, sizeof buf)) > 0)
        HKT_TRY(hkt_stream_write(s, buf, (size_t)n));
    return (int)n;
}

static int serve(void *arg)
{
    char **argv = arg;
    const char *url = argv[3] ? argv[3] : "tcp://127.0.0.1:7443";
    const struct hkt_tls_opts opts = {.cert = argv[1], .key = argv[2]};
    struct hkt_tls_service service = {.handler = echo};

    HKT_TRY(hkt_tls_new(&opts, &service.tls));
    int rc = hkt_serve(url, hkt_tls_serve, &service, NULL);
    hkt_tls_free(service.tls);
    return rc == -ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fputs("usage: tls_echo CERT KEY [URL]\n", stderr);
        return 2;
    }
    return hkt_run(serve, argv) < 0;
}
