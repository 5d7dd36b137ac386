/* SPDX-License-Identifier: MIT
 *
 * Telling a body to finish.
 */
#include "coro/bodies.h"
#include "support/test.h"

Test(close, one_that_never_began_is_finished_without_running)
{
    struct hkt_coro *c = hkt_coro_new(must_not_run, NULL);

    cr_assert_eq(hkt_coro_close(c), 0);
    cr_assert_eq(hkt_coro_state(c), HKT_FINISHED);
    cr_assert_eq(hkt_coro_result(c), HKT_ECLOSE);
    cr_assert_eq(resume(c), -ESHUTDOWN);
    hkt_coro_free(c);
}

Test(close, the_pending_yield_answers_hkt_eclose)
{
    struct answer answer = {.in = &answer, .rc = HKT_ECLOSE};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_close(c), 0);
    cr_assert_eq(answer.seen, HKT_ECLOSE);
    cr_assert_null(answer.in);
    cr_assert_eq(hkt_coro_state(c), HKT_FINISHED);
    hkt_coro_free(c);
}

Test(close, the_bodys_own_error_comes_out)
{
    const int errors[] = {-EIO, -ECANCELED, -ETIMEDOUT, -EAGAIN};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct answer answer = {.rc = errors[i]};
        struct hkt_coro *c = hkt_coro_new(answer_close, &answer);
        cr_assert_eq(resume(c), 1);
        cr_assert_eq(hkt_coro_close(c), errors[i]);
        cr_assert_eq(hkt_coro_close(c), 0, "the second has nothing to do");
        hkt_coro_free(c);
    }
}

Test(close, a_body_that_returns_success_is_fine)
{
    struct answer answer = {.rc = 5};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_close(c), 0);
    cr_assert_eq(hkt_coro_result(c), 5);
    hkt_coro_free(c);
}

Test(close, of_a_body_that_yields_again_is_eproto_and_it_stays_suspended)
{
    struct answer answer = {.rc = HKT_ECLOSE, .ignores = 2};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    cr_assert_eq(resume(c), 1);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hkt_coro_close(c), -EPROTO);
        cr_assert_eq(hkt_coro_state(c), HKT_SUSPENDED);
        cr_assert_eq(resume(c), 1, "it goes on from that yield");
    }
    cr_assert_eq(hkt_coro_close(c), 0);
    hkt_coro_free(c);
}

Test(close, of_a_finished_one_does_nothing)
{
    struct answer answer = {.rc = -EIO};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_close(c), -EIO);
    cr_assert_eq(hkt_coro_close(c), 0);
    cr_assert_eq(hkt_coro_result(c), -EIO);
    hkt_coro_free(c);
}

static int close_outer(struct hkt_coro *self, void *outer)
{
    (void)self;
    cr_expect_eq(hkt_coro_close(outer), -EBUSY, "from one that it resumed");
    return 3;
}

static int close_self(struct hkt_coro *self, void *arg)
{
    struct hkt_coro *inner = hkt_coro_new(close_outer, self);

    (void)arg;
    cr_expect_eq(hkt_coro_close(self), -EBUSY, "from inside");
    cr_expect_eq(resume(inner), 0);
    hkt_coro_free(inner);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    return 9;
}

Test(close, from_inside_or_while_it_runs_is_ebusy_and_disturbs_nothing)
{
    struct hkt_coro *c = hkt_coro_new(close_self, NULL);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(resume(c), 0);
    cr_assert_eq(hkt_coro_result(c), 9);
    hkt_coro_free(c);
}

struct trail {
    char text[16];
    int at;
};

static struct trail trail;

static void leave_mark(void *mark)
{
    trail.text[trail.at++] = *(const char *)mark;
}

static int scopes(struct hkt_coro *self, int depth)
{
    HKT_DEFER(leave_mark, &"abcdef"[depth]);

    if (depth == 5)
        return hkt_coro_yield(self, NULL, NULL);
    HKT_TRY(scopes(self, depth + 1));
    trail.text[trail.at++] = '!';
    return 0;
}

static int scoped_body(struct hkt_coro *self, void *arg)
{
    (void)arg;
    return scopes(self, 0);
}

Test(close, scopes_are_left_innermost_first_and_nothing_after_the_yield_runs)
{
    struct hkt_coro *c = hkt_coro_new(scoped_body, NULL);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_close(c), 0);
    cr_assert_str_eq(trail.text, "fedcba");
    hkt_coro_free(c);
}
