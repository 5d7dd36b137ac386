/* SPDX-License-Identifier: MIT
 *
 * Asks a web server for its first page, encrypted, and prints the head of the answer.
 *
 *      fetch URL [HOST [CA_FILE]]      as: fetch tcp://example.org:443
 *
 * HOST is the name that the certificate must have, by default that of the URL; CA_FILE is whom to
 * trust, by default whom the system does.
 */
#include <hocket/hocket.h>
#include <hocket/tls.h>

#include <stdio.h>

static int print_head(struct hkt_stream *s)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    char line[1024];
    ssize_t n;

    printf("%s, %s\n", hkt_tls_version(s), hkt_tls_cipher(s));
    HKT_TRY(hkt_stream_write(s, request, sizeof request - 1));
    while ((n = hkt_stream_readline(s, line, sizeof line)) > 0 && line[0] != '\r')
        fputs(line, stdout);
    return n < 0 ? (int)n : hkt_tls_close(s);
}

static int fetch(void *arg)
{
    char **argv = arg;
    const char *host = argv[2], *ca_file = host ? argv[3] : NULL;
    const struct hkt_tls_opts opts = {.ca_file = ca_file};
    struct hkt_tls *tls;
    struct hkt_stream *s;

    HKT_TRY(hkt_tls_new(&opts, &tls));
    int rc = hkt_open_tls_connection(tls, argv[1], host, NULL, &s);
    if (rc == 0)
        rc = print_head(s);
    hkt_stream_free(s);
    hkt_tls_free(tls);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fputs("usage: fetch URL [HOST [CA_FILE]]\n", stderr);
        return 2;
    }
    return hkt_run(fetch, argv) < 0;
}
