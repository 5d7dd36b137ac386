/* SPDX-License-Identifier: MIT
 *
 * A coroutine belongs to the thread that made it.
 */
#include "base/child.h"
#include "base/doors.h"
#include "base/reports.h"
#include "coro/bodies.h"
#include "coro/stack.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <pthread.h>

static void on_another_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, fn, arg), 0);
    pthread_join(thread, NULL);
}

static void *use_fresh(void *c)
{
    void *value = c;

    cr_expect_eq(hkt_coro_resume(c, NULL, &value), -EXDEV);
    cr_expect_null(value);
    cr_expect_eq(hkt_coro_close(c), -EXDEV);
    cr_expect_eq(hkt_coro_reset(c, must_not_run, NULL), -EXDEV);
    return NULL;
}

Test(thread, one_of_another_thread_that_has_not_begun_is_exdev)
{
    struct hkt_coro *c = hkt_coro_new(must_not_run, NULL);

    on_another_thread(use_fresh, c);
    cr_assert_eq(hkt_coro_state(c), HKT_CREATED);
    hkt_coro_free(c);
}

static int transfer_to(struct hkt_coro *self, void *to)
{
    return hkt_coro_transfer(self, to, NULL, NULL);
}

static int gen_delegate(struct hkt_gen *self, void *sub)
{
    return hkt_yield_from(self, sub, NULL);
}

static void *use_suspended(void *arg)
{
    struct hkt_coro *mine;
    struct hkt_gen *gen = hkt_gen_new(gen_delegate, arg);

    cr_expect_eq(hkt_coro_close(arg), -EXDEV);
    cr_expect_eq(hkt_coro_reset(arg, must_not_run, NULL), -EXDEV);
    cr_expect_eq(hkt_gen_throw(arg, -EIO, NULL), -EXDEV);
    cr_expect_eq(hkt_gen_next(gen, NULL), -EXDEV, "yield from it");
    hkt_gen_free(gen);
#ifdef HKT_DEBUG
    cr_expect_eq(resume(arg), -EXDEV, "the inline step, in debug builds");
    mine = hkt_coro_new(transfer_to, arg);
    cr_expect_eq(resume(mine), -EXDEV, "the inline transfer, in debug builds");
    hkt_coro_free(mine);
#else
    (void)mine;
    (void)transfer_to;
#endif
    return NULL;
}

static int gen_forever(struct hkt_gen *self, void *arg)
{
    for (;;)
        HKT_TRY(hkt_yield(self, arg, NULL));
}

Test(thread, a_suspended_one_of_another_thread_is_exdev_and_goes_on_at_home)
{
    struct hkt_gen *g = hkt_gen_new(gen_forever, NULL);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    on_another_thread(use_suspended, g);
    cr_assert_eq(hkt_gen_state(g), HKT_SUSPENDED);
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    hkt_gen_free(g);
}

#ifdef HKT_DEBUG
static void *yield_it(void *c)
{
    cr_expect_eq(hkt_coro_yield(c, NULL, NULL), -EXDEV);
    return NULL;
}

static int be_yielded_elsewhere(struct hkt_coro *self, void *arg)
{
    (void)arg;
    on_another_thread(yield_it, self);
    return 3;
}
#endif

Test(thread, yielding_one_that_runs_on_another_thread_is_exdev_in_debug_builds)
{
#ifdef HKT_DEBUG
    struct hkt_coro *c = hkt_coro_new(be_yielded_elsewhere, NULL);

    cr_assert_eq(resume(c), 0);
    cr_assert_eq(hkt_coro_result(c), 3);
    hkt_coro_free(c);
#else
    cr_skip_test("only builds with HKT_DEBUG notice");
#endif
}

static void *free_it(void *c)
{
    hkt_coro_free(c);
    return NULL;
}

Test(thread, freeing_one_of_another_thread_is_reported_by_name_and_does_nothing)
{
    struct reports reports;
    struct answer answer = {.rc = HKT_ECLOSE};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    hkt_coro_set_name(c, "home-loving");
    reports_to(&reports);
    on_another_thread(free_it, c);
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "'home-loving'"), "%s", reports.last);
    cr_assert_eq(resume(c), 1);
    on_another_thread(free_it, c);
    cr_assert_eq(reports.count, 2);
    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_close(c), 0);
    on_another_thread(free_it, c);
    cr_assert_eq(reports.count, 3, "a finished one too");
    hkt_coro_free(c);
    cr_assert_eq(reports.count, 3);
}

enum { THREADS = 8, EACH = 300 };

static int sum_up(struct hkt_coro *self, void *arg)
{
    long *sum = arg;

    for (long i = 1;; i++) {
        *sum += i;
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    }
}

static void *run_many(void *ok)
{
    long sum[EACH] = {0};
    struct hkt_coro *c[EACH];

    for (int i = 0; i < EACH; i++)
        c[i] = hkt_coro_new(sum_up, &sum[i]);
    for (int step = 0; step < 100; step++)
        for (int i = 0; i < EACH; i++)
            (void)!resume(c[i]);
    *(int *)ok = 1;
    for (int i = 0; i < EACH; i++) {
        *(int *)ok &= sum[i] == 100 * 101 / 2;
        hkt_coro_free(c[i]);
    }
    return NULL;
}

Test(thread, each_has_coroutines_of_its_own)
{
    pthread_t thread[THREADS];
    int ok[THREADS] = {0};

    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, run_many, &ok[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        cr_assert(ok[i], "thread %d", i);
    }
}

Test(thread, its_end_gives_all_mappings_back)
{
    int ok = 0;

    doors_install();
    for (int i = 0; i < 3; i++) {
        on_another_thread(run_many, &ok);
        cr_assert(ok);
        cr_assert(doors.maps > 0);
        cr_assert_eq(doors.maps, doors.unmaps, "round %d", i);
        cr_assert_eq(doors.mapped, 0u, "round %d", i);
    }
}

static struct hkt__thread *volatile left_thread; /* so that it does not count as leaked */

static void *leave_two_behind(void *arg)
{
    struct hkt_coro **left = arg;

    for (int i = 0; i < 5; i++) {
        struct hkt_coro *c = hkt_coro_new(must_not_run, NULL);
        if (i < 2)
            left[i] = c;
        else
            hkt_coro_free(c);
    }
    left_thread = hkt__thread_current;
    return NULL;
}

Test(thread, its_end_with_coroutines_left_is_reported_and_unmaps_nothing)
{
    struct reports reports;
    struct hkt_coro *left[2];

    reports_to(&reports);
    on_another_thread(leave_two_behind, left);
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "2 coroutines"), "%s", reports.last);
    cr_assert_str_eq(hkt_coro_name(left[0]), "coro", "still there to be looked at");
    cr_assert_eq(resume(left[1]), -EXDEV);
}
