/* SPDX-License-Identifier: MIT
 *
 * Time limits that expire late, together with requests of others, or in vain: the scenarios of
 * CPython's test_timeouts that test_timeout.c does not have.
 */
#include "sched/simulated.h"

static int swallowed(void *arg)
{
    struct hkt_timeout t = {0};

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(10)), 0);
    cr_assert_eq(hkt_sleep(HKT_SEC(10)), -ECANCELED);
    cr_assert_eq(hkt_timeout_exit(&t, 7), 7, "the work has an answer after all");
    cr_assert(hkt_timeout_expired(&t), "it stays so");
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(10)), 0, "it may be used again");
    cr_assert_not(hkt_timeout_expired(&t));
    cr_assert_eq(hkt_timeout_exit(&t, 0), 0);
    cr_assert_not(hkt_timeout_expired(&t));
    cr_assert_eq(hkt_timeout_reschedule(&t, HKT_MS(50)), -EINVAL, "left");
    return 0;
}

Test(limits, a_limit_whose_request_was_swallowed_has_expired)
{
    cr_assert_eq(run_simulated(swallowed, NULL), 0);
}

static int limited_sleep(void *arg)
{
    struct hkt_timeout *t = arg;

    HKT_TRY(hkt_timeout_enter(t, HKT_MS(10)));
    return (int)hkt_timeout_exit(t, hkt_sleep(HKT_SEC(10)));
}

static int foreign_requests(void *arg)
{
    struct hkt_timeout t = {0};
    struct hkt_task *task = hkt_spawn(limited_sleep, &t);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(task));
    cr_assert_eq(hkt_join(task), -ECANCELED);
    cr_assert_not(hkt_timeout_expired(&t));

    t = (struct hkt_timeout){0};
    task = hkt_spawn(limited_sleep, &t);
    cr_assert_eq(hkt_sleep(0), 0);
    simulated_now += HKT_MS(50);
    cr_assert(hkt_task_cancel(task));
    simulated_now += HKT_MS(50);
    cr_assert_eq(hkt_join(task), -ECANCELED);
    return 0;
}

Test(limits, a_request_from_outside_is_not_a_limits)
{
    cr_assert_eq(run_simulated(foreign_requests, NULL), 0);
}

static void cancel_it(void *task)
{
    (void)hkt_task_cancel(task);
}

static int at_the_same_time(void *arg)
{
    struct hkt_timeout t = {0};
    struct hkt_handle h = {0};
    struct hkt_task *self = hkt_task_current();

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(10)), 0);
    cr_assert_eq(hkt_call_at(hkt_loop_current(), &h, HKT_MS(10), cancel_it, self), 0);
    int64_t rc = hkt_sleep(HKT_SEC(10));
    cr_assert(hkt_timeout_expired(&t));
    cr_assert_eq(hkt_timeout_exit(&t, rc), -ECANCELED, "the other request is not swallowed");
    cr_assert_eq(hkt_task_cancelling(self), 1);
    return 0;
}

Test(limits, a_request_together_with_an_expiry_passes_through)
{
    cr_assert_eq(run_simulated(at_the_same_time, NULL), 0);
}

static int after_a_request(void *arg)
{
    struct hkt_task *self = hkt_task_current();
    struct hkt_timeout t = {0};

    (void)arg;
    cr_assert(hkt_task_cancel(self));
    cr_assert_eq(hkt_sleep(HKT_SEC(1)), -ECANCELED);
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(10)), 0, "for the clean-up");
    cr_assert_eq(hkt_timeout_exit(&t, hkt_sleep(HKT_SEC(1))), -ETIMEDOUT);
    cr_assert_eq(hkt_timeout_enter(&t, HKT_SEC(10)), 0);
    cr_assert(hkt_task_cancel(self));
    cr_assert_eq(hkt_timeout_exit(&t, hkt_sleep(HKT_SEC(1))), -ECANCELED);
    cr_assert_not(hkt_timeout_expired(&t));
    cr_assert_eq(hkt_task_cancelling(self), 2);
    return 0;
}

Test(limits, a_limit_works_in_the_clean_up_of_a_cancelled_task)
{
    cr_assert_eq(run_simulated(after_a_request, NULL), 0);
}

static int moved(void *arg)
{
    struct hkt_timeout t = {0};

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(10)), 0);
    cr_assert_eq(hkt_timeout_reschedule(&t, -1), 0, "none");
    cr_assert_eq(hkt_sleep(HKT_MS(20)), 0);
    cr_assert_eq(hkt_timeout_reschedule(&t, HKT_MS(5)), 0, "past already");
    cr_assert_eq(hkt_sleep(0), -ECANCELED, "the first that suspends");
    cr_assert_eq(hkt_timeout_reschedule(&t, HKT_MS(50)), -ETIMEDOUT);
    cr_assert_eq(hkt_timeout_exit(&t, -ECANCELED), -ETIMEDOUT);
    cr_assert_eq(simulated_now, HKT_MS(20));
    cr_assert_eq(hkt_timeout_enter_at(&t, HKT_MS(7)), 0, "and from the beginning");
    cr_assert_eq(hkt_timeout_exit(&t, hkt_sleep(0)), -ETIMEDOUT);
    cr_assert_eq(hkt_timeout_enter(&t, 0), 0);
    cr_assert_eq(hkt_timeout_exit(&t, hkt_sleep(0)), -ETIMEDOUT);
    cr_assert_eq(hkt_timeout_enter(&t, 0), 0);
    cr_assert_eq(hkt_timeout_exit(&t, 0), 0, "nothing suspended");
    return hkt_sleep(0);
}

Test(limits, a_limit_in_the_past_ends_the_first_call_that_suspends)
{
    cr_assert_eq(run_simulated(moved, NULL), 0);
}

static int limit_in_a_clean_up(void *arg)
{
    struct hkt_timeout outer = {0}, inner = {0};

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&outer, HKT_MS(10)), 0);
    int64_t rc = hkt_sleep(HKT_SEC(1));
    cr_assert_eq(hkt_timeout_enter(&inner, HKT_MS(10)), 0);
    cr_assert_eq(hkt_timeout_exit(&inner, hkt_sleep(HKT_SEC(10))), -ETIMEDOUT);
    cr_assert_eq(simulated_now, HKT_MS(20));
    cr_assert_eq(hkt_timeout_exit(&outer, rc), -ETIMEDOUT);
    return hkt_sleep(0);
}

Test(limits, a_limit_may_be_set_in_the_clean_up_of_another)
{
    cr_assert_eq(run_simulated(limit_in_a_clean_up, NULL), 0);
}

static int busy_past_both(void *arg)
{
    struct hkt_timeout outer = {0}, inner = {0};

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&outer, HKT_MS(100)), 0);
    cr_assert_eq(hkt_timeout_enter(&inner, HKT_MS(10)), 0);
    simulated_now += HKT_MS(60); /* somebody computes */
    cr_assert_eq(hkt_timeout_exit(&inner, hkt_sleep(HKT_SEC(1))), -ETIMEDOUT);
    cr_assert_eq(hkt_timeout_exit(&outer, hkt_sleep(HKT_SEC(10))), -ETIMEDOUT);
    cr_assert_eq(simulated_now, HKT_MS(100));

    cr_assert_eq(hkt_timeout_enter(&outer, HKT_MS(2)), 0);
    cr_assert_eq(hkt_timeout_enter(&inner, HKT_MS(100)), 0);
    simulated_now += HKT_MS(10);
    int64_t rc = hkt_timeout_exit(&inner, hkt_sleep(HKT_SEC(1)));
    cr_assert_eq(rc, -ECANCELED, "the inner one, which is later, did not expire");
    cr_assert_eq(hkt_timeout_exit(&outer, rc), -ETIMEDOUT);
    return hkt_sleep(0);
}

Test(limits, limits_that_are_due_late_each_end_their_own)
{
    cr_assert_eq(run_simulated(busy_past_both, NULL), 0);
}

static int outer_task(void *arg)
{
    struct hkt_timeout t = {0};
    struct hkt_task *task = hkt_spawn(limited_sleep, &t);

    (void)arg;
    cr_assert_eq(hkt_join(task), -ETIMEDOUT);
    cr_assert(hkt_timeout_expired(&t));
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    return 0;
}

Test(limits, a_limit_ends_a_task_without_its_being_cancelled)
{
    cr_assert_eq(run_simulated(outer_task, NULL), 0);
}

Test(limits, limits_and_groups_are_of_tasks)
{
    struct hkt_timeout t = {0};
    struct hkt_group g = {0};

    cr_assert_eq(hkt_timeout_enter(&t, 1), -EPERM);
    cr_assert_eq(hkt_timeout_reschedule(&t, 2), -EINVAL);
    cr_assert_eq(hkt_group_enter(&g), -EPERM);
    cr_assert_eq(hkt_group_spawn(&g, sleeper, NULL), -ESHUTDOWN);
    cr_assert_eq(hkt_group_exit(&g, 0), -EPERM);
}
