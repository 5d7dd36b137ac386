/* SPDX-License-Identifier: MIT
 *
 * Waiting for several tasks, and for one with a limit or a shield: the scenarios of CPython's
 * test_tasks and test_waitfor that test_group.c and test_timeout.c do not have.
 */
#include "base/reports.h"
#include "sched/simulated.h"

/* Ends cancelled only when its clean-up, which takes a while, has ended. */
static int slow_to_end(void *ms)
{
    int rc = hkt_sleep(HKT_SEC(10));

    HKT_TRY(hkt_sleep(HKT_MS((intptr_t)ms)));
    return rc;
}

static int swallower(void *answer)
{
    return hkt_sleep(HKT_SEC(10)) == -ECANCELED ? (int)(intptr_t)answer : 0;
}

/* gather */

struct gathering {
    struct hkt_task *t[3];
    size_t n;
    int results[3];
    bool keep; /* the codes */
};

static int gather(void *arg)
{
    struct gathering *g = arg;

    return hkt_gather(g->t, g->n, g->keep ? g->results : NULL);
}

static int with_a_cancelled_child(void *arg)
{
    struct hkt_task *t[2] = {hkt_spawn(sleeper, INT_ARG(20)), hkt_spawn(sleeper, INT_ARG(30))};
    int results[2];

    (void)arg;
    cr_assert(hkt_task_cancel(t[0]));
    cr_assert_eq(hkt_gather(t, 2, NULL), -ECANCELED, "that is a failure");
    cr_assert_eq(simulated_now, 0, "at once");
    cr_assert_not(hkt_task_done(t[1]), "the other goes on");
    cr_assert_eq(hkt_task_cancelling(hkt_task_current()), 0);
    cr_assert_eq(hkt_gather(t, 2, NULL), -ECANCELED, "one that was cancelled before");
    cr_assert_eq(hkt_gather(t, 2, results), 0);
    cr_assert_eq(results[0], -ECANCELED);
    cr_assert_eq(results[1], 30);
    cr_assert_eq(hkt_join(t[0]), -ECANCELED);
    return hkt_join(t[1]);
}

Test(several, a_gather_with_a_cancelled_child)
{
    cr_assert_eq(run_simulated(with_a_cancelled_child, NULL), 30);
}

static int nested_gathers(void *arg)
{
    struct gathering inner = {.n = 2}, outer = {.n = 2};

    (void)arg;
    inner.t[0] = hkt_spawn(sleeper, INT_ARG(20));
    inner.t[1] = hkt_spawn(sleeper, INT_ARG(30));
    outer.t[0] = hkt_spawn(gather, &inner);
    outer.t[1] = hkt_spawn(sleeper, INT_ARG(40));
    struct hkt_task *top = hkt_spawn(gather, &outer);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(top));
    cr_assert_eq(hkt_join(top), -ECANCELED);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hkt_join(outer.t[i]), -ECANCELED);
        cr_assert_eq(hkt_join(inner.t[i]), -ECANCELED);
    }
    cr_assert_eq(simulated_now, HKT_MS(5));
    return 0;
}

Test(several, cancelling_a_gather_of_gathers_cancels_all)
{
    cr_assert_eq(run_simulated(nested_gathers, NULL), 0);
}

static int failing_inner_gather(void *arg)
{
    struct gathering inner = {.n = 2}, outer = {.n = 2};

    (void)arg;
    inner.t[0] = hkt_spawn(failer, INT_ARG(-EIO)); /* after 10 ms */
    inner.t[1] = hkt_spawn(sleeper, INT_ARG(30));
    outer.t[0] = hkt_spawn(gather, &inner);
    outer.t[1] = hkt_spawn(sleeper, INT_ARG(20));
    cr_assert_eq(hkt_gather(outer.t, 2, NULL), -EIO);
    cr_assert_eq(simulated_now, HKT_MS(10));
    cr_assert_eq(hkt_join(outer.t[1]), 20, "the others go on");
    cr_assert_eq(hkt_join(inner.t[1]), 30);
    cr_assert_eq(hkt_join(outer.t[0]), -EIO);
    return hkt_join(inner.t[0]);
}

Test(several, a_failure_passes_through_gathers)
{
    cr_assert_eq(run_simulated(failing_inner_gather, NULL), -EIO);
}

static int the_same_one_twice(void *arg)
{
    struct gathering g = {.n = 3, .keep = true};

    (void)arg;
    g.t[0] = g.t[2] = hkt_spawn(sleeper, INT_ARG(20));
    g.t[1] = hkt_spawn(sleeper, INT_ARG(10));
    cr_assert_eq(gather(&g), 0);
    cr_assert_eq(g.results[0], 20);
    cr_assert_eq(g.results[1], 10);
    cr_assert_eq(g.results[2], 20);
    cr_assert_eq(hkt_join(g.t[0]), 20);
    return hkt_join(g.t[1]);
}

Test(several, a_gather_may_have_the_same_task_twice)
{
    cr_assert_eq(run_simulated(the_same_one_twice, NULL), 10);
}

static int cancel_after_the_children(void *arg)
{
    struct gathering g = {.n = 2, .keep = true};

    (void)arg;
    g.t[0] = hkt_spawn(returner, INT_ARG(1));
    g.t[1] = hkt_spawn(returner, INT_ARG(2));
    struct hkt_task *top = hkt_spawn(gather, &g);
    while (!hkt_task_done(g.t[1]))
        cr_assert_eq(hkt_sleep(0), 0);
    bool asked = hkt_task_cancel(top);
    cr_assert_eq(hkt_join(top), asked ? -ECANCELED : 0);
    cr_assert_eq(hkt_join(g.t[0]), 1, "the children were not asked");
    return hkt_join(g.t[1]);
}

Test(several, cancelling_a_gather_after_its_children_leaves_their_results)
{
    cr_assert_eq(run_simulated(cancel_after_the_children, NULL), 2);
}

static int gather_swallowers(void *arg)
{
    struct gathering g = {.n = 2, .keep = true};

    (void)arg;
    g.t[0] = hkt_spawn(swallower, INT_ARG(1));
    g.t[1] = hkt_spawn(slow_to_end, INT_ARG(15));
    struct hkt_task *top = hkt_spawn(gather, &g);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(top));
    cr_assert_eq(hkt_join(top), -ECANCELED, "whatever the children make of it");
    cr_assert_eq(simulated_now, HKT_MS(20), "their ends were waited for");
    cr_assert_eq(hkt_join(g.t[0]), 1);
    cr_assert_eq(hkt_join(g.t[1]), -ECANCELED);
    return 0;
}

Test(several, a_cancelled_gather_waits_for_its_children_and_is_cancelled)
{
    cr_assert_eq(run_simulated(gather_swallowers, NULL), 0);
}

static int gather_cleaners(void *arg)
{
    struct gathering g = {.n = 3};

    (void)arg;
    g.t[0] = hkt_spawn(swallower, INT_ARG(1));
    g.t[1] = hkt_spawn(slow_to_end, INT_ARG(30));
    g.t[2] = hkt_spawn(slow_to_end, INT_ARG(15));
    struct hkt_task *top = hkt_spawn(gather, &g);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(top));
    cr_assert_eq(hkt_join(top), -ECANCELED);
    cr_assert_eq(simulated_now, HKT_MS(20), "one has ended cancelled, which is a failure");
    cr_assert_eq(hkt_join(g.t[1]), -ECANCELED, "the others go on with their clean-up");
    cr_assert_eq(simulated_now, HKT_MS(35));
    cr_assert_eq(hkt_join(g.t[2]), -ECANCELED);
    return hkt_join(g.t[0]);
}

Test(several, a_cancelled_gather_without_results_ends_with_the_first_who_does)
{
    cr_assert_eq(run_simulated(gather_cleaners, NULL), 1);
}

static int two_failures(void *arg)
{
    struct hkt_task *t[2];

    (void)arg;
    t[0] = hkt_spawn(failer, INT_ARG(-EIO));
    t[1] = hkt_spawn(failer, INT_ARG(-ENOSPC));
    cr_assert_eq(hkt_gather(t, 2, NULL), -EIO);
    hkt_detach(t[0]);
    hkt_detach(t[1]);
    return hkt_sleep(HKT_MS(20));
}

Test(several, the_other_failures_of_a_gather_are_not_reported)
{
    struct reports reports;

    reports_to(&reports);
    cr_assert_eq(run_simulated(two_failures, NULL), 0);
    cr_assert_eq(reports.count, 0);
}

/* wait */

static int wait_for_all(void *arg)
{
    struct gathering *g = arg;

    return hkt_wait(g->t, g->n, HKT_ALL, -1);
}

static int cancelled_wait(void *arg)
{
    struct gathering g = {.n = 2};

    (void)arg;
    g.t[0] = hkt_spawn(sleeper, INT_ARG(20));
    g.t[1] = hkt_spawn(sleeper, INT_ARG(30));
    struct hkt_task *waiter = hkt_spawn(wait_for_all, &g);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(waiter));
    cr_assert_eq(hkt_join(waiter), -ECANCELED);
    cr_assert_eq(simulated_now, HKT_MS(5), "at once");
    cr_assert_eq(hkt_join(g.t[0]), 20, "the tasks go on");
    return hkt_join(g.t[1]);
}

Test(several, a_cancelled_wait_cancels_nobody)
{
    cr_assert_eq(run_simulated(cancelled_wait, NULL), 30);
}

static int cancelled_is_no_error(void *arg)
{
    struct hkt_task *t[3];

    (void)arg;
    t[0] = hkt_spawn(sleeper, INT_ARG(50));
    t[1] = hkt_spawn(sleeper, INT_ARG(50));
    t[2] = hkt_spawn(failer, INT_ARG(-EIO)); /* after 10 ms */
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(t[0]));
    cr_assert_eq(hkt_wait(t, 3, HKT_FIRST_ERROR, -1), 2);
    cr_assert_eq(simulated_now, HKT_MS(10));
    cr_assert_eq(hkt_wait(t, 3, HKT_FIRST_ERROR, -1), 2, "there before: at once");
    cr_assert_eq(simulated_now, HKT_MS(10));
    cr_assert_eq(hkt_wait(t, 2, HKT_FIRST_ERROR, -1), 2, "none: until all have ended");
    cr_assert_eq(simulated_now, HKT_MS(50));
    cr_assert_eq(hkt_join(t[0]), -ECANCELED);
    cr_assert_eq(hkt_join(t[2]), -EIO);
    return hkt_join(t[1]);
}

Test(several, waiting_for_an_error_passes_over_a_cancelled_task)
{
    cr_assert_eq(run_simulated(cancelled_is_no_error, NULL), 50);
}

static int wait_twice_for_one(void *arg)
{
    struct hkt_task *a = hkt_spawn(returner, INT_ARG(1)), *b = hkt_spawn(returner, INT_ARG(2));
    struct hkt_task *t[3] = {a, a, b};

    (void)arg;
    cr_assert_eq(hkt_wait(t, 3, HKT_ALL, -1), 3, "each place of the array counts");
    cr_assert_eq(hkt_join(a), 1);
    return hkt_join(b);
}

Test(several, a_wait_may_have_the_same_task_twice)
{
    cr_assert_eq(run_simulated(wait_twice_for_one, NULL), 2);
}

static int more_by_then(void *arg)
{
    struct hkt_task *t[2] = {hkt_spawn(sleeper, INT_ARG(10)), hkt_spawn(sleeper, INT_ARG(10))};

    (void)arg;
    cr_assert_eq(hkt_wait(t, 2, HKT_FIRST_COMPLETED, -1), 2, "both have ended by now");
    cr_assert_eq(hkt_join(t[0]), 10);
    return hkt_join(t[1]);
}

Test(several, what_has_ended_when_the_waiter_goes_on_counts)
{
    cr_assert_eq(run_simulated(more_by_then, NULL), 10);
}

static int at_the_same_time(void *arg)
{
    struct hkt_task *t[2] = {hkt_spawn(sleeper, INT_ARG(10)), hkt_spawn(sleeper, INT_ARG(15))};

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_wait(t, 2, HKT_ALL, HKT_MS(10)), 1, "a limit together with an end");
    cr_assert_eq(simulated_now, HKT_MS(10));
    cr_assert_eq(hkt_wait(t, 2, HKT_ALL, 0), 1, "without waiting");
    cr_assert_eq(simulated_now, HKT_MS(10));
    cr_assert_eq(hkt_join(t[0]), 10);
    return hkt_join(t[1]);
}

Test(several, an_end_at_the_limit_of_a_wait_counts)
{
    cr_assert_eq(run_simulated(at_the_same_time, NULL), 15);
}

/* as they finish */

static int handed_out_twice(void *arg)
{
    struct hkt_task *a = hkt_spawn(sleeper, INT_ARG(20)), *b = hkt_spawn(sleeper, INT_ARG(10));
    struct hkt_task *t[3] = {a, b, a}, *done;
    struct hkt_wait_set set = {.tasks = t, .n = 3};

    (void)arg;
    cr_assert_eq(hkt_wait_next(&set, &done, -1), 1);
    cr_assert_eq(done, b, "the same that was handed in");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hkt_wait_next(&set, &done, -1), 1);
        cr_assert_eq(done, a, "as often as it is there");
    }
    cr_assert_eq(hkt_wait_next(&set, &done, -1), 0);
    cr_assert_null(done);
    cr_assert_eq(hkt_join(a), 20);
    return hkt_join(b);
}

Test(several, a_task_that_is_there_twice_is_handed_out_twice)
{
    cr_assert_eq(run_simulated(handed_out_twice, NULL), 10);
}

static int within_the_limit(void *arg)
{
    struct hkt_task *t[2] = {hkt_spawn(sleeper, INT_ARG(10)), hkt_spawn(sleeper, INT_ARG(20))};
    struct hkt_wait_set set = {.tasks = t, .n = 2};
    struct hkt_task *done;

    (void)arg;
    while (hkt_wait_next(&set, &done, HKT_SEC(1)) > 0)
        cr_assert_eq(hkt_join(done), (int)(simulated_now / HKT_MS(1)));
    cr_assert_eq(simulated_now, HKT_MS(20), "the limit is not waited for");
    return 0;
}

Test(several, a_limit_that_is_not_reached_changes_nothing)
{
    cr_assert_eq(run_simulated(within_the_limit, NULL), 0);
}

struct taking {
    struct hkt_task *t[2];
    struct hkt_wait_set set;
};

static int take_one(void *arg)
{
    struct taking *x = arg;
    struct hkt_task *done;

    return hkt_wait_next(&x->set, &done, -1);
}

static int go_on_taking(void *arg)
{
    struct taking x = {.t = {hkt_spawn(sleeper, INT_ARG(20)), hkt_spawn(sleeper, INT_ARG(10))}};
    struct hkt_task *taker = hkt_spawn(take_one, &x), *done;

    (void)arg;
    x.set = (struct hkt_wait_set){.tasks = x.t, .n = 2};
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(taker));
    cr_assert_eq(hkt_join(taker), -ECANCELED);
    for (int ms = 10; ms <= 20; ms += 10) {
        cr_assert_eq(hkt_wait_next(&x.set, &done, -1), 1, "nothing was taken or cancelled");
        cr_assert_eq(hkt_join(done), ms);
    }
    return hkt_wait_next(&x.set, &done, -1);
}

Test(several, taking_them_as_they_finish_may_be_cancelled_and_gone_on_with)
{
    cr_assert_eq(run_simulated(go_on_taking, NULL), 0);
}

/* shield */

static int shielded(void *t)
{
    return hkt_await_shielded(t);
}

static int shield_fails(void *arg)
{
    struct hkt_task *inner = hkt_spawn(failer, INT_ARG(-EIO));

    (void)arg;
    cr_assert_eq(hkt_await_shielded(inner), -EIO);
    cr_assert_eq(hkt_join(inner), -EIO);
    inner = hkt_spawn(sleeper, INT_ARG(50));
    struct hkt_task *outer = hkt_spawn(shielded, inner);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(inner));
    cr_assert_eq(hkt_join(outer), -ECANCELED, "the inner one's own cancellation comes through");
    return hkt_join(inner);
}

Test(several, what_becomes_of_the_inner_task_comes_through_a_shield)
{
    cr_assert_eq(run_simulated(shield_fails, NULL), -ECANCELED);
}

static int shield_left(void *arg)
{
    struct hkt_task *inner = hkt_spawn(failer, INT_ARG(-EIO));
    struct hkt_task *outer = hkt_spawn(shielded, inner);

    (void)arg;
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(outer));
    cr_assert_eq(hkt_join(outer), -ECANCELED);
    cr_assert_not(hkt_task_done(inner));
    cr_assert_eq(hkt_await_shielded(inner), -EIO, "it failed after the outer one had left");

    struct hkt_task *second = hkt_spawn(sleeper, INT_ARG(50));
    outer = hkt_spawn(shielded, second);
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(outer));
    cr_assert(hkt_task_cancel(second));
    cr_assert_eq(hkt_join(outer), -ECANCELED);
    cr_assert_eq(hkt_join(second), -ECANCELED);
    return hkt_join(inner);
}

Test(several, the_inner_task_may_end_in_any_way_after_its_shield_has_gone)
{
    cr_assert_eq(run_simulated(shield_left, NULL), -EIO);
}

static int shielded_gather(void *arg)
{
    struct gathering g = {.n = 2};

    (void)arg;
    g.t[0] = hkt_spawn(sleeper, INT_ARG(20));
    g.t[1] = hkt_spawn(sleeper, INT_ARG(30));
    struct hkt_task *inner = hkt_spawn(gather, &g), *outer = hkt_spawn(shielded, inner);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(outer));
    cr_assert_eq(hkt_join(outer), -ECANCELED);
    cr_assert_eq(hkt_join(inner), 0, "it goes on");
    cr_assert_eq(hkt_join(g.t[0]), 20);
    return hkt_join(g.t[1]);
}

Test(several, a_shield_keeps_the_request_from_a_gather)
{
    cr_assert_eq(run_simulated(shielded_gather, NULL), 30);
}

static int gathered_shields(void *arg)
{
    struct hkt_task *inner = hkt_spawn(sleeper, INT_ARG(20));
    struct gathering g = {.n = 2};

    (void)arg;
    g.t[0] = hkt_spawn(shielded, inner);
    g.t[1] = hkt_spawn(sleeper, INT_ARG(30));
    struct hkt_task *top = hkt_spawn(gather, &g);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(top));
    cr_assert_eq(hkt_join(top), -ECANCELED);
    cr_assert_eq(hkt_join(g.t[0]), -ECANCELED);
    cr_assert_eq(hkt_join(g.t[1]), -ECANCELED);
    return hkt_join(inner);
}

Test(several, a_cancelled_gather_stops_at_a_shield)
{
    cr_assert_eq(run_simulated(gathered_shields, NULL), 20);
}

/* wait_for */

static int mark(void *began)
{
    *(bool *)began = true;
    return hkt_sleep(HKT_SEC(10));
}

static int no_time(void *arg)
{
    bool began = false;
    struct hkt_task *t = hkt_spawn(mark, &began);

    (void)arg;
    cr_assert_eq(hkt_wait_for(t, 0), -ETIMEDOUT);
    cr_assert_not(began, "it never ran");
    cr_assert_eq(hkt_join(t), -ECANCELED);
    for (int limit = -1; limit <= 0; limit++) {
        t = hkt_spawn(mark, &began);
        cr_assert_eq(hkt_sleep(0), 0);
        cr_assert_eq(hkt_wait_for(t, limit), -ETIMEDOUT);
        cr_assert(began);
        cr_assert_eq(hkt_join(t), -ECANCELED);
        t = hkt_spawn(returner, INT_ARG(3));
        cr_assert_eq(hkt_sleep(0), 0);
        cr_assert_eq(hkt_wait_for(t, limit), 3, "done already");
        cr_assert_eq(hkt_join(t), 3);
    }
    cr_assert_eq(simulated_now, 0);
    return 0;
}

Test(several, waiting_for_one_with_no_time_or_less)
{
    cr_assert_eq(run_simulated(no_time, NULL), 0);
}

static int fail_when_cancelled(void *arg)
{
    (void)arg;
    return hkt_sleep(HKT_SEC(10)) == -ECANCELED ? -ENOSPC : 0;
}

static int late_ones(void *arg)
{
    struct hkt_task *t = hkt_spawn(fail_when_cancelled, NULL);

    (void)arg;
    cr_assert_eq(hkt_wait_for(t, HKT_MS(10)), -ENOSPC, "its error, and not the limit's");
    cr_assert_eq(hkt_join(t), -ENOSPC);
    t = hkt_spawn(swallower, INT_ARG(42));
    cr_assert_eq(hkt_wait_for(t, HKT_MS(10)), 42, "its value");
    cr_assert_eq(hkt_join(t), 42);
    int64_t before = simulated_now;
    t = hkt_spawn(slow_to_end, INT_ARG(15));
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_wait_for(t, 0), -ETIMEDOUT);
    cr_assert_eq(simulated_now - before, HKT_MS(15), "its clean-up was waited for");
    return hkt_join(t);
}

Test(several, one_that_is_late_may_fail_or_answer_in_its_clean_up)
{
    cr_assert_eq(run_simulated(late_ones, NULL), -ECANCELED);
}

struct limited {
    struct hkt_task *t;
    int64_t limit;
};

static int wait_for_it(void *arg)
{
    struct limited *l = arg;

    return hkt_wait_for(l->t, l->limit);
}

static int cancelled_callers(void *arg)
{
    struct limited l = {.t = hkt_spawn(slow_to_end, INT_ARG(15)), .limit = HKT_SEC(1)};
    struct hkt_task *caller = hkt_spawn(wait_for_it, &l);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(caller));
    cr_assert_eq(hkt_join(caller), -ECANCELED);
    cr_assert_eq(simulated_now, HKT_MS(20), "the clean-up was waited for");
    cr_assert_eq(hkt_join(l.t), -ECANCELED);

    l.t = hkt_spawn(swallower, INT_ARG(42));
    caller = hkt_spawn(wait_for_it, &l);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert(hkt_task_cancel(caller));
    cr_assert_eq(hkt_join(caller), -ECANCELED, "the request is not lost in the one who swallowed");
    return hkt_join(l.t);
}

Test(several, a_cancelled_caller_cancels_what_it_waits_for_and_is_cancelled)
{
    cr_assert_eq(run_simulated(cancelled_callers, NULL), 42);
}

static int await_future(void *f)
{
    return hkt_await(f);
}

/* It ends one turn before the request, or two: then the caller was woken, and has not run. */
static int cancelled_as_it_ends(void *arg)
{
    for (int turns = 1; turns <= 2; turns++) {
        struct hkt_future f = {0};
        struct limited l = {.t = hkt_spawn(await_future, &f), .limit = HKT_SEC(1)};
        struct hkt_task *caller = hkt_spawn(wait_for_it, &l);

        cr_assert_eq(hkt_sleep(0), 0);
        cr_assert_eq(hkt_future_set(&f, 9, NULL), 0);
        for (int i = 0; i < turns; i++)
            cr_assert_eq(hkt_sleep(0), 0);
        cr_assert(hkt_task_done(l.t));
        cr_assert(hkt_task_cancel(caller));
        cr_assert_eq(hkt_join(caller), -ECANCELED);
        cr_assert_eq(hkt_join(l.t), 9);
    }
    (void)arg;
    return 9;
}

Test(several, a_caller_that_is_cancelled_as_the_other_ends_leaves_its_result)
{
    cr_assert_eq(run_simulated(cancelled_as_it_ends, NULL), 9);
}

static int limit_on_a_shield(void *arg)
{
    struct hkt_task *inner = hkt_spawn(sleeper, INT_ARG(50));
    struct hkt_timeout limit = {0};

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(10)), 0);
    int rc = hkt_await_shielded(inner);
    cr_assert_eq(hkt_timeout_exit(&limit, rc), -ETIMEDOUT);
    cr_assert_not(hkt_task_done(inner));
    struct hkt_task *outer = hkt_spawn(shielded, inner);
    cr_assert_eq(hkt_wait_for(outer, 0), -ETIMEDOUT);
    cr_assert_eq(hkt_join(outer), -ECANCELED);
    return hkt_join(inner);
}

Test(several, a_limit_on_a_shield_leaves_the_inner_task)
{
    cr_assert_eq(run_simulated(limit_on_a_shield, NULL), 50);
}
