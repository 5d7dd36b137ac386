/* SPDX-License-Identifier: MIT
 *
 * One stack, several lives.
 */
#include "base/reports.h"
#include "base/where.h"
#include "coro/bodies.h"
#include "support/test.h"

static int say_where(struct hkt_coro *self, void *arg)
{
    *(void **)arg = __builtin_frame_address(0);
    return hkt_coro_yield(self, NULL, NULL);
}

Test(reset, makes_it_a_fresh_one_on_the_same_stack_with_the_same_options)
{
    void *first = NULL, *second = NULL;
    const struct hkt_coro_opts opts = {.name = "again", .stack_size = 32768, .data = &first};
    struct hkt_coro *c = hkt_coro_new_opts(say_where, &first, &opts);
    size_t size = hkt_coro_stack_size(c);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_reset(c, say_where, &second), 0);
    cr_assert_eq(hkt_coro_state(c), HKT_CREATED);
    cr_assert_eq(hkt_coro_result(c), -EAGAIN);
    cr_assert_eq(hkt_coro_data(c), (void *)&first);
    cr_assert_str_eq(hkt_coro_name(c), "again");
    cr_assert_eq(hkt_coro_stack_size(c), size);
    cr_assert_eq(resume(c), 1);
    cr_assert_not_null(second);
    if (!where_sanitizer()) /* which may move frames elsewhere */
        cr_assert_eq(first, second);
    hkt_coro_free(c);
}

Test(reset, works_in_every_state_but_running)
{
    struct answer answer = {.rc = HKT_ECLOSE};
    struct hkt_coro *c = hkt_coro_new(must_not_run, NULL);

    cr_assert_eq(hkt_coro_reset(c, answer_close, &answer), 0, "created");
    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_reset(c, answer_close, &answer), 0, "suspended");
    cr_assert_eq(answer.seen, HKT_ECLOSE, "it was closed");
    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_close(c), 0);
    cr_assert_eq(hkt_coro_reset(c, answer_close, &answer), 0, "finished");
    cr_assert_eq(hkt_coro_state(c), HKT_CREATED);
    hkt_coro_free(c);
}

static int reset_self(struct hkt_coro *self, void *arg)
{
    (void)arg;
    cr_expect_eq(hkt_coro_reset(self, must_not_run, NULL), -EBUSY);
    return 4;
}

Test(reset, of_a_running_one_is_ebusy)
{
    struct hkt_coro *c = hkt_coro_new(reset_self, NULL);

    cr_assert_eq(resume(c), 0);
    cr_assert_eq(hkt_coro_result(c), 4);
    hkt_coro_free(c);
}

Test(reset, of_one_that_ignores_its_close_is_eproto_and_changes_nothing)
{
    struct answer answer = {.rc = 6, .ignores = 1};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_reset(c, must_not_run, NULL), -EPROTO);
    cr_assert_eq(hkt_coro_state(c), HKT_SUSPENDED);
    cr_assert_eq(hkt_coro_close(c), 0);
    cr_assert_eq(hkt_coro_result(c), 6, "the old body finished");
    hkt_coro_free(c);
}

Test(reset, succeeds_whatever_error_the_closed_body_returned_and_reports_it)
{
    const int errors[] = {-EIO, -EBUSY, -ENOMEM, -EXDEV, -EPROTO, -EINVAL};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct reports reports;
        struct answer answer = {.rc = errors[i]};
        struct hkt_coro *c = hkt_coro_new(answer_close, &answer);
        reports_to(&reports);
        cr_assert_eq(resume(c), 1);
        cr_assert_eq(hkt_coro_reset(c, answer_close, &answer), 0, "error %d", errors[i]);
        cr_assert_eq(hkt_coro_state(c), HKT_CREATED);
        cr_assert_eq(reports.count, 1);
        cr_assert(reports_say(&reports, hkt_strerror(errors[i])), "%s", reports.last);
        hkt_coro_free(c);
    }
}

Test(reset, twenty_thousand_lives_on_one_stack)
{
    struct answer answer = {.rc = HKT_ECLOSE};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    for (int i = 0; i < 20000; i++) {
        cr_assert_eq(resume(c), 1);
        cr_assert_eq(hkt_coro_reset(c, answer_close, &answer), 0);
    }
    hkt_coro_free(c);
}
