/* SPDX-License-Identifier: MIT
 *
 * The life of a task.
 */
#include "base/reports.h"
#include "sched/simulated.h"

#include <string.h>

struct log {
    char text[64];
    size_t n;
};

static void note(struct log *log, char c)
{
    log->text[log->n++] = c;
}

struct writer {
    struct log *log;
    char name;
};

static int write_thrice(void *arg)
{
    struct writer *w = arg;

    for (int i = 0; i < 3; i++) {
        note(w->log, w->name);
        HKT_TRY(hkt_sleep(0));
    }
    return 0;
}

static int spawn_writers(void *arg)
{
    struct log *log = arg;
    struct writer w[3] = {{log, 'a'}, {log, 'b'}, {log, 'c'}};
    struct hkt_task *t[3];

    for (int i = 0; i < 3; i++)
        t[i] = hkt_spawn(write_thrice, &w[i]);
    note(log, '.'); /* nothing has run yet */
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    return 7;
}

Test(task, tasks_take_turns_in_the_order_in_which_they_were_spawned)
{
    struct log log = {0};

    cr_assert_eq(run_simulated(spawn_writers, &log), 7);
    cr_assert_str_eq(log.text, ".abcabcabc");
}

static int join_count(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_join(hkt_spawn(returner, INT_ARG(1234))), 1234);
    cr_assert_eq(hkt_join(hkt_spawn(returner, INT_ARG(-77))), -77);
    return 0;
}

Test(task, join_answers_what_the_task_returned)
{
    cr_assert_eq(run_simulated(join_count, NULL), 0);
}

static int join_self(void *arg)
{
    (void)arg;
    return hkt_join(hkt_task_current());
}

static int join_twice(void *t)
{
    return hkt_join(t);
}

static int join_errors(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_join(NULL), -ENOMEM);
    struct hkt_task *t = hkt_spawn(join_self, NULL);
    cr_assert_eq(hkt_join(t), -EDEADLK);
    t = hkt_spawn(sleeper, INT_ARG(50));
    struct hkt_task *other = hkt_spawn(join_twice, t);
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    cr_assert_eq(hkt_join(t), -EBUSY);
    cr_assert_eq(hkt_join(other), 50);
    return 0;
}

Test(task, joining_nobody_oneself_or_what_another_joins_is_an_error)
{
    cr_assert_eq(run_simulated(join_errors, NULL), 0);
}

static int outside(void *arg)
{
    (void)arg;
    return 0;
}

Test(task, outside_a_loop_nothing_can_be_spawned_or_waited_for)
{
    struct reports reports;

    reports_to(&reports);
    cr_assert_null(hkt_spawn(outside, NULL));
    cr_assert(reports_say(&reports, "no loop"));
    cr_assert_eq(hkt_sleep(0), -EPERM);
    cr_assert_null(hkt_task_current());
}

static int detach_failure(void *arg)
{
    (void)arg;
    hkt_detach(hkt_spawn(failer, INT_ARG(-EIO)));
    HKT_TRY(hkt_sleep(HKT_MS(20)));
    return 0;
}

Test(task, a_detached_task_that_fails_is_reported)
{
    struct reports reports;

    reports_to(&reports);
    cr_assert_eq(run_simulated(detach_failure, NULL), 0);
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "task-2"));
    cr_assert(reports_say(&reports, strerror(EIO)));
}

static int wait_apart(void *arg)
{
    (void)arg;
    int rc = 0;
    struct hkt_task *t = hkt_spawn(failer, INT_ARG(-EIO));
    cr_assert_eq(hkt_task_result(t), -EAGAIN);
    cr_assert_eq(hkt_task_wait(t, &rc), 0);
    cr_assert_eq(rc, -EIO);
    cr_assert(hkt_task_done(t));
    cr_assert_eq(hkt_task_result(t), -EIO);
    cr_assert_eq(hkt_join(t), -EIO);
    return 0;
}

Test(task, wait_tells_the_tasks_fate_from_the_waiters)
{
    cr_assert_eq(run_simulated(wait_apart, NULL), 0);
}

static int names(void *arg)
{
    char buf[32];
    const struct hkt_task_opts opts = {.name = "worker", .data = &buf, .stack_size = 16384};
    struct hkt_task *t = hkt_spawn_opts(sleeper, INT_ARG(1), &opts);

    (void)arg;
    cr_assert_str_eq(hkt_task_name(hkt_task_current(), buf, sizeof buf), "main");
    cr_assert_str_eq(hkt_task_name(t, buf, sizeof buf), "worker");
    cr_assert_eq(hkt_task_data(t), &buf);
    struct hkt_task *u = hkt_spawn(sleeper, INT_ARG(2));
    cr_assert_str_eq(hkt_task_name(u, buf, sizeof buf), "task-3");
    hkt_task_set_name(u, "other");
    cr_assert_str_eq(hkt_task_name(u, buf, sizeof buf), "other");
    struct hkt_loop *loop = hkt_loop_current();
    cr_assert_eq(hkt_task_next(loop, NULL), hkt_task_current());
    cr_assert_eq(hkt_task_next(loop, hkt_task_current()), t);
    cr_assert_eq(hkt_task_next(loop, t), u);
    cr_assert_null(hkt_task_next(loop, u));
    cr_assert_eq(hkt_join(t), 1);
    cr_assert_eq(hkt_task_next(loop, hkt_task_current()), u);
    return hkt_join(u);
}

Test(task, names_data_and_the_walk_over_all_tasks)
{
    cr_assert_eq(run_simulated(names, NULL), 2);
}

static int mark_and_sleep(void *arg)
{
    *(int *)arg = 1;
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    *(int *)arg = 2;
    return 0;
}

static int eager(void *arg)
{
    const struct hkt_task_opts opts = {.flags = HKT_EAGER};
    int mark = 0;

    (void)arg;
    struct hkt_task *t = hkt_spawn_opts(mark_and_sleep, &mark, &opts);
    cr_assert_eq(mark, 1, "it ran to its first suspension");
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(mark, 2);
    t = hkt_spawn_opts(returner, INT_ARG(5), &opts);
    cr_assert(hkt_task_done(t), "it never suspended");
    return hkt_join(t);
}

Test(task, an_eager_task_runs_before_spawn_returns)
{
    cr_assert_eq(run_simulated(eager, NULL), 5);
}

static int many(void *arg)
{
    enum { N = 500 };
    static struct hkt_task *t[N];
    int64_t sum = 0;

    (void)arg;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++)
            t[i] = hkt_spawn(sleeper, INT_ARG(i % 100));
        for (int i = 0; i < N; i++)
            sum += hkt_join(t[i]);
    }
    cr_assert_eq(sum, 3 * (int64_t)N / 100 * 4950);
    cr_assert_eq(simulated_now, 3 * HKT_MS(99));
    return 0;
}

Test(task, hundreds_of_sleepers_are_spawned_and_joined_again_and_again, .timeout = 60)
{
    cr_assert_eq(run_simulated(many, NULL), 0);
}

static int64_t woke[5];

static int sleep_and_note(void *arg)
{
    static const int64_t naps[5] = {1000, 1010, 1240, 1300, 2000};
    size_t i = *(const size_t *)arg;
    int rc = hkt_sleep(HKT_US(naps[i]));

    woke[i] = hkt_now();
    return rc;
}

static int five_sleepers(void *arg)
{
    static const size_t numbers[5] = {0, 1, 2, 3, 4};
    struct hkt_group g = {0};

    (void)arg;
    cr_assert_eq(hkt_group_enter(&g), 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(hkt_group_spawn(&g, sleep_and_note, (void *)(uintptr_t)&numbers[i]), 0);
    return hkt_group_exit(&g, 0);
}

static void expect_wakes(int64_t slack_ns, const int64_t microseconds[5])
{
    struct hkt_loop_opts opts = simulated;

    opts.slack_ns = slack_ns;
    simulated_now = 0;
    cr_assert_eq(hkt_run_opts(five_sleepers, NULL, &opts), 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(woke[i], HKT_US(microseconds[i]), "sleeper %d at %lld ns", i,
                     (long long)woke[i]);
}

Test(task, timers_that_follow_each_other_closely_wake_together)
{
    expect_wakes(HKT_US(250), (const int64_t[]){1000, 1250, 1250, 1500, 2000});
    expect_wakes(0, (const int64_t[]){1000, 1010, 1240, 1300, 2000});
    expect_wakes(-1, (const int64_t[]){1000, 1010, 1240, 1300, 2000});
}
