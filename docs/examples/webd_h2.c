/* SPDX-License-Identifier: MIT
 *
 * HTTP/2 for webd, by libnghttp2. It keeps the books of a connection and its streams, and neither
 * reads nor writes: what has come is shown to it where the stream keeps it, and what it wants to
 * say is written. So one task serves all requests of a connection, in turns.
 */
#define _POSIX_C_SOURCE 200809L

#include "webd_h2.h"

#include <string.h>
#include <unistd.h>

enum { STREAMS_MOST = 100 };

const char *const protocols[] = {"h2", "http/1.1", NULL};

static void end_exchange(struct exchange *e)
{
    *e->at = e->next;
    if (e->next)
        e->next->at = e->at;
    if (e->fd >= 0)
        close(e->fd);
    hkt_dealloc(e);
}

static struct exchange *exchange_of(nghttp2_session *books, int32_t id)
{
    return nghttp2_session_get_stream_user_data(books, id);
}

/* The callbacks */

static int on_begin(nghttp2_session *books, const nghttp2_frame *frame, void *arg)
{
    struct session *s = arg;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct exchange *e = hkt_alloc(sizeof *e);
    if (!e)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    e->fd = -1;
    e->next = s->first;
    e->at = &s->first;
    if (e->next)
        e->next->at = &e->next;
    s->first = e;
    return nghttp2_session_set_stream_user_data(books, frame->hd.stream_id, e);
}

static bool is(const char *word, const uint8_t *text, size_t size)
{
    return strlen(word) == size && memcmp(word, text, size) == 0;
}

static int on_field(nghttp2_session *books, const nghttp2_frame *frame, const uint8_t *name,
                    size_t name_size, const uint8_t *value, size_t size, uint8_t flags, void *arg)
{
    struct exchange *e = exchange_of(books, frame->hd.stream_id);

    (void)flags, (void)arg;
    if (e && is(":method", name, name_size)) {
        e->get = is("GET", value, size);
        e->head = is("HEAD", value, size);
    } else if (e && is(":path", name, name_size)) {
        e->path_size = size;
        memcpy(e->path, value, size < PATH_MOST ? size : 0);
    }
    return 0;
}

static int on_frame(nghttp2_session *books, const nghttp2_frame *frame, void *arg)
{
    struct exchange *e = exchange_of(books, frame->hd.stream_id);
    bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);

    return e && ends ? answer_exchange(arg, frame->hd.stream_id, e) : 0;
}

static int on_close(nghttp2_session *books, int32_t id, uint32_t error, void *arg)
{
    struct exchange *e = exchange_of(books, id);

    (void)error, (void)arg;
    if (e)
        end_exchange(e);
    return 0;
}

/* The connection */

static int make_books(struct session *s)
{
    const nghttp2_settings_entry most = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MOST};
    nghttp2_session_callbacks *calls;

    if (nghttp2_session_callbacks_new(&calls) != 0)
        return -ENOMEM;
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    int rc = nghttp2_session_server_new(&s->books, calls, s);
    nghttp2_session_callbacks_del(calls);
    if (rc == 0)
        rc = nghttp2_submit_settings(s->books, NGHTTP2_FLAG_NONE, &most, 1);
    return rc == 0 ? 0 : -ENOMEM;
}

/* That the other side broke the rules is its affair. */
static int error_of(ssize_t code)
{
    return code == NGHTTP2_ERR_NOMEM ? -ENOMEM : -ECONNRESET;
}

static int write_all(struct session *s)
{
    const uint8_t *data;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(s->books, &data)) > 0)
        HKT_TRY(hkt_stream_write(s->client->stream, data, (size_t)n));
    return n < 0 ? error_of(n) : 0;
}

/* Returns: 1: more may come; 0: the end; an error. */
static int read_some(struct session *s)
{
    const char *data;
    ssize_t n = hkt_stream_peek(s->client->stream, 1, &data);

    if (n <= 0)
        return (int)n;
    ssize_t seen = nghttp2_session_mem_recv(s->books, (const uint8_t *)data, (size_t)n);
    if (seen < 0)
        return error_of(seen);
    hkt_stream_consume(s->client->stream, (size_t)seen);
    return 1;
}

static int talk(struct session *s)
{
    int rc = 1;

    while (rc > 0) {
        HKT_TRY(write_all(s));
        if (!nghttp2_session_want_read(s->books) && !nghttp2_session_want_write(s->books))
            return 0;
        rc = read_some(s);
    }
    return rc;
}

int talk_h2(struct client *c)
{
    struct session s = {.client = c};
    int rc = make_books(&s);

    if (rc == 0)
        rc = talk(&s);
    nghttp2_session_del(s.books);
    while (s.first)
        end_exchange(s.first);
    return rc;
}

/* Whether it is agreed on, or the client begins with what no older version's request does. */
int speaks_h2(struct client *c)
{
    static const char preface[] = "PRI";
    const char *data, *agreed = agreed_protocol(c->stream);

    if (agreed)
        return strcmp(agreed, protocols[0]) == 0;
    for (size_t i = 1; i < sizeof preface; i++) {
        ssize_t n = hkt_stream_peek(c->stream, i, &data);
        if (n < (ssize_t)i)
            return n < 0 ? (int)n : 0;
        if (memcmp(data, preface, i) != 0)
            return 0;
    }
    return 1;
}
