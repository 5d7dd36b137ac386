/* SPDX-License-Identifier: MIT
 *
 * What httpd and webd share: the files below a directory, by the paths of URLs.
 */
#ifndef SITE_H
#define SITE_H

#include <hocket/hocket.h>

#include <time.h>

/* What: the path in a URL, without what precedes it, as in a proxy's request, and without the
 * query. *size: the URL's, then the path's. */
const char *path_of(const char *url, size_t *size);

/* What: finds the file that a path names, and its type. Returns: a descriptor; a negative status.
 * Suspends: never. */
int find_file(int root, const char *path, size_t path_size, int64_t *size, const char **type);

/* What: sends a file, of which each piece may take step_ns: so far ahead is the limit moved.
 * Returns: 0; an error. Suspends: if the client does not take it at once. */
hkt_async int send_pieces(struct hkt_stream *s, int fd, int64_t size, struct hkt_timeout *limit,
                          int64_t step_ns);

/* What: the time as a head says it. */
const char *date(time_t now);

#endif
