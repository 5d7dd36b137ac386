/* SPDX-License-Identifier: MIT
 *
 * Many tasks use all objects at random, and are cancelled at random, before they wait, while they
 * wait, and after they were chosen. What must hold, holds at each step; nothing is lost, so all
 * come to their end: else the loop answers -EDEADLK. The same numbers in each run.
 */
#include "order.h"

enum { TASKS = 24, STEPS = 60, SLOTS = 3, PARTIES = 4, SEEDS = 6 };

static struct hkt_lock lock;
static struct hkt_rwlock rwlock;
static struct hkt_semaphore sem;
static struct hkt_cond cond;
static struct hkt_barrier barrier;
static struct hkt_event event;
static struct hkt_waitgroup group;
static int in_lock, in_read, in_write, in_slots, tickets, at_work;

static uint32_t seed;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 16) % sides;
}

/* Gives up its turn, or not, or for a while. */
static int pause_a_while(void)
{
    uint32_t n = dice(4);

    return n == 0 ? 0 : hkt_sleep(n == 1 ? 0 : HKT_MS(dice(3)));
}

static int use_lock(void)
{
    HKT_TRY(dice(4) ? hkt_lock_acquire(&lock) : hkt_lock_try(&lock));
    cr_assert_eq(++in_lock, 1);
    int rc = pause_a_while();
    in_lock--;
    cr_assert_eq(hkt_lock_owner(&lock), hkt_task_current());
    cr_assert_eq(hkt_lock_release(&lock), 0);
    return rc;
}

static int read_it(void)
{
    HKT_TRY(dice(4) ? hkt_rwlock_acquire_read(&rwlock) : hkt_rwlock_try_read(&rwlock));
    in_read++;
    cr_assert_eq(in_write, 0);
    int rc = pause_a_while();
    cr_assert_eq(in_write, 0);
    in_read--;
    cr_assert_eq(hkt_rwlock_release(&rwlock), 0);
    return rc;
}

static int write_it(void)
{
    HKT_TRY(dice(4) ? hkt_rwlock_acquire_write(&rwlock) : hkt_rwlock_try_write(&rwlock));
    cr_assert_eq(++in_write + in_read, 1);
    int rc = pause_a_while();
    cr_assert_eq(in_write-- + in_read, 1);
    cr_assert_eq(hkt_rwlock_release(&rwlock), 0);
    return rc;
}

static int take_slot(void)
{
    HKT_TRY(dice(4) ? hkt_semaphore_acquire(&sem) : hkt_semaphore_try(&sem));
    cr_assert_leq(++in_slots, SLOTS);
    int rc = pause_a_while();
    in_slots--;
    cr_assert_eq(hkt_semaphore_release(&sem), 0);
    return rc;
}

static int ticket_there(void *arg)
{
    (void)arg;
    return tickets > 0;
}

/* Each who waits leaves a ticket for another, and is told of one at a time. */
static int trade_tickets(void)
{
    HKT_TRY(hkt_cond_acquire(&cond));
    tickets++;
    cr_assert_eq(hkt_cond_notify(&cond, 1), 0);
    cr_assert_eq(hkt_cond_release(&cond), 0);
    int slept = pause_a_while();
    if (slept < 0) /* its ticket is for somebody else, who is fewer then */
        return slept;
    HKT_TRY(hkt_cond_acquire(&cond));
    int rc = hkt_cond_wait_for(&cond, ticket_there, NULL);
    cr_assert_eq(hkt_lock_owner(hkt_cond_lock(&cond)), hkt_task_current());
    if (rc > 0)
        tickets--;
    cr_assert_eq(hkt_cond_release(&cond), 0);
    return rc < 0 ? rc : 0;
}

static int meet(void)
{
    int rc = hkt_barrier_wait(&barrier);

    cr_assert(rc == HKT_EBROKEN || rc == -ECANCELED || (rc >= 0 && rc < PARTIES));
    return rc;
}

static int step(void)
{
    switch (dice(9)) {
    case 0:
    case 1:
        return use_lock();
    case 2:
        return read_it();
    case 3:
        return write_it();
    case 4:
    case 5:
        return take_slot();
    case 6:
        return trade_tickets();
    case 7:
        return meet();
    default:
        return hkt_event_wait(&event);
    }
}

static int worker(void *arg)
{
    (void)arg;
    for (int i = 0; i < STEPS; i++) {
        int rc = step();
        cr_assert(rc >= 0 || rc == -ECANCELED || rc == -EBUSY || rc == -EAGAIN || rc == HKT_EBROKEN,
                  "%d", rc);
    }
    at_work--;
    return hkt_waitgroup_done(&group);
}

/* Cancels, and frees those whom only an outsider frees. */
static void stir(struct hkt_task **t)
{
    for (uint32_t n = dice(TASKS); n > 0; n--)
        if (dice(3) == 0)
            (void)hkt_task_cancel(t[dice(TASKS)]);
    if (dice(3) == 0)
        cr_assert_eq(dice(2) ? hkt_barrier_reset(&barrier) : hkt_barrier_abort(&barrier), 0);
    if (dice(2) == 0) {
        cr_assert_eq(hkt_event_set(&event), 0);
        hkt_event_clear(&event);
    }
}

static int storm(void *arg)
{
    struct hkt_task *t[TASKS];

    (void)arg;
    at_work = TASKS;
    cr_assert_eq(hkt_waitgroup_add(&group, TASKS), 0);
    for (int i = 0; i < TASKS; i++)
        t[i] = hkt_spawn(worker, NULL);
    HKT_TRY(hkt_sleep(0)); /* they have all begun: else a cancelled one never runs */
    while (at_work > 0) {
        stir(t);
        HKT_TRY(hkt_sleep(dice(2) ? 0 : HKT_MS(1)));
    }
    HKT_TRY(hkt_waitgroup_wait(&group));
    for (int i = 0; i < TASKS; i++) {
        int rc = hkt_join(t[i]);
        cr_assert(rc == 0 || rc == -ECANCELED);
    }
    return 0;
}

/* All is as at first. */
static void check_rest(void)
{
    cr_assert_not(hkt_lock_locked(&lock));
    cr_assert_eq(hkt_rwlock_release(&rwlock), -EPERM);
    cr_assert_eq(hkt_semaphore_value(&sem), SLOTS);
    cr_assert_not(hkt_semaphore_locked(&sem));
    cr_assert_not(hkt_lock_locked(hkt_cond_lock(&cond)));
    cr_assert_eq(hkt_barrier_waiting(&barrier), 0);
    cr_assert_eq(hkt_barrier_reset(&barrier), 0);
    cr_assert_not(hkt_barrier_broken(&barrier));
    cr_assert_eq(hkt_waitgroup_count(&group), 0);
}

Test(storm, nothing_is_lost_whoever_is_cancelled)
{
    cr_assert_eq(hkt_semaphore_init(&sem, SLOTS, SLOTS), 0);
    cr_assert_eq(hkt_barrier_init(&barrier, PARTIES), 0);
    for (uint32_t i = 0; i < SEEDS; i++) {
        seed = i * 7919;
        cr_assert_eq(run_ordered(storm), 0, "seed %u", (unsigned)i);
        check_rest();
    }
}
