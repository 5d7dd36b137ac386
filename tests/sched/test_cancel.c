/* SPDX-License-Identifier: MIT
 *
 * Cancellation, as asyncio has it.
 */
#include "base/reports.h"
#include "sched/simulated.h"

struct steps {
    int first, second; /* what two sleeps answered */
    bool began;
};

static int two_sleeps(void *arg)
{
    struct steps *s = arg;

    s->began = true;
    s->first = hkt_sleep(HKT_SEC(1));
    s->second = hkt_sleep(HKT_SEC(1));
    return s->second < 0 ? s->second : 3;
}

static int delivered_once(void *arg)
{
    struct steps s = {0};
    struct hkt_task *t = hkt_spawn(two_sleeps, &s);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(100)), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_task_cancelling(t), 1);
    cr_assert_eq(hkt_join(t), 3, "caught means caught");
    cr_assert_eq(s.first, -ECANCELED);
    cr_assert_eq(s.second, 0);
    cr_assert_eq(simulated_now, HKT_MS(1100));
    return 0;
}

Test(cancel, one_request_is_delivered_once_and_may_be_caught)
{
    cr_assert_eq(run_simulated(delivered_once, NULL), 0);
}

static int unstarted(void *arg)
{
    struct steps s = {0};
    struct hkt_task *t = hkt_spawn(two_sleeps, &s);

    (void)arg;
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_not(s.began);
    return 0;
}

Test(cancel, a_task_that_has_not_begun_never_runs)
{
    cr_assert_eq(run_simulated(unstarted, NULL), 0);
}

static int cancel_self(void *arg)
{
    bool suspend = arg != NULL;

    cr_assert(hkt_task_cancel(hkt_task_current()));
    if (suspend)
        return hkt_sleep(HKT_SEC(1)) == -ECANCELED ? 1 : 2;
    return 5;
}

static int running(void *arg)
{
    (void)arg;
    cr_assert_eq(hkt_join(hkt_spawn(cancel_self, "suspends")), 1);
    cr_assert_eq(simulated_now, 0, "the sleep did not happen");
    cr_assert_eq(hkt_join(hkt_spawn(cancel_self, NULL)), -ECANCELED, "the result is lost");
    return 0;
}

Test(cancel, a_running_task_is_cancelled_at_its_next_suspension_or_its_end)
{
    cr_assert_eq(run_simulated(running, NULL), 0);
}

static int await_future(void *f)
{
    return hkt_await(f);
}

static int woken_first(void *arg)
{
    struct hkt_future f = {0};
    struct hkt_task *t = hkt_spawn(await_future, &f);

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_future_set(&f, 9, NULL), 0);
    cr_assert(hkt_task_cancel(t), "it is ready, and has not run");
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(hkt_future_result(&f), 9, "the future keeps its value");
    return 0;
}

Test(cancel, after_the_wake_up_the_task_is_cancelled_and_the_future_keeps_its_value)
{
    cr_assert_eq(run_simulated(woken_first, NULL), 0);
}

static int chain(void *arg)
{
    struct hkt_future f = {0};
    struct hkt_task *t = hkt_spawn(await_future, &f);

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_future_state(&f), HKT_CANCELLED);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    return 0;
}

Test(cancel, what_a_task_awaits_is_cancelled_with_it)
{
    cr_assert_eq(run_simulated(chain, NULL), 0);
}

static int join_it(void *t)
{
    return hkt_join(t);
}

static int through_join(void *arg)
{
    struct steps s = {0};
    struct hkt_task *child = hkt_spawn(two_sleeps, &s);
    struct hkt_task *parent = hkt_spawn(join_it, child);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    cr_assert(hkt_task_cancel(parent));
    cr_assert_eq(hkt_join(parent), 3, "the child caught it, so nothing was cancelled");
    cr_assert_eq(s.first, -ECANCELED);
    return 0;
}

Test(cancel, cancelling_one_who_joins_cancels_the_joined)
{
    cr_assert_eq(run_simulated(through_join, NULL), 0);
}

static int join_shielded(void *t)
{
    return hkt_await_shielded(t);
}

static int shield(void *arg)
{
    struct hkt_task *child = hkt_spawn(sleeper, INT_ARG(50));
    struct hkt_task *outer = hkt_spawn(join_shielded, child);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    cr_assert(hkt_task_cancel(outer));
    cr_assert_eq(hkt_join(outer), -ECANCELED);
    cr_assert_eq(simulated_now, HKT_MS(10), "at once");
    cr_assert_not(hkt_task_done(child));
    cr_assert_eq(hkt_await_shielded(child), 50);
    cr_assert_eq(hkt_await_shielded(child), 50, "done: at once");
    return hkt_join(child);
}

Test(cancel, a_shield_keeps_the_request_from_the_inner_task)
{
    cr_assert_eq(run_simulated(shield, NULL), 50);
}

static int uncancel(void *arg)
{
    struct hkt_task *self = hkt_task_current();

    (void)arg;
    cr_assert(hkt_task_cancel(self));
    cr_assert(hkt_task_cancel(self));
    cr_assert_eq(hkt_task_cancelling(self), 2);
    cr_assert_eq(hkt_task_uncancel(self), 1);
    cr_assert_eq(hkt_task_uncancel(self), 0);
    cr_assert_eq(hkt_sleep(0), 0, "none was left to deliver");
    cr_assert_eq(hkt_task_uncancel(self), 0);
    return 0;
}

Test(cancel, taking_back_the_last_request_withdraws_it)
{
    cr_assert_eq(run_simulated(uncancel, NULL), 0);
}

static int ended(void *arg)
{
    struct hkt_task *t = hkt_spawn(returner, INT_ARG(4));

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_not(hkt_task_cancel(t));
    cr_assert_not(hkt_task_cancel(NULL));
    return hkt_join(t);
}

Test(cancel, what_has_ended_cannot_be_cancelled)
{
    cr_assert_eq(run_simulated(ended, NULL), 4);
}

static int clean_up(void *arg)
{
    int rc = hkt_sleep(HKT_SEC(1));

    if (hkt_sleep(HKT_MS(30)) == 0)
        *(bool *)arg = true;
    return rc;
}

static int cleaning(void *arg)
{
    struct hkt_task *t = hkt_spawn(clean_up, arg);

    HKT_TRY(hkt_sleep(HKT_MS(1)));
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(simulated_now, HKT_MS(31));
    return 0;
}

Test(cancel, a_cancelled_task_may_clean_up_with_calls_that_suspend)
{
    bool cleaned = false;

    cr_assert_eq(run_simulated(cleaning, &cleaned), 0);
    cr_assert(cleaned);
}

static int leave_tasks_behind(void *arg)
{
    hkt_detach(hkt_spawn(clean_up, arg));
    HKT_TRY(hkt_sleep(0));
    return 6;
}

Test(cancel, run_cancels_what_main_leaves_behind_and_waits_for_its_clean_up)
{
    bool cleaned = false;

    cr_assert_eq(run_simulated(leave_tasks_behind, &cleaned), 6);
    cr_assert(cleaned);
}

/* Tasks that are made at the end */

static int lines;

static void count_line(void *ctx, const char *line)
{
    lines += strstr(line, ctx) != NULL;
}

static int beat_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        HKT_TRY(hkt_sleep(HKT_MS(50)));
}

static int leave_a_beat(void *arg)
{
    int rc = hkt_sleep(HKT_SEC(9));

    (void)arg;
    hkt_detach(hkt_spawn(beat_for_ever, NULL));
    return rc;
}

static int clean_up_by_another(void *arg)
{
    int rc = hkt_sleep(HKT_SEC(9));

    *(int *)arg = hkt_join(hkt_spawn(sleeper, INT_ARG(30)));
    return rc;
}

static int make_another(void *arg)
{
    int rc = hkt_sleep(HKT_SEC(9)), *left = arg;

    if (--*left > 0)
        hkt_detach(hkt_spawn(make_another, arg));
    return rc;
}

static int leave(void *arg)
{
    hkt_task_fn *const *fn = arg;
    static int kept;

    kept = 20;
    hkt_detach(hkt_spawn(*fn, &kept));
    return hkt_sleep(HKT_MS(1));
}

static int cleaned_up;

static int leave_a_cleaner(void *arg)
{
    (void)arg;
    hkt_detach(hkt_spawn(clean_up_by_another, &cleaned_up));
    return hkt_sleep(HKT_MS(1));
}

Test(cancel, tasks_made_at_the_end_are_cancelled_too)
{
    hkt_task_fn *beat = leave_a_beat, *again = make_another;

    hkt_on_report(count_line, "1 tasks were made while the others ended, and are cancelled");
    cr_assert_eq(run_simulated(leave, &beat), 0);
    cr_assert_eq(lines, 1);
    cr_assert_eq(run_simulated(leave, &again), 0);
    cr_assert_eq(lines, 20);
}

Test(cancel, tasks_made_at_the_end_may_help_to_clean_up)
{
    hkt_on_report(count_line, "");
    cr_assert_eq(run_simulated(leave_a_cleaner, NULL), 0);
    cr_assert_eq(cleaned_up, 30);
    cr_assert_eq(simulated_now, HKT_MS(31));
    cr_assert_eq(lines, 0);
}

/* A request that came before the call, of whoever passes it on. */

static int cancelled_before(hkt_task_fn *fn, void *arg)
{
    cr_assert(hkt_task_cancel(hkt_task_current()));
    return fn(arg);
}

static int await_cancelled_before(void *f)
{
    return cancelled_before(await_future, f);
}

static int join_cancelled_before(void *t)
{
    return cancelled_before(join_it, t);
}

static int requested_before(void *arg)
{
    struct hkt_future f = {0};
    struct steps s = {0};
    struct hkt_task *child = hkt_spawn(two_sleeps, &s);

    (void)arg;
    cr_assert_eq(hkt_join(hkt_spawn(await_cancelled_before, &f)), -ECANCELED);
    cr_assert_eq(hkt_future_state(&f), HKT_CANCELLED);
    cr_assert_eq(hkt_join(hkt_spawn(join_cancelled_before, child)), 3, "the child caught it");
    cr_assert_eq(s.first, -ECANCELED);
    return 0;
}

Test(cancel, a_request_from_before_the_call_is_passed_on_too)
{
    cr_assert_eq(run_simulated(requested_before, NULL), 0);
}

/* A task's own future is not set by others. */

static int await_task(void *t)
{
    return hkt_await(hkt_task_future(t));
}

static int future_of_a_task(void *arg)
{
    struct steps s = {0};
    struct hkt_task *child = hkt_spawn(two_sleeps, &s);
    struct hkt_future *f = hkt_task_future(child);
    struct hkt_task *waiter = hkt_spawn(await_task, child);

    (void)arg;
    cr_assert_eq(hkt_await(hkt_task_future(hkt_task_current())), -EDEADLK);
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    cr_assert_eq(hkt_future_set(f, 7, NULL), -EPERM);
    cr_assert_null(hkt_future_value(f));
    cr_assert(hkt_task_cancel(waiter));
    cr_assert_eq(hkt_future_state(f), HKT_PENDING, "it was asked, and goes on");
    cr_assert_eq(hkt_join(waiter), 3, "and comes to its end");
    cr_assert_eq(s.first, -ECANCELED);
    cr_assert_eq(hkt_future_state(f), HKT_DONE);
    cr_assert_eq(hkt_future_set(f, 7, NULL), -EALREADY);
    cr_assert_eq(hkt_future_cancel(f), 0);
    return hkt_join(child);
}

Test(cancel, who_awaits_a_tasks_future_passes_it_on_to_the_task)
{
    cr_assert_eq(run_simulated(future_of_a_task, NULL), 3);
}

static int cancel_through_the_future(void *arg)
{
    struct hkt_task *t = hkt_spawn(sleeper, INT_ARG(1000));

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(hkt_future_cancel(hkt_task_future(t)), 1);
    cr_assert_eq(hkt_task_cancelling(t), 1);
    cr_assert_not(hkt_task_done(t));
    cr_assert_eq(hkt_future_result(hkt_task_future(t)), -EAGAIN);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    return 0;
}

Test(cancel, cancelling_a_tasks_future_cancels_the_task)
{
    cr_assert_eq(run_simulated(cancel_through_the_future, NULL), 0);
}

/* Who wait for each other: the one at which the circle closes is told, and the others get what
 * comes of that. */
static struct hkt_task *circle[3];

static int join_the_next(void *i)
{
    return hkt_join(circle[((intptr_t)i + 1) % 3]);
}

static int gather_the_next(void *i)
{
    return hkt_gather(&circle[((intptr_t)i + 1) % 3], 1, NULL);
}

static int await_the_next(void *i)
{
    return hkt_await(hkt_task_future(circle[((intptr_t)i + 1) % 3]));
}

static int in_a_circle(void *arg)
{
    hkt_task_fn *const fns[] = {join_the_next, gather_the_next, await_the_next};

    for (int first = 0; first < 3; first++) {
        for (int i = 0; i < 3; i++)
            circle[i] = hkt_spawn(arg ? fns[(first + i) % 3] : fns[2], INT_ARG(i));
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
        cr_assert(hkt_task_cancel(circle[0]));
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
        for (int i = 0; i < 3; i++) {
            if (arg && fns[(first + i + 2) % 3] == join_the_next)
                continue; /* its handle was ended by that */
            cr_assert_eq(hkt_task_cancelling(circle[i]), 1, "%d", i);
            cr_assert_eq(hkt_task_result(circle[i]), -ECANCELED, "%d", i);
            hkt_detach(circle[i]);
        }
    }
    return 0;
}

Test(cancel, a_circle_of_waiters_is_broken)
{
    cr_assert_eq(run_simulated(in_a_circle, NULL), 0);
    cr_assert_eq(run_simulated(in_a_circle, "mixed"), 0);
}
