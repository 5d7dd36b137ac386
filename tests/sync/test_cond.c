/* SPDX-License-Identifier: MIT
 *
 * The condition.
 */
#include "order.h"

static struct hkt_cond cond = HKT_COND_INIT;
static int level;

static int waiter(void *name)
{
    HKT_TRY(hkt_cond_acquire(&cond));
    int rc = hkt_cond_wait(&cond);
    cr_assert_eq(hkt_lock_owner(hkt_cond_lock(&cond)), hkt_task_current(), "whatever happened");
    if (rc == 0)
        mark((char)(intptr_t)name);
    cr_assert_eq(hkt_cond_release(&cond), 0);
    return rc;
}

static void notify(size_t n)
{
    cr_assert_eq(hkt_cond_acquire(&cond), 0);
    cr_assert_eq(hkt_cond_notify(&cond, n), 0);
    cr_assert_eq(hkt_cond_release(&cond), 0);
}

static int in_order(void *arg)
{
    struct hkt_task *t[4];

    (void)arg;
    for (int i = 0; i < 4; i++)
        t[i] = hkt_spawn(waiter, INT_ARG('a' + i));
    settle();
    cr_assert_not(hkt_lock_locked(hkt_cond_lock(&cond)), "waiting releases it");
    notify(1);
    settle();
    cr_assert_str_eq(order, "a");
    notify(2);
    notify(0);
    settle();
    cr_assert_str_eq(order, "abc");
    notify(2048);
    notify(1);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    cr_assert_str_eq(order, "abcd");
    return 0;
}

Test(cond, notifies_in_order_of_coming)
{
    cr_assert_eq(run_ordered(in_order), 0);
}

static int all(void *arg)
{
    (void)arg;
    struct hkt_task *a = hkt_spawn(waiter, INT_ARG('a'));
    struct hkt_task *b = begun(waiter, INT_ARG('b'));
    cr_assert_eq(hkt_cond_acquire(&cond), 0);
    cr_assert_eq(hkt_cond_notify_all(&cond), 0);
    settle();
    cr_assert_str_eq(order, "", "the lock is held");
    cr_assert_eq(hkt_cond_release(&cond), 0);
    cr_assert_eq(hkt_join(a), 0);
    cr_assert_eq(hkt_join(b), 0);
    cr_assert_str_eq(order, "ab");
    return 0;
}

Test(cond, notified_tasks_go_on_when_the_lock_is_free)
{
    cr_assert_eq(run_ordered(all), 0);
}

static int hold_a_while(void *arg)
{
    (void)arg;
    HKT_TRY(hkt_cond_acquire(&cond));
    int rc = hkt_sleep(HKT_MS(5));
    cr_assert_eq(hkt_cond_release(&cond), 0);
    return rc;
}

static int never(void *arg)
{
    (void)arg;
    return 0;
}

static int without_lock(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_cond_wait(&cond), -EPERM);
    cr_assert_eq(hkt_cond_wait_for(&cond, never, NULL), -EPERM);
    cr_assert_eq(hkt_cond_notify(&cond, 1), -EPERM);
    cr_assert_eq(hkt_cond_notify_all(&cond), -EPERM);
    struct hkt_task *other = begun(hold_a_while, NULL);
    cr_assert_eq(hkt_cond_wait(&cond), -EPERM, "it is another's");
    cr_assert_eq(hkt_lock_owner(hkt_cond_lock(&cond)), other);
    return hkt_join(other);
}

Test(cond, wants_its_lock)
{
    cr_assert_eq(run_ordered(without_lock), 0);
    cr_assert_eq(hkt_cond_wait(&cond), -EPERM);
}

static int cancel_waiting(void *arg)
{
    (void)arg;
    struct hkt_task *a = hkt_spawn(waiter, INT_ARG('a'));
    struct hkt_task *b = begun(waiter, INT_ARG('b'));
    cr_assert(hkt_task_cancel(a));
    cr_assert_eq(hkt_join(a), -ECANCELED);
    settle();
    cr_assert_not(hkt_task_done(b), "it had no notification to pass on");
    notify(1);
    cr_assert_eq(hkt_join(b), 0);
    cr_assert_str_eq(order, "b");
    return 0;
}

Test(cond, a_cancelled_waiter_takes_the_lock_again_and_is_left_out)
{
    cr_assert_eq(run_ordered(cancel_waiting), 0);
}

static int cancel_retaking(void *arg)
{
    (void)arg;
    struct hkt_task *a = begun(waiter, INT_ARG('a'));
    cr_assert_eq(hkt_cond_acquire(&cond), 0);
    cr_assert(hkt_task_cancel(a));
    settle();
    cr_assert_not(hkt_task_done(a), "it waits for the lock");
    cr_assert(hkt_task_cancel(a));
    cr_assert(hkt_task_cancel(a));
    settle();
    cr_assert_not(hkt_task_done(a));
    cr_assert_eq(hkt_cond_release(&cond), 0);
    cr_assert(hkt_task_cancel(a), "chosen for the lock, and has not run");
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_not(hkt_lock_locked(hkt_cond_lock(&cond)));
    return 0;
}

Test(cond, takes_the_lock_again_however_often_it_is_cancelled)
{
    cr_assert_eq(run_ordered(cancel_retaking), 0);
}

/* Notified; cancelled before it has run. */
static int cancel_notified(void *arg)
{
    (void)arg;
    struct hkt_task *a = hkt_spawn(waiter, INT_ARG('a'));
    struct hkt_task *b = begun(waiter, INT_ARG('b'));
    notify(1);
    cr_assert(hkt_task_cancel(a));
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_eq(hkt_join(b), 0);
    cr_assert_str_eq(order, "b");
    return 0;
}

Test(cond, a_notified_waiter_that_is_cancelled_passes_it_on)
{
    cr_assert_eq(run_ordered(cancel_notified), 0);
}

/* Notified; cancelled while it waits for the lock. */
static int cancel_notified_retaking(void *arg)
{
    (void)arg;
    struct hkt_task *a = hkt_spawn(waiter, INT_ARG('a'));
    struct hkt_task *b = hkt_spawn(waiter, INT_ARG('b'));
    struct hkt_task *c = begun(waiter, INT_ARG('c'));
    cr_assert_eq(hkt_cond_acquire(&cond), 0);
    cr_assert_eq(hkt_cond_notify(&cond, 1), 0);
    settle();
    cr_assert(hkt_task_cancel(a));
    settle();
    cr_assert_eq(hkt_cond_release(&cond), 0);
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_eq(hkt_join(b), 0);
    settle();
    cr_assert_not(hkt_task_done(c), "one notification is one");
    cr_assert_str_eq(order, "b");
    notify(1);
    return hkt_join(c);
}

Test(cond, a_notified_waiter_cancelled_while_it_waits_for_the_lock_passes_it_on)
{
    cr_assert_eq(run_ordered(cancel_notified_retaking), 0);
}

/* Cancelled first: it was never notified, and has nothing to pass on. */
static int cancel_unnotified(void *arg)
{
    (void)arg;
    struct hkt_task *a = hkt_spawn(waiter, INT_ARG('a'));
    struct hkt_task *b = begun(waiter, INT_ARG('b'));
    cr_assert(hkt_task_cancel(a));
    notify(1);
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_eq(hkt_join(b), 0);
    cr_assert_str_eq(order, "b");
    return 0;
}

Test(cond, a_cancelled_waiter_gets_no_notification)
{
    cr_assert_eq(run_ordered(cancel_unnotified), 0);
}

static int cancelled_at_once(void *arg)
{
    (void)arg;
    HKT_TRY(hkt_cond_acquire(&cond));
    cr_assert(hkt_task_cancel(hkt_task_current()));
    int rc = hkt_cond_wait(&cond);
    cr_assert_eq(hkt_lock_owner(hkt_cond_lock(&cond)), hkt_task_current());
    cr_assert_eq(hkt_cond_release(&cond), 0);
    return rc;
}

Test(cond, a_pending_request_is_answered_with_the_lock_held)
{
    cr_assert_eq(run_ordered(cancelled_at_once), -ECANCELED);
}

static int high_enough(void *want)
{
    return level >= (int)(intptr_t)want ? level : 0;
}

static int wait_for_level(void *want)
{
    HKT_TRY(hkt_cond_acquire(&cond));
    HKT_DEFER(hkt_cond_leave, &cond);
    return hkt_cond_wait_for(&cond, high_enough, want);
}

static int predicate(void *arg)
{
    (void)arg;
    level = 0;
    struct hkt_task *low = hkt_spawn(wait_for_level, INT_ARG(1));
    struct hkt_task *high = begun(wait_for_level, INT_ARG(3));
    for (level = 1; level < 3; level++) {
        cr_assert_eq(hkt_cond_acquire(&cond), 0);
        cr_assert_eq(hkt_cond_notify_all(&cond), 0);
        cr_assert_eq(hkt_cond_release(&cond), 0);
        settle();
        cr_assert(hkt_task_done(low));
        cr_assert_not(hkt_task_done(high));
    }
    notify(1);
    cr_assert_eq(hkt_join(low), 1);
    cr_assert_eq(hkt_join(high), 3);
    cr_assert_eq(wait_for_level(INT_ARG(2)), 3, "at once");
    return 0;
}

Test(cond, waits_for_a_predicate)
{
    cr_assert_eq(run_ordered(predicate), 0);
}

static int cancelled_predicate(void *arg)
{
    (void)arg;
    level = 0;
    struct hkt_task *t = begun(wait_for_level, INT_ARG(1));
    notify(1); /* it looks again, and waits again */
    settle();
    cr_assert_not(hkt_task_done(t));
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_not(hkt_lock_locked(hkt_cond_lock(&cond)), "it left with the lock, and released it");
    t = begun(wait_for_level, INT_ARG(1));
    level = 1;
    notify(1);
    cr_assert(hkt_task_cancel(t), "it was notified");
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_not(hkt_lock_locked(hkt_cond_lock(&cond)));
    return 0;
}

Test(cond, waiting_for_a_predicate_may_be_cancelled)
{
    cr_assert_eq(run_ordered(cancelled_predicate), 0);
}

static int fails(void *arg)
{
    (void)arg;
    return -EIO;
}

static int predicate_fails(void *arg)
{
    struct hkt_timeout t = {0};

    (void)arg;
    cr_assert_eq(hkt_cond_acquire(&cond), 0);
    cr_assert_eq(hkt_cond_wait_for(&cond, fails, NULL), -EIO);
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(5)), 0);
    cr_assert_eq(hkt_timeout_exit(&t, hkt_cond_wait_for(&cond, never, NULL)), -ETIMEDOUT);
    cr_assert_eq(hkt_cond_release(&cond), 0);
    return 0;
}

Test(cond, a_predicate_may_fail_and_waiting_may_time_out)
{
    cr_assert_eq(run_ordered(predicate_fails), 0);
}

static int on_full(void *two)
{
    struct hkt_cond *c = two;

    HKT_TRY(hkt_cond_acquire(&c[1]));
    HKT_DEFER(hkt_cond_leave, &c[1]);
    return hkt_cond_wait(&c[1]);
}

static int one_lock_for_two(void *arg)
{
    struct hkt_lock lock = HKT_LOCK_INIT;
    struct hkt_cond two[2] = {HKT_COND_WITH(&lock), HKT_COND_WITH(&lock)};

    (void)arg;
    struct hkt_task *a = begun(on_full, two);
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    cr_assert_eq(hkt_cond_notify(&two[0], 1), 0);
    settle();
    cr_assert_not(hkt_task_done(a));
    cr_assert_eq(hkt_cond_notify(&two[1], 1), 0);
    cr_assert_eq(hkt_lock_release(&lock), 0);
    return hkt_join(a);
}

Test(cond, two_may_share_a_lock)
{
    cr_assert_eq(run_ordered(one_lock_for_two), 0);
}
