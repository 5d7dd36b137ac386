/* SPDX-License-Identifier: MIT
 *
 * How webd reads a request: llhttp is fed where the stream keeps what has come, and calls back for
 * what it finds there.
 */
#define _POSIX_C_SOURCE 200809L

#include "webd.h"

#include <strings.h>

enum {
    HEAD_MAX = 8192,
    URL_MAX = 1024,
    BODY_MAX = 1 << 20,
};

/* The callbacks */

static struct request *request_of(llhttp_t *parser)
{
    struct client *c = parser->data;

    return &c->request;
}

/* A part is found in several pieces when the head comes in several. */
static void extend(llhttp_t *parser, struct part *part, const char *at, size_t size)
{
    const struct client *c = parser->data;

    if (part->size == 0)
        part->start = (size_t)(at - c->data);
    part->size += size;
}

static int on_url(llhttp_t *parser, const char *at, size_t size)
{
    extend(parser, &request_of(parser)->url, at, size);
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t size)
{
    extend(parser, &request_of(parser)->field, at, size);
    return 0;
}

static int on_field_complete(llhttp_t *parser)
{
    const struct client *c = parser->data;
    struct request *r = request_of(parser);
    const char *name = c->data + r->field.start;

    r->hosted |= r->field.size == 4 && strncasecmp(name, "Host", 4) == 0;
    r->expects |= r->field.size == 6 && strncasecmp(name, "Expect", 6) == 0;
    r->field.size = 0;
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    request_of(parser)->headed = true;
    request_of(parser)->too_large = parser->content_length > BODY_MAX;
    parser->upgrade = 0; /* nothing to upgrade to: what follows is HTTP */
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    request_of(parser)->whole = true;
    return HPE_PAUSED; /* the next request waits for its turn */
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_field_complete = on_field_complete,
    .on_headers_complete = on_headers_complete,
    .on_message_complete = on_message_complete,
};

/* What webd.c calls */

void parser_init(struct client *c)
{
    llhttp_init(&c->parser, HTTP_REQUEST, &settings);
    c->parser.data = c;
}

void parser_restart(struct client *c)
{
    c->request = (struct request){.seen = 0};
    llhttp_reset(&c->parser);
}

static int check_limits(const struct request *r)
{
    if (r->url.size > URL_MAX)
        return 414;
    if (r->too_large || r->dropped + r->seen > HEAD_MAX + BODY_MAX)
        return 413;
    return !r->headed && r->seen == HEAD_MAX ? 431 : 0;
}

int parse(struct client *c)
{
    struct request *r = &c->request;
    ssize_t n = hkt_stream_peek(c->stream, r->seen + 1, &c->data);

    if (n < 0)
        return (int)n;
    if ((size_t)n <= r->seen) {
        c->closing = true;
        return 0;
    }
    size_t size = (size_t)n - r->seen;
    if (!r->headed && size > HEAD_MAX - r->seen)
        size = HEAD_MAX - r->seen;
    llhttp_errno_t rc = llhttp_execute(&c->parser, c->data + r->seen, size);
    r->seen = r->whole ? (size_t)(llhttp_get_error_pos(&c->parser) - c->data) : r->seen + size;
    return rc != HPE_OK && !r->whole ? 400 : check_limits(r);
}

void drop(struct client *c)
{
    struct request *r = &c->request;

    hkt_stream_consume(c->stream, r->seen);
    r->dropped += r->seen;
    r->seen = 0;
}
