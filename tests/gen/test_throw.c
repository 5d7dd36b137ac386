/* SPDX-License-Identifier: MIT
 *
 * What is raised at a pending yield: throw and close, and the end by free.
 */
#include "base/reports.h"
#include "gen/bodies.h"
#include "support/test.h"

#include <errno.h>

Test(throw, arrives_as_the_answer_of_the_pending_yield)
{
    const int errors[] = {-EIO, -ECANCELED, -ETIMEDOUT, -1, -4095, -5000, INT32_MIN};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct script script = {0};
        struct hkt_gen *g = hkt_gen_new(follow, &script);
        void *value = &script;
        cr_assert_eq(hkt_gen_next(g, NULL), 1);
        cr_assert_eq(hkt_gen_throw(g, errors[i], &value), errors[i], "it came out again");
        cr_assert_null(value);
        cr_assert_eq(script.seen[0], errors[i]);
        cr_assert_null(script.in[0]);
        cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
        cr_assert_eq(hkt_gen_next(g, NULL), 0, "and only once");
        hkt_gen_free(g);
    }
}

Test(throw, caught_it_answers_the_next_value_yielded)
{
    struct script script = {.swallow = 2};
    struct hkt_gen *g = hkt_gen_new(follow, &script);
    void *value;

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_throw(g, -EIO, &value), 1);
    cr_assert_eq(value, &script.seen[1]);
    cr_assert_eq(hkt_gen_throw(g, -EINTR, &value), 1);
    cr_assert_eq(value, &script.seen[2]);
    cr_assert_eq(hkt_gen_next(g, &value), 1, "it goes on as if nothing had happened");
    cr_assert_eq(hkt_gen_throw(g, -EPIPE, &value), -EPIPE);
    cr_assert_eq(script.seen[0], -EIO);
    cr_assert_eq(script.seen[1], -EINTR);
    cr_assert_eq(script.seen[2], 0);
    hkt_gen_free(g);
}

Test(throw, the_body_may_answer_with_another_error_or_with_its_end)
{
    struct script other = {.answer = -EPIPE}, end = {.result = &end};
    struct hkt_gen *g = hkt_gen_new(follow, &other), *h = hkt_gen_new(follow, &end);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_throw(g, -EIO, NULL), -EPIPE);
    cr_assert_eq(hkt_gen_next(h, NULL), 1);
    cr_assert_eq(hkt_gen_throw(h, -EIO, NULL), 0);
    cr_assert_eq(hkt_gen_result(h), &end);
    hkt_gen_free(g);
    hkt_gen_free(h);
}

Test(throw, into_one_not_begun_finishes_it_without_running_and_comes_out)
{
    struct hkt_gen *g = hkt_gen_new(gen_must_not_run, NULL);

    cr_assert_eq(hkt_gen_throw(g, -EIO, NULL), -EIO);
    cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    hkt_gen_free(g);
    g = hkt_gen_new(gen_must_not_run, NULL);
    cr_assert_eq(hkt_gen_throw(g, HKT_ECLOSE, NULL), HKT_ECLOSE);
    cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
    hkt_gen_free(g);
}

Test(throw, into_a_finished_one_comes_out_each_time)
{
    int stop = 0;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);
    void *value = g;

    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    cr_assert_eq(hkt_gen_throw(g, -EIO, &value), -EIO);
    cr_assert_null(value);
    cr_assert_eq(hkt_gen_throw(g, -EPIPE, NULL), -EPIPE);
    cr_assert_eq(hkt_gen_throw(g, HKT_ECLOSE, NULL), HKT_ECLOSE);
    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    hkt_gen_free(g);
}

Test(throw, of_what_is_not_negative_is_einval_and_changes_nothing)
{
    int stop = 3, x;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);
    void *value = g;

    cr_assert_eq(hkt_gen_throw(g, 0, &value), -EINVAL);
    cr_assert_null(value);
    cr_assert_eq(hkt_gen_throw(g, 5, NULL), -EINVAL);
    cr_assert_eq(hkt_gen_state(g), HKT_CREATED);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(hkt_gen_throw(g, 0, NULL), -EINVAL);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 1);
    hkt_gen_free(g);
}

Test(throw, of_hkt_eclose_may_be_caught_where_close_would_complain)
{
    struct script script = {.swallow = 1};
    struct hkt_gen *g = hkt_gen_new(follow, &script);
    void *value;

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_throw(g, HKT_ECLOSE, &value), 1);
    cr_assert_eq(value, &script.seen[1]);
    cr_assert_eq(script.seen[0], HKT_ECLOSE);
    cr_assert_eq(hkt_gen_throw(g, HKT_ECLOSE, &value), HKT_ECLOSE);
    hkt_gen_free(g);
}

/* Close */

Test(throw, close_of_one_not_begun_finishes_it_without_running)
{
    struct hkt_gen *g = hkt_gen_new(gen_must_not_run, NULL);

    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    hkt_gen_free(g);
}

Test(throw, close_raises_hkt_eclose_and_answers_0)
{
    struct script script = {0};
    struct hkt_gen *g = hkt_gen_new(follow, &script);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(script.seen[0], HKT_ECLOSE);
    cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
    cr_assert_eq(hkt_gen_close(g), 0, "again: nothing to do");
    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    hkt_gen_free(g);
}

Test(throw, what_a_body_returns_when_closed_can_be_read)
{
    struct script script = {.result = &script};
    struct hkt_gen *g = hkt_gen_new(follow, &script);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(hkt_gen_result(g), &script);
    hkt_gen_free(g);
}

Test(throw, an_error_of_the_body_comes_out_of_close)
{
    const int errors[] = {-EIO, -EBUSY, -EPROTO, -EXDEV, -ENOMEM};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct script script = {.answer = errors[i]};
        struct hkt_gen *g = hkt_gen_new(follow, &script);
        cr_assert_eq(hkt_gen_next(g, NULL), 1);
        cr_assert_eq(hkt_gen_close(g), errors[i]);
        cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
        cr_assert_eq(hkt_gen_close(g), 0);
        hkt_gen_free(g);
    }
}

Test(throw, close_of_a_body_that_yields_is_eproto_and_it_stays_suspended_at_that_yield)
{
    struct script script = {.swallow = 1};
    struct hkt_gen *g = hkt_gen_new(follow, &script);
    void *value;

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_close(g), -EPROTO);
    cr_assert_eq(hkt_gen_state(g), HKT_SUSPENDED);
    cr_assert_eq(hkt_gen_send(g, &script, &value), 1);
    cr_assert_eq(script.in[1], &script, "that yield received it");
    cr_assert_eq(value, &script.seen[2]);
    cr_assert_eq(hkt_gen_close(g), 0);
    hkt_gen_free(g);
}

struct scope {
    struct trail *trail;
    char letter;
};

static void leave(void *arg)
{
    struct scope *scope = arg;

    mark(scope->trail, scope->letter);
}

static int two_scopes(struct hkt_gen *self, void *arg)
{
    struct scope outer = {arg, 'o'}, inner = {arg, 'i'};

    HKT_DEFER(leave, &outer);
    for (;;) {
        HKT_DEFER(leave, &inner);
        HKT_TRY(hkt_yield(self, NULL, NULL));
        mark(arg, 'n');
    }
}

Test(throw, scopes_are_left_innermost_first_and_code_after_the_yield_does_not_run)
{
    struct trail trail = {.at = 0};
    struct hkt_gen *g = hkt_gen_new(two_scopes, &trail);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_str_eq(trail.text, "");
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_str_eq(trail.text, "ni");
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_str_eq(trail.text, "niio");
    hkt_gen_free(g);
}

static int close_another(struct hkt_gen *self, void *other)
{
    int rc = hkt_yield(self, NULL, NULL);

    cr_expect_eq(hkt_gen_close(other), 0, "while being closed itself");
    return rc;
}

Test(throw, cleanup_may_close_other_generators)
{
    struct script script = {0};
    struct hkt_gen *other = hkt_gen_new(follow, &script), *g = hkt_gen_new(close_another, other);

    cr_assert_eq(hkt_gen_next(other, NULL), 1);
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(script.seen[0], HKT_ECLOSE);
    hkt_gen_free(g);
    hkt_gen_free(other);
}

/* Free */

Test(throw, free_is_a_close)
{
    struct script script = {0};
    struct hkt_gen *g = hkt_gen_new(follow, &script);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    hkt_gen_free(g);
    cr_assert_eq(script.seen[0], HKT_ECLOSE);
}

Test(throw, free_takes_the_memory_even_if_the_body_ignores_the_close_and_reports_it)
{
    struct reports reports;
    const struct hkt_coro_opts opts = {.name = "clinging"};
    struct script script = {.swallow = 99};
    struct hkt_gen *g = hkt_gen_new_opts(follow, &script, &opts);

    reports_to(&reports);
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    hkt_gen_free(g);
    cr_assert_eq(script.count, 2, "asked once");
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "'clinging'"), "%s", reports.last);
    cr_assert_eq(hkt_gen_new(follow, &script), g, "its memory is in use again");
}

Test(throw, an_auto_gen_is_closed_when_its_scope_is_left)
{
    struct script script = {0};

    for (int i = 0; i < 3; i++) {
        hkt_auto_gen g = hkt_gen_new(follow, &script);
        cr_assert_eq(hkt_gen_next(g, NULL), 1);
        if (i == 1)
            continue;
        if (i == 2)
            break;
    }
    cr_assert_eq(script.count, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(script.seen[i], HKT_ECLOSE, "scope %d", i);
}

Test(throw, stepping_leaves_errno_alone)
{
    struct script script = {.swallow = 1};
    struct hkt_gen *g = hkt_gen_new(follow, &script);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    errno = 123;
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_throw(g, -EIO, NULL), 1);
    cr_assert_eq(hkt_gen_throw(g, 1, NULL), -EINVAL);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(errno, 123);
    hkt_gen_free(g);
}
