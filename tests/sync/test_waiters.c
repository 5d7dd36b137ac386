/* SPDX-License-Identifier: MIT
 *
 * What all objects that are waited for have in common: one loop, one thread, reasons, and what is
 * noticed when one disappears under those who wait.
 */
#include "base/child.h"
#include "order.h"

#include <pthread.h>

static struct hkt_lock lock;
static struct hkt_event event;
static struct hkt_cond cond;
static struct hkt_semaphore sem;
static struct hkt_barrier barrier = HKT_BARRIER_INIT(2);
static struct hkt_rwlock rwlock;
static struct hkt_waitgroup group;

static int on_lock(void *arg)
{
    (void)arg;
    HKT_TRY(hkt_lock_acquire(&lock));
    return hkt_lock_release(&lock);
}

static int on_event(void *arg)
{
    (void)arg;
    return hkt_event_wait(&event);
}

static int on_cond(void *arg)
{
    (void)arg;
    HKT_TRY(hkt_cond_acquire(&cond));
    HKT_DEFER(hkt_cond_leave, &cond);
    return hkt_cond_wait(&cond);
}

static int on_semaphore(void *arg)
{
    (void)arg;
    return hkt_semaphore_acquire(&sem);
}

static int on_barrier(void *arg)
{
    (void)arg;
    return hkt_barrier_wait(&barrier);
}

static int on_read(void *arg)
{
    (void)arg;
    HKT_TRY(hkt_rwlock_acquire_read(&rwlock));
    return hkt_rwlock_release(&rwlock);
}

static int on_group(void *arg)
{
    (void)arg;
    return hkt_waitgroup_wait(&group);
}

static hkt_task_fn *const ways[] = {on_lock,    on_event, on_cond, on_semaphore,
                                    on_barrier, on_read,  on_group};
enum { WAYS = sizeof ways / sizeof *ways };

/* One task waits for each of the objects. */
static void occupy(struct hkt_task **t)
{
    cr_assert_eq(hkt_lock_acquire(&lock), 0);
    cr_assert_eq(hkt_rwlock_acquire_write(&rwlock), 0);
    cr_assert_eq(hkt_waitgroup_add(&group, 1), 0);
    for (int i = 0; i < WAYS; i++)
        t[i] = hkt_spawn(ways[i], NULL);
    settle();
}

static int occupy_and_stop(void *tasks)
{
    occupy(tasks);
    hkt_loop_stop(hkt_loop_current());
    return hkt_sleep(HKT_MS(1));
}

static int another_loop(void *arg)
{
    (void)arg;
    for (int i = 0; i < WAYS; i++)
        cr_assert_eq(ways[i](NULL), -EXDEV, "way %d", i);
    cr_assert_eq(hkt_cond_acquire(&cond), 0, "its lock is free");
    return hkt_cond_release(&cond);
}

static void set_free(void)
{
    cr_assert_eq(hkt_lock_release(&lock), 0);
    cr_assert_eq(hkt_event_set(&event), 0);
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert_eq(hkt_barrier_reset(&barrier), 0);
    cr_assert_eq(hkt_rwlock_release(&rwlock), 0);
    cr_assert_eq(hkt_waitgroup_done(&group), 0);
}

static int end_all(void *tasks)
{
    struct hkt_task **t = tasks;

    cr_assert_eq(hkt_cond_acquire(&cond), 0);
    cr_assert_eq(hkt_cond_notify_all(&cond), 0);
    cr_assert_eq(hkt_cond_release(&cond), 0);
    for (int i = 0; i < WAYS; i++)
        cr_assert_eq(hkt_join(t[i]), ways[i] == on_barrier ? HKT_EBROKEN : 0);
    return 0;
}

static void *foreign(void *arg)
{
    cr_expect_eq(hkt_lock_release(&lock), -EXDEV);
    cr_expect_eq(hkt_event_set(&event), -EXDEV);
    cr_expect_eq(hkt_semaphore_release(&sem), -EXDEV);
    cr_expect_eq(hkt_barrier_reset(&barrier), -EXDEV);
    cr_expect_eq(hkt_barrier_abort(&barrier), -EXDEV);
    cr_expect_eq(hkt_rwlock_release(&rwlock), -EXDEV);
    cr_expect_eq(hkt_waitgroup_done(&group), -EXDEV);
    return arg;
}

/* Waits with one loop, tries with another, and goes on with the first, which was woken from outside
 * of any. */
Test(waiters, are_of_one_loop_and_its_thread)
{
    struct hkt_loop *one = hkt_loop_new(&simulated), *two = hkt_loop_new(&simulated);
    struct hkt_task *t[WAYS];
    pthread_t thread;

    cr_assert_eq(hkt_loop_run(one, occupy_and_stop, t), -EINTR);
    cr_assert_eq(hkt_loop_run(two, another_loop, NULL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, foreign, NULL), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    set_free();
    cr_assert_eq(hkt_loop_run(one, end_all, t), 0);
    cr_assert_eq(hkt_loop_free(two), 0);
    cr_assert_eq(hkt_loop_free(one), 0);
}

/* A loop that ends takes its waiters out of objects that live on. */
Test(waiters, of_a_loop_that_ends_are_cancelled)
{
    struct hkt_loop *one = hkt_loop_new(&simulated);
    struct hkt_task *t[WAYS];

    cr_assert_eq(hkt_loop_run(one, occupy_and_stop, t), -EINTR);
    for (int i = 0; i < WAYS; i++)
        hkt_detach(t[i]);
    cr_assert_eq(hkt_loop_free(one), 0);
    cr_assert_eq(hkt_lock_release(&lock), 0, "nobody waits");
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    cr_assert_eq(hkt_semaphore_value(&sem), 1);
    cr_assert_eq(hkt_barrier_waiting(&barrier), 0);
}

static int dump(void *tasks)
{
    occupy(tasks);
    hkt_dump(NULL);
    return 0;
}

static void dump_in_child(void *arg)
{
    struct hkt_task *t[WAYS];

    (void)arg;
    if (hkt_loop_run(hkt_loop_new(&simulated), dump, t) == -EDEADLK)
        _exit(1);
}

Test(waiters, say_what_they_wait_for)
{
    static const char *const reasons[] = {"for lock ",      "for event ",     "for condition ",
                                          "for barrier ",   "for read lock ", "for semaphore ",
                                          "for wait group "};
    struct child child;

    cr_assert(child_run(&child, dump_in_child, NULL));
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        cr_assert(child_said(&child, reasons[i]), "%s in %s", reasons[i], child.err);
}

static int overwrite(void *arg)
{
    (void)arg;
    struct hkt_task *t = hkt_spawn_opts(on_event, NULL, &(struct hkt_task_opts){.name = "poor"});
    settle();
    memset(&event, 0, sizeof event);
    (void)hkt_task_cancel(t);
    return 0;
}

static void overwrite_in_child(void *arg)
{
    (void)arg;
    if (run_simulated(overwrite, NULL) < 0)
        _exit(1);
}

Test(waiters, an_object_that_was_overwritten_is_noticed)
{
    struct child child;

    cr_assert(child_run(&child, overwrite_in_child, NULL));
    cr_assert(child_died_of(&child, SIGABRT));
    cr_assert(child_said(&child, "task 'poor' waits for what was overwritten: event"), "%s",
              child.err);
}
