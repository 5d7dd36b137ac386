/* SPDX-License-Identifier: MIT
 *
 * Generators and tasks in each other.
 */
#include "sched/simulated.h"

HKT_GEN_OF(ints, int);

/* An async generator: it yields and awaits. */
static int slowly(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        HKT_TRY(hkt_sleep(HKT_MS(10)));
        HKT_TRY(ints_yield(self, i));
    }
    return 0;
}

static int through(struct hkt_gen *self, void *arg)
{
    hkt_auto_gen sub = hkt_gen_new(slowly, arg);

    return hkt_yield_from(self, sub, NULL);
}

static int consume(void *arg)
{
    hkt_auto_gen g = hkt_gen_new((hkt_gen_fn *)(uintptr_t)arg, NULL);
    int sum = 0;

    for (int x; ints_next(g, &x) > 0;)
        sum += x + 1;
    return sum;
}

static int consume_both(void *arg)
{
    struct hkt_task *t[2] = {hkt_spawn(consume, (void *)(uintptr_t)slowly),
                             hkt_spawn(consume, (void *)(uintptr_t)through)};

    (void)arg;
    cr_assert_eq(hkt_join(t[0]), 6);
    cr_assert_eq(hkt_join(t[1]), 6);
    cr_assert_eq(simulated_now, HKT_MS(30), "they slept side by side");
    return 0;
}

Test(interop, a_generator_that_awaits_suspends_its_task_and_not_its_caller)
{
    cr_assert_eq(run_simulated(consume_both, NULL), 0);
}

static int step(void *g)
{
    int x;

    return ints_next(g, &x);
}

static int two_step_one(void *arg)
{
    hkt_auto_gen g = hkt_gen_new(slowly, NULL);
    struct hkt_task *first = hkt_spawn(step, g);
    int x;

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(ints_next(g, &x), -EBUSY);
    cr_assert_eq(hkt_gen_close(g), -EBUSY);
    cr_assert_eq(ints_throw(g, -EIO, &x), -EBUSY);
    return hkt_join(first);
}

Test(interop, a_generator_that_is_parked_in_one_task_is_busy_for_another)
{
    cr_assert_eq(run_simulated(two_step_one, NULL), 1);
}

static int native_nap(void *arg)
{
    return hkt_sleep(HKT_MS((intptr_t)arg));
}

/* types.coroutine: yields futures, and None for a turn; yields from a native coroutine. */
static int my_sleep(struct hkt_gen *self, void *f)
{
    HKT_TRY(hkt_yield(self, NULL, NULL));
    HKT_TRY(hkt_yield(self, f, NULL));
    HKT_TRY(hkt_gen_call(self, native_nap, INT_ARG(100)));
    return hkt_gen_await(self, f);
}

static int set_later(void *f)
{
    HKT_TRY(hkt_sleep(HKT_MS(50)));
    return hkt_future_set(f, 0, NULL);
}

static int generator_based(void *arg)
{
    struct hkt_future f = {0};
    hkt_auto_gen g = hkt_gen_new(my_sleep, &f);
    struct hkt_task *setter = hkt_spawn(set_later, &f);

    (void)arg;
    cr_assert_eq(hkt_await_gen(g), 0);
    cr_assert_eq(simulated_now, HKT_MS(150));
    return hkt_join(setter);
}

Test(interop, a_native_task_awaits_a_generator_based_coroutine_and_the_reverse)
{
    cr_assert_eq(run_simulated(generator_based, NULL), 0);
}

static int await_driven(void *g)
{
    return hkt_await_gen(g);
}

static int cancel_driven(void *arg)
{
    struct hkt_future f = {0};
    hkt_auto_gen g = hkt_gen_new(my_sleep, &f);
    struct hkt_task *t = hkt_spawn(await_driven, g);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(hkt_future_state(&f), HKT_CANCELLED);
    cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
    return 0;
}

Test(interop, cancelling_the_task_is_thrown_into_the_generator)
{
    cr_assert_eq(run_simulated(cancel_driven, NULL), 0);
}

static int without_task(struct hkt_gen *self, void *f)
{
    cr_assert_eq(hkt_gen_call(self, native_nap, NULL), -EPERM);
    return hkt_gen_await(self, f) == 3 ? 0 : -EIO;
}

Test(interop, without_a_task_the_future_itself_comes_out)
{
    struct hkt_future f = {0};
    hkt_auto_gen g = hkt_gen_new(without_task, &f);
    void *value;

    cr_assert_eq(hkt_gen_next(g, &value), 1);
    cr_assert_eq(value, &f);
    cr_assert_eq(hkt_future_set(&f, 3, NULL), 0);
    cr_assert_eq(hkt_gen_next(g, &value), 0);
}
