/* SPDX-License-Identifier: MIT
 *
 * Requests to stop, taken back and repeated: the scenarios of CPython's test_tasks that
 * test_cancel.c does not have.
 */
#include "base/reports.h"
#include "sched/simulated.h"

static int await_future(void *f)
{
    return hkt_await(f);
}

static int wake_cancel_uncancel(void *arg)
{
    struct hkt_future f = {0};
    struct hkt_task *t = hkt_spawn(await_future, &f);

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_future_set(&f, 42, NULL), 0);
    cr_assert(hkt_task_cancel(t), "it is ready, and has not run");
    cr_assert_eq(hkt_task_uncancel(t), 0);
    cr_assert_eq(hkt_join(t), 42);
    return 0;
}

Test(requests, one_that_is_taken_back_before_its_delivery_leaves_the_result)
{
    cr_assert_eq(run_simulated(wake_cancel_uncancel, NULL), 0);
}

static int swallow_and_take_back(void *arg)
{
    (void)arg;
    if (hkt_sleep(HKT_SEC(10)) != -ECANCELED)
        return 1;
    if (hkt_task_uncancel(hkt_task_current()) != 0)
        return 2;
    return hkt_sleep(HKT_SEC(10));
}

static int again(void *arg)
{
    struct hkt_task *t = hkt_spawn(swallow_and_take_back, NULL);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_task_cancelling(t), 1);
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    cr_assert_eq(hkt_task_cancelling(t), 0);
    cr_assert_not(hkt_task_done(t));
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_task_cancelling(t), 1);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(simulated_now, HKT_MS(20));
    return 0;
}

Test(requests, the_next_one_comes_after_one_was_taken_back)
{
    cr_assert_eq(run_simulated(again, NULL), 0);
}

static int many_before_it_runs(void *arg)
{
    struct hkt_task *t = hkt_spawn(swallow_and_take_back, NULL);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    for (int i = 1; i <= 3; i++) {
        cr_assert(hkt_task_cancel(t));
        cr_assert_eq(hkt_task_cancelling(t), i);
    }
    cr_assert_eq(hkt_join(t), 2, "two of the three were left after the first was taken back");
    cr_assert_eq(simulated_now, HKT_MS(10));
    return 0;
}

Test(requests, several_before_the_task_runs_are_one_delivery_and_count)
{
    cr_assert_eq(run_simulated(many_before_it_runs, NULL), 0);
}

static int take_back_too_late(void *arg)
{
    struct hkt_task *t = hkt_spawn(sleeper, INT_ARG(50));

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(t));
    int rc = 0;
    cr_assert_eq(hkt_task_wait(t, &rc), 0);
    cr_assert_eq(hkt_task_uncancel(t), 0);
    cr_assert_eq(hkt_task_result(t), -ECANCELED, "what has ended stays as it ended");
    cr_assert_eq(hkt_future_state(hkt_task_future(t)), HKT_CANCELLED);
    return hkt_join(t);
}

Test(requests, taking_back_after_the_end_changes_nothing)
{
    cr_assert_eq(run_simulated(take_back_too_late, NULL), -ECANCELED);
}

struct limit {
    struct hkt_task *task;
    bool late;
};

static void time_is_up(void *arg)
{
    struct limit *l = arg;

    l->late = true;
    (void)hkt_task_cancel(l->task);
}

/* A time limit made by hand. */
static int limited(int64_t sleep, int64_t limit)
{
    struct limit l = {.task = hkt_task_current()};
    struct hkt_handle h = {0};

    cr_assert_eq(hkt_call_later(hkt_loop_current(), &h, limit, time_is_up, &l), 0);
    int rc = hkt_sleep(sleep);
    (void)hkt_handle_cancel(&h);
    if (l.late && hkt_task_uncancel(l.task) == 0 && rc == -ECANCELED)
        return -ETIMEDOUT;
    return rc;
}

static int by_hand(void *arg)
{
    (void)arg;
    cr_assert_eq(limited(HKT_SEC(10), HKT_MS(100)), -ETIMEDOUT);
    cr_assert_eq(hkt_sleep(0), 0, "what follows is not concerned");
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    cr_assert_eq(limited(0, HKT_SEC(10)), 0);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    return 0;
}

Test(requests, a_time_limit_can_be_made_of_them)
{
    cr_assert_eq(run_simulated(by_hand, NULL), 0);
}

struct futures {
    struct hkt_future f[3];
};

static int catch_the_second(void *arg)
{
    struct futures *x = arg;

    HKT_TRY(hkt_await(&x->f[0]));
    if (hkt_await(&x->f[1]) != -ECANCELED)
        return -EIO;
    return 42;
}

static int ignore_the_second(void *arg)
{
    struct futures *x = arg;

    HKT_TRY(hkt_await(&x->f[0]));
    if (hkt_await(&x->f[1]) != -ECANCELED)
        return -EIO;
    return hkt_await(&x->f[2]);
}

static struct hkt_task *cancelled_in_the_second(hkt_task_fn *fn, struct futures *x)
{
    struct hkt_task *t = hkt_spawn(fn, x);

    *x = (struct futures){0};
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_future_set(&x->f[0], 0, NULL), 0);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_future_state(&x->f[1]), HKT_CANCELLED);
    return t;
}

static int caught(void *arg)
{
    struct futures x;
    struct hkt_task *t = cancelled_in_the_second(catch_the_second, &x);

    (void)arg;
    int rc = 0;
    cr_assert_eq(hkt_task_wait(t, &rc), 0);
    cr_assert_eq(rc, 42);
    cr_assert_eq(hkt_future_state(hkt_task_future(t)), HKT_DONE, "it was not cancelled");
    cr_assert_eq(hkt_join(t), 42);

    t = cancelled_in_the_second(ignore_the_second, &x);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_future_state(&x.f[2]), HKT_PENDING);
    cr_assert_eq(hkt_future_set(&x.f[2], 43, NULL), 0);
    cr_assert_eq(hkt_join(t), 43);
    return 0;
}

Test(requests, a_task_may_catch_one_and_return_or_wait_for_more)
{
    cr_assert_eq(run_simulated(caught, NULL), 0);
}

static int inner_future(void *arg)
{
    struct hkt_future f = {0};
    struct hkt_task *t = hkt_spawn(await_future, &f);

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_future_cancel(&f), 1);
    cr_assert_eq(hkt_task_cancelling(t), 0, "nobody asked the task");
    cr_assert_eq(hkt_join(t), -ECANCELED);

    f = (struct hkt_future){0};
    t = hkt_spawn(await_future, &f);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_future_cancel(&f), 1);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    return 0;
}

Test(requests, a_cancelled_future_cancels_who_awaits_it_also_when_both_are)
{
    cr_assert_eq(run_simulated(inner_future, NULL), 0);
}

struct family {
    struct hkt_future f;
    struct hkt_task *nested;
};

static int join_nested(void *arg)
{
    struct family *x = arg;

    x->nested = hkt_spawn(await_future, &x->f);
    HKT_TRY(hkt_sleep(0));
    cr_assert(hkt_task_cancel(hkt_task_current()));
    return hkt_join(x->nested);
}

static int pending_at_a_join(void *arg)
{
    struct family x = {0};

    (void)arg;
    cr_assert_eq(hkt_join(hkt_spawn(join_nested, &x)), -ECANCELED);
    cr_assert_eq(hkt_future_state(&x.f), HKT_CANCELLED, "and what the joined one awaited");
    return 0;
}

Test(requests, one_that_is_pending_at_a_join_reaches_the_joined)
{
    cr_assert_eq(run_simulated(pending_at_a_join, NULL), 0);
}

static int take_turns(void *arg)
{
    (void)arg;
    HKT_TRY(hkt_sleep(0));
    HKT_TRY(hkt_sleep(0));
    return 12;
}

static int between_turns(void *arg)
{
    struct hkt_task *t = hkt_spawn(take_turns, NULL);

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    return 0;
}

Test(requests, a_task_that_gives_up_its_turn_is_reached)
{
    cr_assert_eq(run_simulated(between_turns, NULL), 0);
}

static int cancel_a_sleeper(void *arg)
{
    struct hkt_task *t = hkt_spawn(sleeper, INT_ARG(10000));

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    return 0;
}

Test(requests, a_cancelled_sleep_leaves_no_timer)
{
    cr_assert_eq(run_simulated(cancel_a_sleeper, NULL), 0);
    cr_assert_eq(simulated_now, HKT_MS(1), "the loop's end did not wait for it");
}

/* A result, or an error, that comes with a request that was never delivered. */
static int ask_oneself(void *rc)
{
    cr_assert(hkt_task_cancel(hkt_task_current()));
    return (int)(intptr_t)rc;
}

static int undelivered(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_join(hkt_spawn(ask_oneself, INT_ARG(7))), -ECANCELED);
    cr_assert_eq(hkt_join(hkt_spawn(ask_oneself, INT_ARG(-EIO))), -EIO);
    return 0;
}

Test(requests, one_that_was_not_delivered_takes_a_result_and_leaves_an_error)
{
    cr_assert_eq(run_simulated(undelivered, NULL), 0);
}

static int shield_it(void *t)
{
    return hkt_await_shielded(t);
}

static int behind_a_shield(void *arg)
{
    struct hkt_task *inner = hkt_spawn(failer, INT_ARG(-EIO));
    struct hkt_task *outer = hkt_spawn(shield_it, inner);

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(outer));
    cr_assert_eq(hkt_join(outer), -ECANCELED);
    hkt_detach(inner);
    return hkt_sleep(HKT_MS(20));
}

Test(requests, an_error_behind_a_shield_that_has_gone_is_reported)
{
    static struct reports reports;

    reports_to(&reports);
    cr_assert_eq(run_simulated(behind_a_shield, NULL), 0);
    cr_assert(reports_say(&reports, "failed and nobody looked"), "%s", reports.last);
}

static int given_up(void *arg)
{
    struct hkt_task *t = hkt_spawn(failer, INT_ARG(-EIO));

    (void)arg;
    cr_assert_eq(hkt_wait(&t, 1, HKT_ALL, HKT_MS(1)), 0);
    hkt_detach(t);
    return hkt_sleep(HKT_MS(20));
}

Test(requests, an_error_after_a_wait_that_gave_up_is_reported)
{
    static struct reports reports;

    reports_to(&reports);
    cr_assert_eq(run_simulated(given_up, NULL), 0);
    cr_assert(reports_say(&reports, "failed and nobody looked"), "%s", reports.last);
}
