/* SPDX-License-Identifier: MIT
 *
 * Running programs and loops: the scenarios of CPython's test_runners.
 */
#include "base/reports.h"
#include "sched/simulated.h"

static int nested_run(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_run(returner, NULL), -EBUSY);
    cr_assert_eq(hkt_loop_run(hkt_loop_current(), returner, NULL), -EBUSY);
    cr_assert_eq(hkt_loop_free(hkt_loop_current()), -EBUSY);
    return 3;
}

Test(run, answers_what_main_answers_and_not_inside_another)
{
    cr_assert_eq(run_simulated(returner, INT_ARG(12)), 12);
    cr_assert_eq(run_simulated(failer, INT_ARG(-EIO)), -EIO);
    cr_assert_eq(run_simulated(nested_run, NULL), 3);
    cr_assert_null(hkt_loop_current());
}

static int fail_when_cancelled(void *arg)
{
    (void)arg;
    return hkt_sleep(HKT_SEC(10)) == -ECANCELED ? -ENOSPC : 0;
}

static int leave_one_that_fails(void *arg)
{
    (void)arg;
    hkt_detach(hkt_spawn(fail_when_cancelled, NULL));
    return hkt_sleep(0);
}

Test(run, errors_of_the_tasks_that_main_leaves_are_reported)
{
    struct reports reports;

    reports_to(&reports);
    cr_assert_eq(run_simulated(leave_one_that_fails, NULL), 0);
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, strerror(ENOSPC)));
}

struct runs {
    struct hkt_loop *loop;
    int64_t times[2];
};

static int note_the_time(void *arg)
{
    struct runs *r = arg;

    cr_assert_eq(hkt_loop_current(), r->loop);
    r->times[r->times[0] != 0] = hkt_now();
    return hkt_sleep(HKT_MS(10));
}

Test(run, a_loop_may_be_run_again_and_again)
{
    simulated_now = 1;
    struct runs r = {.loop = hkt_loop_new(&simulated)};

    for (int i = 0; i < 2; i++)
        cr_assert_eq(hkt_loop_run(r.loop, note_the_time, &r), 0);
    cr_assert_eq(r.times[1] - r.times[0], HKT_MS(10), "the same loop, and time goes on");
    cr_assert_eq(hkt_loop_free(r.loop), 0);
    cr_assert_eq(hkt_loop_free(NULL), 0);
}

struct stopping {
    int turns;
    struct hkt_task *self;
};

static int stop_at_the_second(void *arg)
{
    struct stopping *s = arg;

    s->self = hkt_task_current();
    for (; s->turns < 10; s->turns++) {
        if (s->turns == 2)
            hkt_loop_stop(hkt_loop_current());
        HKT_TRY(hkt_sleep(HKT_MS(100)));
    }
    return 4;
}

static int cancel_and_join(void *t)
{
    cr_assert_not(hkt_task_done(t));
    cr_assert(hkt_task_cancel(t));
    int rc = 0;
    cr_assert_eq(hkt_task_wait(t, &rc), 0);
    return rc;
}

Test(run, a_loop_that_is_stopped_leaves_its_task_to_the_next_run)
{
    struct stopping s = {0};

    simulated_now = 0;
    struct hkt_loop *loop = hkt_loop_new(&simulated);
    cr_assert_eq(hkt_loop_run(loop, stop_at_the_second, &s), -EINTR);
    cr_assert_eq(s.turns, 2);
    cr_assert_eq(hkt_loop_run(loop, cancel_and_join, s.self), -ECANCELED);
    cr_assert_eq(hkt_loop_free(loop), 0);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

Test(run, a_loop_that_was_stopped_before_makes_one_turn)
{
    struct hkt_loop *loop = hkt_loop_new(&simulated);
    struct hkt_handle soon = {0}, later = {0};
    int calls = 0;

    cr_assert_eq(hkt_call_soon(loop, &soon, count, &calls), 0);
    cr_assert_eq(hkt_call_later(loop, &later, HKT_SEC(1), count, &calls), 0);
    hkt_loop_stop(loop);
    cr_assert_eq(hkt_loop_run_forever(loop), 0);
    cr_assert_eq(calls, 1);
    cr_assert_eq(hkt_handle_cancel(&later), 1);
    cr_assert_eq(hkt_loop_free(loop), 0);
}

Test(run, what_is_scheduled_when_a_loop_is_freed_is_not_called)
{
    struct hkt_loop *loop = hkt_loop_new(&simulated);
    struct hkt_handle h[3] = {0};
    int calls = 0;

    cr_assert_eq(hkt_call_soon(loop, &h[0], count, &calls), 0);
    cr_assert_eq(hkt_call_later(loop, &h[1], HKT_SEC(1), count, &calls), 0);
    cr_assert_eq(hkt_call_threadsafe(loop, &h[2], count, &calls), 0);
    cr_assert_eq(hkt_loop_free(loop), 0);
    cr_assert_eq(calls, 0);
}
