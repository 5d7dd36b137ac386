/* SPDX-License-Identifier: MIT
 *
 * Tasks, and what they wait for, without memory.
 */
#include "base/failing.h"

#include <hocket/hocket.h>

/* More than a waiter has room for on its stack, and on stacks that nothing else uses. */
enum { MANY = 20, STACK = 256 << 10 };

static const struct hkt_task_opts large = {.stack_size = STACK};

static int sleep_some(void *us)
{
    HKT_TRY(hkt_sleep(HKT_US((intptr_t)us)));
    return 0;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

Test(sched_oom, a_loop)
{
    fail_each(nothing, NULL);
}

static int use_group(void *arg)
{
    struct hkt_group g = {.on_error = NULL};
    int rc = hkt_group_enter(&g);

    (void)arg;
    for (int i = 0; i < MANY && rc == 0; i++)
        rc = hkt_group_spawn_opts(&g, sleep_some, (void *)(intptr_t)10, &large);
    return hkt_group_exit(&g, rc);
}

Test(sched_oom, a_group)
{
    fail_each(use_group, NULL);
}

/* The ways to wait for many */

static int spawn_many(struct hkt_task *t[MANY])
{
    int rc = 0;

    for (int i = 0; i < MANY; i++) {
        t[i] = hkt_spawn_opts(sleep_some, (void *)(intptr_t)(10 + i % 3 * 100), &large);
        rc = t[i] ? rc : -ENOMEM;
    }
    return rc;
}

static int end_many(struct hkt_task *t[MANY], int rc)
{
    for (int i = 0; i < MANY; i++) {
        if (!t[i])
            continue;
        (void)hkt_task_cancel(t[i]);
        int ended = hkt_join(t[i]);
        cr_assert(ended == 0 || ended == -ECANCELED, "%d", ended);
    }
    return rc;
}

static int wait_all(struct hkt_task *t[MANY])
{
    int n = hkt_wait(t, MANY, HKT_ALL, -1);

    return n < 0 ? n : n == MANY ? 0 : -EIO;
}

static int gather_all(struct hkt_task *t[MANY])
{
    int results[MANY];

    return hkt_gather(t, MANY, results);
}

static int gather_until_failure(struct hkt_task *t[MANY])
{
    return hkt_gather(t, MANY, NULL);
}

static int take_in_order(struct hkt_task *t[MANY])
{
    struct hkt_wait_set set = {.tasks = t, .n = MANY};
    struct hkt_task *next;
    int rc;

    while ((rc = hkt_wait_next(&set, &next, -1)) > 0)
        cr_assert_eq(hkt_join(next), 0);
    return rc;
}

static int wait_for_each(struct hkt_task *t[MANY])
{
    for (int i = 0; i < MANY; i++)
        HKT_TRY(hkt_wait_for(t[i], HKT_SEC(100)));
    return 0;
}

static int use_many(void *arg)
{
    int (*const *wait)(struct hkt_task * t[MANY]) = arg;
    struct hkt_task *t[MANY];
    int rc = spawn_many(t);

    return end_many(t, rc < 0 ? rc : (*wait)(t));
}

Test(sched_oom, many_tasks, .timeout = 60)
{
    int (*const ways[])(struct hkt_task * t[MANY]) = {wait_all, gather_all, gather_until_failure,
                                                      take_in_order, wait_for_each};

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        fail_each(use_many, (void *)(uintptr_t)&ways[i]);
}

/* From another thread */

static int run_remotely(void *loop)
{
    return hkt_remote_run(loop, sleep_some, (void *)(intptr_t)10, -1);
}

static int use_remote(void *arg)
{
    (void)arg;
    return hkt_run_blocking(run_remotely, hkt_loop_current());
}

Test(sched_oom, a_task_of_another_thread)
{
    fail_each(use_remote, NULL);
}

/* Mailboxes, alone and as cases */

static int mail_later(void *mailbox)
{
    int n = 7;

    HKT_TRY(hkt_sleep(HKT_US(10)));
    return hkt_mailbox_send(mailbox, &n, sizeof n);
}

static int receive_by_select(struct hkt_mailbox *m)
{
    int n = 0;
    struct hkt_case cases[] = {hkt_mailbox_recv_case(m, &n, sizeof n)};
    struct hkt_task *t = hkt_spawn(mail_later, m);
    int rc = t ? hkt_select(cases, 1) : -ENOMEM;

    if (rc == 0)
        rc = cases[0].rc < 0 ? cases[0].rc : n == 7 ? 0 : -EIO;
    if (t && rc < 0)
        (void)hkt_task_cancel(t);
    int sent = hkt_join(t);
    return rc < 0 ? rc : sent;
}

static int use_mailbox(void *arg)
{
    struct hkt_mailbox *m = hkt_mailbox_new(2, sizeof(int));

    (void)arg;
    if (!m)
        return -ENOMEM;
    int rc = receive_by_select(m);
    cr_assert_eq(hkt_mailbox_free(m), 0);
    return rc;
}

Test(sched_oom, a_mailbox)
{
    fail_each(use_mailbox, NULL);
}

/* Queues that grow */

static int use_queue(void *arg)
{
    struct hkt_queue q;
    int rc = hkt_queue_init_unbounded(&q, sizeof(int), NULL), n;

    (void)arg;
    for (int i = 0; i < 1000 && rc == 0; i++)
        rc = hkt_queue_put(&q, &i, sizeof i);
    for (int i = 0; i < 1000 && rc >= 0; i++) {
        rc = hkt_queue_get(&q, &n, sizeof n);
        cr_assert(rc < 0 || n == i);
    }
    cr_assert_eq(hkt_queue_free(&q), 0);
    return rc < 0 ? rc : 0;
}

Test(sched_oom, a_queue_that_grows)
{
    fail_each(use_queue, NULL);
}
