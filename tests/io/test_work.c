/* SPDX-License-Identifier: MIT
 *
 * Functions that other threads run for tasks.
 */
#include "base/reports.h"
#include "base/where.h"
#include "io/pooled.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static int is_elsewhere(void *arg)
{
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    cr_expect_not(pthread_equal(pthread_self(), *(pthread_t *)arg));
    cr_expect_null(hkt_loop_current());
    cr_expect_eq(hkt_sleep(1), -EPERM);
    cr_expect(sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM));
    cr_expect_not(hkt_blocking_cancelled());
    return 7;
}

static int answers(void *rc)
{
    return (int)(intptr_t)rc;
}

static int in_another_thread(void *arg)
{
    pthread_t self = pthread_self();

    (void)arg;
    cr_assert_eq(hkt_run_blocking(is_elsewhere, &self), 7);
    cr_assert_eq(hkt_run_blocking(answers, FD_ARG(-EIO)), -EIO);
    cr_assert_eq(hkt_run_blocking(NULL, NULL), -EINVAL);
    cr_assert(hkt_work_threads() > 0);
    cr_assert_not(hkt_blocking_cancelled(), "which is for the pool's threads");
    return 0;
}

Test(work, is_done_by_another_thread_and_its_answer_comes_back)
{
    on_each_backend(in_another_thread, NULL);
    cr_assert_eq(hkt_run_blocking(answers, NULL), -EPERM, "not in a task");
}

static int the_loop_goes_on(void *arg)
{
    struct gate g = GATE_INIT;

    (void)arg;
    struct hkt_task *t = hkt_spawn(blocks, &g);
    await_inside(&g, 1);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_not(hkt_task_done(t));
    open_gate(&g);
    return hkt_join(t);
}

Test(work, does_not_stop_the_loop)
{
    on_each_backend(the_loop_goes_on, NULL);
}

/* With nothing else to wait for: no deadlock. */
static int alone(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        cr_assert_eq(hkt_run_blocking(answers, FD_ARG(i)), i);
    return 0;
}

Test(work, is_something_to_wait_for)
{
    on_each_backend(alone, NULL);
}

/* Limits */

enum { CROWD = 40 };

static int many(void *arg)
{
    const struct hkt_work_opts opts = {.max_threads = (unsigned)(intptr_t)arg};
    struct gate g = GATE_INIT;
    struct hkt_task *tasks[CROWD];
    int results[CROWD], n = (int)opts.max_threads;

    hkt_work_configure(&opts);
    for (int i = 0; i < CROWD; i++)
        tasks[i] = hkt_spawn(blocks, &g);
    await_inside(&g, n);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(hkt_work_threads(), opts.max_threads);
    open_gate(&g);
    cr_assert_eq(hkt_gather(tasks, CROWD, results), 0);
    cr_assert(g.most <= n && g.passed == CROWD, "%d at a time", g.most);
    for (int i = 0; i < CROWD; i++) {
        cr_assert(n > 1 || results[i] == i, "one thread: in order");
        hkt_detach(tasks[i]);
    }
    return 0;
}

Test(work, is_done_by_no_more_threads_than_allowed_and_in_order)
{
    on_each_backend(many, FD_ARG(1));
    on_each_backend(many, FD_ARG(4));
}

static int threads_end(void *arg)
{
    const struct hkt_work_opts brief = {.idle_ns = 1};

    (void)arg;
    hkt_work_configure(NULL);
    cr_assert_eq(hkt_run_blocking(answers, FD_ARG(1)), 1);
    cr_assert(hkt_work_threads() > 0);
    hkt_work_configure(&brief);
    while (hkt_work_threads() > 0)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(hkt_run_blocking(answers, FD_ARG(2)), 2, "and new ones begin");
    hkt_work_configure(NULL);
    return 0;
}

Test(work, threads_without_any_end)
{
    on_each_backend(threads_end, NULL);
}

static int as_many_as(void *arg)
{
    struct gate g = GATE_INIT;
    struct hkt_task *tasks[CROWD];
    int n = (int)(intptr_t)arg;

    for (int i = 0; i < CROWD; i++)
        tasks[i] = hkt_spawn(blocks, &g);
    await_inside(&g, n);
    cr_assert_eq(hkt_work_threads(), (unsigned)n);
    open_gate(&g);
    cr_assert_eq(hkt_gather(tasks, CROWD, NULL), 0);
    for (int i = 0; i < CROWD; i++)
        hkt_detach(tasks[i]);
    return 0;
}

Test(work, the_environment_limits_the_threads)
{
    setenv("HKT_THREADS", "3", 1);
    cr_assert_eq(hkt_run_opts(as_many_as, FD_ARG(3), &(struct hkt_loop_opts){.poller = "epoll"}),
                 0);
    setenv("HKT_THREADS", "5", 1);
    hkt_work_configure(NULL);
    cr_assert_eq(hkt_run_opts(as_many_as, FD_ARG(5), &(struct hkt_loop_opts){.poller = "epoll"}),
                 0);
}

/* Cancellation */

static int counts(void *arg)
{
    ++*(int *)arg;
    return 0;
}

static int run_counts(void *arg)
{
    return hkt_run_blocking(counts, arg);
}

static int not_begun(void *arg)
{
    struct gate g;
    struct hkt_task *first = occupy_pool(&g);
    int calls = 0;

    (void)arg;
    struct hkt_task *second = hkt_spawn(run_counts, &calls), *third = hkt_spawn(run_counts, &calls);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(second));
    cr_assert_eq(hkt_join(second), -ECANCELED, "while the first is at it");
    open_gate(&g);
    cr_assert_eq(hkt_join(first), 0);
    cr_assert_eq(hkt_join(third), 0);
    cr_assert_eq(calls, 1);
    return 0;
}

Test(work, that_has_not_begun_is_withdrawn)
{
    on_each_backend(not_begun, NULL);
}

static int until_cancelled(void *arg)
{
    struct gate *g = arg;
    int rc = pass_gate(g);

    while (!hkt_blocking_cancelled())
        sched_yield();
    return rc + 40;
}

static int keeps_its_result(void *gate)
{
    int rc = hkt_run_blocking(until_cancelled, gate);

    cr_expect_eq(rc, 40, "%d", rc);
    cr_expect_eq(hkt_task_cancelling(hkt_task_current()), 2);
    cr_expect_eq(hkt_sleep(HKT_SEC(1000)), -ECANCELED);
    cr_expect_eq(hkt_sleep(0), 0, "once");
    return rc;
}

static int begun(void *arg)
{
    struct gate g = GATE_INIT;

    (void)arg;
    struct hkt_task *t = hkt_spawn(keeps_its_result, &g);
    await_inside(&g, 1);
    cr_assert(hkt_task_cancel(t));
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_not(hkt_task_done(t), "what it works on must not go away");
    open_gate(&g);
    cr_assert_eq(hkt_join(t), 40);
    return 0;
}

Test(work, that_has_begun_is_waited_for_and_the_cancellation_comes_next)
{
    on_each_backend(begun, NULL);
}

struct limited {
    struct hkt_timeout limit;
    struct gate gate;
};

/* Lets the limit expire once the work has begun. */
static int end_limit(void *arg)
{
    struct limited *l = arg;

    await_inside(&l->gate, 1);
    cr_assert_eq(hkt_timeout_reschedule(&l->limit, hkt_now()), 0);
    while (!hkt_timeout_expired(&l->limit))
        cr_assert_eq(hkt_sleep(HKT_US(100)), 0);
    open_gate(&l->gate);
    return 0;
}

static int times_out(void *arg)
{
    struct limited l = {.gate = GATE_INIT};

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&l.limit, -1), 0);
    struct hkt_task *t = hkt_spawn(end_limit, &l);
    int rc = hkt_run_blocking(until_cancelled, &l.gate);
    cr_assert(hkt_timeout_expired(&l.limit));
    cr_assert_eq(hkt_timeout_exit(&l.limit, rc), 40, "it has happened, and says so");
    cr_assert_eq(hkt_join(t), 0, "the request went with the limit");
    return 0;
}

Test(work, that_has_begun_outlasts_a_time_limit)
{
    on_each_backend(times_out, NULL);
}

static int cancelled_before(void *arg)
{
    int calls = 0;

    (void)arg;
    cr_assert(hkt_task_cancel(hkt_task_current()));
    cr_assert_eq(hkt_run_blocking(counts, &calls), -ECANCELED);
    cr_assert_eq(calls, 0);
    cr_assert_eq(hkt_run_blocking(counts, &calls), 0);
    cr_assert_eq(calls, 1);
    return 0;
}

Test(work, asked_for_by_a_cancelled_task_does_not_begin)
{
    on_each_backend(cancelled_before, NULL);
}

static void open_later(void *gate)
{
    open_gate(gate);
}

/* Main ends while a task has work in progress. */
static int ends_first(void *arg)
{
    struct gate *g = arg;
    static struct hkt_handle later;

    hkt_detach(hkt_spawn(blocks, g));
    await_inside(g, 1);
    return hkt_call_later(hkt_loop_current(), &later, HKT_MS(2), open_later, g);
}

Test(work, in_progress_is_waited_for_when_the_loop_ends)
{
    struct gate g = GATE_INIT;

    cr_assert_eq(hkt_run_opts(ends_first, &g, &(struct hkt_loop_opts){.poller = "epoll"}), 0);
    cr_assert_eq(g.passed, 1);
}

/* With an owned argument */

struct owned {
    struct gate gate;
    int released;
};

static void release(void *arg)
{
    struct owned *o = arg;

    pthread_mutex_lock(&o->gate.lock);
    o->released++;
    pthread_mutex_unlock(&o->gate.lock);
}

static int blocks_owned(void *owned)
{
    return hkt_run_blocking_owned(pass_gate, owned, release);
}

static void await_release(struct owned *o)
{
    while (gate_count(&o->gate, &o->released) == 0)
        cr_assert_eq(hkt_sleep(HKT_US(100)), 0);
}

static int left_behind(void *arg)
{
    struct owned *o = arg;

    *o = (struct owned){.gate = GATE_INIT};
    struct hkt_task *t = hkt_spawn(blocks_owned, o);
    await_inside(&o->gate, 1);
    cr_assert(hkt_task_cancel(t));
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED, "at once");
    cr_assert_eq(o->released, 0, "and the thread has it");
    open_gate(&o->gate);
    await_release(o);
    cr_assert_eq(o->gate.passed, 1);
    return 0;
}

Test(work, with_an_argument_of_its_own_is_left_behind_by_a_cancelled_task)
{
    static struct owned o;

    on_each_backend(left_behind, &o);
}

static int owned_to_the_end(void *arg)
{
    const struct hkt_work_opts one = {.max_threads = 1};
    struct owned o = {.gate = GATE_INIT}, second = {.gate = GATE_INIT};

    (void)arg;
    open_gate(&o.gate);
    cr_assert_eq(hkt_run_blocking_owned(pass_gate, &o, release), 0);
    cr_assert_eq(hkt_run_blocking_owned(pass_gate, &o, release), 1);
    cr_assert_eq(o.released, 0, "it is the caller's again");
    cr_assert_eq(hkt_run_blocking_owned(pass_gate, &o, NULL), -EINVAL);
    hkt_work_configure(&one);
    set_gate(&o.gate, false);
    struct hkt_task *first = hkt_spawn(blocks, &o), *t = hkt_spawn(blocks_owned, &second);
    await_inside(&o.gate, 1);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(second.released, 1, "it was never called");
    open_gate(&o.gate);
    cr_assert_eq(hkt_join(first), 2);
    return 0;
}

Test(work, with_an_argument_of_its_own_leaves_that_to_the_caller)
{
    on_each_backend(owned_to_the_end, NULL);
}

static int leaves_behind_and_ends(void *arg)
{
    struct owned *o = arg;

    hkt_detach(hkt_spawn(blocks_owned, o));
    await_inside(&o->gate, 1);
    return 0;
}

Test(work, left_behind_outlives_the_loop)
{
    static struct owned o = {.gate = GATE_INIT};

    cr_assert_eq(
        hkt_run_opts(leaves_behind_and_ends, &o, &(struct hkt_loop_opts){.poller = "epoll"}), 0);
    cr_assert_eq(o.released, 0);
    open_gate(&o.gate);
    while (gate_count(&o.gate, &o.released) == 0)
        usleep(100);
}

/* Several loops */

static void *run_alone(void *arg)
{
    cr_assert_eq(hkt_run_opts(alone, NULL, &(struct hkt_loop_opts){.poller = "epoll"}), 0);
    return arg;
}

Test(work, of_several_loops_is_done_by_one_pool)
{
    const struct hkt_work_opts two = {.max_threads = 2};
    pthread_t threads[4];

    hkt_work_configure(&two);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_alone, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_assert(hkt_work_threads() <= 2);
}

/* Forks */

static int forks(void *arg)
{
    struct gate g = GATE_INIT;
    int status = 0;

    struct hkt_task *t = hkt_spawn(blocks, &g);
    await_inside(&g, 1);
    pid_t pid = fork();
    if (pid == 0) {
        if (hkt_work_threads() != 0 || hkt_run_blocking(answers, NULL) != -EPERM)
            _exit(1);
        int rc = hkt_run_opts(alone, NULL, &(struct hkt_loop_opts){.poller = "epoll"});
        _exit(rc != 0 || hkt_work_threads() == 0);
    }
    cr_assert(pid > 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0, "%#x", (unsigned)status);
    open_gate(&g);
    (void)arg;
    return hkt_join(t);
}

Test(work, starts_anew_in_the_child_of_a_fork)
{
    if (WHERE_TSAN || where_emulator())
        cr_skip_test("here a child of several threads cannot start any");
    on_each_backend(forks, NULL);
}

/* What is left behind at the end is said, where the loop is made for debugging. */

static int leave_behind(void *owned)
{
    struct hkt_task *t = hkt_spawn(blocks_owned, owned);

    await_inside(&((struct owned *)owned)->gate, 1);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    return 0;
}

static int wait_for_release(void *owned)
{
    open_gate(&((struct owned *)owned)->gate);
    await_release(owned);
    return 0;
}

Test(work, a_call_that_was_left_behind_is_said_at_the_end)
{
    struct hkt_loop_opts opts = {.debug = true, .slow_ns = HKT_SEC(100)};
    static struct owned o = {.gate = GATE_INIT};
    struct reports reports;

    reports_to(&reports);
    cr_assert_eq(hkt_run_opts(leave_behind, &o, &opts), 0);
    cr_assert(reports_say(&reports, "the loop ends with 1 blocking calls that go on"), "%s",
              reports.last);
    cr_assert_eq(hkt_run(wait_for_release, &o), 0);
    int count = reports.count;
    cr_assert_eq(count, 1, "%d", count);
}
