/* SPDX-License-Identifier: MIT
 *
 * hocket, as a program is written that uses it: a task for each connection, and streams.
 */
#include "server.h"

#include <hocket/hocket.h>

#include <netinet/in.h>
#include <stdatomic.h>

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

/* The port is printed when all listen on it. */
static void print_port(const struct hkt_addr *addr)
{
    static atomic_int listening;

    if (atomic_fetch_add(&listening, 1) + 1 == server_cores)
        server_print_port(ntohs(((const struct sockaddr_in *)&addr->sockaddr)->sin_port));
}

static int serve(void *arg)
{
    const bool many = server_cores > 1;
    const struct hkt_server_opts opts = {
        .backlog = SERVER_BACKLOG, .reuse_port = many, .same_cpu = many};
    hkt_stream_fn *handler = server_echoes ? serve_echo : serve_http;
    struct hkt_server *server;
    struct hkt_addr addr;

    HKT_TRY(hkt_start_server("tcp://127.0.0.1:0", handler, arg, &opts, &server));
    int rc = hkt_server_addr(server, 0, &addr);
    if (rc == 0) {
        print_port(&addr);
        rc = hkt_server_wait_closed(server);
    }
    hkt_server_free(server);
    return rc;
}

int server_run(void)
{
    const struct hkt_cores_opts opts = {.pin = true};

    return server_cores > 1 ? hkt_run_cores(server_cores, serve, NULL, &opts)
                            : hkt_run(serve, NULL);
}
