/* SPDX-License-Identifier: MIT
 *
 * Bodies that several suites use.
 */
#ifndef TESTS_CORO_BODIES_H
#define TESTS_CORO_BODIES_H

#include "support/test.h"

#include <hocket/coro.h>

#include <stdbool.h>

static inline int resume(struct hkt_coro *c)
{
    return hkt_coro_resume(c, NULL, NULL);
}

static inline int must_not_run(struct hkt_coro *self, void *arg)
{
    (void)self;
    (void)arg;
    cr_expect(false, "the body ran");
    return 0;
}

struct answer {
    int seen;    /* what the yield answered */
    void *in;    /* and brought */
    int rc;      /* what the body returns then */
    int ignores; /* how many closes it ignores first */
};

/* Yields until it is closed. */
static inline int answer_close(struct hkt_coro *self, void *arg)
{
    struct answer *answer = arg;

    do
        answer->seen = hkt_coro_yield(self, answer, &answer->in);
    while (answer->seen == 0 || answer->ignores-- > 0);
    return answer->rc;
}

/* Not inlined: what a switch needs of a frame is not to be in every frame of a recursion. */
static __attribute__((noinline, unused)) int yield_here(struct hkt_coro *self)
{
    return hkt_coro_yield(self, NULL, NULL);
}

#endif
