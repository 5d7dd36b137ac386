/* SPDX-License-Identifier: MIT
 *
 * What is said of mistakes: objects of another thread's loop, what is left at the end; and to whom.
 */
#include "base/reports.h"
#include "sched/simulated.h"

#include <hocket/hocket.h>

#include <pthread.h>
#include <stdlib.h>

static struct reports reports;

/* All lines, so that one among several is found. */
struct lines {
    int count;
    char text[2048];
};

static void take_line(void *ctx, const char *line)
{
    struct lines *l = ctx;
    size_t used = strlen(l->text);

    l->count++;
    snprintf(l->text + used, sizeof l->text - used, "%s\n", line);
}

static bool said(const struct lines *l, const char *line)
{
    return strstr(l->text, line) != NULL;
}

static void nothing(void *arg)
{
    (void)arg;
}

/* From another thread */

struct things {
    struct hkt_loop *loop;
    struct hkt_task *waiter;
    struct hkt_future future;
    struct hkt_event event;
    struct hkt_handle handle;
    struct hkt_prepare prepare;
};

static int await_future(void *future)
{
    return hkt_await(future);
}

static int await_event(void *event)
{
    return hkt_event_wait(event);
}

static void *use_elsewhere(void *arg)
{
    struct things *x = arg;

    cr_expect_eq(hkt_future_set(&x->future, 1, NULL), -EXDEV);
    cr_expect(reports_say(&reports, "'future' used from outside of its loop: it belongs to another "
                                    "thread"),
              "%s", reports.last);
    cr_expect_eq(hkt_future_cancel(&x->future), -EXDEV);
    cr_expect_eq(hkt_event_set(&x->event), -EXDEV);
    cr_expect(reports_say(&reports, "'event' used"), "%s", reports.last);
    cr_expect_eq(hkt_call_soon(x->loop, &x->handle, nothing, NULL), -EXDEV);
    cr_expect_eq(hkt_call_later(x->loop, &x->handle, 0, nothing, NULL), -EXDEV);
    cr_expect_eq(hkt_call_before_poll(x->loop, &x->prepare, nothing, NULL), -EXDEV);
    cr_expect_eq(hkt_add_reader(x->loop, 0, nothing, NULL), -EXDEV);
    cr_expect_eq(hkt_remove_writer(x->loop, 0), -EXDEV);
    cr_expect(!hkt_task_cancel(x->waiter));
    cr_expect(reports_say(&reports, "'cancel' used"), "%s", reports.last);
    cr_expect_null(hkt_ensure_future(x->loop, await_event, &x->event));
    cr_expect(reports_say(&reports, "'spawn' used"), "%s", reports.last);
    hkt_loop_stop(x->loop);
    cr_expect(reports_say(&reports, "'stop' used"), "%s", reports.last);
    return NULL;
}

static int with_waiters(void *arg)
{
    static struct things x;
    struct hkt_task *t[2] = {hkt_spawn(await_future, &x.future), hkt_spawn(await_event, &x.event)};
    pthread_t thread;

    (void)arg;
    HKT_TRY(hkt_sleep(0));
    x.loop = hkt_loop_current();
    x.waiter = t[0];
    cr_assert_eq(pthread_create(&thread, NULL, use_elsewhere, &x), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(hkt_future_set(&x.future, 3, NULL), 0);
    cr_assert_eq(hkt_event_set(&x.event), 0);
    cr_assert_eq(hkt_join(t[0]), 3);
    return hkt_join(t[1]);
}

Test(debug, another_threads_objects_are_refused_and_that_is_said)
{
    const struct hkt_loop_opts opts = {.debug = true};

    reports_to(&reports);
    cr_assert_eq(hkt_run_opts(with_waiters, NULL, &opts), 0);
    cr_assert_eq(reports.count, 11, "%d", reports.count);
}

static void *run_it(void *loop)
{
    cr_expect_eq(hkt_loop_run_forever(loop), -EXDEV);
    return NULL;
}

Test(debug, a_loop_is_run_by_its_own_thread)
{
    struct hkt_loop *loop = hkt_loop_new(&simulated);
    pthread_t thread;

    reports_to(&reports);
    cr_assert_eq(pthread_create(&thread, NULL, run_it, loop), 0);
    pthread_join(thread, NULL);
    hkt_loop_stop(loop);
    cr_assert_eq(hkt_loop_run_forever(loop), 0);
    cr_assert_eq(hkt_loop_free(loop), 0);
}

/* At the end */

static struct hkt_handle late;

static int leave_things(void *arg)
{
    (void)arg;
    hkt_detach(hkt_spawn(sleeper, INT_ARG(1000)));
    hkt_detach(hkt_spawn_opts(sleeper, INT_ARG(2000), &(struct hkt_task_opts){.name = "second"}));
    cr_assert_eq(hkt_call_later(hkt_loop_current(), &late, HKT_SEC(5), nothing, NULL), 0);
    hkt_loop_hold(hkt_loop_current());
    return hkt_sleep(HKT_MS(1));
}

static struct hkt_loop_opts debugging(struct lines *l)
{
    struct hkt_loop_opts opts = simulated;

    opts.debug = true;
    opts.on_report = take_line;
    opts.report_ctx = l;
    return opts;
}

Test(debug, what_is_left_at_the_end_is_said)
{
    struct lines l = {0};
    const struct hkt_loop_opts opts = debugging(&l);

    reports_to(&reports);
    cr_assert_eq(hkt_run_opts(leave_things, NULL, &opts), 0);
    cr_assert_eq(l.count, 5, "%s", l.text);
    cr_assert(said(&l, "2 tasks are left at the end, and are cancelled\n"), "%s", l.text);
    cr_assert(said(&l, "task 'task-2' is left: waits for sleep since 1.0 ms\n"), "%s", l.text);
    cr_assert(said(&l, "task 'second' is left: waits"), "%s", l.text);
    cr_assert(said(&l, "the loop ends with 1 timed calls\n"), "%s", l.text);
    cr_assert(said(&l, "the loop ends with 1 holds\n"), "%s", l.text);
    cr_assert_eq(reports.count, 0, "all went to the loop's: %s", reports.last);
}

static int leaves_nothing(void *arg)
{
    return hkt_join(hkt_spawn(sleeper, arg));
}

Test(debug, nothing_left_nothing_said)
{
    struct lines l = {0};
    const struct hkt_loop_opts opts = debugging(&l);

    cr_assert_eq(hkt_run_opts(leaves_nothing, INT_ARG(3), &opts), 3);
    cr_assert_eq(l.count, 0, "%s", l.text);
}

static int asked_by_environment(void *arg)
{
    simulated_now += HKT_MS(101);
    return hkt_sleep((intptr_t)arg);
}

Test(debug, may_be_asked_for_by_the_environment)
{
    reports_to(&reports);
    setenv("HKT_DEBUG", "0", 1);
    cr_assert_eq(run_simulated(asked_by_environment, NULL), 0);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    setenv("HKT_DEBUG", "1", 1);
    cr_assert_eq(run_simulated(asked_by_environment, NULL), 0);
    cr_assert(reports_say(&reports, "main held the loop for 101000 us"), "%s", reports.last);
}

/* To whom */

static int fails(void *arg)
{
    (void)arg;
    return -EIO;
}

static int reports_twice(void *arg)
{
    hkt_detach(hkt_spawn(fails, NULL));
    HKT_TRY(hkt_sleep(0));
    hkt_report("as user code does");
    hkt_loop_on_report(hkt_loop_current(), NULL, NULL);
    hkt_report("to the process's");
    hkt_loop_on_report(hkt_loop_current(), take_line, arg);
    hkt_report("and back");
    return 0;
}

Test(debug, a_loop_has_somebody_of_its_own_to_tell)
{
    struct lines l = {0};
    struct hkt_loop_opts opts = debugging(&l);

    opts.debug = false;
    reports_to(&reports);
    cr_assert_eq(hkt_run_opts(reports_twice, &l, &opts), 0);
    cr_assert_eq(l.count, 3, "%s", l.text);
    cr_assert(said(&l, "task 'task-2' failed and nobody looked"), "%s", l.text);
    cr_assert(said(&l, "as user code does\nand back"), "%s", l.text);
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "to the process's"));
    hkt_report("outside of the loop");
    cr_assert_eq(reports.count, 2);
}

static int waits_for_ever(void *arg)
{
    return hkt_await(arg);
}

Test(debug, a_deadlock_is_told_to_the_loops)
{
    struct lines l = {0};
    const struct hkt_loop_opts opts = debugging(&l);
    struct hkt_future never = {0};

    cr_assert_eq(hkt_run_opts(waits_for_ever, &never, &opts), -EDEADLK);
    cr_assert(said(&l, "nothing is left that could wake"), "%s", l.text);
}
