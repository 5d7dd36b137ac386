/* SPDX-License-Identifier: MIT
 *
 * Pairs of streams, and servers to connect to.
 */
#ifndef TESTS_NET_STREAMS_H
#define TESTS_NET_STREAMS_H

#include "io/backends.h"

#include <hocket/net.h>

#include <stdlib.h>

/* Both ends of a TCP connection. */
static inline void stream_pair(struct hkt_stream *s[2], const struct hkt_stream_opts *opts)
{
    int fds[2];

    tcp_pair(fds);
    for (int i = 0; i < 2; i++) {
        s[i] = hkt_stream_of(fds[i], opts);
        cr_assert(s[i]);
    }
}

static inline void free_pair(struct hkt_stream *s[2])
{
    hkt_stream_free(s[0]);
    hkt_stream_free(s[1]);
}

/* Writes the text now, as a packet of its own. */
static inline void send_text(struct hkt_stream *s, const char *text)
{
    cr_assert_eq(hkt_stream_write(s, text, strlen(text)), 0);
    cr_assert_eq(hkt_stream_drain(s), 0);
}

/* A task that sends the pieces, each some time after the one before, and then the end. */
struct pieces {
    struct hkt_stream *s;
    const char *const *text; /* NULL at the end */
};

static inline int send_pieces(void *arg)
{
    const struct pieces *p = (const struct pieces *)arg;

    for (const char *const *text = p->text; *text; text++) {
        HKT_TRY(hkt_sleep(HKT_MS(2)));
        send_text(p->s, *text);
    }
    return hkt_stream_write_eof(p->s);
}

/* The URL of a server that was given port 0. */
static inline const char *url_of(const struct hkt_server *server, char text[HKT_ADDR_TEXT])
{
    struct hkt_addr addr;

    cr_assert_eq(hkt_server_addr(server, 0, &addr), 0);
    return hkt_addr_format(&addr, text, HKT_ADDR_TEXT);
}

static inline struct hkt_stream *connect_to(const struct hkt_server *server)
{
    char text[HKT_ADDR_TEXT];
    struct hkt_stream *s;
    int rc = hkt_open_connection(url_of(server, text), NULL, &s);

    cr_assert_eq(rc, 0, "%s: %d", text, rc);
    return s;
}

static inline int echo(struct hkt_stream *s, void *arg)
{
    char buf[4096];
    ssize_t n;

    (void)arg;
    while ((n = hkt_stream_read(s, buf, sizeof buf)) > 0)
        HKT_TRY(hkt_stream_write(s, buf, (size_t)n));
    return (int)n;
}

static inline struct hkt_server *start_server(const char *url, hkt_stream_fn *handler, void *arg,
                                              const struct hkt_server_opts *opts)
{
    struct hkt_server *server;
    int rc = hkt_start_server(url, handler, arg, opts, &server);

    cr_assert_eq(rc, 0, "%s: %d", url, rc);
    return server;
}

#endif
