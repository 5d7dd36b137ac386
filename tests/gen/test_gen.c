/* SPDX-License-Identifier: MIT
 *
 * Python's generators, one at a time: next, send, throw, close, return.
 */
#include "base/doors.h"
#include "base/reports.h"
#include "base/where.h"
#include "gen/bodies.h"
#include "support/test.h"

Test(gen, making_one_runs_nothing)
{
    struct hkt_gen *g = hkt_gen_new(gen_must_not_run, NULL);

    cr_assert_not_null(g);
    cr_assert_eq(hkt_gen_state(g), HKT_CREATED);
    hkt_gen_free(g);
}

Test(gen, one_that_is_never_started_touches_no_stack)
{
    struct hkt_gen *g = hkt_gen_new(gen_must_not_run, NULL);

    if (where_emulator() || where_valgrind())
        cr_skip_test("this is no kernel that tells which pages are resident");
    cr_assert_eq(hkt_coro_stack_used(HKT__CORO_OF(g)), 0u);
    hkt_gen_free(g);
}

Test(gen, next_gives_the_values_in_turn_and_then_0_for_ever)
{
    int stop = 100;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);
    int x;

    for (int i = 0; i < 100; i++) {
        cr_assert_eq(ints_next(g, &x), 1);
        cr_assert_eq(x, i);
        cr_assert_eq(hkt_gen_state(g), HKT_SUSPENDED);
    }
    for (int i = 0; i < 3; i++) {
        void *value = &x;
        cr_assert_eq(hkt_gen_next(g, &value), 0);
        cr_assert_null(value);
        cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
    }
    hkt_gen_free(g);
}

Test(gen, an_empty_one_is_finished_at_the_first_step)
{
    int stop = 0, x;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);

    cr_assert_eq(ints_next(g, &x), 0);
    hkt_gen_free(g);
}

static int fail_after(struct hkt_gen *self, void *steps)
{
    HKT_TRY(count_up(self, steps));
    return -EIO;
}

Test(gen, the_bodys_error_comes_out_once_and_then_0)
{
    int steps = 2, x;
    struct hkt_gen *g = hkt_gen_new(fail_after, &steps);

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_next(g, &x), -EIO);
    cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
    cr_assert_eq(ints_next(g, &x), 0);
    cr_assert_eq(ints_next(g, &x), 0);
    hkt_gen_free(g);
}

Test(gen, leaving_a_loop_leaves_it_suspended_and_another_loop_goes_on)
{
    int stop = 10, sum = 0;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);

    for (int x; ints_next(g, &x) > 0 && x != 4;)
        sum += x;
    cr_assert_eq(sum, 0 + 1 + 2 + 3);
    cr_assert_eq(hkt_gen_state(g), HKT_SUSPENDED);
    for (int x; ints_next(g, &x) > 0;)
        sum += x;
    cr_assert_eq(sum, 6 + 5 + 6 + 7 + 8 + 9, "the 4 was taken by the first loop");
    hkt_gen_free(g);
}

Test(gen, a_million_numbers_take_no_more_memory_than_one)
{
    int stop = 1000000;
    long long sum = 0;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);
    int x;

    cr_assert_eq(ints_next(g, &x), 1);
    doors_install();
    while (ints_next(g, &x) > 0)
        sum += x;
    cr_assert_eq(sum, 999999LL * 1000000 / 2);
    cr_assert_eq(doors.allocs + doors.maps + doors.guards + doors.releases, 0);
    hkt_gen_free(g);
}

/* Send */

Test(gen, what_is_sent_is_what_the_yield_brings)
{
    int x, y;
    void *value;
    struct script script = {0};
    struct hkt_gen *g = hkt_gen_new(follow, &script);

    cr_assert_eq(hkt_gen_next(g, &value), 1);
    cr_assert_eq(value, &script.seen[0]);
    cr_assert_eq(hkt_gen_send(g, &x, &value), 1);
    cr_assert_eq(value, &script.seen[1], "send answers the next value yielded");
    cr_assert_eq(script.in[0], &x);
    cr_assert_eq(script.seen[0], 0);
    cr_assert_eq(hkt_gen_send(g, &y, NULL), 1);
    cr_assert_eq(script.in[1], &y);
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_null(script.in[2], "next is send of nothing");
    hkt_gen_free(g);
}

Test(gen, sending_to_a_just_started_one_is_einval_and_it_may_still_be_started)
{
    int stop = 1, x = 7;
    void *value = &x;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);

    cr_assert_eq(hkt_gen_send(g, &x, &value), -EINVAL);
    cr_assert_null(value);
    cr_assert_eq(hkt_gen_state(g), HKT_CREATED);
    cr_assert_eq(hkt_gen_send(g, NULL, &value), 1, "sending nothing starts it");
    cr_assert_eq(*(int *)value, 0);
    hkt_gen_free(g);
}

Test(gen, sending_to_a_finished_one_is_0)
{
    int stop = 0, x;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);

    cr_assert_eq(ints_next(g, &x), 0);
    cr_assert_eq(ints_send(g, 3, &x), 0);
    hkt_gen_free(g);
}

/* Return */

static int return_arg(struct hkt_gen *self, void *arg)
{
    HKT_TRY(hkt_yield(self, NULL, NULL));
    return hkt_gen_return(self, arg);
}

Test(gen, what_the_body_returns_can_be_read_when_it_has_finished)
{
    int x;
    struct hkt_gen *g = hkt_gen_new(return_arg, &x);

    cr_assert_null(hkt_gen_result(g));
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_null(hkt_gen_result(g), "not before the end");
    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    cr_assert_eq(hkt_gen_result(g), &x);
    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    hkt_gen_free(g);
}

Test(gen, one_that_returned_nothing_has_no_result)
{
    int stop = 1, x;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);

    while (ints_next(g, &x) > 0)
        continue;
    cr_assert_null(hkt_gen_result(g));
    hkt_gen_free(g);
}

/* Re-entrancy */

static int try_itself(struct hkt_gen *self, void *arg)
{
    struct reports *reports = arg;
    void *value = arg;

    cr_expect_eq(hkt_gen_state(self), HKT_RUNNING);
    cr_expect_eq(hkt_gen_next(self, &value), -EBUSY);
    cr_expect_null(value);
    cr_expect_eq(hkt_gen_send(self, arg, NULL), -EBUSY);
    cr_expect_eq(hkt_gen_throw(self, -EIO, NULL), -EBUSY);
    cr_expect_eq(hkt_gen_throw(self, HKT_ECLOSE, NULL), -EBUSY);
    cr_expect_eq(hkt_gen_close(self), -EBUSY);
    hkt_gen_free(self);
    cr_expect_eq(reports->count, 1, "the free was refused");
    HKT_TRY(hkt_yield(self, arg, NULL));
    return hkt_gen_return(self, arg);
}

Test(gen, a_running_one_refuses_all_and_is_not_disturbed)
{
    struct reports reports;
    void *value;
    struct hkt_gen *g = hkt_gen_new(try_itself, &reports);

    reports_to(&reports);
    cr_assert_eq(hkt_gen_next(g, &value), 1);
    cr_assert_eq(value, &reports);
    cr_assert_eq(hkt_gen_next(g, &value), 0);
    cr_assert_eq(hkt_gen_result(g), &reports);
    hkt_gen_free(g);
}

static int take_one_of(struct hkt_gen *self, void *other)
{
    for (void *value; hkt_gen_next(other, &value) > 0;)
        HKT_TRY(hkt_yield(self, value, NULL));
    return 0;
}

Test(gen, it_may_be_stepped_from_different_places)
{
    int stop = 30, x, expected = 0;
    struct hkt_gen *shared = hkt_gen_new(count_up, &stop);
    struct hkt_gen *a = hkt_gen_new(take_one_of, shared), *b = hkt_gen_new(take_one_of, shared);

    for (int i = 0; i < 30; i++) {
        struct hkt_gen *from = i % 3 == 0 ? a : i % 3 == 1 ? b : shared;
        cr_assert_eq(ints_next(from, &x), 1);
        cr_assert_eq(x, expected++);
    }
    cr_assert_eq(ints_next(a, &x), 0);
    cr_assert_eq(ints_next(b, &x), 0);
    hkt_gen_free(a);
    hkt_gen_free(b);
    hkt_gen_free(shared);
}

static int spawn_and_sum(struct hkt_gen *self, void *depth)
{
    int below = *(int *)depth - 1, sum = 1;
    struct hkt_gen *child;

    if (below == 0)
        return ints_yield(self, 1);
    child = hkt_gen_new(spawn_and_sum, &below);
    for (int x; ints_next(child, &x) > 0;)
        sum += x;
    hkt_gen_free(child);
    return ints_yield(self, sum);
}

Test(gen, generators_may_drive_generators_to_any_depth)
{
    int depth = 300, x;
    struct hkt_gen *g = hkt_gen_new(spawn_and_sum, &depth);

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 300);
    cr_assert_eq(ints_next(g, &x), 0);
    hkt_gen_free(g);
}

static int one_value(void *ctx, void **value)
{
    *value = ctx;
    return 1;
}

Test(gen, every_call_accepts_null)
{
    int x;
    void *value = &x;

    cr_assert_eq(hkt_gen_next(NULL, &value), -ENOMEM);
    cr_assert_null(value);
    cr_assert_eq(hkt_gen_send(NULL, &x, NULL), -ENOMEM);
    cr_assert_eq(hkt_gen_throw(NULL, -EIO, NULL), -ENOMEM);
    cr_assert_eq(hkt_gen_close(NULL), -ENOMEM);
    value = &x;
    cr_assert_eq(hkt_yield(NULL, &x, &value), -ENOMEM);
    cr_assert_null(value);
    cr_assert_eq(hkt_yield_from(NULL, NULL, &value), -ENOMEM);
    cr_assert_eq(hkt_yield_from_iter(NULL, one_value, &x), -ENOMEM);
    cr_assert_eq(ints_yield(NULL, 1), -ENOMEM);
    cr_assert_eq(ints_yield_recv(NULL, 1, &x), -ENOMEM);
    cr_assert_eq(hkt_gen_return(NULL, &x), -ENOMEM);
    cr_assert_null(hkt_gen_result(NULL));
    cr_assert_null(hkt_gen_delegate(NULL));
    cr_assert_eq(hkt_gen_state(NULL), HKT_FINISHED);
    cr_assert_eq(ints_next(NULL, &x), -ENOMEM);
    cr_assert_eq(ints_send(NULL, 1, &x), -ENOMEM);
    cr_assert_eq(ints_throw(NULL, -EIO, &x), -ENOMEM);
    hkt_gen_free(NULL);
}

/* Arguments by value */

struct limits {
    int from, to;
    long double alignment;
    char text[900];
};

static int between(struct hkt_gen *self, void *arg)
{
    const struct limits *limits = arg;

    cr_expect_eq((uintptr_t)arg % _Alignof(struct limits), 0u);
    cr_expect_str_eq(limits->text, "a copy");
    for (int i = limits->from; i < limits->to; i++)
        HKT_TRY(ints_yield(self, i));
    return 0;
}

Test(gen, arguments_can_be_bound_by_value)
{
    struct limits limits = {3, 6, 0, "a copy"};
    struct hkt_gen *g = hkt_gen_new_copy(between, &limits, sizeof limits);
    struct hkt_gen *unused = hkt_gen_new_copy(between, &limits, sizeof limits);
    int x, sum = 0;

    memset(&limits, 0xff, sizeof limits);
    while (ints_next(g, &x) > 0)
        sum += x;
    cr_assert_eq(sum, 3 + 4 + 5);
    hkt_gen_free(g);
    hkt_gen_free(unused);
}

static int check_bytes(struct hkt_gen *self, void *arg)
{
    int size = *(unsigned char *)arg;

    for (int i = 0; i < size; i++)
        if (((unsigned char *)arg)[i] != size)
            return -EIO;
    return hkt_yield(self, NULL, NULL);
}

Test(gen, arguments_of_any_size_up_to_1024_are_copied_whole)
{
    unsigned char bytes[1024];

    for (int size = 1; size < 256; size++) {
        memset(bytes, size, sizeof bytes);
        struct hkt_gen *g = hkt_gen_new_copy(check_bytes, bytes, (size_t)size);
        cr_assert_eq(hkt_gen_next(g, NULL), 1, "%d bytes", size);
        hkt_gen_free(g);
    }
    memset(bytes, 255, sizeof bytes);
    struct hkt_gen *g = hkt_gen_new_copy(check_bytes, bytes, sizeof bytes);
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    hkt_gen_free(g);
    g = hkt_gen_new_copy(return_arg, NULL, 0);
    cr_assert_eq(hkt_gen_next(g, NULL), 1, "nothing may be copied too");
    hkt_gen_free(g);
}

Test(gen, more_than_1024_bytes_of_arguments_are_refused_and_reported)
{
    static const char bytes[1025];
    struct reports reports;

    reports_to(&reports);
    cr_assert_null(hkt_gen_new_copy(return_arg, bytes, sizeof bytes));
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "1025"), "%s", reports.last);
}

Test(gen, options_are_those_of_coroutines)
{
    int stop = 3, x;
    const struct hkt_coro_opts opts = {.name = "counter", .stack_size = 131072, .data = &stop};
    struct hkt_gen *g = hkt_gen_new_opts(count_up, &stop, &opts);

    cr_assert_str_eq(hkt_coro_name(HKT__CORO_OF(g)), "counter");
    cr_assert_eq(hkt_coro_data(HKT__CORO_OF(g)), (void *)&stop);
    cr_assert_eq(ints_next(g, &x), 1);
    hkt_gen_free(g);
}
