/* SPDX-License-Identifier: MIT
 *
 * Generators that several suites use.
 */
#ifndef TESTS_GEN_BODIES_H
#define TESTS_GEN_BODIES_H

#include "support/test.h"

#include <hocket/gen.h>

#include <stdbool.h>
#include <string.h>

HKT_GEN_OF(ints, int);

/* What the body did, in letters. */
struct trail {
    char text[64];
    int at;
};

static inline void mark(struct trail *trail, char letter)
{
    if (trail->at < (int)sizeof trail->text - 1)
        trail->text[trail->at++] = letter;
}

/* 0, 1, 2, ... *stop - 1. */
static inline int count_up(struct hkt_gen *self, void *stop)
{
    for (int i = 0; i < *(int *)stop; i++)
        HKT_TRY(ints_yield(self, i));
    return 0;
}

/* Yields the whole of another generator. */
static inline int all_of(struct hkt_gen *self, void *sub)
{
    void *result;

    HKT_TRY(hkt_yield_from(self, (struct hkt_gen *)sub, &result));
    return hkt_gen_return(self, result);
}

static inline int gen_must_not_run(struct hkt_gen *self, void *arg)
{
    (void)self;
    (void)arg;
    cr_expect(false, "the body ran");
    return 0;
}

/* A body that yields its count of yields, notes what each answered, and follows a script of how to
 * take errors. */
struct script {
    int seen[16]; /* what the yields answered */
    void *in[16]; /* and brought */
    int count;
    int swallow; /* how many errors are caught, and yielded on */
    int answer;  /* returned for the error that is not; 0: that error */
    void *result;
};

static inline int follow(struct hkt_gen *self, void *arg)
{
    struct script *script = (struct script *)arg;

    for (;;) {
        int at = script->count++ & 15;
        int rc = hkt_yield(self, &script->seen[at], &script->in[at]);
        script->seen[at] = rc;
        if (rc < 0 && script->swallow-- <= 0) {
            if (script->result)
                return hkt_gen_return(self, script->result);
            return script->answer ? script->answer : rc;
        }
    }
}

#endif
