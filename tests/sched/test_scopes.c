/* SPDX-License-Identifier: MIT
 *
 * Groups cancelled from outside, inside each other and inside time limits: the scenarios of
 * CPython's test_taskgroups that test_group.c does not have.
 */
#include "sched/simulated.h"

struct clean_up {
    int error; /* what it ends with when cancelled */
    int64_t ns;
    int cancelled; /* how many requests arrived */
};

static int cleaner(void *arg)
{
    struct clean_up *c = arg;
    int rc = hkt_sleep(HKT_SEC(10));

    c->cancelled += rc == -ECANCELED;
    if (c->ns > 0)
        c->cancelled += hkt_sleep(c->ns) == -ECANCELED;
    return c->error ? c->error : rc;
}

/* Groups */

static int later_members(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
        cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(30)), 0);
    }
    cr_assert_eq(hkt_sleep(HKT_MS(35)), 0, "all have ended by then");
    cr_assert_eq(hkt_group_exit(&g, 3), 3);
    cr_assert_eq(simulated_now, HKT_MS(135));
    return 0;
}

Test(scopes, members_come_and_go_while_the_body_runs)
{
    cr_assert_eq(run_simulated(later_members, NULL), 0);
}

struct grouped {
    struct clean_up members[3];
    struct hkt_group group;
    int body_saw;
    int body_error;
    int answer;
    int after;      /* what the next suspension after the group answers */
    int cancelling; /* before that */
};

static int group_in_body(void *arg)
{
    struct grouped *x = arg;

    HKT_TRY(hkt_group_enter(&x->group));
    for (int i = 0; i < 3; i++)
        HKT_TRY(hkt_group_spawn(&x->group, cleaner, &x->members[i]));
    x->body_saw = hkt_sleep(HKT_SEC(10));
    x->answer = hkt_group_exit(&x->group, x->body_error ? x->body_error : x->body_saw);
    x->cancelling = hkt_task_cancelling(hkt_task_current());
    x->after = hkt_sleep(0);
    return 0;
}

static void cancel_after_5_ms(struct grouped *x)
{
    struct hkt_task *t = hkt_spawn(group_in_body, x);

    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(x->body_saw, -ECANCELED);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(x->members[i].cancelled, 1);
}

static int body_and_members(void *arg)
{
    struct grouped x = {0};

    (void)arg;
    cancel_after_5_ms(&x);
    cr_assert_eq(x.answer, -ECANCELED);
    cr_assert_eq(x.group.error_count, 0);
    cr_assert_eq(x.after, 0, "the request was delivered");
    return 0;
}

Test(scopes, a_cancelled_parent_is_told_in_its_body_and_so_are_its_members)
{
    cr_assert_eq(run_simulated(body_and_members, NULL), 0);
}

static int failing_members(void *arg)
{
    struct grouped x = {.members = {{.error = -EIO}, {.error = -EIO}, {.error = -ENOSPC}}};

    (void)arg;
    cancel_after_5_ms(&x);
    cr_assert_eq(x.answer, -EIO, "errors of the clean-up come before the cancellation");
    cr_assert_eq(x.group.error_count, 3);
    cr_assert_eq(x.group.errors[2], -ENOSPC);
    cr_assert_eq(x.cancelling, 1);
    cr_assert_eq(x.after, -ECANCELED, "which is not lost");
    return 0;
}

Test(scopes, a_cancellation_from_outside_that_errors_hide_comes_next)
{
    cr_assert_eq(run_simulated(failing_members, NULL), 0);
}

static int failing_body(void *arg)
{
    struct grouped x = {.body_error = -EBADF};

    (void)arg;
    cancel_after_5_ms(&x);
    cr_assert_eq(x.answer, -EBADF);
    cr_assert_eq(x.group.error_count, 1);
    return 0;
}

Test(scopes, a_body_may_answer_its_cancellation_with_an_error)
{
    cr_assert_eq(run_simulated(failing_body, NULL), 0);
}

/* A member fails while the body, which was cancelled, takes its time. */
static int slow_body(void *arg)
{
    struct grouped *x = arg;

    HKT_TRY(hkt_group_enter(&x->group));
    HKT_TRY(hkt_group_spawn(&x->group, failer, INT_ARG(-EIO))); /* after 10 ms */
    x->body_saw = hkt_sleep(HKT_SEC(10));
    x->members[0].cancelled = hkt_sleep(HKT_MS(20));
    x->answer = hkt_group_exit(&x->group, x->body_saw);
    x->cancelling = hkt_task_cancelling(hkt_task_current());
    x->after = hkt_sleep(0);
    return 0;
}

static int fails_while_the_body_cleans_up(void *arg)
{
    struct grouped x = {0};
    struct hkt_task *t = hkt_spawn(slow_body, &x);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(x.body_saw, -ECANCELED);
    cr_assert_eq(x.members[0].cancelled, -ECANCELED, "and so is the clean-up");
    cr_assert_eq(x.answer, -EIO);
    cr_assert_eq(x.cancelling, 1, "the request from outside");
    cr_assert_eq(x.after, -ECANCELED);
    return 0;
}

Test(scopes, a_member_may_fail_while_a_cancelled_body_cleans_up)
{
    cr_assert_eq(run_simulated(fails_while_the_body_cleans_up, NULL), 0);
}

static int both_fail(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, failer, INT_ARG(-EIO)), 0);
    cr_assert_eq(hkt_sleep(HKT_SEC(10)), -ECANCELED);
    cr_assert_eq(hkt_group_exit(&g, -ENOSPC), -EIO, "the first one");
    cr_assert_eq(g.error_count, 2);
    cr_assert_eq(g.errors[1], -ENOSPC);
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    return hkt_sleep(0);
}

Test(scopes, a_member_and_the_body_may_both_fail)
{
    cr_assert_eq(run_simulated(both_fail, NULL), 0);
}

/* Members that make two of themselves. */
struct hydra {
    struct hkt_group group;
    int heads;
    int refused;
};

static int grow_heads(void *arg)
{
    struct hydra *h = arg;

    h->heads++;
    HKT_TRY(hkt_sleep(HKT_MS(10)));
    for (int i = 0; i < 2; i++)
        HKT_TRY(hkt_group_spawn(&h->group, grow_heads, h));
    return 0;
}

static int slay(void *arg)
{
    struct hydra *h = arg;

    while (h->heads < 10)
        HKT_TRY(hkt_sleep(HKT_MS(15)));
    return -EINTR;
}

static int hydra(void *arg)
{
    struct hydra h = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&h.group), 0);
    cr_assert_eq(hkt_group_spawn(&h.group, grow_heads, &h), 0);
    cr_assert_eq(hkt_group_spawn(&h.group, slay, &h), 0);
    cr_assert_eq(hkt_group_exit(&h.group, 0), -EINTR);
    cr_assert_eq(h.group.error_count, 1);
    cr_assert_geq(h.heads, 10);
    return 0;
}

Test(scopes, members_that_add_members_are_ended_by_a_failure)
{
    cr_assert_eq(run_simulated(hydra, NULL), 0);
}

static int add_when_cancelled(void *arg)
{
    struct hydra *h = arg;

    if (hkt_sleep(HKT_SEC(10)) == -ECANCELED)
        h->refused = hkt_group_spawn(&h->group, sleeper, INT_ARG(1));
    return 0;
}

static int no_members_after_a_failure(void *arg)
{
    struct hydra h = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&h.group), 0);
    cr_assert_eq(hkt_group_spawn(&h.group, failer, INT_ARG(-EIO)), 0);
    cr_assert_eq(hkt_group_spawn(&h.group, add_when_cancelled, &h), 0);
    cr_assert_eq(hkt_group_exit(&h.group, 0), -EIO);
    cr_assert_eq(h.refused, -ESHUTDOWN);
    return 0;
}

Test(scopes, a_group_that_is_ending_takes_no_members)
{
    cr_assert_eq(run_simulated(no_members_after_a_failure, NULL), 0);
}

static int fail_at_once(void *arg)
{
    (void)arg;
    return -EIO;
}

static int spawn_a_failure(void *arg)
{
    struct hydra *h = arg;

    h->refused = hkt_group_spawn(&h->group, fail_at_once, NULL);
    h->heads = hkt_sleep(0) == -ECANCELED || hkt_sleep(0) == -ECANCELED;
    return 0;
}

static int made_while_made(void *arg)
{
    const struct hkt_task_opts opts = {.flags = (unsigned)(intptr_t)arg};
    struct hydra h = {0};

    cr_assert_eq(hkt_group_enter(&h.group), 0);
    cr_assert_eq(hkt_group_spawn_opts(&h.group, spawn_a_failure, &h, &opts), 0);
    cr_assert_eq(hkt_group_exit(&h.group, 0), -EIO);
    cr_assert_eq(h.refused, 0);
    cr_assert_eq(h.heads, 1, "the sibling of the one that failed was cancelled");
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    return hkt_sleep(0);
}

Test(scopes, a_member_that_makes_one_which_fails_is_cancelled)
{
    cr_assert_eq(run_simulated(made_while_made, INT_ARG(0)), 0);
    cr_assert_eq(run_simulated(made_while_made, INT_ARG(HKT_EAGER)), 0);
}

static int eager_failure(void *arg)
{
    const struct hkt_task_opts opts = {.flags = HKT_EAGER};
    struct clean_up c = {.ns = HKT_MS(20)};
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn_opts(&g, cleaner, &c, &opts), 0);
    cr_assert_eq(hkt_group_spawn_opts(&g, fail_at_once, NULL, &opts), 0, "it was made, and failed");
    cr_assert_eq(hkt_group_exit(&g, 0), -EIO);
    cr_assert_eq(c.cancelled, 1, "once");
    cr_assert_eq(simulated_now, HKT_MS(20));
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    return hkt_sleep(0);
}

Test(scopes, a_member_may_fail_before_its_spawn_returns)
{
    cr_assert_eq(run_simulated(eager_failure, NULL), 0);
}

static int cancelled_again(void *arg)
{
    struct grouped x = {.members = {{.ns = HKT_MS(20)}, {.ns = HKT_MS(20)}, {.ns = HKT_MS(20)}}};
    struct hkt_task *t = hkt_spawn(group_in_body, &x);

    (void)arg;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
        cr_assert(hkt_task_cancel(t));
    }
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(simulated_now, HKT_MS(25), "their clean-up was waited for");
    cr_assert_eq(x.answer, -ECANCELED);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(x.members[i].cancelled, 1, "members that are being cancelled are left alone");
    return 0;
}

Test(scopes, a_parent_that_is_cancelled_again_does_not_disturb_its_members_clean_up)
{
    cr_assert_eq(run_simulated(cancelled_again, NULL), 0);
}

static int before_it_opens(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert(hkt_task_cancel(hkt_task_current()));
    cr_assert_eq(hkt_group_enter(&g), 0, "entering does not suspend");
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(1000)), 0);
    cr_assert_eq(hkt_group_exit(&g, 0), -ECANCELED);
    cr_assert_eq(simulated_now, 0);
    cr_assert_eq(hkt_sleep(0), 0);
    return 0;
}

Test(scopes, a_request_that_came_before_the_group_cancels_its_members)
{
    cr_assert_eq(run_simulated(before_it_opens, NULL), 0);
}

/* Groups in groups */

struct nest {
    struct hkt_group outer, inner;
    struct clean_up member[2];
    int inner_answer, answer;
};

static int nested_groups(void *arg)
{
    struct nest *x = arg;

    HKT_TRY(hkt_group_enter(&x->outer));
    HKT_TRY(hkt_group_spawn(&x->outer, cleaner, &x->member[0]));
    HKT_TRY(hkt_group_enter(&x->inner));
    HKT_TRY(hkt_group_spawn(&x->inner, cleaner, &x->member[1]));
    int rc = hkt_sleep(HKT_SEC(10));
    x->inner_answer = hkt_group_exit(&x->inner, rc);
    x->answer = hkt_group_exit(&x->outer, x->inner_answer);
    return 0;
}

static int errors_at_both_levels(void *arg)
{
    struct nest x = {.member = {{.error = -EIO}, {.error = -ENOSPC}}};
    struct hkt_task *t = hkt_spawn(nested_groups, &x);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED, "which came from outside, and was not delivered again");
    cr_assert_eq(x.inner_answer, -ENOSPC);
    cr_assert_eq(x.inner.error_count, 1);
    cr_assert_eq(x.outer.error_count, 2);
    cr_assert_eq(x.answer, x.outer.errors[0]);
    cr_assert_eq(x.outer.errors[0] + x.outer.errors[1], -EIO - ENOSPC);
    cr_assert_eq(simulated_now, HKT_MS(5));
    return 0;
}

Test(scopes, nested_groups_may_both_have_errors)
{
    cr_assert_eq(run_simulated(errors_at_both_levels, NULL), 0);
}

static int outer_member_fails(void *arg)
{
    struct nest x = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&x.outer), 0);
    cr_assert_eq(hkt_group_spawn(&x.outer, failer, INT_ARG(-EIO)), 0); /* after 10 ms */
    cr_assert_eq(hkt_group_enter(&x.inner), 0);
    cr_assert_eq(hkt_group_spawn(&x.inner, cleaner, &x.member[1]), 0);
    int rc = hkt_group_exit(&x.inner, 0);
    cr_assert_eq(rc, -ECANCELED, "the inner one was cancelled by the outer");
    cr_assert_eq(x.member[1].cancelled, 1);
    cr_assert_eq(hkt_group_exit(&x.outer, rc), -EIO);
    cr_assert_eq(x.outer.error_count, 1);
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    return hkt_sleep(0);
}

Test(scopes, a_failure_in_the_outer_group_cancels_the_inner)
{
    cr_assert_eq(run_simulated(outer_member_fails, NULL), 0);
}

static int inner_member_fails(void *arg)
{
    struct nest x = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&x.outer), 0);
    cr_assert_eq(hkt_group_spawn(&x.outer, cleaner, &x.member[0]), 0);
    cr_assert_eq(hkt_group_enter(&x.inner), 0);
    cr_assert_eq(hkt_group_spawn(&x.inner, failer, INT_ARG(-EIO)), 0);
    int rc = hkt_group_exit(&x.inner, 0);
    cr_assert_eq(rc, -EIO);
    cr_assert_eq(x.member[0].cancelled, 0, "not yet");
    cr_assert_eq(hkt_group_exit(&x.outer, rc), -EIO);
    cr_assert_eq(x.member[0].cancelled, 1);
    return hkt_sleep(0);
}

Test(scopes, a_failure_in_the_inner_group_is_the_outer_bodys)
{
    cr_assert_eq(run_simulated(inner_member_fails, NULL), 0);
}

static int both_fail_at_once(void *arg)
{
    struct nest x = {0};
    const struct hkt_task *self = hkt_task_current();

    (void)arg;
    cr_assert_eq(hkt_group_enter(&x.outer), 0);
    cr_assert_eq(hkt_group_enter(&x.inner), 0);
    cr_assert_eq(hkt_group_spawn(&x.inner, fail_at_once, NULL), 0);
    cr_assert_eq(hkt_group_spawn(&x.outer, failer, INT_ARG(-ENOSPC)), 0);
    cr_assert_eq(hkt_group_spawn(&x.inner, slay, &(struct hydra){.heads = 10}), 0);
    x.inner_answer = hkt_group_exit(&x.inner, hkt_sleep(0));
    cr_assert_eq(x.inner_answer, -EIO);
    cr_assert_eq(hkt_sleep(HKT_MS(20)), -ECANCELED, "the outer one's failure");
    cr_assert_eq(hkt_task_cancelling(self), 1);
    cr_assert_eq(hkt_group_exit(&x.outer, 0), -ENOSPC);
    cr_assert_eq(hkt_task_cancelling(self), 0);
    return hkt_sleep(0);
}

Test(scopes, the_inner_groups_end_leaves_the_outers_request)
{
    cr_assert_eq(run_simulated(both_fail_at_once, NULL), 0);
}

/* Groups and limits */

static int group_in_a_limit(void *arg)
{
    struct clean_up c = {.error = (int)(intptr_t)arg};
    struct hkt_timeout limit = {0};
    struct hkt_group g = {0};

    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(10)), 0);
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, cleaner, &c), 0);
    int rc = hkt_group_exit(&g, 0);
    cr_assert_eq(c.cancelled, 1);
    rc = (int)hkt_timeout_exit(&limit, rc);
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    cr_assert_eq(hkt_sleep(0), 0, "nothing is left of the limit");
    return rc;
}

Test(scopes, a_limit_ends_a_group_and_its_members_errors_come_first)
{
    cr_assert_eq(run_simulated(group_in_a_limit, INT_ARG(0)), -ETIMEDOUT);
    cr_assert_eq(run_simulated(group_in_a_limit, INT_ARG(-EIO)), -EIO);
}

static int limit_in_a_group(void *arg)
{
    struct hkt_timeout limit = {0};
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, failer, INT_ARG(-EIO)), 0); /* after 10 ms */
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(50)), 0);
    int rc = hkt_sleep(HKT_SEC(10));
    rc = (int)hkt_timeout_exit(&limit, rc);
    cr_assert_eq(rc, -ECANCELED, "the group's request, not the limit's");
    cr_assert_eq(hkt_group_exit(&g, rc), -EIO);

    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(20)), 0);
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(10)), 0);
    rc = (int)hkt_timeout_exit(&limit, hkt_sleep(HKT_SEC(10)));
    cr_assert_eq(rc, -ETIMEDOUT);
    cr_assert_eq(hkt_group_exit(&g, 0), 0, "a limit of the body leaves the members");
    cr_assert_eq(simulated_now, HKT_MS(30));
    return 0;
}

Test(scopes, a_limit_inside_a_group_is_told_from_the_groups_request)
{
    cr_assert_eq(run_simulated(limit_in_a_group, NULL), 0);
}
