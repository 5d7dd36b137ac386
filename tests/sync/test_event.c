/* SPDX-License-Identifier: MIT
 *
 * The event.
 */
#include "order.h"

#include <stdlib.h>

static struct hkt_event event = HKT_EVENT_INIT;

static int waiter(void *name)
{
    HKT_TRY(hkt_event_wait(&event));
    mark((char)(intptr_t)name);
    return 0;
}

static int set_already(void *arg)
{
    (void)arg;
    cr_assert_not(hkt_event_is_set(&event));
    cr_assert_eq(hkt_event_set(&event), 0);
    cr_assert_eq(hkt_event_set(&event), 0, "twice is fine");
    cr_assert(hkt_event_is_set(&event));
    cr_assert_eq(hkt_event_wait(&event), 0);
    cr_assert_eq(hkt_event_wait(&event), 0);
    hkt_event_clear(&event);
    cr_assert_not(hkt_event_is_set(&event));
    return 0;
}

Test(event, one_that_is_set_is_not_waited_for)
{
    cr_assert_eq(run_ordered(set_already), 0);
    cr_assert_eq(hkt_event_wait(&event), -EPERM, "not in a task");
    cr_assert_eq(hkt_event_set(&event), 0, "anywhere");
    hkt_event_clear(&event);
}

static int wakes_all(void *arg)
{
    struct hkt_task *t[3];

    (void)arg;
    for (int i = 0; i < 3; i++)
        t[i] = hkt_spawn(waiter, INT_ARG('a' + i));
    settle();
    cr_assert_eq(hkt_event_set(&event), 0);
    hkt_event_clear(&event);
    cr_assert_str_eq(order, "");
    struct hkt_task *late = begun(waiter, INT_ARG('l'));
    cr_assert_str_eq(order, "abc", "in order, although cleared at once");
    cr_assert_eq(hkt_event_set(&event), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    cr_assert_eq(hkt_join(late), 0);
    hkt_event_clear(&event);
    return 0;
}

Test(event, setting_wakes_all_who_wait)
{
    cr_assert_eq(run_ordered(wakes_all), 0);
}

static int cancelled(void *arg)
{
    (void)arg;
    struct hkt_task *a = hkt_spawn(waiter, INT_ARG('a'));
    struct hkt_task *b = hkt_spawn(waiter, INT_ARG('b'));
    struct hkt_task *c = begun(waiter, INT_ARG('c'));
    cr_assert(hkt_task_cancel(b));
    cr_assert_eq(hkt_join(b), -ECANCELED);
    cr_assert_eq(hkt_event_set(&event), 0);
    cr_assert(hkt_task_cancel(a), "woken, and has not run");
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_eq(hkt_join(c), 0);
    cr_assert_str_eq(order, "c");
    cr_assert(hkt_event_is_set(&event));
    hkt_event_clear(&event);
    return 0;
}

Test(event, a_cancelled_waiter_disturbs_no_other)
{
    cr_assert_eq(run_ordered(cancelled), 0);
}

static int wait_on(void *e)
{
    return hkt_event_wait(e);
}

static int short_lived(void *arg)
{
    struct hkt_event *e = calloc(1, sizeof *e);

    (void)arg;
    struct hkt_task *a = hkt_spawn(wait_on, e);
    struct hkt_task *b = begun(wait_on, e);
    cr_assert_eq(hkt_event_set(e), 0);
    free(e);
    cr_assert_eq(hkt_join(a), 0);
    cr_assert_eq(hkt_join(b), 0);
    return 0;
}

Test(event, may_end_as_soon_as_it_was_set)
{
    cr_assert_eq(run_ordered(short_lived), 0);
}
