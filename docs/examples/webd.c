/* SPDX-License-Identifier: MIT
 *
 * An HTTP/1.1 and HTTP/2 server: the files below a directory, and /plaintext, which is always the
 * same.
 *
 *      webd [--tls CERT KEY] [--cores N] ROOT [URL [SECONDS]]
 *
 * by default on tcp://127.0.0.1:8080, with 10 seconds. CERT and KEY are files in PEM. On N cores it
 * is N servers that share a port, and else nothing but what nobody changes.
 * SECONDS is the time that a client has to send a request, to take a piece of an answer, or to do
 * nothing. Stop it with Ctrl-C.
 *
 * Requests are parsed by llhttp, the parser of Node.js, where the stream keeps what has come.
 * Answers are gathered and go out when the task waits for the next request, so requests that came
 * together are answered together. A client that is idle costs no buffer.
 */
#define _POSIX_C_SOURCE  200809L
#define _DARWIN_C_SOURCE /* there O_DIRECTORY is not POSIX */

#include "webd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINGER_SECONDS = 2 };

void be_patient(struct client *c)
{
    (void)hkt_timeout_reschedule(&c->limit, hkt_now() + c->step_ns);
}

/* Requests */

/* Returns: 0: answered; an error; the status to refuse the request with. */
static int answer(struct client *c)
{
    struct request *r = &c->request;
    size_t size = r->url.size;
    const char *path = path_of(c->data + r->url.start, &size);

    if (c->parser.http_major != 1)
        return 505;
    if (!r->hosted && c->parser.http_minor > 0)
        return 400;
    /* A client that waits before it sends the body may drop it now, or send it all the same. */
    c->closing = !llhttp_should_keep_alive(&c->parser) || (r->expects && !r->whole);
    r->answered = true;
    if (c->parser.method != HTTP_GET && c->parser.method != HTTP_HEAD)
        return answer_status(c, 405);
    if (size == 10 && memcmp(path, "/plaintext", 10) == 0)
        return answer_plaintext(c);
    return answer_file(c, path, size);
}

/* The head stays in the stream until it is whole and was answered; a body is dropped as it comes.
 * A request may take so long from its first byte on. Returns: as answer(). */
static int next_request(struct client *c)
{
    struct request *r = &c->request;

    parser_restart(c);
    be_patient(c);
    for (bool first = true; !r->whole; first = false) {
        int rc = parse(c);
        if (first && !r->whole)
            be_patient(c);
        if (rc == 0 && r->headed && !r->answered)
            rc = answer(c);
        if (rc != 0)
            return rc;
        if (r->headed)
            drop(c);
        if (c->closing)
            break;
    }
    return 0;
}

/* Connections */

/* A connection that is closed while something comes is reset, and the answer may be lost with it:
 * so what comes is read for a while. */
static int linger(struct client *c)
{
    const char *data;
    ssize_t n;

    HKT_TRY(hkt_stream_write_eof(c->stream));
    while ((n = hkt_stream_peek(c->stream, 1, &data)) > 0)
        hkt_stream_consume(c->stream, (size_t)n);
    return (int)n;
}

static int refuse(struct client *c, int status)
{
    c->closing = true;
    return c->request.answered ? 0 : answer_status(c, status);
}

static int talk(struct client *c)
{
    int rc = speaks_h2(c);

    if (rc > 0)
        return talk_h2(c);
    while (rc == 0 && !c->closing)
        rc = next_request(c);
    return rc;
}

static int end(struct client *c, int rc)
{
    if (rc == -ETIMEDOUT && c->request.seen > 0 && !c->request.headed)
        rc = 408;
    if (rc > 0)
        rc = refuse(c, rc);
    if (rc == 0 && !c->request.whole) {
        HKT_TRY(hkt_timeout_enter(&c->limit, HKT_SEC(LINGER_SECONDS)));
        rc = (int)hkt_timeout_exit(&c->limit, linger(c));
    }
    if (rc == -ETIMEDOUT)
        (void)hkt_stream_write_eof(c->stream); /* which an encrypted one has to say */
    if (rc < 0)
        hkt_stream_abort(c->stream);
    return rc == -ETIMEDOUT ? 0 : rc; /* that a client was too slow is no news */
}

static int serve(struct hkt_stream *s, void *place)
{
    const struct place *p = place;
    struct client c = {.stream = s, .root = p->root, .step_ns = p->step_ns};

    parser_init(&c);
    HKT_TRY(hkt_timeout_enter(&c.limit, c.step_ns));
    return end(&c, (int)hkt_timeout_exit(&c.limit, talk(&c)));
}

static int usage(void)
{
    fputs("usage: webd [--tls CERT KEY] [--cores N] ROOT [URL [SECONDS]]\n", stderr);
    return 2;
}

/* Returns: how many of the words are options; -1: they are wrong. */
static int take_options(int argc, char **argv, struct place *p)
{
    int i = 1;

    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (i + 2 < argc && strcmp(argv[i], "--tls") == 0) {
            p->cert = argv[++i];
            p->key = argv[++i];
        } else if (i + 1 < argc && strcmp(argv[i], "--cores") == 0) {
            p->cores = atoi(argv[++i]);
        } else {
            return -1;
        }
    }
    return p->cores > 0 ? i - 1 : -1;
}

int main(int argc, char **argv)
{
    static const struct hkt_server_opts shared = {.reuse_port = true};
    struct place place = {.service = {.url = "tcp://127.0.0.1:8080", .handler = serve}, .cores = 1};
    int taken = take_options(argc, argv, &place);

    if (taken < 0)
        return usage();
    argc -= taken;
    argv += taken;
    place.root = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 10;
    if (argc < 2 || argc > 4 || !(seconds > 0 && seconds < 1e6))
        return usage();
    if (place.root < 0) {
        perror(argv[1]);
        return 1;
    }
    if (argc > 2)
        place.service.url = argv[2];
    place.service.arg = &place;
    place.step_ns = (int64_t)(seconds * 1e9);
    if (place.cores == 1)
        return hkt_run(serve_at, &place);
    place.service.opts = &shared;
    return hkt_run_cores(place.cores, serve_at, &place, NULL);
}
