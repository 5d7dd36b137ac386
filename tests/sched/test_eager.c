/* SPDX-License-Identifier: MIT
 *
 * Tasks that run before their spawn returns: the scenarios of CPython's test_eager_task_factory.
 */
#include "sched/simulated.h"

static const struct hkt_task_opts eager = {.flags = HKT_EAGER};

static int cancel_after_the_end(void *arg)
{
    struct hkt_task *t = hkt_spawn_opts(returner, INT_ARG(5), &eager);

    (void)arg;
    cr_assert(hkt_task_done(t));
    cr_assert_not(hkt_task_cancel(t));
    return hkt_join(t);
}

Test(eager, one_that_has_ended_cannot_be_cancelled)
{
    cr_assert_eq(run_simulated(cancel_after_the_end, NULL), 5);
}

static int cancel_after_a_step(void *arg)
{
    struct hkt_task *t = hkt_spawn_opts(sleeper, INT_ARG(10), &eager);

    (void)arg;
    cr_assert_not(hkt_task_done(t));
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_task_cancelling(t), 1);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(simulated_now, 0);
    return 0;
}

Test(eager, one_that_waits_can_be_cancelled)
{
    cr_assert_eq(run_simulated(cancel_after_a_step, NULL), 0);
}

static int await_future(void *f)
{
    return hkt_await(f);
}

static int set_later(void *arg)
{
    struct hkt_future f = {0};
    struct hkt_task *t = hkt_spawn_opts(await_future, &f, &eager);

    (void)arg;
    cr_assert_not(hkt_task_done(t));
    cr_assert_eq(hkt_future_set(&f, 6, NULL), 0);
    return hkt_join(t);
}

Test(eager, one_may_await_what_its_maker_sets)
{
    cr_assert_eq(run_simulated(set_later, NULL), 6);
}

struct seen {
    struct hkt_task *first, *second;
    int listed;
};

static int is_listed(const struct hkt_task *task)
{
    int n = 0;

    for (const struct hkt_task *t = NULL; (t = hkt_task_next(hkt_loop_current(), t)) != NULL;)
        n += t == task;
    return n;
}

static int look(void *arg)
{
    struct seen *s = arg;

    s->first = hkt_task_current();
    s->listed = is_listed(s->first);
    int rc = hkt_sleep(HKT_MS(1));
    s->second = hkt_task_current();
    return rc;
}

static int current_and_all(void *arg)
{
    struct hkt_task *self = hkt_task_current();
    struct seen s = {0};
    struct hkt_task *t = hkt_spawn_opts(look, &s, &eager);

    (void)arg;
    cr_assert_eq(s.first, t);
    cr_assert_eq(s.listed, 1);
    cr_assert_eq(hkt_task_current(), self, "and its maker is again");
    cr_assert_eq(is_listed(t), 1);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(s.second, t);
    t = hkt_spawn_opts(returner, NULL, &eager);
    cr_assert_eq(is_listed(t), 0, "it has ended");
    return hkt_join(t);
}

Test(eager, it_is_the_current_task_and_among_all_while_it_has_not_ended)
{
    cr_assert_eq(run_simulated(current_and_all, NULL), 0);
}

static int started_by_a_callback;

static void spawn_in_a_callback(void *arg)
{
    (void)arg;
    hkt_detach(hkt_spawn_opts(look, arg, &eager));
    started_by_a_callback++;
}

static int from_a_callback(void *arg)
{
    struct hkt_handle h = {0};
    struct seen s = {0};

    (void)arg;
    cr_assert_eq(hkt_call_soon(hkt_loop_current(), &h, spawn_in_a_callback, &s), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert_eq(started_by_a_callback, 1);
    cr_assert_not_null(s.first);
    cr_assert_eq(s.second, s.first);
    return 0;
}

Test(eager, a_callback_may_start_one)
{
    cr_assert_eq(run_simulated(from_a_callback, NULL), 0);
}

enum { DEPTH = 4, WIDTH = 3 };

static int tree(void *arg)
{
    int depth = (int)(intptr_t)arg;
    struct hkt_group g = {0};

    if (depth == 0)
        return 0;
    HKT_TRY(hkt_group_enter(&g));
    for (int i = 0; i < WIDTH; i++)
        HKT_TRY(hkt_group_spawn_opts(&g, tree, INT_ARG(depth - 1), &eager));
    return hkt_group_exit(&g, 0);
}

static int gather_tree(void *arg)
{
    int depth = (int)(intptr_t)arg, sum = 1;
    struct hkt_task *t[WIDTH];
    int results[WIDTH];

    if (depth == 0)
        return 1;
    for (int i = 0; i < WIDTH; i++)
        t[i] = hkt_spawn_opts(gather_tree, INT_ARG(depth - 1), &eager);
    HKT_TRY(hkt_gather(t, WIDTH, results));
    for (int i = 0; i < WIDTH; i++) {
        sum += results[i];
        hkt_detach(t[i]);
    }
    return sum;
}

static int trees(void *arg)
{
    (void)arg;
    cr_assert_eq(tree(INT_ARG(DEPTH)), 0);
    cr_assert_eq(gather_tree(INT_ARG(DEPTH)), 1 + 3 + 9 + 27 + 81);
    cr_assert_null(hkt_task_next(hkt_loop_current(), hkt_task_current()), "all have ended");
    return 0;
}

Test(eager, trees_of_groups_and_gathers)
{
    cr_assert_eq(run_simulated(trees, NULL), 0);
}
