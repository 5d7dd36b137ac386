/* SPDX-License-Identifier: MIT
 *
 * The one way in which every call on a descriptor blocks: try, and wait only if that says so.
 */
#ifndef HOCKET_IO_ATTEMPT_H
#define HOCKET_IO_ATTEMPT_H

#include "sched/fdwait.h"

#include <sys/types.h>

/* A call in progress. */
struct hkt__attempt {
    struct hkt__fd *fd;
    int number;
    uint32_t generation; /* of the number when the call began */
    unsigned direction;  /* HKT__POLL_READ or HKT__POLL_WRITE */
    const char *why;
};

/* 0, or why no call can be made. */
int hkt__attempt_begin(struct hkt__attempt *a, int fd, unsigned direction, const char *why);

/* Waits until the call is worth (another) try: 0, or why it must not be made. */
int hkt__attempt_ready(struct hkt__attempt *a);

/* Whether a call failed for what is no reason to fail: a signal, or because bytes lay on a stack
 * that was put aside, which the system does not bring back by itself. */
bool hkt__interrupted(ssize_t rc);

/* What the call said, as count or -errno: true when that is the answer, false to try again. */
bool hkt__attempt_decided(struct hkt__attempt *a, ssize_t rc);

/* Makes the expression, which answers a count or -errno, until it is decided. asked: the bytes that
 * fit; of TCP a smaller count means that there is no more. 0 where that cannot be said. */
#define HKT__ATTEMPT(number_, direction_, why_, asked, expression)                                 \
    do {                                                                                           \
        struct hkt__attempt hkt__a;                                                                \
        ssize_t hkt__rc = hkt__attempt_begin(&hkt__a, (number_), (direction_), (why_));            \
        while (hkt__rc == 0 && (hkt__rc = hkt__attempt_ready(&hkt__a)) == 0) {                     \
            ssize_t hkt__n = (expression);                                                         \
            if (hkt__attempt_decided(&hkt__a, hkt__n)) {                                           \
                if (hkt__n > 0 && hkt__n < (ssize_t)(asked) && hkt__a.fd->tcp)                     \
                    hkt__fd_drained(hkt__a.fd, hkt__a.direction);                                  \
                return hkt__n;                                                                     \
            }                                                                                      \
        }                                                                                          \
        return hkt__rc;                                                                            \
    } while (0)

#endif
