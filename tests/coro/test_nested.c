/* SPDX-License-Identifier: MIT
 *
 * Yields of an outer coroutine from inside others that it resumed: the whole chain is suspended.
 */
#include "coro/bodies.h"
#include "support/test.h"

#include <hocket/coro.h>

enum { LEVELS = 4 };

struct chain {
    struct hkt_coro *at[LEVELS]; /* each resumes the next */
    int steps;                   /* how often the innermost yields each of them */
    int order[64];
    int count;
};

/* Yields the outermost, then the next, then the next, each time from its own stack. */
static int innermost(struct hkt_coro *self, void *arg)
{
    struct chain *chain = arg;

    (void)self;
    for (int i = 0; i < chain->steps; i++)
        for (int level = 0; level < LEVELS; level++) {
            int value;
            void *in;
            HKT_TRY(hkt_coro_yield(chain->at[level], &value, &in));
            chain->order[chain->count++] = level;
            cr_expect_eq(in, chain->at[level], "what was sent to level %d", level);
        }
    return 11;
}

static int resume_next(struct hkt_coro *self, void *arg)
{
    struct chain *chain = arg;
    int me = 0, rc;
    void *value;

    while (chain->at[me] != self)
        me++;
    struct hkt_coro *next = chain->at[me + 1];
    rc = hkt_coro_resume(next, NULL, &value);
    while (rc > 0) {
        cr_expect_not_null(value);
        cr_expect_eq(hkt_coro_state(next), HKT_SUSPENDED, "level %d", me + 1);
        rc = hkt_coro_resume(next, next, &value);
    }
    return rc < 0 ? rc : hkt_coro_result(next);
}

Test(nested, an_outer_one_may_be_yielded_from_inside_those_it_resumed)
{
    struct chain chain = {.steps = 5};
    int steps = 0;
    void *value;

    for (int i = 0; i < LEVELS; i++)
        chain.at[i] = hkt_coro_new(i < LEVELS - 1 ? resume_next : innermost, &chain);
    int rc = hkt_coro_resume(chain.at[0], NULL, &value);
    for (; rc > 0; rc = hkt_coro_resume(chain.at[0], chain.at[0], &value)) {
        cr_assert_not_null(value);
        cr_assert_eq(hkt_coro_state(chain.at[0]), HKT_SUSPENDED);
        cr_assert_eq(hkt_coro_state(chain.at[1]), HKT_RUNNING, "waits inside the suspended one");
        cr_assert_eq(resume(chain.at[1]), -EBUSY);
        cr_assert_eq(hkt_coro_close(chain.at[2]), -EBUSY);
        steps++;
    }
    cr_assert_eq(rc, 0);
    cr_assert_eq(steps, chain.steps, "only its own yields came here");
    cr_assert_eq(chain.count, chain.steps * LEVELS);
    for (int i = 0; i < chain.count; i++)
        cr_assert_eq(chain.order[i], i % LEVELS, "yield %d", i);
    for (int i = 0; i < LEVELS; i++) {
        cr_assert_eq(hkt_coro_result(chain.at[i]), 11, "handed up to level %d", i);
        hkt_coro_free(chain.at[i]);
    }
}

Test(nested, a_close_arrives_where_the_outer_one_was_yielded)
{
    struct chain chain = {.steps = 5};

    for (int i = 0; i < LEVELS; i++)
        chain.at[i] = hkt_coro_new(i < LEVELS - 1 ? resume_next : innermost, &chain);
    cr_assert_eq(resume(chain.at[0]), 1);
    cr_assert_eq(hkt_coro_close(chain.at[0]), 0);
    cr_assert_eq(chain.count, 0);
    for (int i = 0; i < LEVELS; i++) {
        cr_assert_eq(hkt_coro_state(chain.at[i]), HKT_FINISHED);
        cr_assert_eq(hkt_coro_result(chain.at[i]), HKT_ECLOSE, "it passed through level %d", i);
        hkt_coro_free(chain.at[i]);
    }
}

static int step_it(struct hkt_coro *self, void *other)
{
    for (;;) {
        (void)!hkt_coro_resume(other, other, NULL);
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    }
}

Test(nested, a_suspended_chain_may_be_resumed_from_another_coroutine)
{
    struct chain chain = {.steps = 5};
    struct hkt_coro *driver;

    for (int i = 0; i < LEVELS; i++)
        chain.at[i] = hkt_coro_new(i < LEVELS - 1 ? resume_next : innermost, &chain);
    cr_assert_eq(resume(chain.at[0]), 1);
    driver = hkt_coro_new(step_it, chain.at[0]);
    while (hkt_coro_state(chain.at[0]) != HKT_FINISHED)
        cr_assert_eq(resume(driver), 1);
    cr_assert_eq(chain.count, chain.steps * LEVELS);
    hkt_coro_free(driver);
    for (int i = 0; i < LEVELS; i++)
        hkt_coro_free(chain.at[i]);
}

struct tower {
    struct hkt_coro *outermost;
    int depth, deepest;
};

static int tower_body(struct hkt_coro *self, void *arg)
{
    struct tower *tower = arg;
    struct hkt_coro *next;
    int rc;

    if (++tower->depth == tower->deepest)
        return hkt_coro_yield(tower->outermost, NULL, NULL);
    (void)self;
    next = hkt_coro_new(tower_body, tower);
    rc = resume(next);
    hkt_coro_free(next);
    return rc;
}

Test(nested, two_hundred_levels_are_suspended_and_closed_as_one)
{
    struct tower tower = {.deepest = 200};

    tower.outermost = hkt_coro_new(tower_body, &tower);
    cr_assert_eq(resume(tower.outermost), 1);
    cr_assert_eq(tower.depth, 200);
    cr_assert_eq(hkt_coro_close(tower.outermost), 0);
    hkt_coro_free(tower.outermost);
}
