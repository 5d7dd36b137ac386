/* SPDX-License-Identifier: MIT
 *
 * The lock for readers and writers.
 */
#include "order.h"

static struct hkt_rwlock lock = HKT_RWLOCK_INIT;

static int hold(int name)
{
    mark((char)name);
    HKT_DEFER(hkt_rwlock_leave, &lock);
    return hkt_sleep(HKT_MS(10));
}

static int reader(void *name)
{
    HKT_TRY(hkt_rwlock_acquire_read(&lock));
    return hold((int)(intptr_t)name);
}

static int writer(void *name)
{
    HKT_TRY(hkt_rwlock_acquire_write(&lock));
    cr_assert_eq(hkt_rwlock_writer(&lock), hkt_task_current());
    return hold((int)(intptr_t)name);
}

static void join_all(struct hkt_task **t, int n)
{
    for (int i = 0; i < n; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    cr_assert_eq(hkt_rwlock_readers(&lock), 0);
    cr_assert_null(hkt_rwlock_writer(&lock));
}

static int together(void *arg)
{
    struct hkt_task *t[4];

    (void)arg;
    for (int i = 0; i < 2; i++)
        t[i] = hkt_spawn(reader, INT_ARG('r'));
    settle();
    cr_assert_eq(hkt_rwlock_readers(&lock), 2);
    cr_assert_eq(hkt_rwlock_try_write(&lock), -EBUSY);
    cr_assert_eq(hkt_rwlock_try_read(&lock), 0);
    cr_assert_eq(hkt_rwlock_release(&lock), 0);
    for (int i = 2; i < 4; i++)
        t[i] = hkt_spawn(writer, INT_ARG('w'));
    join_all(t, 4);
    cr_assert_eq(simulated_now, HKT_MS(30), "readers at once, writers in turn");
    cr_assert_str_eq(order, "rrww");
    return 0;
}

Test(rwlock, readers_share_it_and_a_writer_has_it_alone)
{
    cr_assert_eq(run_ordered(together), 0);
}

static int fair(void *arg)
{
    struct hkt_task *t[6];

    (void)arg;
    t[0] = begun(reader, INT_ARG('a'));
    t[1] = begun(writer, INT_ARG('B'));
    t[2] = begun(reader, INT_ARG('c'));
    t[3] = begun(reader, INT_ARG('d'));
    t[4] = begun(writer, INT_ARG('E'));
    t[5] = begun(reader, INT_ARG('f'));
    cr_assert_str_eq(order, "a", "a reader does not pass a writer that waits");
    cr_assert_eq(hkt_rwlock_try_read(&lock), -EBUSY);
    cr_assert_eq(hkt_sleep(HKT_MS(15)), 0);
    cr_assert_str_eq(order, "aB");
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    cr_assert_str_eq(order, "aBcd", "readers up to the next writer");
    cr_assert_eq(hkt_rwlock_readers(&lock), 2);
    join_all(t, 6);
    cr_assert_str_eq(order, "aBcdEf");
    return 0;
}

Test(rwlock, serves_in_order_of_coming)
{
    cr_assert_eq(run_ordered(fair), 0);
}

static int misuse(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_rwlock_release(&lock), -EPERM);
    cr_assert_eq(hkt_rwlock_acquire_write(&lock), 0);
    cr_assert_eq(hkt_rwlock_acquire_write(&lock), -EDEADLK);
    cr_assert_eq(hkt_rwlock_acquire_read(&lock), -EDEADLK);
    cr_assert_eq(hkt_rwlock_try_read(&lock), -EBUSY);
    cr_assert_eq(hkt_rwlock_release(&lock), 0);
    cr_assert_eq(hkt_rwlock_release(&lock), -EPERM);
    return 0;
}

Test(rwlock, reports_misuse)
{
    cr_assert_eq(run_ordered(misuse), 0);
    cr_assert_eq(hkt_rwlock_acquire_read(&lock), -EPERM);
    cr_assert_eq(hkt_rwlock_try_write(&lock), -EPERM);
}

/* A writer that stops waiting no longer keeps those behind it from reading. */
static int cancel_waiting_writer(void *arg)
{
    struct hkt_task *t[2];

    (void)arg;
    t[0] = begun(reader, INT_ARG('a'));
    struct hkt_task *w = begun(writer, INT_ARG('B'));
    t[1] = begun(reader, INT_ARG('c'));
    cr_assert(hkt_task_cancel(w));
    cr_assert_eq(hkt_join(w), -ECANCELED);
    cr_assert_eq(hkt_rwlock_readers(&lock), 2);
    join_all(t, 2);
    cr_assert_eq(simulated_now, HKT_MS(10));
    return 0;
}

Test(rwlock, a_cancelled_writer_lets_readers_in)
{
    cr_assert_eq(run_ordered(cancel_waiting_writer), 0);
}

static int cancel_given_writer(void *arg)
{
    struct hkt_task *t[2];

    (void)arg;
    cr_assert_eq(hkt_rwlock_acquire_read(&lock), 0);
    struct hkt_task *w = begun(writer, INT_ARG('B'));
    t[0] = begun(reader, INT_ARG('c'));
    t[1] = begun(writer, INT_ARG('D'));
    cr_assert_eq(hkt_rwlock_release(&lock), 0);
    cr_assert_eq(hkt_rwlock_writer(&lock), w, "it is given before it runs");
    cr_assert(hkt_task_cancel(w));
    cr_assert_eq(hkt_join(w), -ECANCELED);
    join_all(t, 2);
    cr_assert_str_eq(order, "cD");
    return 0;
}

Test(rwlock, a_writer_cancelled_after_it_was_given_the_lock_passes_it_on)
{
    cr_assert_eq(run_ordered(cancel_given_writer), 0);
}

static int cancel_given_readers(void *arg)
{
    struct hkt_task *r[2];

    (void)arg;
    cr_assert_eq(hkt_rwlock_acquire_write(&lock), 0);
    r[0] = begun(reader, INT_ARG('a'));
    r[1] = begun(reader, INT_ARG('b'));
    struct hkt_task *w = begun(writer, INT_ARG('C'));
    cr_assert_eq(hkt_rwlock_release(&lock), 0);
    cr_assert_eq(hkt_rwlock_readers(&lock), 2);
    for (int i = 0; i < 2; i++)
        cr_assert(hkt_task_cancel(r[i]));
    for (int i = 0; i < 2; i++)
        cr_assert_eq(hkt_join(r[i]), -ECANCELED);
    join_all(&w, 1);
    cr_assert_str_eq(order, "C");
    return 0;
}

Test(rwlock, so_do_readers)
{
    cr_assert_eq(run_ordered(cancel_given_readers), 0);
}
