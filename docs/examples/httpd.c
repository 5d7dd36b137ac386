/* SPDX-License-Identifier: MIT
 *
 * An HTTP/1.1 server: the files below a directory, and /plaintext, which is always the same.
 *
 *      httpd ROOT [URL [SECONDS]]        by default tcp://127.0.0.1:8080, and 10 seconds
 *
 * SECONDS is how long a client may take for a request, for a piece of an answer, or for nothing.
 * Requests are parsed by llhttp, the parser of Node.js, where the stream keeps them; what is
 * written goes out when the task waits, so requests that came together are answered together. One
 * with a body is refused. Which file a path names says site.c.
 */
#define _GNU_SOURCE /* memmem() */

#include "site.h"

#include <fcntl.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { HEAD_MOST = 8192, LINGER_SECONDS = 2 };

static int64_t step_ns = HKT_SEC(10);
static int root;

/* One connection, and its present request. */
struct client {
    struct hkt_stream *stream;
    struct hkt_timeout limit;
    llhttp_t parser;
    const char *url;
    size_t url_size;
    bool hosted, whole, closing;
};

/* Gives the client its time for the next step anew. */
static void be_patient(struct client *c)
{
    (void)hkt_timeout_reschedule(&c->limit, hkt_now() + step_ns);
}

static int send_head(struct client *c, int status, const char *type, int64_t size)
{
    const char *reason = status == 200 ? "OK" : status == 404 ? "Not Found" : "Refused";
    char head[320];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: %s\r\nContent-Type: %s\r\n"
                     "Content-Length: %lld\r\n%s\r\n",
                     status, reason, date(time(NULL)), c->closing ? "close" : "keep-alive", type,
                     (long long)size, status == 405 ? "Allow: GET, HEAD\r\n" : "");

    return hkt_stream_write(c->stream, head, (size_t)n);
}

static int send_text(struct client *c, int status, const char *text)
{
    HKT_TRY(send_head(c, status, "text/plain", (int64_t)strlen(text)));
    return c->parser.method == HTTP_HEAD ? 0 : hkt_stream_write(c->stream, text, strlen(text));
}

static int send_file(struct client *c, const char *path, size_t path_size)
{
    const char *type;
    int64_t size;
    int fd = find_file(root, path, path_size, &size, &type);

    if (fd < 0)
        return send_text(c, -fd, "There is no such file.\n");
    int rc = send_head(c, 200, type, size);
    if (rc == 0 && c->parser.method == HTTP_GET)
        rc = send_pieces(c->stream, fd, size, &c->limit, step_ns);
    close(fd);
    return rc;
}

/* Returns: 0: answered; an error; the status to refuse the request with. */
static int answer(struct client *c)
{
    size_t size = c->url_size;
    const char *path = path_of(c->url, &size);

    if (c->parser.http_major != 1)
        return 505;
    if (c->parser.method != HTTP_GET && c->parser.method != HTTP_HEAD)
        return 405;
    if (!c->whole) /* there is a body */
        return 413;
    if (!c->hosted && c->parser.http_minor > 0)
        return 400;
    c->closing = !llhttp_should_keep_alive(&c->parser);
    if (size == 10 && memcmp(path, "/plaintext", 10) == 0)
        return send_text(c, 200, "Hello, World!");
    return send_file(c, path, size);
}

/* What llhttp finds: in a whole head, each part as a whole. */
static int on_url(llhttp_t *parser, const char *at, size_t size)
{
    struct client *c = parser->data;

    c->url = at;
    c->url_size = size;
    return 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t size)
{
    ((struct client *)parser->data)->hosted |= size == 4 && strncasecmp(at, "Host", 4) == 0;
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    ((struct client *)parser->data)->whole = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url, .on_header_field = on_name, .on_message_complete = on_complete};

/* A head stays where the stream keeps it until it is whole and was answered. As answer(). */
static int next_request(struct client *c)
{
    const char *head, *end = NULL;

    c->hosted = c->whole = false;
    be_patient(c);
    for (ssize_t seen = 0, n; !end; seen = n) {
        n = hkt_stream_peek(c->stream, (size_t)seen + 1, &head);
        c->closing = n <= seen; /* the client has ended */
        if (n <= seen)
            return n < 0 ? (int)n : 0;
        if (seen == 0)
            be_patient(c); /* the rest may take so long again */
        end = memmem(head, (size_t)n, "\r\n\r\n", 4);
        if ((end ? end - head : n) > HEAD_MOST)
            return 431;
    }
    size_t size = (size_t)(end + 4 - head);
    llhttp_reset(&c->parser);
    llhttp_errno_t error = llhttp_execute(&c->parser, head, size);
    int rc = c->whole || error == HPE_OK ? answer(c) : 400;
    hkt_stream_consume(c->stream, size);
    return rc;
}

/* Hears the client out: else the system resets the connection, and the answer may be lost. */
static int refuse(struct client *c, int status)
{
    char dropped[256];
    ssize_t n;

    c->closing = true;
    HKT_TRY(send_text(c, status, "This was refused.\n"));
    HKT_TRY(hkt_stream_write_eof(c->stream));
    while ((n = hkt_stream_read(c->stream, dropped, sizeof dropped)) > 0)
        ;
    return (int)n;
}

static int serve(struct hkt_stream *s, void *arg)
{
    struct client c = {.stream = s};
    int rc = 0;

    (void)arg;
    llhttp_init(&c.parser, HTTP_REQUEST, &settings);
    c.parser.data = &c;
    HKT_TRY(hkt_timeout_enter(&c.limit, step_ns));
    while (rc == 0 && !c.closing)
        rc = next_request(&c);
    rc = (int)hkt_timeout_exit(&c.limit, rc);
    if (rc == -ETIMEDOUT && !c.whole && hkt_stream_buffered(s) > 0)
        rc = 408;
    if (rc > 0) {
        HKT_TRY(hkt_timeout_enter(&c.limit, HKT_SEC(LINGER_SECONDS)));
        rc = (int)hkt_timeout_exit(&c.limit, refuse(&c, rc));
    }
    if (rc < 0)
        hkt_stream_abort(s);
    return rc == -ETIMEDOUT ? 0 : rc; /* that a client was too slow is no news */
}

int main(int argc, char **argv)
{
    root = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (root < 0) {
        fputs("usage: httpd ROOT [URL [SECONDS]]\n", stderr);
        return 2;
    }
    if (argc > 3)
        step_ns = (int64_t)(strtod(argv[3], NULL) * 1e9);
    return hkt_run(HKT_SERVER(argc > 2 ? argv[2] : "tcp://127.0.0.1:8080", serve));
}
