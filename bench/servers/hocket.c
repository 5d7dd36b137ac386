/* SPDX-License-Identifier: MIT
 *
 * hocket, as a program is written that uses it: a task for each connection, and streams.
 */
#include "server.h"

#include <hocket/hocket.h>

#include <netinet/in.h>

static int serve_http(struct hkt_stream *s, void *arg)
{
    struct http h;
    const char *data;
    ssize_t n;

    (void)arg;
    http_init(&h);
    while ((n = hkt_stream_peek(s, 1, &data)) > 0) {
        int requests = http_feed(&h, data, (size_t)n);
        hkt_stream_consume(s, (size_t)n);
        if (requests < 0)
            return -EPROTO;
        for (; requests > 0; requests--)
            HKT_TRY(hkt_stream_write(s, SERVER_ANSWER, sizeof SERVER_ANSWER - 1));
    }
    return (int)n;
}

static int serve_echo(struct hkt_stream *s, void *arg)
{
    const char *data;
    ssize_t n;

    (void)arg;
    while ((n = hkt_stream_peek(s, 1, &data)) > 0) {
        HKT_TRY(hkt_stream_write(s, data, (size_t)n));
        hkt_stream_consume(s, (size_t)n);
    }
    return (int)n;
}

static int serve(void *arg)
{
    const struct hkt_server_opts opts = {.backlog = SERVER_BACKLOG};
    hkt_stream_fn *handler = server_echoes ? serve_echo : serve_http;
    struct hkt_server *server;
    struct hkt_addr addr;

    HKT_TRY(hkt_start_server("tcp://127.0.0.1:0", handler, arg, &opts, &server));
    int rc = hkt_server_addr(server, 0, &addr);
    if (rc == 0) {
        server_print_port(ntohs(((struct sockaddr_in *)&addr.sockaddr)->sin_port));
        rc = hkt_server_wait_closed(server);
    }
    hkt_server_free(server);
    return rc;
}

int server_run(void)
{
    return hkt_run(serve, NULL);
}
