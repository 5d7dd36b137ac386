/* SPDX-License-Identifier: MIT
 *
 * The lock.
 */
#include "order.h"

static struct hkt_lock lock = HKT_LOCK_INIT;

/* Takes the lock, leaves its mark, and gives the lock back a turn later. */
static int worker(void *name)
{
    HKT_TRY(hkt_lock_acquire(&lock));
    mark((char)(intptr_t)name);
    int rc = hkt_sleep(0);
    cr_assert_eq(hkt_lock_release(&lock), 0);
    return rc;
}

static int alone(void *arg)
{
    struct hkt_lock zeroed;

    (void)arg;
    memset(&zeroed, 0, sizeof zeroed);
    cr_assert_eq(hkt_lock_acquire(&zeroed), 0);
    cr_assert_eq(hkt_lock_release(&zeroed), 0);
    cr_assert_not(hkt_lock_locked(&lock));
    cr_assert_null(hkt_lock_owner(&lock));
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(hkt_lock_acquire(&lock), 0);
        cr_assert(hkt_lock_locked(&lock));
        cr_assert_eq(hkt_lock_owner(&lock), hkt_task_current());
        cr_assert_eq(hkt_lock_release(&lock), 0);
    }
    cr_assert_eq(hkt_lock_release(&lock), -EPERM, "not held");
    return 0;
}

Test(lock, is_taken_and_given_back)
{
    cr_assert_eq(run_ordered(alone), 0);
}

Test(lock, belongs_to_tasks)
{
    cr_assert_eq(hkt_lock_acquire(&lock), -EPERM);
    cr_assert_eq(hkt_lock_try(&lock), -EPERM);
    cr_assert_eq(hkt_lock_release(&lock), -EPERM);
}

static int fifo(void *arg)
{
    struct hkt_task *t[3];

    (void)arg;
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    for (int i = 0; i < 3; i++)
        t[i] = hkt_spawn(worker, INT_ARG('a' + i));
    settle();
    cr_assert_str_eq(order, "");
    cr_assert_eq(hkt_lock_try(&lock), -EBUSY);
    cr_assert_eq(hkt_lock_release(&lock), 0);
    cr_assert_not(hkt_lock_locked(&lock), "the chosen one does not have it before it runs");
    cr_assert_str_eq(order, "");
    cr_assert_eq(hkt_lock_try(&lock), -EBUSY, "nor may anybody else");
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    cr_assert_str_eq(order, "abc", "who comes back comes last");
    cr_assert_eq(hkt_lock_release(&lock), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    return 0;
}

Test(lock, first_come_first_served)
{
    cr_assert_eq(run_ordered(fifo), 0);
}

static int relock(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    cr_assert_eq(hkt_lock_acquire(&lock), -EDEADLK);
    cr_assert_eq(hkt_lock_try(&lock), -EBUSY);
    cr_assert_eq(hkt_lock_release(&lock), 0);
    return 0;
}

Test(lock, a_task_does_not_wait_for_itself)
{
    cr_assert_eq(run_ordered(relock), 0);
}

static int take_and_end(void *task)
{
    *(struct hkt_task **)task = hkt_task_current();
    return hkt_lock_acquire(&lock);
}

static int take_again(void *task)
{
    mark(hkt_task_current() == task ? 's' : 'o');
    return worker(INT_ARG('w'));
}

/* The second task is given the memory of the first, which took the lock. */
static int inherited(void *arg)
{
    struct hkt_task *first = NULL;

    (void)arg;
    cr_assert_eq(hkt_join(hkt_spawn(take_and_end, &first)), 0);
    struct hkt_task *second = begun(take_again, first);
    cr_assert_str_eq(order, "s", "a stack that is given back is taken first");
    cr_assert_eq(hkt_lock_release(&lock), 0, "any task may");
    cr_assert_eq(hkt_join(second), 0);
    cr_assert_str_eq(order, "sw");
    return 0;
}

Test(lock, an_ended_owner_is_not_mistaken_for_a_later_task)
{
    cr_assert_eq(run_ordered(inherited), 0);
}

static int cancel_waiting(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    struct hkt_task *a = hkt_spawn(worker, INT_ARG('a'));
    struct hkt_task *b = hkt_spawn(worker, INT_ARG('b'));
    struct hkt_task *c = begun(worker, INT_ARG('c'));
    cr_assert(hkt_task_cancel(b));
    cr_assert_eq(hkt_join(b), -ECANCELED);
    cr_assert_eq(hkt_lock_release(&lock), 0);
    cr_assert_eq(hkt_join(a), 0);
    cr_assert_eq(hkt_join(c), 0);
    cr_assert_str_eq(order, "ac");
    cr_assert_not(hkt_lock_locked(&lock));
    return 0;
}

Test(lock, a_cancelled_waiter_is_left_out)
{
    cr_assert_eq(run_ordered(cancel_waiting), 0);
}

static int cancel_chosen(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    struct hkt_task *a = hkt_spawn(worker, INT_ARG('a'));
    struct hkt_task *b = begun(worker, INT_ARG('b'));
    cr_assert_eq(hkt_lock_release(&lock), 0);
    cr_assert(hkt_task_cancel(a), "it was chosen, and has not run");
    cr_assert_eq(hkt_join(b), 0);
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_str_eq(order, "b");
    cr_assert_eq(hkt_lock_try(&lock), 0);
    cr_assert_eq(hkt_lock_release(&lock), 0);
    return 0;
}

Test(lock, a_waiter_cancelled_after_being_chosen_passes_it_on)
{
    cr_assert_eq(run_ordered(cancel_chosen), 0);
}

static int cancel_only_chosen(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    struct hkt_task *a = begun(worker, INT_ARG('a'));
    cr_assert_eq(hkt_lock_release(&lock), 0);
    cr_assert(hkt_task_cancel(a));
    cr_assert_eq(hkt_lock_acquire(&lock), 0, "it waits behind one that will not come");
    cr_assert_eq(hkt_lock_release(&lock), 0);
    cr_assert_eq(hkt_join(a), -ECANCELED);
    return 0;
}

Test(lock, a_newcomer_gets_it_when_the_chosen_one_is_cancelled)
{
    cr_assert_eq(run_ordered(cancel_only_chosen), 0);
}

/* The first is chosen, the second leaves the middle: the choice stays. */
static int cancel_behind_chosen(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    struct hkt_task *a = hkt_spawn(worker, INT_ARG('a'));
    struct hkt_task *b = hkt_spawn(worker, INT_ARG('b'));
    struct hkt_task *c = begun(worker, INT_ARG('c'));
    cr_assert_eq(hkt_lock_release(&lock), 0);
    cr_assert(hkt_task_cancel(b));
    cr_assert_eq(hkt_join(c), 0);
    cr_assert_eq(hkt_join(a), 0);
    cr_assert_eq(hkt_join(b), -ECANCELED);
    cr_assert_str_eq(order, "ac");
    return 0;
}

Test(lock, cancelling_who_waits_behind_the_chosen_one_changes_nothing)
{
    cr_assert_eq(run_ordered(cancel_behind_chosen), 0);
}

static int cancel_self_first(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    (void)hkt_task_cancel(hkt_task_current());
    return hkt_lock_release(&lock);
}

static int cancel_before(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_join(hkt_spawn(cancel_self_first, NULL)), -ECANCELED,
                 "a free lock is no point of suspension");
    cr_assert_not(hkt_lock_locked(&lock));
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    struct hkt_task *a = hkt_spawn(worker, INT_ARG('a'));
    cr_assert(hkt_task_cancel(a), "never runs");
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_eq(hkt_lock_release(&lock), 0);
    return 0;
}

Test(lock, a_request_that_is_pending_is_not_answered_by_a_free_lock)
{
    cr_assert_eq(run_ordered(cancel_before), 0);
}

static int guarded(void *arg)
{
    (void)arg;
    HKT_TRY(hkt_lock_acquire(&lock));
    HKT_DEFER(hkt_lock_leave, &lock);
    return hkt_sleep(HKT_SEC(10));
}

static int scope(void *arg)
{
    struct hkt_timeout t = {0};

    (void)arg;
    struct hkt_task *a = begun(guarded, NULL);
    cr_assert_eq(hkt_timeout_enter(&t, HKT_MS(5)), 0);
    cr_assert_eq(hkt_timeout_exit(&t, hkt_lock_acquire(&lock)), -ETIMEDOUT);
    cr_assert_eq(simulated_now, HKT_MS(5));
    cr_assert_eq(hkt_lock_owner(&lock), a);
    cr_assert(hkt_task_cancel(a));
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_not(hkt_lock_locked(&lock));
    return 0;
}

Test(lock, is_left_with_its_scope_and_waited_for_with_a_time_limit)
{
    cr_assert_eq(run_ordered(scope), 0);
}

static void release_from_callback(void *l)
{
    cr_assert_eq(hkt_lock_release(l), 0);
    cr_assert_eq(hkt_lock_try(l), -EBUSY, "somebody is chosen");
}

static int by_callback(void *arg)
{
    static struct hkt_handle handle;

    (void)arg;
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    struct hkt_task *a = begun(worker, INT_ARG('a'));
    cr_assert_eq(hkt_call_soon(hkt_loop_current(), &handle, release_from_callback, &lock), 0);
    cr_assert_eq(hkt_join(a), 0);
    return 0;
}

Test(lock, a_callback_may_release_it)
{
    cr_assert_eq(run_ordered(by_callback), 0);
}
