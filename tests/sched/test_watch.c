/* SPDX-License-Identifier: MIT
 *
 * Done callbacks that change what is watched: the scenarios of CPython's test_futures.
 */
#include "sched/simulated.h"

#include <string.h>

static char order[16];

static void append(void *letter)
{
    size_t n = strlen(order);

    cr_assert_lt(n, sizeof order - 1);
    order[n] = *(const char *)letter;
    order[n + 1] = '\0';
}

struct trio {
    struct hkt_future f;
    struct hkt_watch w[3];
    int answers[3];
};

static void withdraw_all(void *arg)
{
    struct trio *x = arg;

    append("a");
    for (int i = 0; i < 3; i++)
        x->answers[i] = hkt_future_unwatch(&x->w[i]);
}

static int withdraw_inside(void *arg)
{
    struct trio x = {0};

    (void)arg;
    order[0] = '\0';
    cr_assert_eq(hkt_future_watch(&x.f, &x.w[0], withdraw_all, &x), 0);
    cr_assert_eq(hkt_future_watch(&x.f, &x.w[1], append, "b"), 0);
    cr_assert_eq(hkt_future_watch(&x.f, &x.w[2], append, "c"), 0);
    cr_assert_eq(hkt_future_set(&x.f, 0, NULL), 0);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_str_eq(order, "a");
    cr_assert_eq(x.answers[0], 0, "the one that runs was called");
    cr_assert_eq(x.answers[1], 1);
    cr_assert_eq(x.answers[2], 1);
    return 0;
}

Test(watch, a_callback_may_withdraw_those_after_it)
{
    cr_assert_eq(run_simulated(withdraw_inside, NULL), 0);
}

struct relay {
    struct hkt_future first, second;
    struct hkt_watch w;
};

static void watch_the_second(void *arg)
{
    struct relay *r = arg;

    append("1");
    cr_assert_eq(hkt_future_watch(&r->second, &r->w, append, "2"), 0);
}

static int again_inside(void *arg)
{
    struct relay r = {0};

    (void)arg;
    order[0] = '\0';
    cr_assert_eq(hkt_future_watch(&r.first, &r.w, watch_the_second, &r), 0);
    cr_assert_eq(hkt_future_set(&r.first, 0, NULL), 0);
    cr_assert_eq(hkt_future_watch(&r.first, &r.w, append, "x"), -EBUSY, "it is scheduled");
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_str_eq(order, "1");
    cr_assert_eq(hkt_future_set(&r.second, 0, NULL), 0);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_str_eq(order, "12");
    cr_assert_eq(hkt_future_watch(&r.first, &r.w, append, "3"), 0,
                 "and again, of one that is done");
    cr_assert_str_eq(order, "12", "never from inside");
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_str_eq(order, "123");
    return 0;
}

Test(watch, a_record_can_be_used_again_from_its_callback_on)
{
    cr_assert_eq(run_simulated(again_inside, NULL), 0);
}

static int any_end(void *arg)
{
    struct hkt_future failed = {0}, cancelled = {0};
    struct hkt_watch w[3] = {0};
    struct hkt_task *t = hkt_spawn(returner, INT_ARG(7));

    (void)arg;
    order[0] = '\0';
    cr_assert_eq(hkt_future_watch(&failed, &w[0], append, "f"), 0);
    cr_assert_eq(hkt_future_watch(&cancelled, &w[1], append, "c"), 0);
    cr_assert_eq(hkt_future_watch(hkt_task_future(t), &w[2], append, "t"), 0);
    cr_assert_eq(hkt_future_set(&failed, -EIO, NULL), 0);
    cr_assert_eq(hkt_future_cancel(&cancelled), 1);
    cr_assert_eq(hkt_join(t), 7);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_str_eq(order, "fct");
    cr_assert_eq(hkt_future_result(&failed), -EIO);
    cr_assert_eq(hkt_future_state(&failed), HKT_DONE);
    cr_assert_eq(hkt_future_result(&cancelled), -ECANCELED);
    cr_assert_eq(hkt_await(&failed), -EIO);
    cr_assert_eq(hkt_await(&cancelled), -ECANCELED);
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0, "the one who awaits was not");
    return 0;
}

Test(watch, callbacks_come_after_an_error_a_cancellation_and_the_end_of_a_task)
{
    cr_assert_eq(run_simulated(any_end, NULL), 0);
}

static void set_second(void *arg)
{
    struct relay *r = arg;

    append("1");
    cr_assert_eq(hkt_future_set(&r->second, 5, NULL), 0);
}

static int chained(void *arg)
{
    struct relay r = {0};
    struct hkt_watch late = {0};

    (void)arg;
    order[0] = '\0';
    cr_assert_eq(hkt_future_watch(&r.second, &late, append, "2"), 0);
    cr_assert_eq(hkt_future_watch(&r.first, &r.w, set_second, &r), 0);
    cr_assert_eq(hkt_future_set(&r.first, 0, NULL), 0);
    cr_assert_eq(hkt_await(&r.second), 5);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_str_eq(order, "12");
    return 0;
}

Test(watch, a_callback_may_set_another_future)
{
    cr_assert_eq(run_simulated(chained, NULL), 0);
}

static int nothing_to_withdraw(void *arg)
{
    struct hkt_future f = {0};
    struct hkt_watch w = {0};

    (void)arg;
    order[0] = '\0';
    cr_assert_eq(hkt_future_unwatch(&w), 0, "it was never added");
    cr_assert_eq(hkt_future_watch(&f, &w, append, "x"), 0);
    cr_assert_eq(hkt_future_unwatch(&w), 1);
    cr_assert_eq(hkt_future_set(&f, 0, NULL), 0);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_str_eq(order, "");
    return 0;
}

Test(watch, what_was_withdrawn_is_not_called)
{
    cr_assert_eq(run_simulated(nothing_to_withdraw, NULL), 0);
}

static int await_another_loops(void *task)
{
    struct hkt_task *other = task;
    struct hkt_future *f = hkt_task_future(other);
    struct hkt_watch w = {0};
    int rc = 0;

    cr_assert_eq(hkt_await(f), -EXDEV);
    cr_assert_eq(hkt_future_watch(f, &w, append, "x"), -EXDEV);
    cr_assert_eq(hkt_task_wait(other, &rc), -EXDEV);
    cr_assert_eq(hkt_wait(&other, 1, HKT_ALL, -1), -EXDEV);
    cr_assert_eq(hkt_gather(&other, 1, NULL), -EXDEV);
    cr_assert_eq(hkt_join(other), -EXDEV);
    return 0;
}

Test(watch, what_belongs_to_another_loop_is_refused)
{
    struct hkt_loop *loop = hkt_loop_new(&simulated);
    struct hkt_task *t = hkt_ensure_future(loop, returner, INT_ARG(3));

    cr_assert_eq(run_simulated(await_another_loops, t), 0);
    cr_assert_eq(hkt_loop_run(loop, returner, INT_ARG(1)), 1);
    cr_assert_eq(hkt_task_result(t), 3, "it was not disturbed");
    hkt_detach(t);
    cr_assert_eq(hkt_loop_free(loop), 0);
}
