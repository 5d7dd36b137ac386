/* SPDX-License-Identifier: MIT
 *
 * libuv: callbacks, and streams of its own.
 */
#include "server.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <uv.h>

struct connection {
    uv_tcp_t tcp; /* the first */
    struct http http;
};

static char buffer[SERVER_BUFFER];

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Nothing else is read before what is in it was answered. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = (struct connection *)stream;
    struct answer a = {NULL, 0};

    if (n == 0)
        return;
    if (n > 0)
        a = answer_to(&c->http, buf->base, (size_t)n);
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)a.data, (unsigned)a.size);
    if (!a.data || (a.size > 0 && uv_try_write(stream, &out, 1) != (int)a.size))
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct connection *c = malloc(sizeof *c);

    if (status < 0 || !c)
        server_fail("connection");
    http_init(&c->http);
    uv_tcp_init(listener->loop, &c->tcp);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0) {
        uv_close((uv_handle_t *)&c->tcp, on_closed);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_input);
}

int server_run(void)
{
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in address;
    int size = sizeof address;
    uv_tcp_t listener;

    uv_tcp_init(loop, &listener);
    uv_ip4_addr("127.0.0.1", 0, &address);
    if (uv_tcp_bind(&listener, (struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&listener, SERVER_BACKLOG, on_connection) < 0 ||
        uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size) < 0)
        server_fail("listen");
    server_print_port(ntohs(address.sin_port));
    return uv_run(loop, UV_RUN_DEFAULT);
}
