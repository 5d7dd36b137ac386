/* SPDX-License-Identifier: MIT
 *
 * What the parts of webd that speak HTTP/2 share.
 */
#ifndef WEBD_H2_H
#define WEBD_H2_H

#include "webd.h"

#include <nghttp2/nghttp2.h>

enum { PATH_MOST = 1024 };

/* A request, and how far its answer was sent. */
struct exchange {
    struct exchange *next, **at;
    char path[PATH_MOST];
    size_t path_size; /* over PATH_MOST: it was too long */
    bool get, head;
    int fd; /* of the file; -1: text */
    char text[32];
    int64_t size, sent;
};

struct session {
    struct client *client;
    nghttp2_session *books;
    struct exchange *first;
};

/* What: chooses the answer to a request that is whole, and leaves it to the books.
 * Returns: 0; what a callback of nghttp2 answers. */
int answer_exchange(struct session *s, int32_t id, struct exchange *e);

#endif
