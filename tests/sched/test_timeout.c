/* SPDX-License-Identifier: MIT
 *
 * Time limits.
 */
#include "sched/simulated.h"

static int limited(struct hkt_timeout *t, int64_t limit, int64_t sleep)
{
    cr_assert_eq(hkt_timeout_enter(t, limit), 0);
    int rc = hkt_sleep(sleep);
    return (int)hkt_timeout_exit(t, rc);
}

static int expiry(void *arg)
{
    struct hkt_timeout t = {0};

    (void)arg;
    cr_assert_eq(limited(&t, HKT_MS(10), HKT_MS(20)), -ETIMEDOUT);
    cr_assert_eq(simulated_now, HKT_MS(10));
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(limited(&t, HKT_MS(10), HKT_MS(5)), 0);
    cr_assert_eq(limited(&t, -1, HKT_SEC(100)), 0);
    cr_assert_eq(limited(&t, 0, HKT_MS(1)), -ETIMEDOUT, "zero: the first that suspends fails");
    return 0;
}

Test(timeout, what_lasts_too_long_is_cancelled_and_told_so)
{
    cr_assert_eq(run_simulated(expiry, NULL), 0);
}

static int other_errors(void *arg)
{
    struct hkt_timeout t = {0};

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(10)), 0);
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(10)), -EBUSY);
    cr_assert_eq(hkt_sleep(HKT_MS(20)), -ECANCELED);
    cr_assert(hkt_timeout_expired(&t));
    cr_assert_eq(hkt_timeout_exit(&t, -EIO), -EIO);
    cr_assert_eq(hkt_timeout_exit(&t, 5), 5, "not entered");
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    return 0;
}

Test(timeout, other_errors_pass_through)
{
    cr_assert_eq(run_simulated(other_errors, NULL), 0);
}

static int nested(void *arg)
{
    struct hkt_timeout outer = {0}, inner = {0};

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&outer, HKT_MS(10)), 0);
    cr_assert_eq(limited(&inner, HKT_MS(50), HKT_SEC(1)), -ECANCELED, "not the inner's");
    cr_assert_eq(hkt_timeout_exit(&outer, -ECANCELED), -ETIMEDOUT);
    cr_assert_eq(hkt_timeout_enter(&outer, HKT_MS(50)), 0);
    cr_assert_eq(limited(&inner, HKT_MS(10), HKT_SEC(1)), -ETIMEDOUT);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0, "the outer one still runs");
    cr_assert_eq(hkt_timeout_exit(&outer, 0), 0);
    return 0;
}

Test(timeout, inner_and_outer_are_told_apart)
{
    cr_assert_eq(run_simulated(nested, NULL), 0);
}

static int both_due(void *arg)
{
    struct hkt_timeout outer = {0}, inner = {0};

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&outer, HKT_MS(10)), 0);
    cr_assert_eq(hkt_timeout_enter(&inner, HKT_MS(10)), 0);
    int64_t rc = hkt_sleep(HKT_SEC(1));
    cr_assert_eq(rc, -ECANCELED);
    rc = hkt_timeout_exit(&inner, rc);
    cr_assert_eq(rc, -ECANCELED);
    cr_assert_eq(hkt_timeout_exit(&outer, rc), -ETIMEDOUT);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    return 0;
}

Test(timeout, when_both_are_due_the_outermost_reports)
{
    cr_assert_eq(run_simulated(both_due, NULL), 0);
}

static int reschedule(void *arg)
{
    struct hkt_timeout t = {0};

    (void)arg;
    cr_assert_eq(hkt_timeout_reschedule(&t, 0), -EINVAL);
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(10)), 0);
    cr_assert_eq(hkt_timeout_reschedule(&t, HKT_MS(30)), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(20)), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(20)), -ECANCELED);
    cr_assert_eq(hkt_timeout_reschedule(&t, HKT_MS(90)), -ETIMEDOUT);
    cr_assert_eq(hkt_timeout_exit(&t, -ECANCELED), -ETIMEDOUT);
    cr_assert_eq(simulated_now, HKT_MS(30));
    return 0;
}

Test(timeout, a_limit_can_be_moved_until_it_expires)
{
    cr_assert_eq(run_simulated(reschedule, NULL), 0);
}

static int stubborn(void *arg)
{
    (void)arg;
    int rc = hkt_sleep(HKT_SEC(1));
    HKT_TRY(hkt_sleep(HKT_MS(25)));
    return rc == -ECANCELED ? 8 : rc;
}

static int wait_for(void *arg)
{
    (void)arg;
    struct hkt_task *t = hkt_spawn(sleeper, INT_ARG(100));
    cr_assert_eq(hkt_wait_for(t, HKT_MS(10)), -ETIMEDOUT);
    hkt_detach(t);
    t = hkt_spawn(sleeper, INT_ARG(5));
    cr_assert_eq(hkt_wait_for(t, HKT_MS(10)), 5);
    cr_assert_eq(hkt_wait_for(t, 0), 5, "done already");
    hkt_detach(t);
    int64_t before = simulated_now;
    t = hkt_spawn(stubborn, NULL);
    cr_assert_eq(hkt_wait_for(t, HKT_MS(10)), 8, "it returned a value after all");
    cr_assert_eq(simulated_now - before, HKT_MS(35), "its clean-up was waited for");
    hkt_detach(t);
    t = hkt_spawn(sleeper, INT_ARG(5));
    cr_assert_eq(hkt_wait_for(t, 0), -ETIMEDOUT);
    hkt_detach(t);
    return 0;
}

Test(timeout, wait_for_cancels_what_is_late_and_waits_for_its_end)
{
    cr_assert_eq(run_simulated(wait_for, NULL), 0);
}
