/* SPDX-License-Identifier: MIT
 *
 * Cancellation at every point: streams, servers, names in URLs.
 */
#include "net/streams.h"
#include "sched/points.h"

#include <fcntl.h>

struct scene {
    struct hkt_stream *s[2]; /* of the second only the descriptor is used, by plain calls */
    struct hkt_server *server;
    struct hkt_event event;
    struct gate gate;
    struct hkt_task *filler; /* of the pool */
    struct hkt_transport transport;
    int listener;
    char url[64];
};

static char bytes[60000];

static int peer_of(const struct scene *s)
{
    return hkt_stream_fd(s->s[1]);
}

static void make_pair(struct scene *s)
{
    stream_pair(s->s, NULL);
    fcntl(peer_of(s), F_SETFL, O_NONBLOCK);
}

static void free_both(struct scene *s)
{
    free_pair(s->s);
}

static void feed(struct scene *s)
{
    cr_assert_eq(write(peer_of(s), "0123456\n", 8), 8);
}

/* More than its low mark is unsent. */
static void make_full(struct scene *s)
{
    make_pair(s);
    fill_socket(hkt_stream_fd(s->s[0]));
    cr_assert_eq(hkt_stream_write(s->s[0], bytes, sizeof bytes), 0);
}

static void take_all(struct scene *s)
{
    empty_socket(peer_of(s));
}

static ssize_t call_read(struct scene *s)
{
    char c;

    return hkt_stream_read(s->s[0], &c, 1);
}

static ssize_t call_readexactly(struct scene *s)
{
    char c[4];

    return hkt_stream_readexactly(s->s[0], c, sizeof c);
}

static ssize_t call_readline(struct scene *s)
{
    char line[32];

    return hkt_stream_readline(s->s[0], line, sizeof line);
}

static ssize_t call_readuntil(struct scene *s)
{
    const char *data;

    return hkt_stream_readuntil(s->s[0], "6", 1, &data);
}

static ssize_t call_readuntil_any(struct scene *s)
{
    const struct iovec ends[] = {{"x", 1}, {"6", 1}};
    const char *data;

    return hkt_stream_readuntil_any(s->s[0], ends, 2, &data);
}

static ssize_t call_peek(struct scene *s)
{
    const char *data;

    return hkt_stream_peek(s->s[0], 4, &data);
}

static void feed_all(struct scene *s)
{
    feed(s);
    cr_assert_eq(shutdown(peer_of(s), SHUT_WR), 0);
}

static ssize_t call_readall(struct scene *s)
{
    const char *data;

    return hkt_stream_readall(s->s[0], 100, &data);
}

static ssize_t call_write(struct scene *s)
{
    return hkt_stream_write(s->s[0], bytes, 20000);
}

static ssize_t call_drain(struct scene *s)
{
    return hkt_stream_drain(s->s[0]);
}

static ssize_t call_close(struct scene *s)
{
    return hkt_stream_close(s->s[0]);
}

static void abort_it(struct scene *s)
{
    hkt_stream_abort(s->s[0]);
}

static ssize_t call_wait_closed(struct scene *s)
{
    return hkt_stream_wait_closed(s->s[0]);
}

/* A transport that starts with a byte from the other side. */

static int start(struct hkt_transport *t)
{
    char c;
    ssize_t n = hkt_try_read(t->fd, &c, 1);

    return n < 0 ? (int)n : n == 0 ? -ECONNRESET : 0;
}

static ssize_t pass_read(struct hkt_transport *t, void *buf, size_t size)
{
    return hkt_try_read(t->fd, buf, size);
}

static ssize_t pass_write(struct hkt_transport *t, const struct iovec *iov, int n)
{
    return n > 0 ? hkt_try_writev(t->fd, iov, n) : 0;
}

static void pass_end(struct hkt_transport *t)
{
    (void)t;
}

static ssize_t call_start(struct scene *s)
{
    static const struct hkt_transport_ops ops = {start, pass_read, pass_write, pass_end, pass_end};

    s->transport = (struct hkt_transport){.ops = &ops};
    return hkt_stream_start(s->s[0], &s->transport);
}

/* Names. The only thread of the pool is at the gate. */

static void fill_pool(struct scene *s)
{
    struct sockaddr_in addr;

    s->filler = occupy_pool(&s->gate);
    s->listener = tcp_listener(&addr, 4);
    snprintf(s->url, sizeof s->url, "tcp://name.test:%d", ntohs(addr.sin_port));
}

static void go(struct scene *s)
{
    open_gate(&s->gate);
}

static void empty_pool(struct scene *s)
{
    free_pool(&s->gate, s->filler);
    close(s->listener);
}

static ssize_t call_resolve(struct scene *s)
{
    struct hkt_addr list[4];

    return hkt_resolve(s->url, false, list, 4);
}

static ssize_t call_open_connection(struct scene *s)
{
    struct hkt_stream *stream;
    int rc = hkt_open_connection(s->url, NULL, &stream);

    hkt_stream_free(stream);
    return rc;
}

static ssize_t call_listen(struct scene *s)
{
    int fds[4];
    int n = hkt_listen("tcp://name.test:0", NULL, fds, 4);

    (void)s;
    for (int i = 0; i < n; i++)
        (void)hkt_close(fds[i]);
    return n;
}

static int serve_event(struct hkt_stream *stream, void *scene)
{
    (void)stream;
    return hkt_event_wait(&((struct scene *)scene)->event);
}

static ssize_t call_start_server(struct scene *s)
{
    struct hkt_server *server;
    int rc = hkt_start_server("tcp://name.test:0", serve_event, s, NULL, &server);

    hkt_server_free(server);
    return rc;
}

/* Servers, of one connection that waits for the event */

static void make_server(struct scene *s)
{
    s->server = start_server("tcp://127.0.0.1:0", serve_event, s, NULL);
    s->s[0] = connect_to(s->server);
    while (hkt_server_count(s->server) == 0)
        cr_assert_eq(hkt_sleep(HKT_US(100)), 0);
}

static void make_closed_server(struct scene *s)
{
    make_server(s);
    hkt_server_close(s->server);
}

static void set_event(struct scene *s)
{
    cr_assert_eq(hkt_event_set(&s->event), 0);
}

static void free_server(struct scene *s)
{
    set_event(s);
    hkt_server_close(s->server);
    cr_assert_eq(hkt_server_wait_closed(s->server), 0);
    hkt_server_free(s->server);
    hkt_stream_free(s->s[0]);
}

static ssize_t call_server_wait_closed(struct scene *s)
{
    return hkt_server_wait_closed(s->server);
}

static ssize_t call_shutdown(struct scene *s)
{
    return hkt_server_shutdown(s->server, -1);
}

static ssize_t call_serve(struct scene *s)
{
    return hkt_serve("tcp://127.0.0.1:0", serve_event, s, NULL);
}

static ssize_t call_service_run(struct scene *s)
{
    struct hkt_service service = {.url = "tcp://127.0.0.1:0", .handler = serve_event, .arg = s};

    return hkt_service_run(&service);
}

#define IN(call_)           AT(make_pair, call_, feed, free_both, .how = 0)
#define OUT(call_, how_)    AT(make_full, call_, take_all, free_both, .how = (how_))
#define POOLED(call_)       AT(fill_pool, call_, go, empty_pool, .how = 0)
#define SERVER(call_, how_) AT(make_closed_server, call_, set_event, free_server, .how = (how_))

static const struct point points[] = {
    POINT(hkt_stream_read, IN(call_read)),
    POINT(hkt_stream_readexactly, IN(call_readexactly)),
    POINT(hkt_stream_readline, IN(call_readline)),
    POINT(hkt_stream_readuntil, IN(call_readuntil)),
    POINT(hkt_stream_readuntil_any, IN(call_readuntil_any)),
    POINT(hkt_stream_readall, AT(make_pair, call_readall, feed_all, free_both, .how = 0)),
    POINT(hkt_stream_peek, IN(call_peek)),
    POINT(hkt_stream_write, OUT(call_write, ONCE)),
    POINT(hkt_stream_drain, OUT(call_drain, 0)),
    POINT(hkt_stream_close, OUT(call_close, ONCE)),
    POINT(hkt_stream_wait_closed, AT(make_pair, call_wait_closed, abort_it, free_both, .how = 0)),
    POINT(hkt_stream_start, AT(make_pair, call_start, feed, free_both, .how = ONCE)),
    POINT(hkt_resolve, POOLED(call_resolve)),
    POINT(hkt_open_connection, POOLED(call_open_connection)),
    POINT(hkt_listen, POOLED(call_listen)),
    POINT(hkt_start_server, POOLED(call_start_server)),
    POINT(hkt_server_wait_closed, SERVER(call_server_wait_closed, 0)),
    POINT(hkt_server_shutdown, SERVER(call_shutdown, 0)),
    POINT(hkt_serve, AT(NULL, call_serve, NULL, NULL, .how = 0)),
    POINT(hkt_service_run, AT(NULL, call_service_run, NULL, NULL, .how = QUIET)),
};

Test(net_points, each_is_cancelled_before_while_and_after, .timeout = 120)
{
    static struct scene scene;

    keep_names_here();
    try_points(points, sizeof points / sizeof *points, &scene, sizeof scene);
}
