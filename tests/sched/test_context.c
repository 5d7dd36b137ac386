/* SPDX-License-Identifier: MIT
 *
 * Variables that tasks inherit.
 */
#include "base/os.h"
#include "sched/simulated.h"

#include <hocket/context.h>

#include <pthread.h>

HKT_VAR_OF(numbers, int);

static const int nine = 9;
static struct hkt_var a = HKT_VAR("a", int);
static struct hkt_var b = HKT_VAR_INITIAL("b", int, &nine);

static int get(const struct hkt_var *var)
{
    int x, rc = numbers_get(var, &x);

    return rc < 0 ? rc : x;
}

static int get_task(void *var)
{
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    return get(var);
}

/* One task */

static int set_and_reset(void *arg)
{
    struct hkt_var_token first, second;

    (void)arg;
    cr_assert_eq(get(&a), -ENOENT);
    cr_assert_eq(get(&b), 9);
    cr_assert_null(hkt_var_value(&a));
    cr_assert_eq(numbers_set(&a, 1), 0);
    cr_assert_eq(get(&a), 1);
    cr_assert_eq(numbers_swap(&a, 2, &first), 0);
    cr_assert_eq(numbers_swap(&a, 3, &second), 0);
    cr_assert_eq(get(&a), 3);
    cr_assert_eq(*(const int *)hkt_var_value(&a), 3);
    cr_assert_eq(hkt_var_reset(&second), 0);
    cr_assert_eq(get(&a), 2);
    cr_assert_eq(hkt_var_reset(&second), -EALREADY);
    cr_assert_eq(hkt_var_reset(&first), 0);
    cr_assert_eq(get(&a), 1);
    cr_assert_eq(numbers_swap(&b, 4, &first), 0);
    cr_assert_eq(hkt_var_reset(&first), 0);
    cr_assert_eq(get(&b), 9, "not set again");
    cr_assert_eq(hkt_var_set(&a, "", 1, NULL), -EINVAL);
    cr_assert_eq(hkt_var_get(&a, &first, 1), -EINVAL);
    return 0;
}

Test(context, set_get_and_reset)
{
    cr_assert_eq(run_simulated(set_and_reset, NULL), 0);
    cr_assert_eq(set_and_reset(NULL), 0, "outside of tasks too");
}

/* Inheritance */

static int grandchild(void *arg)
{
    (void)arg;
    return hkt_join(hkt_spawn(get_task, &a));
}

static int set_to(void *x)
{
    HKT_TRY(numbers_set(&a, (int)(intptr_t)x));
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    return get(&a);
}

static int reset_others(void *token)
{
    return hkt_var_reset(token);
}

static int inherits(void *arg)
{
    struct hkt_var_token token;
    struct hkt_task *before, *after, *own, *deep;

    (void)arg;
    cr_assert_eq(numbers_set(&a, 1), 0);
    before = hkt_spawn(get_task, &a);
    deep = hkt_spawn(grandchild, NULL);
    own = hkt_spawn(set_to, INT_ARG(7));
    cr_assert_eq(numbers_swap(&a, 2, &token), 0);
    after = hkt_spawn(get_task, &a);
    cr_assert_eq(hkt_join(hkt_spawn(reset_others, &token)), -EINVAL);
    cr_assert_eq(hkt_join(before), 1, "as it was at the spawn");
    cr_assert_eq(hkt_join(deep), 1);
    cr_assert_eq(hkt_join(own), 7);
    cr_assert_eq(hkt_join(after), 2);
    cr_assert_eq(get(&a), 2, "what the child set is the child's");
    cr_assert_eq(hkt_var_reset(&token), 0);
    return get(&a);
}

Test(context, a_task_begins_with_its_makers_values)
{
    cr_assert_eq(run_simulated(inherits, NULL), 1);
}

static int in_group(void *arg)
{
    struct hkt_group g = {0};

    cr_assert_eq(numbers_set(&a, 5), 0);
    HKT_TRY(hkt_group_enter(&g));
    HKT_TRY(hkt_group_spawn(&g, set_to, arg));
    HKT_TRY(hkt_group_exit(&g, 0));
    return get(&a);
}

Test(context, members_of_a_group_inherit_too)
{
    cr_assert_eq(run_simulated(in_group, INT_ARG(6)), 5);
}

static int seen_by_callback;

static void look(void *arg)
{
    (void)arg;
    seen_by_callback = get(&a);
}

static int main_begins_with_the_threads(void *arg)
{
    struct hkt_handle h = {0};

    (void)arg;
    cr_assert_eq(get(&a), 4);
    cr_assert_eq(numbers_set(&a, 5), 0);
    cr_assert_eq(hkt_call_soon(hkt_loop_current(), &h, look, NULL), 0);
    return hkt_sleep(HKT_MS(1));
}

static void *look_elsewhere(void *arg)
{
    cr_expect_eq(get(&a), -ENOENT, "another thread's");
    cr_expect_eq(numbers_set(&a, 8), 0);
    cr_expect_eq(run_simulated(get_task, &a), 8);
    return arg;
}

Test(context, outside_of_tasks_a_thread_has_its_own)
{
    pthread_t thread;

    cr_assert_eq(numbers_set(&a, 4), 0);
    cr_assert_eq(run_simulated(main_begins_with_the_threads, NULL), 0);
    cr_assert_eq(seen_by_callback, 4);
    cr_assert_eq(get(&a), 4);
    cr_assert_eq(pthread_create(&thread, NULL, look_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(get(&a), 4);
}

/* Contexts */

static int run_in_it(void *context)
{
    cr_assert_eq(get(&a), 1);
    cr_assert_eq(hkt_context_run(context, get_task, &a), -EBUSY);
    cr_assert_eq(hkt_context_free(context), -EBUSY);
    return set_to(INT_ARG(6));
}

static int contexts(void *arg)
{
    struct hkt_task_opts opts = {0};

    (void)arg;
    cr_assert_eq(numbers_set(&a, 1), 0);
    struct hkt_context *c = hkt_context_copy();
    cr_assert_eq(numbers_set(&a, 2), 0);
    cr_assert_eq(hkt_context_run(c, run_in_it, c), 6);
    cr_assert_eq(get(&a), 2);
    cr_assert_eq(hkt_context_run(c, get_task, &a), 6, "it keeps what was set in it");
    opts.context = c;
    struct hkt_task *t = hkt_spawn_opts(get_task, &a, &opts);
    cr_assert_eq(hkt_context_free(c), 0, "the task has a copy");
    cr_assert_eq(hkt_context_free(NULL), 0);
    cr_assert_eq(hkt_context_run(NULL, get_task, &a), -ENOMEM);
    return hkt_join(t);
}

Test(context, a_copy_of_all_can_be_run_in)
{
    cr_assert_eq(run_simulated(contexts, NULL), 6);
}

/* Ends */

static int dropped, sum;

static void count_drop(void *value)
{
    dropped++;
    sum += *(const int *)value;
}

static struct hkt_var counted = {"counted", sizeof(int), NULL, count_drop, 0};

static int drops(void *arg)
{
    struct hkt_var_token token;
    struct hkt_task *t;

    (void)arg;
    cr_assert_eq(numbers_set(&counted, 1), 0);
    cr_assert_eq(numbers_set(&counted, 10), 0);
    cr_assert_eq(dropped, 1, "nobody had it any more");
    t = hkt_spawn(get_task, &counted);
    cr_assert_eq(numbers_set(&counted, 100), 0);
    cr_assert_eq(dropped, 1, "the child has it");
    cr_assert_eq(hkt_task_wait(t, &(int){0}), 0);
    cr_assert_eq(dropped, 2, "its last user has ended, though its handle has not");
    cr_assert_eq(hkt_join(t), 10);
    cr_assert_eq(numbers_swap(&counted, 1000, &token), 0);
    cr_assert_eq(hkt_var_reset(&token), 0);
    cr_assert_eq(dropped, 3);
    t = hkt_spawn(get_task, &counted);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED, "before it began");
    return 0;
}

Test(context, the_last_user_drops_a_value)
{
    cr_assert_eq(run_simulated(drops, NULL), 0);
    cr_assert_eq(dropped, 4);
    cr_assert_eq(sum, 1111, "each once");
}

/* Lack */

static int allocs_left;
static void *(*real_alloc)(size_t size);

static void *few_allocs(size_t size)
{
    return allocs_left-- > 0 ? real_alloc(size) : NULL;
}

static int set_with(int allocs, int x)
{
    allocs_left = allocs;
    hkt__os.alloc = few_allocs;
    int rc = numbers_set(&a, x);
    hkt__os.alloc = real_alloc;
    return rc;
}

static int lacks(void *arg)
{
    struct hkt_var_token token;

    (void)arg;
    real_alloc = hkt__os.alloc;
    cr_assert_eq(set_with(0, 1), -ENOMEM);
    cr_assert_eq(set_with(1, 1), -ENOMEM);
    cr_assert_eq(get(&a), -ENOENT);
    cr_assert_eq(set_with(2, 1), 0);
    cr_assert_eq(set_with(1, 2), 0, "it has the array for itself");
    cr_assert_eq(numbers_swap(&a, 3, &token), 0);
    struct hkt_context *c = hkt_context_copy();
    cr_assert_eq(set_with(1, 4), -ENOMEM);
    allocs_left = 0;
    hkt__os.alloc = few_allocs;
    cr_assert_null(hkt_context_copy());
    cr_assert_eq(hkt_var_reset(&token), -ENOMEM);
    hkt__os.alloc = real_alloc;
    cr_assert_eq(get(&a), 3);
    cr_assert_eq(hkt_var_reset(&token), 0, "again");
    cr_assert_eq(get(&a), 2);
    return hkt_context_free(c);
}

Test(context, without_memory_nothing_changes)
{
    cr_assert_eq(run_simulated(lacks, NULL), 0);
}
