/* SPDX-License-Identifier: MIT
 *
 * Giving a coroutine back, and what is said of its use afterwards.
 */
#include "base/child.h"
#include "base/reports.h"
#include "coro/bodies.h"
#include "support/test.h"

Test(free, closes_first)
{
    struct answer answer = {.rc = HKT_ECLOSE};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    cr_assert_eq(resume(c), 1);
    hkt_coro_free(c);
    cr_assert_eq(answer.seen, HKT_ECLOSE);
}

Test(free, of_a_body_that_ignores_its_close_is_reported_by_name_and_takes_the_memory_back)
{
    struct reports reports;
    const struct hkt_coro_opts opts = {.name = "stubborn"};
    struct answer answer = {.ignores = 100};
    struct hkt_coro *c = hkt_coro_new_opts(answer_close, &answer, &opts);

    reports_to(&reports);
    cr_assert_eq(resume(c), 1);
    hkt_coro_free(c);
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "'stubborn'"), "%s", reports.last);
    cr_assert(reports_say(&reports, "ignored"), "%s", reports.last);
    struct hkt_coro *next = hkt_coro_new(answer_close, &answer);
    cr_assert_eq(next, c, "its memory is in use again");
    answer.ignores = 0;
    cr_assert_eq(resume(next), 1);
    hkt_coro_free(next);
    cr_assert_eq(reports.count, 1);
}

static int free_self(struct hkt_coro *self, void *arg)
{
    (void)arg;
    hkt_coro_free(self);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    return 8;
}

Test(free, of_a_running_one_is_reported_and_does_nothing)
{
    struct reports reports;
    struct hkt_coro *c = hkt_coro_new(free_self, NULL);

    hkt_coro_set_name(c, "busy bee");
    reports_to(&reports);
    cr_assert_eq(resume(c), 1);
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "'busy bee'"), "%s", reports.last);
    cr_assert_eq(resume(c), 0);
    cr_assert_eq(hkt_coro_result(c), 8);
    hkt_coro_free(c);
    cr_assert_eq(reports.count, 1);
}

Test(free, reports_an_error_of_the_closed_body_by_name_and_takes_the_memory_back)
{
    const int errors[] = {-EIO, -EBUSY, -EXDEV, -ENOMEM, -EPROTO};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct reports reports;
        const struct hkt_coro_opts opts = {.name = "failing"};
        struct answer answer = {.rc = errors[i]};
        struct hkt_coro *c = hkt_coro_new_opts(answer_close, &answer, &opts), *again;
        reports_to(&reports);
        cr_assert_eq(resume(c), 1);
        hkt_coro_free(c);
        cr_assert_eq(reports.count, 1);
        cr_assert(reports_say(&reports, "'failing'"), "%s", reports.last);
        cr_assert(reports_say(&reports, hkt_strerror(errors[i])), "%s", reports.last);
        again = hkt_coro_new(answer_close, &answer);
        cr_assert_eq(again, c, "error %d", errors[i]);
        hkt_coro_free(again);
        cr_assert_eq(reports.count, 1, "it had not begun");
    }
}

Test(free, says_nothing_of_an_error_that_was_answered_before)
{
    struct reports reports;
    struct answer answer = {.rc = -EIO};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    reports_to(&reports);
    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_close(c), -EIO);
    hkt_coro_free(c);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
}

/* Use of what was freed: each in a process of its own, on both kinds of memory */

static char memory[16384];

struct misuse {
    void (*use)(struct hkt_coro *c);
    void *stack;
    int begun; /* steps before it is freed */
};

static void use_freed(void *arg)
{
    const struct misuse *misuse = arg;
    const struct hkt_coro_opts opts = {
        .name = "gone", .stack = misuse->stack, .stack_size = misuse->stack ? sizeof memory : 0};
    struct answer answer = {.rc = HKT_ECLOSE};
    struct hkt_coro *c = hkt_coro_new_opts(answer_close, &answer, &opts);

    if (misuse->begun)
        (void)!resume(c);
    hkt_coro_free(c);
    misuse->use(c);
}

static void expect_abort(void (*use)(struct hkt_coro *c))
{
    for (int i = 0; i < 4; i++) {
        struct misuse misuse = {use, i & 1 ? memory : NULL, i >> 1};
        struct child child;
        cr_assert(child_run(&child, use_freed, &misuse));
        cr_expect(child_died_of(&child, SIGABRT), "status 0x%x", child.status);
        cr_expect(child_said(&child, "'gone'"), "named in: %s", child.err);
        cr_expect(child_said(&child, "freed"), "%s", child.err);
    }
}

static void resume_it(struct hkt_coro *c)
{
    (void)!resume(c);
}

static void close_it(struct hkt_coro *c)
{
    (void)!hkt_coro_close(c);
}

static void reset_it(struct hkt_coro *c)
{
    (void)!hkt_coro_reset(c, must_not_run, NULL);
}

Test(free, twice_aborts_with_a_line_that_names_it)
{
    expect_abort(hkt_coro_free);
}

Test(free, then_resume_aborts_with_a_line_that_names_it)
{
    expect_abort(resume_it);
}

Test(free, then_close_aborts_with_a_line_that_names_it)
{
    expect_abort(close_it);
}

Test(free, then_reset_aborts_with_a_line_that_names_it)
{
    expect_abort(reset_it);
}
