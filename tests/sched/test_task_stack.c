/* SPDX-License-Identifier: MIT
 *
 * The stacks of tasks: what one gets, and what they are measured to need.
 */
#include "base/heard.h"
#include "base/where.h"
#include "coro/cold.h"
#include "support/test.h"

#include <hocket/hocket.h>

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static __attribute__((noinline)) int some_tasks(void *arg)
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

static __attribute__((noinline)) int spawn_shallow(size_t *bytes)
{
    *bytes = 100;
    return hkt_join(hkt_spawn(deep, bytes));
}

static __attribute__((noinline)) int spawn_in_group(size_t *bytes)
{
    struct hkt_group g = {0};

    HKT_TRY(hkt_group_enter(&g));
    return hkt_group_exit(&g, hkt_group_spawn(&g, deep, bytes));
}

static int in_places(void *bytes)
{
    HKT_TRY(some_tasks(bytes));
    HKT_TRY(spawn_shallow(bytes));
    return spawn_in_group(bytes);
}

Test(task_stack, places_that_spawn_the_same_are_told_apart)
{
    size_t bytes = 9000, most[2] = {0}, i = 0;

    setenv("HKT_STACK_PROFILE", "1", 1);
    cr_assert_eq(hkt_run(in_places, &bytes), 0);
    hear_stderr();
    hkt_stack_report();
    cr_assert(strstr(said, " spawn_in_group"), "%s", said);
    for (const char *line = said; (line = strstr(line, "  deep")) != NULL && i < 2; line++)
        if (!strstr(line, " some_tasks") || strstr(line, " some_tasks") > strchr(line, '\n'))
            (void)sscanf(line, " %*s %*s %*u %zu", &most[i++]);
    cr_assert_eq(i, 2u, "%s", said);
    if (!where_sanitizer())
        cr_assert(most[0] < 8000 && most[1] < 8000, "%s", said);
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
