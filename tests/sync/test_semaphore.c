/* SPDX-License-Identifier: MIT
 *
 * The semaphore, with and without a bound.
 */
#include "order.h"

#include <limits.h>

static struct hkt_semaphore sem;

static int taker(void *name)
{
    HKT_TRY(hkt_semaphore_acquire(&sem));
    mark((char)(intptr_t)name);
    return 0;
}

static int counts(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_semaphore_init(&sem, 2, 0), 0);
    cr_assert_eq(hkt_semaphore_acquire(&sem), 0);
    cr_assert_not(hkt_semaphore_locked(&sem));
    cr_assert_eq(hkt_semaphore_value(&sem), 1);
    cr_assert_eq(hkt_semaphore_acquire(&sem), 0);
    cr_assert(hkt_semaphore_locked(&sem));
    cr_assert_eq(hkt_semaphore_try(&sem), -EAGAIN);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert_eq(hkt_semaphore_value(&sem), 3, "more than at first");
    cr_assert_eq(hkt_semaphore_try(&sem), 0);
    return 0;
}

Test(semaphore, counts_slots)
{
    cr_assert_eq(run_ordered(counts), 0);
    cr_assert_eq(hkt_semaphore_acquire(&sem), -EPERM);
    cr_assert_eq(hkt_semaphore_try(&sem), 0, "where no task runs");
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
}

static int misuse(void *arg)
{
    struct hkt_semaphore negative = HKT_SEMAPHORE_INIT(-1);
    struct hkt_semaphore bounded = HKT_BOUNDED_SEMAPHORE_INIT(1);
    struct hkt_semaphore full = HKT_SEMAPHORE_INIT(INT_MAX);

    (void)arg;
    cr_assert_eq(hkt_semaphore_init(&sem, -1, 0), -EINVAL);
    cr_assert_eq(hkt_semaphore_init(&sem, 0, -1), -EINVAL);
    cr_assert_eq(hkt_semaphore_init(&sem, 2, 1), -EINVAL);
    cr_assert_eq(hkt_semaphore_acquire(&negative), -EINVAL);
    cr_assert_eq(hkt_semaphore_try(&negative), -EINVAL);
    cr_assert_eq(hkt_semaphore_release(&negative), -EINVAL);
    cr_assert_eq(hkt_semaphore_release(&bounded), -EOVERFLOW);
    cr_assert_eq(hkt_semaphore_acquire(&bounded), 0);
    cr_assert_eq(hkt_semaphore_release(&bounded), 0);
    cr_assert_eq(hkt_semaphore_release(&bounded), -EOVERFLOW);
    cr_assert_eq(hkt_semaphore_release(&full), -EOVERFLOW);
    return 0;
}

Test(semaphore, refuses_what_cannot_be)
{
    cr_assert_eq(run_ordered(misuse), 0);
}

static int fifo(void *arg)
{
    struct hkt_task *t[4];

    (void)arg;
    cr_assert_eq(hkt_semaphore_init(&sem, 1, 0), 0);
    for (int i = 0; i < 4; i++)
        t[i] = hkt_spawn(taker, INT_ARG('a' + i));
    settle();
    cr_assert_str_eq(order, "a");
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert_eq(hkt_semaphore_value(&sem), 0, "they are owed to b and c");
    cr_assert(hkt_semaphore_locked(&sem));
    settle();
    cr_assert_str_eq(order, "abc");
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    cr_assert_str_eq(order, "abcd");
    return 0;
}

Test(semaphore, first_come_first_served)
{
    cr_assert_eq(run_ordered(fifo), 0);
}

/* One slot more than who waits: a newcomer does not pass the one that is owed one. */
static int no_passing(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_semaphore_init(&sem, 0, 0), 0);
    struct hkt_task *a = begun(taker, INT_ARG('a'));
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert_eq(hkt_semaphore_value(&sem), 1);
    cr_assert(hkt_semaphore_locked(&sem), "somebody is owed a slot");
    cr_assert_eq(hkt_semaphore_try(&sem), -EAGAIN);
    cr_assert_eq(hkt_semaphore_acquire(&sem), 0);
    cr_assert_str_eq(order, "a");
    return hkt_join(a);
}

Test(semaphore, a_newcomer_does_not_pass_who_is_owed_a_slot)
{
    cr_assert_eq(run_ordered(no_passing), 0);
}

static int cancel_waiting(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_semaphore_init(&sem, 0, 0), 0);
    struct hkt_task *a = hkt_spawn(taker, INT_ARG('a'));
    struct hkt_task *b = begun(taker, INT_ARG('b'));
    cr_assert(hkt_task_cancel(a));
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_eq(hkt_join(b), 0);
    cr_assert_not(hkt_semaphore_try(&sem) == 0);
    cr_assert_eq(hkt_semaphore_value(&sem), 0);
    return 0;
}

Test(semaphore, a_cancelled_waiter_is_left_out)
{
    cr_assert_eq(run_ordered(cancel_waiting), 0);
}

static int cancel_chosen(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_semaphore_init(&sem, 0, 0), 0);
    struct hkt_task *a = hkt_spawn(taker, INT_ARG('a'));
    struct hkt_task *b = begun(taker, INT_ARG('b'));
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert(hkt_task_cancel(a), "the slot was its own");
    cr_assert_eq(hkt_join(b), 0);
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_str_eq(order, "b");
    cr_assert_eq(hkt_semaphore_value(&sem), 0);
    return 0;
}

Test(semaphore, a_waiter_cancelled_after_being_chosen_passes_its_slot_on)
{
    cr_assert_eq(run_ordered(cancel_chosen), 0);
}

static int cancel_all_chosen(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_semaphore_init(&sem, 0, 2), 0);
    struct hkt_task *a = hkt_spawn(taker, INT_ARG('a'));
    struct hkt_task *b = begun(taker, INT_ARG('b'));
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert(hkt_task_cancel(b));
    cr_assert(hkt_task_cancel(a));
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_eq(hkt_join(b), -ECANCELED);
    cr_assert_eq(hkt_semaphore_value(&sem), 2, "no slot is lost");
    cr_assert_not(hkt_semaphore_locked(&sem));
    return 0;
}

Test(semaphore, no_slot_is_lost_with_those_who_are_cancelled)
{
    cr_assert_eq(run_ordered(cancel_all_chosen), 0);
}

/* A slot that comes back from a cancelled one wakes who came meanwhile. */
static int cancel_with_newcomer(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_semaphore_init(&sem, 0, 0), 0);
    struct hkt_task *a = begun(taker, INT_ARG('a'));
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert(hkt_task_cancel(a));
    cr_assert_eq(hkt_semaphore_acquire(&sem), 0);
    cr_assert_eq(hkt_join(a), -ECANCELED);
    return 0;
}

Test(semaphore, a_newcomer_gets_the_slot_of_a_chosen_one_that_is_cancelled)
{
    cr_assert_eq(run_ordered(cancel_with_newcomer), 0);
}

static int scoped(void *arg)
{
    (void)arg;
    HKT_TRY(hkt_semaphore_acquire(&sem));
    HKT_DEFER(hkt_semaphore_leave, &sem);
    return hkt_sleep(HKT_MS(10));
}

static int at_most_two(void *arg)
{
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_semaphore_init(&sem, 2, 2), 0);
    cr_assert_eq(hkt_group_enter(&g), 0);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(hkt_group_spawn(&g, scoped, NULL), 0);
    cr_assert_eq(hkt_group_exit(&g, 0), 0);
    cr_assert_eq(simulated_now, HKT_MS(30));
    cr_assert_eq(hkt_semaphore_value(&sem), 2);
    return 0;
}

Test(semaphore, limits_how_many_go_on_at_a_time)
{
    cr_assert_eq(run_ordered(at_most_two), 0);
}
