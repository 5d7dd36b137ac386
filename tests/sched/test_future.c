/* SPDX-License-Identifier: MIT
 *
 * Futures and scheduled calls.
 */
#include "sched/simulated.h"

#include <string.h>

static int await_future(void *f)
{
    return hkt_await(f);
}

static int by_many(void *arg)
{
    struct hkt_future f = {0};
    struct hkt_task *t[3];
    int value;

    (void)arg;
    cr_assert_eq(hkt_future_result(&f), -EAGAIN);
    for (int i = 0; i < 3; i++)
        t[i] = hkt_spawn(await_future, &f);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_future_set(&f, 11, &value), 0);
    cr_assert_eq(hkt_future_set(&f, 12, NULL), -EALREADY);
    cr_assert_eq(hkt_future_cancel(&f), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_join(t[i]), 11);
    cr_assert_eq(hkt_await(&f), 11, "done: at once");
    cr_assert_eq(hkt_future_value(&f), &value);
    cr_assert_eq(hkt_future_state(&f), HKT_DONE);
    return 0;
}

Test(future, a_result_is_set_once_and_awaited_by_many)
{
    cr_assert_eq(run_simulated(by_many, NULL), 0);
}

static char order[16];

static void append(void *arg)
{
    strncat(order, arg, 1);
}

static int callbacks(void *arg)
{
    struct hkt_future f = {0};
    struct hkt_watch w[4] = {0};

    (void)arg;
    cr_assert_eq(hkt_future_watch(&f, &w[0], append, "a"), 0);
    cr_assert_eq(hkt_future_watch(&f, &w[1], append, "b"), 0);
    cr_assert_eq(hkt_future_watch(&f, &w[1], append, "b"), -EBUSY);
    cr_assert_eq(hkt_future_watch(&f, &w[2], append, "c"), 0);
    cr_assert_eq(hkt_future_unwatch(&w[1]), 1);
    cr_assert_eq(hkt_future_unwatch(&w[1]), 0);
    cr_assert_eq(hkt_future_set(&f, 0, NULL), 0);
    cr_assert_str_eq(order, "", "never from inside");
    cr_assert_eq(hkt_future_watch(&f, &w[3], append, "d"), 0);
    cr_assert_eq(hkt_future_unwatch(&w[2]), 1, "scheduled already, and withdrawn");
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_str_eq(order, "ad");
    return 0;
}

Test(future, done_callbacks_come_in_order_and_can_be_withdrawn)
{
    cr_assert_eq(run_simulated(callbacks, NULL), 0);
}

static int calls(void *arg)
{
    struct hkt_loop *loop = hkt_loop_current();
    struct hkt_handle h[6] = {0};

    (void)arg;
    cr_assert_eq(hkt_call_later(loop, &h[0], HKT_MS(20), append, "3"), 0);
    cr_assert_eq(hkt_call_later(loop, &h[1], HKT_MS(10), append, "1"), 0);
    cr_assert_eq(hkt_call_at(loop, &h[2], HKT_MS(10), append, "2"), 0);
    cr_assert_eq(hkt_call_later(loop, &h[3], HKT_MS(15), append, "x"), 0);
    cr_assert_eq(hkt_call_later(loop, &h[3], HKT_MS(15), append, "x"), -EBUSY);
    cr_assert_eq(hkt_call_soon(loop, &h[4], append, "0"), 0);
    cr_assert_eq(hkt_call_soon(loop, &h[5], append, "y"), 0);
    cr_assert_eq(hkt_call_soon(loop, &h[5], NULL, NULL), -EINVAL);
    cr_assert_eq(hkt_call_soon(NULL, &h[5], append, NULL), -ENOMEM);
    cr_assert_eq(hkt_handle_cancel(&h[3]), 1);
    cr_assert_eq(hkt_handle_cancel(&h[3]), 0);
    cr_assert_eq(hkt_handle_cancel(&h[5]), 1);
    cr_assert_eq(hkt_sleep(HKT_MS(30)), 0);
    cr_assert_str_eq(order, "0123");
    return 0;
}

Test(future, calls_come_in_the_order_of_their_times_and_then_of_arming)
{
    order[0] = '\0';
    cr_assert_eq(run_simulated(calls, NULL), 0);
}

static struct hkt_prepare again_prepare;

static void again(void *text)
{
    append(text);
    if (strlen(order) < 4)
        cr_assert_eq(hkt_call_before_poll(hkt_loop_current(), &again_prepare, again, text), 0);
}

static int before_polls(void *arg)
{
    struct hkt_loop *loop = hkt_loop_current();
    struct hkt_prepare h[4] = {0};
    struct hkt_handle soon = {0};

    (void)arg;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_call_before_poll(loop, &h[i], append, (char *[]){"b", "x", "c"}[i]), 0);
    cr_assert_eq(hkt_call_before_poll(loop, &h[0], append, "x"), -EBUSY);
    cr_assert_eq(hkt_call_before_poll(loop, &h[3], NULL, NULL), -EINVAL);
    cr_assert_eq(hkt_call_before_poll(NULL, &h[3], append, NULL), -ENOMEM);
    cr_assert_eq(hkt_prepare_cancel(&h[1]), 1);
    cr_assert_eq(hkt_prepare_cancel(&h[1]), 0);
    cr_assert_eq(hkt_call_soon(loop, &soon, append, "a"), 0);
    cr_assert_str_eq(order, "", "never from inside");
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_str_eq(order, "abc", "after what is ready");
    return 0;
}

Test(future, calls_before_the_poll_come_after_what_is_ready_and_can_be_withdrawn)
{
    order[0] = '\0';
    cr_assert_eq(run_simulated(before_polls, NULL), 0);
}

/* It may ask for the next time, and the loop polls between: timers come. */
static int before_polls_again(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_call_before_poll(hkt_loop_current(), &again_prepare, again, "a"), 0);
    return hkt_sleep(HKT_MS(1));
}

Test(future, a_call_before_the_poll_may_ask_for_the_next_and_the_last_one_comes_at_the_end)
{
    order[0] = '\0';
    memset(&again_prepare, 0, sizeof again_prepare);
    cr_assert_eq(run_simulated(before_polls_again, NULL), 0);
    cr_assert_str_eq(order, "aaaa");
}

static int leave_a_call(void *h)
{
    return hkt_call_before_poll(hkt_loop_current(), h, append, "z");
}

Test(future, a_call_before_the_poll_is_made_also_when_the_main_task_has_ended)
{
    struct hkt_prepare h = {0};

    order[0] = '\0';
    cr_assert_eq(run_simulated(leave_a_call, &h), 0);
    cr_assert_str_eq(order, "z");
}

static int wait_in_vain(void *f)
{
    return hkt_await(f);
}

Test(future, a_future_that_nobody_can_set_is_a_deadlock_and_said_so)
{
    struct hkt_future f = {0};

    cr_assert_eq(run_simulated(wait_in_vain, &f), -EDEADLK);
}

/* However many wait, one that goes costs the same: newest last, oldest first, and in between. */
static int many_go(void *arg)
{
    enum { N = 100000 };
    static struct hkt_watch w[N];
    struct hkt_future f = {0};

    (void)arg;
    for (int how = 0; how < 3; how++) {
        order[0] = '\0';
        for (int i = 0; i < N; i++)
            cr_assert_eq(hkt_future_watch(&f, &w[i], append, "x"), 0);
        for (int i = 0; i < N; i++)
            if (how == 2 ? i % (N / 5) != 3 : i != N / 2)
                cr_assert_eq(hkt_future_unwatch(&w[how == 0 ? N - 1 - i : i]), 1);
        cr_assert_eq(hkt_future_set(&f, 0, NULL), 0);
        cr_assert_eq(hkt_sleep(0), 0);
        cr_assert_str_eq(order, how == 2 ? "xxxxx" : "x");
        f = (struct hkt_future){0};
    }
    return 0;
}

Test(future, of_very_many_who_wait_nearly_all_go, .timeout = 60)
{
    cr_assert_eq(run_simulated(many_go, NULL), 0);
}
