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
    const struct hkt_loop_opts opts = {.debug = true, .slow_ns = HKT_SEC(100)};

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
    cr_assert(
        said(&l, "task 'task-2' is left: waits for sleep since 1.0 ms, 999.0 ms more, made in "),
        "%s", l.text);
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

/* What was cancelled, and does not say so */

static int swallows(void *arg)
{
    (void)!hkt_sleep(HKT_SEC(1));
    return (int)(intptr_t)arg;
}

static int within_limit(void *arg)
{
    struct hkt_timeout limit = {0};

    (void)arg;
    HKT_TRY(hkt_timeout_enter(&limit, HKT_MS(1)));
    return hkt_timeout_exit(&limit, hkt_sleep(HKT_SEC(1))) == -ETIMEDOUT ? 0 : -EIO;
}

/* Where the place of the call is looked for: not to be inlined, nor to end with the call. */
__attribute__((noinline)) static struct hkt_task *made_here(hkt_task_fn *fn, void *arg)
{
    struct hkt_task *t = hkt_spawn(fn, arg);

    __asm__ volatile("" : "+r"(t));
    return t;
}

static int cancels_some(void *arg)
{
    struct hkt_task *t[] = {
        hkt_spawn_opts(swallows, INT_ARG(5), &(struct hkt_task_opts){.name = "five"}),
        hkt_spawn(swallows, INT_ARG(-ECANCELED)), hkt_spawn(within_limit, arg),
        hkt_spawn(swallows, INT_ARG(-EIO))};

    HKT_TRY(hkt_sleep(HKT_MS(2)));
    for (int i = 0; i < 4; i++)
        (void)hkt_task_cancel(t[i]);
    cr_assert_eq(hkt_join(t[0]), 5);
    cr_assert_eq(hkt_join(t[1]), -ECANCELED);
    cr_assert_eq(hkt_join(t[2]), 0);
    return hkt_join(t[3]);
}

Test(debug, a_cancellation_that_comes_to_nothing_is_said)
{
    struct lines l = {0};
    struct hkt_loop_opts opts = debugging(&l);

    cr_assert_eq(hkt_run_opts(cancels_some, NULL, &opts), -EIO);
    cr_assert_eq(l.count, 2, "%s", l.text);
    cr_assert(said(&l, "task 'five' was cancelled, and ended with 5 all the same, made in "), "%s",
              l.text);
    l = (struct lines){0};
    opts.debug = false;
    cr_assert_eq(hkt_run_opts(cancels_some, NULL, &opts), -EIO);
    cr_assert_eq(l.count, 0, "%s", l.text);
}

static int makes_a_failing_one(void *arg)
{
    (void)arg;
    hkt_detach(made_here(fails, NULL));
    return hkt_sleep(0);
}

Test(debug, of_a_task_that_fails_it_is_said_where_it_was_made)
{
    struct lines l = {0};
    struct hkt_loop_opts opts = debugging(&l);

    cr_assert_eq(hkt_run_opts(makes_a_failing_one, NULL, &opts), 0);
    cr_assert(said(&l, "error, made in made_here+0x"), "%s", l.text);
    l = (struct lines){0};
    opts.debug = false;
    cr_assert_eq(hkt_run_opts(makes_a_failing_one, NULL, &opts), 0);
    cr_assert(said(&l, "error\n"), "%s", l.text);
}

/* What is never given back */

static struct hkt_gen *generators[3];
static struct hkt_coro *coroutine;
static struct hkt_task *task;

static int a_generator(struct hkt_gen *self, void *arg)
{
    return hkt_yield(self, arg, NULL);
}

static int a_coroutine(struct hkt_coro *self, void *arg)
{
    return hkt_coro_yield(self, arg, NULL);
}

static int leave_coroutines(void *arg)
{
    void *value;

    generators[1] = hkt_gen_new(a_generator, arg);
    generators[2] = hkt_gen_new(a_generator, arg);
    cr_assert_eq(hkt_gen_next(generators[2], &value), 1);
    coroutine = hkt_coro_new(a_coroutine, arg);
    hkt_coro_free(hkt_coro_new(a_coroutine, arg));
    task = made_here(returner, INT_ARG(3));
    return hkt_sleep(0);
}

Test(debug, coroutines_that_are_not_freed_are_said)
{
    struct lines l = {0};
    struct hkt_loop_opts opts = debugging(&l);

    generators[0] = hkt_gen_new(a_generator, NULL); /* before: not the loop's */
    cr_assert_eq(hkt_run_opts(leave_coroutines, NULL, &opts), 0);
    cr_assert_eq(l.count, 4, "%s", l.text);
    /* Behind the name may be what the compiler put there. */
    cr_assert(said(&l, "generator 'coro' of a_generator"), "%s", l.text);
    cr_assert(said(&l, "+0x0 is left: it was never begun, and not freed\n"), "%s", l.text);
    cr_assert(said(&l, "+0x0 is left: it was not freed\n"), "%s", l.text);
    cr_assert(said(&l, "coroutine 'coro' of a_coroutine"), "%s", l.text);
    cr_assert(said(&l, "task 'task-2' is left: it has ended, and was neither joined nor detached, "
                       "made in made_here+0x"),
              "%s", l.text);
    for (int i = 0; i < 3; i++)
        hkt_gen_free(generators[i]);
    hkt_coro_free(coroutine);
    hkt_detach(task);
}

/* What other threads do */

/* It has not ended by the time the other waits for it. */
static int return_later(void *rc)
{
    HKT_TRY(hkt_sleep(HKT_MS(100)));
    return (int)(intptr_t)rc;
}

static int run_remotely(void *loop)
{
    return hkt_remote_run(loop, return_later, INT_ARG(4), -1);
}

static struct hkt_loop *other;
static pthread_barrier_t there;

static int stay(void *arg)
{
    (void)arg;
    other = hkt_loop_current();
    pthread_barrier_wait(&there);
    return hkt_sleep(HKT_SEC(1000));
}

static void *run_other(void *arg)
{
    (void)arg;
    cr_expect_eq(hkt_run(stay, NULL), -ECANCELED);
    return NULL;
}

static int end_stay(void *arg)
{
    (void)arg;
    return hkt_task_cancel(hkt_task_next(hkt_loop_current(), NULL));
}

static void run_beside_another(struct hkt_loop_opts *opts)
{
    pthread_t thread;

    pthread_barrier_init(&there, NULL, 2);
    cr_assert_eq(pthread_create(&thread, NULL, run_other, NULL), 0);
    pthread_barrier_wait(&there);
    cr_assert_eq(hkt_run_opts(run_remotely, other, opts), 4);
    cr_assert_eq(hkt_remote_run(other, end_stay, NULL, -1), 1);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&there);
}

Test(debug, a_task_that_waits_for_another_thread_is_said)
{
    struct lines l = {0};
    struct hkt_loop_opts opts = debugging(&l);

    run_beside_another(&opts);
    cr_assert(said(&l, "task 'main' waits for one of another thread, and all of its loop with it"),
              "%s", l.text);
    cr_assert_eq(l.count, 1, "%s", l.text);
}
