/* SPDX-License-Identifier: MIT
 *
 * The bench `read`: a pipe that is filled again and again, so that what is measured, reads of a
 * piece each, never waits.
 */
#ifndef BENCH_PIPE_H
#define BENCH_PIPE_H

#include "bench.h"

#include <unistd.h>

enum { BENCH_PIPE_ROOM = 65536, BENCH_PIPE_PIECE = 64 };

struct bench_pipe {
    int out, in;
    char piece[BENCH_PIPE_PIECE];
};

static inline void bench_pipe_open(struct bench_pipe *p)
{
    int fd[2];

    if (pipe(fd) < 0)
        bench_fail("no pipe");
    p->out = fd[0];
    p->in = fd[1];
}

/* Puts pieces into the empty pipe; how many, which is no more than most. */
static inline uint64_t bench_pipe_fill(const struct bench_pipe *p, uint64_t most)
{
    static const char zeros[BENCH_PIPE_ROOM];
    uint64_t pieces = BENCH_PIPE_ROOM / BENCH_PIPE_PIECE;

    if (pieces > most)
        pieces = most;
    size_t size = (size_t)pieces * BENCH_PIPE_PIECE;
    if (write(p->in, zeros, size) != (ssize_t)size)
        bench_fail("the pipe takes no %zu bytes", size);
    return pieces;
}

#endif
