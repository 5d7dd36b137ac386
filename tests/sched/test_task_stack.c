/* SPDX-License-Identifier: MIT
 *
 * The stacks of tasks: what one gets, and what they are measured to need.
 */
#include "base/os.h"
#include "base/where.h"
#include "coro/cold.h"
#include "support/test.h"

#include <hocket/hocket.h>

#include <alloca.h>
#include <stdlib.h>

static int tell_size(void *size)
{
    *(size_t *)size = hkt_coro_stack_size(hkt_coro_current());
    return 0;
}

static int ask_sizes(void *arg)
{
    const size_t sizes[] = {2048, 2500, 4096, 8192, 32768, 65536};
    size_t page = hkt__os_page_size();

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct hkt_task_opts opts = {.stack_size = sizes[i]};
        cr_expect_eq(hkt_join(hkt_spawn_opts(tell_size, arg, &opts)), 0);
        size_t got = *(size_t *)arg;
        cr_expect(got >= 4096, "%zu for %zu", got, sizes[i]);
        cr_expect(got + page >= sizes[i], "%zu for %zu", got, sizes[i]);
        if (sizes[i] <= 32768)
            cr_expect(got >= sizes[i], "%zu for %zu", got, sizes[i]);
    }
    return 0;
}

Test(task_stack, a_task_has_the_bytes_that_it_asks_for_and_never_less_than_a_page)
{
    size_t size;

    cr_assert_eq(hkt_run(ask_sizes, &size), 0);
}

static __attribute__((noinline)) void touch_below(size_t bytes)
{
    volatile char *block = alloca(bytes);

    block[0] = 1;
}

static int deep(void *bytes)
{
    touch_below(*(size_t *)bytes);
    return hkt_sleep(1);
}

static int some_tasks(void *arg)
{
    struct hkt_task *t[3];

    for (int i = 0; i < 3; i++)
        t[i] = hkt_spawn(deep, arg);
    cr_assert_eq(hkt_sleep(1), 0);
    if (!where_sanitizer())
        cr_expect_eq(hkt_stack_suggest(HKT_BODY(deep)), 32768u, "while they live");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    return 0;
}

Test(task_stack, tasks_are_measured_by_their_functions)
{
    size_t bytes = 9000;

    setenv("HKT_STACK_PROFILE", "1", 1);
    setenv("HKT_HIBERNATE", "1", 1);
    cr_assert_eq(hkt_run(some_tasks, &bytes), 0);
    cr_assert_gt(hkt_stack_suggest(HKT_BODY(some_tasks)), 0);
    if (where_sanitizer())
        cr_skip_test("a sanitizer's frames need more, or lie elsewhere");
    cr_assert_eq(hkt_stack_suggest(HKT_BODY(deep)), 32768u);
}
