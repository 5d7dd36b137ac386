/* SPDX-License-Identifier: MIT
 *
 * Task groups, and waiting for several.
 */
#include "sched/simulated.h"

static int all_well(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(1)), -ESHUTDOWN, "not open");
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_enter(&g), -EBUSY);
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(30)), 0);
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(10)), 0);
    cr_assert_eq(hkt_group_exit(&g, 4), 4);
    cr_assert_eq(simulated_now, HKT_MS(30));
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(1)), -ESHUTDOWN);
    return 0;
}

Test(group, leaving_waits_for_all_members)
{
    cr_assert_eq(run_simulated(all_well, NULL), 0);
}

static int first_failure(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(1000)), 0);
    cr_assert_eq(hkt_group_spawn(&g, failer, INT_ARG(-EIO)), 0);
    int rc = hkt_sleep(HKT_SEC(5));
    cr_assert_eq(rc, -ECANCELED, "the body is cancelled too");
    cr_assert_eq(hkt_group_exit(&g, rc), -EIO);
    cr_assert_eq(simulated_now, HKT_MS(10));
    cr_assert_eq(g.error_count, 1);
    cr_assert_eq(g.errors[0], -EIO);
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0, "the parent is not left cancelled");
    cr_assert_eq(hkt_sleep(0), 0);
    return 0;
}

Test(group, the_first_failure_cancels_the_others_and_comes_out)
{
    cr_assert_eq(run_simulated(first_failure, NULL), 0);
}

static int fail_in_clean_up(void *arg)
{
    (void)arg;
    return hkt_sleep(HKT_SEC(1)) == -ECANCELED ? -ENOSPC : 0;
}

static int all_errors(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, fail_in_clean_up, NULL), 0);
    cr_assert_eq(hkt_group_spawn(&g, failer, INT_ARG(-EIO)), 0);
    cr_assert_eq(hkt_group_exit(&g, 0), -EIO);
    cr_assert_eq(g.error_count, 2);
    cr_assert_eq(g.errors[1], -ENOSPC);
    return 0;
}

Test(group, all_errors_are_kept_in_order)
{
    cr_assert_eq(run_simulated(all_errors, NULL), 0);
}

static int body_fails(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(1000)), 0);
    cr_assert_eq(hkt_group_exit(&g, -EBADF), -EBADF);
    cr_assert_eq(simulated_now, 0);
    return 0;
}

Test(group, an_error_of_the_body_cancels_the_members)
{
    cr_assert_eq(run_simulated(body_fails, NULL), 0);
}

static int grouped(void *arg)
{
    struct hkt_group *g = arg;

    HKT_TRY(hkt_group_enter(g));
    HKT_TRY(hkt_group_spawn(g, sleeper, INT_ARG(1000)));
    return hkt_group_exit(g, 0);
}

static int parent_cancelled(void *arg)
{
    struct hkt_group g = {0};
    struct hkt_task *t = hkt_spawn(grouped, &g);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(g.error_count, 0);
    cr_assert_eq(simulated_now, HKT_MS(5));
    return 0;
}

Test(group, cancelling_the_parent_cancels_the_members)
{
    cr_assert_eq(run_simulated(parent_cancelled, NULL), 0);
}

static int add_another(void *arg)
{
    struct hkt_group *g = arg;

    HKT_TRY(hkt_sleep(HKT_MS(5)));
    return hkt_group_spawn(g, sleeper, INT_ARG(20));
}

static int members_add_members(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, add_another, &g), 0);
    cr_assert_eq(hkt_group_exit(&g, 0), 0);
    cr_assert_eq(simulated_now, HKT_MS(25));
    return 0;
}

Test(group, members_may_add_members)
{
    cr_assert_eq(run_simulated(members_add_members, NULL), 0);
}

static int member_cancelled(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(50)), 0);
    cr_assert_eq(hkt_group_spawn(&g, sleeper, INT_ARG(20)), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    struct hkt_task *first = hkt_task_next(hkt_loop_current(), hkt_task_current());
    cr_assert(hkt_task_cancel(first));
    cr_assert_eq(hkt_group_exit(&g, 0), 0, "a cancelled member is no error");
    cr_assert_eq(simulated_now, HKT_MS(20));
    return 0;
}

Test(group, a_member_that_was_cancelled_by_itself_is_no_error)
{
    cr_assert_eq(run_simulated(member_cancelled, NULL), 0);
}

/* Waiting for several */

static void spawn_three(struct hkt_task **t)
{
    t[0] = hkt_spawn(sleeper, INT_ARG(30));
    t[1] = hkt_spawn(failer, INT_ARG(-EIO)); /* after 10 ms */
    t[2] = hkt_spawn(sleeper, INT_ARG(5));
}

static void detach_three(struct hkt_task **t)
{
    for (int i = 0; i < 3; i++)
        hkt_detach(t[i]);
}

static int wait_modes(void *arg)
{
    struct hkt_task *t[3];

    (void)arg;
    spawn_three(t);
    cr_assert_eq(hkt_wait(t, 0, HKT_ALL, -1), -EINVAL);
    cr_assert_eq(hkt_wait(t, 3, HKT_ALL, HKT_MS(1)), 0, "a timeout is not an error");
    cr_assert_eq(hkt_wait(t, 3, HKT_FIRST_COMPLETED, -1), 1);
    cr_assert_eq(simulated_now, HKT_MS(5));
    cr_assert_eq(hkt_wait(t, 3, HKT_FIRST_ERROR, -1), 2);
    cr_assert_eq(simulated_now, HKT_MS(10));
    cr_assert_eq(hkt_wait(t, 3, HKT_ALL, -1), 3);
    cr_assert_eq(simulated_now, HKT_MS(30));
    detach_three(t);
    return 0;
}

Test(wait, until_the_first_the_first_error_or_all)
{
    cr_assert_eq(run_simulated(wait_modes, NULL), 0);
}

static int gather(void *arg)
{
    struct hkt_task *t[3];
    int results[3];

    (void)arg;
    cr_assert_eq(hkt_gather(NULL, 0, NULL), 0);
    spawn_three(t);
    cr_assert_eq(hkt_gather(t, 3, NULL), -EIO);
    cr_assert_eq(simulated_now, HKT_MS(10), "at once");
    cr_assert_not(hkt_task_done(t[0]), "the others go on");
    cr_assert_eq(hkt_gather(t, 3, results), 0);
    cr_assert_eq(results[0], 30);
    cr_assert_eq(results[1], -EIO);
    cr_assert_eq(results[2], 5);
    struct hkt_task *same[2] = {t[0], t[0]};
    cr_assert_eq(hkt_gather(same, 2, results), 0);
    cr_assert_eq(results[1], 30);
    detach_three(t);
    return 0;
}

Test(wait, gather_answers_in_the_order_of_its_arguments)
{
    cr_assert_eq(run_simulated(gather, NULL), 0);
}

struct gathering {
    struct hkt_task *t[3];
};

static int gather_all(void *arg)
{
    int results[3];

    return hkt_gather(((struct gathering *)arg)->t, 3, results);
}

static int cancel_gather(void *arg)
{
    struct gathering g;

    (void)arg;
    for (int i = 0; i < 3; i++)
        g.t[i] = hkt_spawn(sleeper, INT_ARG(100));
    struct hkt_task *outer = hkt_spawn(gather_all, &g);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert(hkt_task_cancel(outer));
    cr_assert_eq(hkt_join(outer), -ECANCELED);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_join(g.t[i]), -ECANCELED);
    return 0;
}

Test(wait, cancelling_a_gather_cancels_all)
{
    cr_assert_eq(run_simulated(cancel_gather, NULL), 0);
}

static int as_completed(void *arg)
{
    struct hkt_task *t[3];
    const int expected[] = {5, -EIO, 30};
    struct hkt_wait_set set = {.tasks = t, .n = 3};
    struct hkt_task *done;
    int i = 0;

    (void)arg;
    spawn_three(t);
    while (hkt_wait_next(&set, &done, -1) > 0)
        cr_assert_eq(hkt_join(done), expected[i++]);
    cr_assert_eq(i, 3);
    spawn_three(t);
    set = (struct hkt_wait_set){.tasks = t, .n = 3};
    cr_assert_eq(hkt_wait_next(&set, &done, HKT_MS(7)), 1);
    hkt_detach(done);
    cr_assert_eq(hkt_wait_next(&set, &done, HKT_MS(7)), -ETIMEDOUT);
    cr_assert_eq(simulated_now, HKT_MS(37));
    for (int k = 0; k < 2; k++)
        cr_assert_eq(hkt_task_done(t[k]), false, "the rest runs on");
    cr_assert_eq(hkt_wait(t, 2, HKT_ALL, -1), 2);
    hkt_detach(t[0]);
    hkt_detach(t[1]);
    return 0;
}

Test(wait, as_completed_hands_out_in_the_order_of_ending)
{
    cr_assert_eq(run_simulated(as_completed, NULL), 0);
}

/* What has ended before the first call comes first, in order; NULLs and what the user takes out do
 * not come. */
static int as_completed_begun_late(void *arg)
{
    struct hkt_task *t[6] = {NULL};
    struct hkt_wait_set set = {.tasks = t, .n = 6};
    struct hkt_task *done;

    (void)arg;
    cr_assert_eq(hkt_wait_next(&set, &done, -1), 0, "none");
    t[1] = hkt_spawn(sleeper, INT_ARG(3));
    t[2] = hkt_spawn(sleeper, INT_ARG(20));
    t[3] = hkt_spawn(sleeper, INT_ARG(2));
    t[4] = hkt_spawn(sleeper, INT_ARG(10));
    t[5] = hkt_spawn(sleeper, INT_ARG(1));
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    for (int expected = 1; expected <= 3; expected++) {
        cr_assert_eq(hkt_wait_next(&set, &done, -1), 1);
        cr_assert_eq(hkt_join(done), expected);
    }
    cr_assert_null(t[5]);
    cr_assert_eq(hkt_join(t[4]), 10);
    t[4] = NULL;
    cr_assert_eq(hkt_wait_next(&set, &done, -1), 1);
    cr_assert_eq(hkt_join(done), 20);
    cr_assert_eq(hkt_wait_next(&set, &done, -1), 0);
    return 0;
}

Test(wait, as_completed_of_those_that_have_ended_already)
{
    cr_assert_eq(run_simulated(as_completed_begun_late, NULL), 0);
}

static int next_of(void *set)
{
    struct hkt_task *t;

    return hkt_wait_next(set, &t, -1);
}

static int as_completed_given_up(void *arg)
{
    struct hkt_task *t[3], *done, *waiter;
    struct hkt_wait_set set = {.tasks = t, .n = 3};

    (void)arg;
    spawn_three(t);
    waiter = hkt_spawn(next_of, &set);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert(hkt_task_cancel(waiter));
    cr_assert_eq(hkt_join(waiter), -ECANCELED);
    cr_assert_eq(hkt_wait_next(&set, &done, -1), 1, "it goes on after that");
    cr_assert_eq(hkt_join(done), 5);
    hkt_wait_set_end(&set);
    hkt_wait_set_end(&set);
    for (int i = 0; i < 3; i++)
        hkt_detach(t[i]);
    cr_assert_eq(hkt_sleep(HKT_MS(50)), 0);
    return 0;
}

static void ignore_report(void *ctx, const char *line)
{
    (void)ctx, (void)line;
}

Test(wait, as_completed_is_cancelled_and_given_up)
{
    hkt_on_report(ignore_report, NULL);
    cr_assert_eq(run_simulated(as_completed_given_up, NULL), 0);
}

/* More than there is room for on the waiter's stack. */
static int gather_very_many(void *arg)
{
    enum { N = 300 };
    static struct hkt_task *t[N];
    static int results[N];
    const struct hkt_task_opts small = {.stack_size = 16384};
    struct hkt_task *done;
    int64_t order = 0;

    for (int how = 0; how < 3; how++) {
        struct hkt_wait_set set = {.tasks = t, .n = N};
        for (int i = 0; i < N; i++)
            t[i] = hkt_spawn_opts(sleeper, INT_ARG(1 + i % 7), &small);
        if (how == 0)
            cr_assert_eq(hkt_gather(t, N, results), 0);
        else if (how == 1)
            cr_assert_eq(hkt_wait(t, N, HKT_FIRST_ERROR, -1), N);
        else
            for (int i = 0; i < N; i++) {
                cr_assert_eq(hkt_wait_next(&set, &done, -1), 1);
                order += hkt_join(done);
            }
        for (int i = 0; how < 2 && i < N; i++)
            cr_assert_eq(hkt_join(t[i]), 1 + i % 7);
    }
    *(int64_t *)arg = order;
    return 0;
}

Test(wait, for_very_many, .timeout = 60)
{
    int64_t order = 0;

    cr_assert_eq(run_simulated(gather_very_many, &order), 0);
    cr_assert_eq(order, 1197, "%lld", (long long)order);
}
