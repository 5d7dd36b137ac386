/* SPDX-License-Identifier: MIT
 *
 * Whose stack is this? Answered from the stack pointer alone.
 */
#include "coro/bodies.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <pthread.h>
#include <stdalign.h>

static int is_current(struct hkt_coro *self, void *arg)
{
    (void)arg;
    cr_expect_eq(hkt_coro_current(), self);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    cr_expect_eq(hkt_coro_current(), self, "after a yield");
    return 0;
}

Test(current, outside_there_is_none)
{
    struct hkt_coro *c;

    cr_assert_null(hkt_coro_current(), "before the first");
    c = hkt_coro_new(is_current, NULL);
    cr_assert_null(hkt_coro_current());
    cr_assert_eq(resume(c), 1);
    cr_assert_null(hkt_coro_current(), "while one is suspended");
    cr_assert_eq(resume(c), 0);
    hkt_coro_free(c);
    cr_assert_null(hkt_coro_current());
}

static int resume_inner(struct hkt_coro *self, void *inner)
{
    for (int i = 0; i < 2; i++) {
        (void)!resume(inner);
        cr_expect_eq(hkt_coro_current(), self, "after the inner one");
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    }
    return 0;
}

Test(current, it_is_the_innermost)
{
    struct hkt_coro *inner = hkt_coro_new(is_current, NULL);
    struct hkt_coro *outer = hkt_coro_new(resume_inner, inner);

    while (resume(outer) > 0)
        continue;
    cr_assert_eq(hkt_coro_state(inner), HKT_FINISHED);
    hkt_coro_free(outer);
    hkt_coro_free(inner);
}

static int yield_for(struct hkt_coro *self, void *outer)
{
    HKT_TRY(hkt_coro_yield(outer, NULL, NULL));
    cr_expect_eq(hkt_coro_current(), self, "its stack, although the outer one was resumed");
    return 0;
}

static int resume_deep(struct hkt_coro *self, void *arg)
{
    struct hkt_coro *inner = hkt_coro_new(yield_for, self);

    (void)arg;
    HKT_TRY(resume(inner));
    hkt_coro_free(inner);
    return 0;
}

Test(current, it_is_the_owner_of_the_stack_after_a_deep_yield)
{
    struct hkt_coro *outer = hkt_coro_new(resume_deep, NULL);

    cr_assert_eq(resume(outer), 1);
    cr_assert_eq(resume(outer), 0);
    hkt_coro_free(outer);
}

Test(current, it_is_found_on_user_memory_and_on_any_size_of_stack)
{
    static alignas(16) char memory[3][16384];
    const struct hkt_coro_opts opts[] = {
        {.stack = memory[1], .stack_size = sizeof memory[1]},
        {.stack = memory[0], .stack_size = sizeof memory[0]},
        {.stack = memory[2] + 5, .stack_size = sizeof memory[2] - 9},
        {.stack_size = 16384},
        {.stack_size = 1 << 20},
        {.stack_size = 1 << 24},
    };
    struct hkt_coro *c[6];

    for (int i = 0; i < 6; i++) {
        c[i] = hkt_coro_new_opts(is_current, NULL, &opts[i]);
        cr_assert_eq(resume(c[i]), 1, "stack %d", i);
    }
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(resume(c[i]), 0, "stack %d", i);
        hkt_coro_free(c[i]);
    }
}

Test(current, it_is_found_among_thousands)
{
    static struct hkt_coro *c[2000];

    for (int i = 0; i < 2000; i++)
        c[i] = hkt_coro_new(is_current, NULL);
    for (int i = 0; i < 2000; i++)
        cr_assert_eq(resume(c[i * 7 % 2000]), 1);
    for (int i = 0; i < 2000; i++) {
        cr_assert_eq(resume(c[i]), 0);
        hkt_coro_free(c[i]);
    }
}

static int gen_is_current(struct hkt_gen *self, void *arg)
{
    (void)arg;
    cr_expect_eq(hkt_coro_current(), HKT__CORO_OF(self));
    return hkt_yield(self, NULL, NULL);
}

static int gen_delegates(struct hkt_gen *self, void *sub)
{
    HKT_TRY(hkt_yield_from(self, sub, NULL));
    return gen_is_current(self, NULL);
}

Test(current, it_is_the_delegate_that_runs)
{
    struct hkt_gen *sub = hkt_gen_new(gen_is_current, NULL);
    struct hkt_gen *g = hkt_gen_new(gen_delegates, sub);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

static void *other_thread(void *arg)
{
    (void)arg;
    cr_expect_null(hkt_coro_current());
    return NULL;
}

static int start_thread(struct hkt_coro *self, void *arg)
{
    pthread_t thread;

    cr_expect_eq(pthread_create(&thread, NULL, other_thread, NULL), 0);
    pthread_join(thread, NULL);
    return is_current(self, arg);
}

Test(current, another_thread_has_its_own_or_none)
{
    struct hkt_coro *c = hkt_coro_new(start_thread, NULL);

    cr_assert_eq(resume(c), 1);
    hkt_coro_free(c);
}
