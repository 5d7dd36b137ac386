/* SPDX-License-Identifier: MIT
 *
 * What the parts of webd share: webd.c has the connections, webd_parser.c reads requests,
 * webd_answers.c writes answers, and site.c finds and sends files. webd_tls.c encrypts,
 * and webd_h2.c speaks HTTP/2; where OpenSSL or libnghttp2 are not to be had, webd_no_tls.c and
 * webd_no_h2.c stand in.
 */
#ifndef WEBD_H
#define WEBD_H

#include "site.h"

#include <hocket/hocket.h>

#include <llhttp.h>

/* A part of the head, as an offset: while more of the head comes its bytes may move. */
struct part {
    size_t start, size;
};

struct request {
    struct part url, field;
    size_t seen;    /* bytes that were parsed and are still in the stream */
    size_t dropped; /* bytes that were parsed and taken */
    bool hosted;    /* it has a Host */
    bool expects;   /* the client waits for our word before it sends the body */
    bool too_large; /* the body will be */
    bool headed;    /* the head is whole */
    bool answered;  /* or is being */
    bool whole;
};

/* One connection. It is small, because it stays on the task's stack while the client is idle. */
struct client {
    llhttp_t parser;
    struct hkt_stream *stream;
    struct hkt_timeout limit; /* of the present step */
    const char *data;         /* what has come, from the first byte of the request */
    struct request request;
    int64_t step_ns; /* how long a step may take */
    int root;        /* the directory that is served */
    bool closing;    /* the connection ends with this answer */
};

/* What: gives the client its time for the next step anew. When that is over, calls that suspend
 * answer -ECANCELED. */
void be_patient(struct client *c);

/* What: makes ready for the first request, and for the next one. Suspends: never. */
void parser_init(struct client *c);
void parser_restart(struct client *c);

/* What: parses more of the request, leaving it in the stream. At the end of what the client sends
 * the connection is closing. Returns: 0; an error; the status to refuse the request with.
 * Suspends: if nothing more has come. */
hkt_async int parse(struct client *c);

/* What: takes from the stream what was parsed. Suspends: never. */
void drop(struct client *c);

/* The answers. Returns: 0; an error, after which the connection must end.
 * Suspends: if the client takes answers more slowly than it asks. */

/* What: only the head; what follows is size bytes. */
hkt_async int answer_head(struct client *c, int status, const char *type, int64_t size);
/* What: a whole answer, with the status for its text. */
hkt_async int answer_status(struct client *c, int status);
/* What: a whole answer, made beforehand. */
hkt_async int answer_plaintext(struct client *c);
/* What: the file that a path names, or why not. */
hkt_async int answer_file(struct client *c, const char *path, size_t size);

/* Where to serve, what, and how. */
struct place {
    struct hkt_service service;
    const char *cert, *key; /* NULL: in clear text */
    int64_t step_ns;        /* how long a client may take for a step */
    int root, cores;
};

/* What: serves at a struct place until cancelled. Suspends: always, once it has started. */
hkt_async int serve_at(void *place);

/* What: what client and server have agreed on by ALPN. Returns: NULL if nothing. */
const char *agreed_protocol(const struct hkt_stream *s);

/* For ALPN, NULL at the end. */
extern const char *const protocols[];

/* What: whether the client speaks HTTP/2. Returns: 1, 0, or an error.
 * Suspends: until the client says something, unless it has done so already. */
hkt_async int speaks_h2(struct client *c);
/* What: answers requests until the client or an error ends it. Returns: 0; an error.
 * Suspends: until then. */
hkt_async int talk_h2(struct client *c);

#endif
