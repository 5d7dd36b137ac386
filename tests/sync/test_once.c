/* SPDX-License-Identifier: MIT
 *
 * Once, and the wait group.
 */
#include "order.h"

#include <limits.h>
#include <stdlib.h>

static struct hkt_once once;

static int slow_work(void *rc)
{
    mark('w');
    HKT_TRY(hkt_sleep(HKT_MS(10)));
    return (int)(intptr_t)rc;
}

static int ask(void *rc)
{
    int answer = hkt_once_run(&once, slow_work, rc);

    mark('.');
    return answer;
}

static int one_call(void *arg)
{
    struct hkt_task *t[3];

    (void)arg;
    once = (struct hkt_once)HKT_ONCE_INIT;
    for (int i = 0; i < 3; i++)
        t[i] = hkt_spawn(ask, INT_ARG(7 + i));
    settle();
    cr_assert_str_eq(order, "w");
    cr_assert_not(hkt_once_done(&once));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_join(t[i]), 7, "the answer of the one call");
    cr_assert_str_eq(order, "w...");
    cr_assert(hkt_once_done(&once));
    cr_assert_eq(ask(INT_ARG(1)), 7);
    return 0;
}

Test(once, calls_one_time_and_the_others_wait)
{
    cr_assert_eq(run_ordered(one_call), 0);
}

static int failing(void *arg)
{
    (void)arg;
    once = (struct hkt_once)HKT_ONCE_INIT;
    struct hkt_task *a = hkt_spawn(ask, INT_ARG(-EIO));
    struct hkt_task *b = hkt_spawn(ask, INT_ARG(2));
    struct hkt_task *c = hkt_spawn(ask, INT_ARG(3));
    cr_assert_eq(hkt_join(a), -EIO);
    cr_assert_eq(hkt_join(b), 2, "the next one tries");
    cr_assert_eq(hkt_join(c), 2);
    cr_assert_eq(simulated_now, HKT_MS(20));
    return 0;
}

Test(once, a_call_that_fails_lets_the_next_try)
{
    cr_assert_eq(run_ordered(failing), 0);
}

static int cancelled(void *arg)
{
    (void)arg;
    once = (struct hkt_once)HKT_ONCE_INIT;
    struct hkt_task *a = hkt_spawn(ask, INT_ARG(1));
    struct hkt_task *b = hkt_spawn(ask, INT_ARG(2));
    struct hkt_task *c = begun(ask, INT_ARG(3));
    cr_assert(hkt_task_cancel(b), "while it waits");
    cr_assert_eq(hkt_join(b), -ECANCELED);
    cr_assert(hkt_task_cancel(a), "in the call");
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_eq(hkt_join(c), 3);
    return 0;
}

Test(once, a_call_that_is_cancelled_lets_the_next_try)
{
    cr_assert_eq(run_ordered(cancelled), 0);
}

static int ask_itself(void *arg)
{
    return hkt_once_run(&once, ask_itself, arg);
}

static int recursion(void *arg)
{
    once = (struct hkt_once)HKT_ONCE_INIT;
    return hkt_once_run(&once, ask_itself, arg);
}

Test(once, does_not_wait_for_itself)
{
    cr_assert_eq(run_ordered(recursion), -EDEADLK);
    cr_assert_eq(hkt_once_run(&once, ask_itself, NULL), -EPERM);
}

static struct hkt_waitgroup group;

static int finish(void *name)
{
    HKT_DEFER(hkt_waitgroup_leave, &group);
    HKT_TRY(hkt_sleep(HKT_MS(10)));
    mark((char)(intptr_t)name);
    return 0;
}

static int wait_for(void *g)
{
    HKT_TRY(hkt_waitgroup_wait(g));
    mark('.');
    return 0;
}

static int all_done(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_waitgroup_wait(&group), 0, "nothing to wait for");
    cr_assert_eq(hkt_waitgroup_add(&group, 2), 0);
    hkt_detach(hkt_spawn(finish, INT_ARG('a')));
    struct hkt_task *b = hkt_spawn(finish, INT_ARG('b'));
    struct hkt_task *w = hkt_spawn(wait_for, &group);
    cr_assert_eq(hkt_waitgroup_wait(&group), 0);
    cr_assert_str_eq(order, "ab", "the first who waited goes on first");
    cr_assert_eq(hkt_waitgroup_count(&group), 0);
    cr_assert_eq(hkt_join(w), 0);
    return hkt_join(b);
}

Test(waitgroup, waits_until_all_are_done)
{
    cr_assert_eq(run_ordered(all_done), 0);
    cr_assert_eq(hkt_waitgroup_wait(&group), -EPERM);
}

static int misuse(void *arg)
{
    struct hkt_waitgroup g = HKT_WAITGROUP_INIT;

    (void)arg;
    cr_assert_eq(hkt_waitgroup_done(&g), -EOVERFLOW);
    cr_assert_eq(hkt_waitgroup_add(&g, 1), 0);
    cr_assert_eq(hkt_waitgroup_add(&g, -2), -EOVERFLOW);
    cr_assert_eq(hkt_waitgroup_add(&g, INT_MAX), -EOVERFLOW);
    cr_assert_eq(hkt_waitgroup_count(&g), 1, "nothing was done");
    return 0;
}

Test(waitgroup, never_counts_below_zero)
{
    cr_assert_eq(run_ordered(misuse), 0);
}

static int reused(void *arg)
{
    struct hkt_waitgroup *g = calloc(1, sizeof *g);

    (void)arg;
    cr_assert_eq(hkt_waitgroup_add(g, 1), 0);
    struct hkt_task *a = hkt_spawn(wait_for, g);
    struct hkt_task *b = begun(wait_for, g);
    struct hkt_task *c = begun(wait_for, g);
    cr_assert(hkt_task_cancel(b));
    cr_assert_eq(hkt_waitgroup_done(g), 0);
    cr_assert(hkt_task_cancel(c), "woken, and has not run");
    cr_assert_eq(hkt_waitgroup_add(g, 1), 0, "of the next round");
    free(g);
    cr_assert_eq(hkt_join(a), 0);
    cr_assert_eq(hkt_join(b), -ECANCELED);
    cr_assert_eq(hkt_join(c), -ECANCELED);
    return 0;
}

Test(waitgroup, who_was_woken_does_not_look_again)
{
    cr_assert_eq(run_ordered(reused), 0);
}
