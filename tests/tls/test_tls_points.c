/* SPDX-License-Identifier: MIT
 *
 * Cancellation at every point: encrypted streams.
 */
#include "tls/encrypted.h"

#include "sched/points.h"

struct scene {
    struct hkt_stream *s[2];
    struct hkt_tls *client, *server;
    struct hkt_task *other;
    struct side side; /* of the other */
    struct hkt_server *listener;
    struct hkt_tls_service service;
    char url[HKT_ADDR_TEXT];
};

static void make_pair(struct scene *s)
{
    s->client = client_tls();
    s->server = server_tls("server");
    stream_pair(s->s, NULL);
}

static void make_encrypted(struct scene *s)
{
    make_pair(s);
    int rc[2];

    shake_both(s->client, s->server, "localhost", s->s, rc);
    cr_assert(rc[0] == 0 && rc[1] == 0);
}

static void free_all(struct scene *s)
{
    if (s->other) /* it fails where this side was cancelled */
        (void)!hkt_join(s->other);
    free_pair(s->s);
    hkt_tls_free(s->client);
    hkt_tls_free(s->server);
}

static void shake_other(struct scene *s, int i)
{
    s->side = (struct side){i ? s->server : s->client, s->s[i], i ? NULL : "localhost"};
    s->other = hkt_spawn(shake, &s->side);
}

static void server_shakes(struct scene *s)
{
    shake_other(s, 1);
}

static void client_shakes(struct scene *s)
{
    shake_other(s, 0);
}

/* The other side learns of it when this one has closed. */
static ssize_t closing(struct hkt_stream *s, int rc)
{
    if (rc < 0)
        hkt_stream_abort(s);
    return rc;
}

static ssize_t call_connect(struct scene *s)
{
    return closing(s->s[0], hkt_tls_connect(s->client, s->s[0], "localhost"));
}

static ssize_t call_accept(struct scene *s)
{
    return closing(s->s[1], hkt_tls_accept(s->server, s->s[1]));
}

static int nothing(struct hkt_stream *s, void *arg)
{
    (void)s, (void)arg;
    return 0;
}

static ssize_t call_serve(struct scene *s)
{
    s->service = (struct hkt_tls_service){.tls = s->server, .handler = nothing};
    return closing(s->s[1], hkt_tls_serve(s->s[1], &s->service));
}

static int close_other(void *s)
{
    return hkt_tls_close(s);
}

static void end_other(struct scene *s)
{
    s->other = hkt_spawn(close_other, s->s[1]);
}

static ssize_t call_close(struct scene *s)
{
    return hkt_tls_close(s->s[0]);
}

/* A server that accepts, and never says a word */

static int keep_silent(struct hkt_stream *stream, void *arg)
{
    char c[1000];

    (void)arg;
    while (hkt_stream_read(stream, c, sizeof c) > 0)
        ;
    return 0;
}

static void make_silent(struct scene *s)
{
    s->client = client_tls();
    s->listener = start_server("tcp://127.0.0.1:0", keep_silent, NULL, NULL);
    (void)url_of(s->listener, s->url);
}

static void free_silent(struct scene *s)
{
    hkt_server_close(s->listener);
    cr_assert_eq(hkt_server_wait_closed(s->listener), 0);
    hkt_server_free(s->listener);
    hkt_tls_free(s->client);
}

static ssize_t call_open(struct scene *s)
{
    struct hkt_stream *stream;
    int rc = hkt_open_tls_connection(s->client, s->url, "localhost", NULL, &stream);

    hkt_stream_free(stream);
    return rc;
}

static const struct point points[] = {
    POINT(hkt_tls_connect, .begin = make_pair, .call = call_connect, .wake = server_shakes,
          .end = free_all, .how = ONCE),
    POINT(hkt_tls_accept, .begin = make_pair, .call = call_accept, .wake = client_shakes,
          .end = free_all, .how = ONCE),
    POINT(hkt_tls_serve, .begin = make_pair, .call = call_serve, .wake = client_shakes,
          .end = free_all, .how = ONCE),
    POINT(hkt_tls_close, .begin = make_encrypted, .call = call_close, .wake = end_other,
          .end = free_all, .how = ONCE),
    POINT(hkt_open_tls_connection, .begin = make_silent, .call = call_open, .end = free_silent),
};

TestSuite(tls_points, .init = make_certs);

Test(tls_points, each_is_cancelled_before_while_and_after, .timeout = 120)
{
    static struct scene scene;

    try_points(points, sizeof points / sizeof *points, &scene, sizeof scene);
}
