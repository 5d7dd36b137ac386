/* SPDX-License-Identifier: MIT
 *
 * hkt_range, to the ends of its numbers.
 */
#include "base/doors.h"
#include "base/reports.h"
#include "support/test.h"

#include <hocket/gen.h>

static void expect(int64_t start, int64_t stop, int64_t step, const int64_t *values, int count)
{
    struct hkt_gen *g = hkt_range(start, stop, step);
    int64_t x;

    for (int i = 0; i < count; i++) {
        cr_assert_eq(hkt_ints_next(g, &x), 1, "value %d", i);
        cr_assert_eq(x, values[i], "value %d", i);
    }
    cr_assert_eq(hkt_ints_next(g, &x), 0, "after %d values", count);
    cr_assert_eq(hkt_ints_next(g, &x), 0);
    hkt_gen_free(g);
}

Test(range, it_is_the_loop_for_all_small_arguments)
{
    for (int start = -4; start <= 4; start++)
        for (int stop = -4; stop <= 4; stop++)
            for (int step = -5; step <= 5; step++) {
                int64_t values[16];
                int count = 0;
                for (int i = start; step > 0 ? i < stop : step < 0 && i > stop; i += step)
                    values[count++] = i;
                if (step != 0)
                    expect(start, stop, step, values, count);
            }
}

Test(range, it_ends_at_the_largest_number_without_overflow)
{
    const int64_t last[] = {INT64_MAX - 2, INT64_MAX - 1}, odd[] = {INT64_MAX - 1};
    const int64_t huge[] = {0}, wide[] = {INT64_MIN, -1, INT64_MAX - 1};

    expect(INT64_MAX - 2, INT64_MAX, 1, last, 2);
    expect(INT64_MAX - 1, INT64_MAX, 7, odd, 1);
    expect(0, INT64_MAX, INT64_MAX, huge, 1);
    expect(INT64_MIN, INT64_MAX, INT64_MAX, wide, 3);
    expect(INT64_MAX, INT64_MIN, 1, NULL, 0);
}

Test(range, it_ends_at_the_least_number_without_overflow)
{
    const int64_t last[] = {INT64_MIN + 2, INT64_MIN + 1}, odd[] = {INT64_MIN + 1};
    const int64_t huge[] = {0}, wide[] = {INT64_MAX, -1};

    expect(INT64_MIN + 2, INT64_MIN, -1, last, 2);
    expect(INT64_MIN + 1, INT64_MIN, -7, odd, 1);
    expect(0, INT64_MIN, INT64_MIN, huge, 1);
    expect(INT64_MAX, INT64_MIN, INT64_MIN, wide, 2);
    expect(INT64_MIN, INT64_MAX, -1, NULL, 0);
}

Test(range, a_step_of_0_is_reported_and_there_is_no_range)
{
    struct reports reports;

    reports_to(&reports);
    cr_assert_null(hkt_range(0, 10, 0));
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "step"), "%s", reports.last);
}

Test(range, a_million_take_no_memory_beyond_the_first)
{
    struct hkt_gen *g = hkt_range(0, 1000000, 1);
    int64_t x, sum = 0;

    cr_assert_eq(hkt_ints_next(g, &x), 1);
    doors_install();
    while (hkt_ints_next(g, &x) > 0)
        sum += x;
    cr_assert_eq(sum, INT64_C(499999500000));
    cr_assert_eq(doors.allocs + doors.maps, 0);
    hkt_gen_free(g);
}

Test(range, it_may_be_given_up)
{
    struct hkt_gen *g = hkt_range(0, INT64_MAX, 1);
    int64_t x;

    cr_assert_eq(hkt_ints_next(g, &x), 1);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(hkt_ints_next(g, &x), 0);
    hkt_gen_free(g);
}
