/* SPDX-License-Identifier: MIT
 *
 * Making, resuming, yielding, looking: each sentence of hocket/coro.h on these is a test.
 */
#include "base/doors.h"
#include "coro/bodies.h"
#include "support/test.h"

#include <hocket/coro.h>

static int count_runs(struct hkt_coro *self, void *runs)
{
    (void)self;
    ++*(int *)runs;
    return 0;
}

Test(coro, making_one_runs_nothing)
{
    int runs = 0;
    struct hkt_coro *c = hkt_coro_new(count_runs, &runs);

    cr_assert_not_null(c);
    cr_assert_eq(runs, 0);
    cr_assert_eq(hkt_coro_state(c), HKT_CREATED);
    hkt_coro_free(c);
    cr_assert_eq(runs, 0, "freeing it ran nothing either");
}

/* Yields what it is sent, after a first yield of arg. */
static int echo(struct hkt_coro *self, void *arg)
{
    for (;;)
        HKT_TRY(hkt_coro_yield(self, arg, &arg));
}

Test(coro, values_pass_both_ways)
{
    int first, words[10];
    void *value;
    struct hkt_coro *c = hkt_coro_new(echo, &first);

    cr_assert_eq(hkt_coro_resume(c, NULL, &value), 1);
    cr_assert_eq(value, &first, "the argument came in, and out by a yield");
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(hkt_coro_resume(c, &words[i], &value), 1);
        cr_assert_eq(value, &words[i], "word %d", i);
    }
    cr_assert_eq(hkt_coro_resume(c, NULL, &value), 1);
    cr_assert_null(value, "nothing sent is NULL");
    hkt_coro_free(c);
}

Test(coro, neither_side_need_look_at_the_value)
{
    int x;
    struct hkt_coro *c = hkt_coro_new(echo, NULL);

    for (int i = 0; i < 5; i++)
        cr_assert_eq(hkt_coro_resume(c, i > 0 ? &x : NULL, NULL), 1);
    hkt_coro_free(c);
}

Test(coro, a_value_into_one_that_has_not_begun_is_einval_and_it_may_still_be_started)
{
    int x, runs = 0;
    void *value = &x;
    struct hkt_coro *c = hkt_coro_new(count_runs, &runs);

    cr_assert_eq(hkt_coro_resume(c, &x, &value), -EINVAL);
    cr_assert_null(value);
    cr_assert_eq(hkt_coro_state(c), HKT_CREATED);
    cr_assert_eq(runs, 0);
    cr_assert_eq(resume(c), 0);
    cr_assert_eq(runs, 1);
    hkt_coro_free(c);
}

static int return_it(struct hkt_coro *self, void *rc)
{
    (void)self;
    return *(int *)rc;
}

Test(coro, resuming_a_finished_one_is_eshutdown)
{
    int rc = 0;
    struct hkt_coro *c = hkt_coro_new(return_it, &rc);

    for (int i = 0; i < 4; i++) {
        void *value = &rc;
        cr_assert_eq(hkt_coro_resume(c, i > 1 ? &rc : NULL, &value), i ? -ESHUTDOWN : 0, "step %d",
                     i);
        cr_assert_null(value, "no value at the end, step %d", i);
        cr_assert_eq(hkt_coro_state(c), HKT_FINISHED);
    }
    hkt_coro_free(c);
}

Test(coro, the_bodys_error_comes_out_once)
{
    const int errors[] = {-EIO, -ECANCELED, HKT_ECLOSE, -100000, INT32_MIN};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        int rc = errors[i];
        void *value = &rc;
        struct hkt_coro *c = hkt_coro_new(return_it, &rc);
        cr_assert_eq(hkt_coro_resume(c, NULL, &value), rc, "error %d", rc);
        cr_assert_null(value);
        cr_assert_eq(resume(c), -ESHUTDOWN, "after error %d", rc);
        cr_assert_eq(hkt_coro_close(c), 0, "a close has nothing to do");
        cr_assert_eq(hkt_coro_result(c), rc, "still there to be read");
        hkt_coro_free(c);
    }
}

Test(coro, a_positive_return_is_success_and_is_the_result)
{
    int rc = 42;
    struct hkt_coro *c = hkt_coro_new(return_it, &rc);

    cr_assert_eq(resume(c), 0);
    cr_assert_eq(hkt_coro_result(c), 42);
    hkt_coro_free(c);
}

static int yield_once(struct hkt_coro *self, void *arg)
{
    (void)arg;
    cr_expect_eq(hkt_coro_state(self), HKT_RUNNING, "seen from inside");
    cr_expect_eq(hkt_coro_result(self), -EAGAIN, "while it runs");
    return hkt_coro_yield(self, NULL, NULL);
}

Test(coro, state_and_result_follow_its_life)
{
    struct hkt_coro *c = hkt_coro_new(yield_once, NULL);

    cr_assert_eq(hkt_coro_state(c), HKT_CREATED);
    cr_assert_eq(hkt_coro_result(c), -EAGAIN);
    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_state(c), HKT_SUSPENDED);
    cr_assert_eq(hkt_coro_result(c), -EAGAIN);
    cr_assert_eq(resume(c), 0);
    cr_assert_eq(hkt_coro_state(c), HKT_FINISHED);
    cr_assert_eq(hkt_coro_result(c), 0);
    hkt_coro_free(c);
}

static int resume_self(struct hkt_coro *self, void *arg)
{
    void *value = arg;

    cr_expect_eq(hkt_coro_resume(self, NULL, &value), -EBUSY);
    cr_expect_null(value);
    HKT_TRY(hkt_coro_yield(self, arg, NULL));
    cr_expect_eq(resume(self), -EBUSY, "after a yield too");
    return 7;
}

Test(coro, resuming_itself_is_ebusy_and_disturbs_nothing)
{
    int x;
    void *value;
    struct hkt_coro *c = hkt_coro_new(resume_self, &x);

    cr_assert_eq(hkt_coro_resume(c, NULL, &value), 1);
    cr_assert_eq(value, &x);
    cr_assert_eq(resume(c), 0);
    cr_assert_eq(hkt_coro_result(c), 7);
    hkt_coro_free(c);
}

static int look_at_resumer(struct hkt_coro *self, void *outer)
{
    cr_expect_eq(hkt_coro_state(outer), HKT_RUNNING, "waiting for one that it resumed");
    cr_expect_eq(resume(outer), -EBUSY);
    return hkt_coro_yield(self, NULL, NULL);
}

static int resume_another(struct hkt_coro *self, void *arg)
{
    struct hkt_coro *inner = hkt_coro_new(look_at_resumer, self);

    (void)arg;
    cr_expect_eq(resume(inner), 1);
    cr_expect_eq(hkt_coro_state(inner), HKT_SUSPENDED);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    cr_expect_eq(resume(inner), 0);
    hkt_coro_free(inner);
    return 0;
}

Test(coro, one_that_waits_for_another_is_running_and_cannot_be_resumed)
{
    struct hkt_coro *c = hkt_coro_new(resume_another, NULL);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(resume(c), 0);
    hkt_coro_free(c);
}

Test(coro, yielding_one_that_does_not_run_is_eperm)
{
    int x;
    void *in = &x;
    struct hkt_coro *c = hkt_coro_new(yield_once, NULL);

    cr_assert_eq(hkt_coro_yield(c, NULL, &in), -EPERM, "created");
    cr_assert_null(in);
    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_yield(c, NULL, NULL), -EPERM, "suspended");
    cr_assert_eq(resume(c), 0);
    cr_assert_eq(hkt_coro_yield(c, NULL, NULL), -EPERM, "finished");
    hkt_coro_free(c);
}

static int yield_at_depth(struct hkt_coro *self, int depth)
{
    int mark = depth * 7;
    volatile int *seen = &mark;

    if (depth == 0)
        return hkt_coro_yield(self, NULL, NULL);
    HKT_TRY(yield_at_depth(self, depth - 1));
    return *seen == depth * 7 ? 0 : -EIO;
}

static int go_deeper_each_time(struct hkt_coro *self, void *most)
{
    for (int depth = 0; depth < *(int *)most; depth++)
        HKT_TRY(yield_at_depth(self, depth));
    return 0;
}

Test(coro, a_yield_may_come_from_any_call_depth)
{
    int most = 60, steps = 0;
    struct hkt_coro *c = hkt_coro_new(go_deeper_each_time, &most);

    while (resume(c) > 0)
        steps++;
    cr_assert_eq(steps, most);
    cr_assert_eq(hkt_coro_result(c), 0);
    hkt_coro_free(c);
}

struct visit {
    struct hkt_coro *shared;
    int *mark;
};

static int resume_shared(struct hkt_coro *self, void *arg)
{
    struct visit *visit = arg;

    for (;;) {
        void *value;
        cr_expect_eq(hkt_coro_resume(visit->shared, visit->mark, &value), 1);
        cr_expect_eq(value, visit->mark, "what I sent came back to me");
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    }
}

Test(coro, a_yield_goes_to_the_most_recent_resumer)
{
    int marks[3];
    struct hkt_coro *shared = hkt_coro_new(echo, NULL);
    struct visit a = {shared, &marks[0]}, b = {shared, &marks[1]};
    struct hkt_coro *first = hkt_coro_new(resume_shared, &a);
    struct hkt_coro *second = hkt_coro_new(resume_shared, &b);

    cr_assert_eq(resume(shared), 1);
    for (int i = 0; i < 10; i++) {
        void *value;
        cr_assert_eq(resume(first), 1);
        cr_assert_eq(resume(second), 1);
        cr_assert_eq(hkt_coro_resume(shared, &marks[2], &value), 1);
        cr_assert_eq(value, &marks[2]);
    }
    hkt_coro_free(first);
    hkt_coro_free(second);
    hkt_coro_free(shared);
}

Test(coro, every_call_accepts_null)
{
    int x;
    void *value = &x;

    cr_assert_eq(hkt_coro_resume(NULL, NULL, &value), -ENOMEM);
    cr_assert_null(value);
    cr_assert_eq(hkt_coro_resume(NULL, &x, NULL), -ENOMEM);
    value = &x;
    cr_assert_eq(hkt_coro_yield(NULL, &x, &value), -ENOMEM);
    cr_assert_null(value);
    cr_assert_eq(hkt_coro_yield(NULL, NULL, NULL), -ENOMEM);
    value = &x;
    cr_assert_eq(hkt_coro_transfer(NULL, NULL, &x, &value), -ENOMEM);
    cr_assert_null(value);
    cr_assert_eq(hkt_coro_close(NULL), -ENOMEM);
    cr_assert_eq(hkt_coro_reset(NULL, echo, NULL), -ENOMEM);
    cr_assert_eq(hkt_coro_result(NULL), -ENOMEM);
    cr_assert_eq(hkt_coro_state(NULL), HKT_FINISHED);
    cr_assert_eq(hkt_coro_stack_size(NULL), 0u);
    cr_assert_eq(hkt_coro_stack_used(NULL), 0u);
    cr_assert_null(hkt_coro_data(NULL));
    cr_assert_not_null(hkt_coro_name(NULL));
    hkt_coro_set_data(NULL, &x);
    hkt_coro_set_name(NULL, "nobody");
    hkt_coro_free(NULL);
}

Test(coro, a_name_is_shown_and_not_copied)
{
    static const char name[] = "reader";
    const struct hkt_coro_opts opts = {.name = name};
    struct hkt_coro *named = hkt_coro_new_opts(echo, NULL, &opts);
    struct hkt_coro *nameless = hkt_coro_new(echo, NULL);

    cr_assert_eq(hkt_coro_name(named), (const char *)name);
    cr_assert_str_eq(hkt_coro_name(nameless), "coro");
    hkt_coro_set_name(nameless, "later");
    cr_assert_str_eq(hkt_coro_name(nameless), "later");
    hkt_coro_set_name(nameless, NULL);
    cr_assert_str_eq(hkt_coro_name(nameless), "coro");
    hkt_coro_free(named);
    hkt_coro_free(nameless);
}

static int see_data(struct hkt_coro *self, void *arg)
{
    cr_expect_eq(hkt_coro_data(self), arg);
    hkt_coro_set_data(self, self);
    return 0;
}

Test(coro, data_is_the_users)
{
    int x;
    const struct hkt_coro_opts opts = {.data = &x};
    struct hkt_coro *c = hkt_coro_new_opts(see_data, &x, &opts);
    struct hkt_coro *plain = hkt_coro_new(echo, NULL);

    cr_assert_null(hkt_coro_data(plain));
    cr_assert_eq(resume(c), 0);
    cr_assert_eq(hkt_coro_data(c), (void *)c);
    hkt_coro_free(c);
    hkt_coro_free(plain);
}

static int make_child(struct hkt_coro *self, void *out)
{
    (void)self;
    *(struct hkt_coro **)out = hkt_coro_new(echo, NULL);
    return resume(*(struct hkt_coro **)out);
}

Test(coro, one_made_inside_another_may_outlive_it)
{
    struct hkt_coro *child = NULL;
    struct hkt_coro *c = hkt_coro_new(make_child, &child);

    cr_assert_eq(resume(c), 0);
    hkt_coro_free(c);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(resume(child), 1);
    hkt_coro_free(child);
}

Test(coro, a_step_allocates_nothing)
{
    struct hkt_coro *c = hkt_coro_new(echo, NULL);

    cr_assert_eq(resume(c), 1);
    doors_install();
    for (int i = 0; i < 1000000; i++)
        (void)!resume(c);
    cr_assert_eq(doors.allocs + doors.maps + doors.guards + doors.releases, 0);
    hkt_coro_free(c);
}

static int note_end(struct hkt_coro *self, void *ended)
{
    int rc = hkt_coro_yield(self, NULL, NULL);

    *(int *)ended = rc;
    return rc;
}

Test(coro, an_auto_coro_is_freed_when_its_scope_is_left)
{
    int ended = 0;

    {
        hkt_auto_coro c = hkt_coro_new(note_end, &ended);
        cr_assert_eq(resume(c), 1);
    }
    cr_assert_eq(ended, HKT_ECLOSE);
}
