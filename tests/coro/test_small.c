/* SPDX-License-Identifier: MIT
 *
 * Stacks of 2 KiB: several in a page, a canary in each, a guard page below them all.
 */
#include "base/child.h"
#include "base/doors.h"
#include "base/reports.h"
#include "base/where.h"
#include "coro/bodies.h"
#include "coro/stack.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <signal.h>
#include <stdio.h>

static const struct hkt_coro_opts small = {.name = "small", .stack_size = 2048};

static int count(struct hkt_gen *self, void *stop)
{
    for (uintptr_t i = 1; i <= *(size_t *)stop; i++)
        HKT_TRY(hkt_yield(self, (void *)i, NULL));
    return 0;
}

Test(small, generators_count_side_by_side)
{
    enum { MANY = 100 };
    static struct hkt_gen *g[MANY];
    size_t stop = 5;
    void *value;

    if (where_sanitizer())
        cr_skip_test("frames are larger under a sanitizer");
    for (int i = 0; i < MANY; i++)
        cr_assert_not_null(g[i] = hkt_gen_new_opts(count, &stop, &small));
    for (uintptr_t step = 1; step <= stop; step++)
        for (int i = 0; i < MANY; i++) {
            cr_assert_eq(hkt_gen_next(g[i], &value), 1);
            cr_assert_eq((uintptr_t)value, step);
        }
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(hkt_gen_next(g[i], &value), 0);
        hkt_gen_free(g[i]);
    }
}

static int from(struct hkt_gen *self, void *sub)
{
    return hkt_yield_from(self, sub, NULL);
}

Test(small, a_small_one_delegates_to_another)
{
    size_t stop = 3;
    struct hkt_gen *sub, *g;
    uintptr_t sum = 0;

    if (where_sanitizer())
        cr_skip_test("frames are larger under a sanitizer");
    sub = hkt_gen_new_opts(count, &stop, &small);
    g = hkt_gen_new_opts(from, sub, &small);
    for (void *value; hkt_gen_next(g, &value) > 0;)
        sum += (uintptr_t)value;
    cr_assert_eq(sum, 6u);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

Test(small, they_lie_next_to_each_other_with_one_guard_page_for_all)
{
    struct hkt_coro *c[2];

    hkt_coro_free(hkt_coro_new(must_not_run, NULL));
    doors_install();
    for (int i = 0; i < 2; i++)
        c[i] = hkt_coro_new_opts(must_not_run, NULL, &small);
    cr_assert_eq(doors.maps, 1);
    cr_assert_eq(doors.guards, 1);
    cr_assert_eq(c[1]->cold->low - c[0]->cold->low, 2048);
    cr_assert_eq(hkt_coro_stack_size(c[0]), 2048u);
    cr_assert_eq(hkt__stack_owner(c[0]->cold->low, false), c[0]);
    cr_assert_eq(hkt__stack_owner(c[1]->cold->low, false), c[1]);
    cr_assert_null(hkt__stack_owner(c[0]->cold->low - 1, false), "it is of nobody");
    for (int i = 0; i < 2; i++)
        hkt_coro_free(c[i]);
}

/* Overflow */

static __attribute__((noinline)) int go_down(struct hkt_coro *self, size_t bytes)
{
    volatile char block[128];

    for (size_t i = 0; i < sizeof block; i++)
        block[i] = 1;
    if (bytes < sizeof block)
        return yield_here(self) + block[0] - 1;
    return go_down(self, bytes - sizeof block) + block[1] - 1;
}

static int dig(struct hkt_coro *self, void *bytes)
{
    return go_down(self, *(size_t *)bytes);
}

static struct hkt_coro *begun(int name)
{
    static struct answer answer;
    static char names[100][8];
    struct hkt_coro *c = hkt_coro_new_opts(answer_close, &answer, &small);

    snprintf(names[name], sizeof *names, "no %d", name);
    hkt_coro_set_name(c, names[name]);
    (void)!resume(c);
    return c;
}

/* The fifth of ten digs. */
static void overflow_by(void *bytes)
{
    for (int i = 0; i < 10; i++) {
        struct hkt_coro *c = i == 5 ? hkt_coro_new_opts(dig, bytes, &small) : begun(i);
        if (i == 5)
            hkt_coro_set_name(c, "the digger");
        if (i == 5 && *(size_t *)bytes < 4096)
            (void)!resume(c);
        else if (i == 9) {
            const struct hkt__walk none = {0};
            struct hkt__walk walk = none;
            while (strcmp(hkt_coro_name(c), "the digger") != 0)
                c = hkt__stack_walk(&walk);
            (void)!resume(c);
        }
    }
}

Test(small, an_overflow_is_found_at_the_next_switch_and_named)
{
    struct child child;
    size_t bytes = 2100;

    if (where_sanitizer())
        cr_skip_test("a sanitizer gives frames other places and sizes");
    cr_assert(child_run(&child, overflow_by, &bytes));
    cr_assert(child_died_of(&child, SIGABRT), "status 0x%x", child.status);
    cr_assert(child_said(&child, "stack overflow in coroutine 'the digger'"), "%s", child.err);
    cr_assert(child_said(&child, "2048 bytes"), "%s", child.err);
    cr_assert(child_said(&child, "when it switched"), "%s", child.err);
}

/* Over all others, whose canaries are gone too. */
Test(small, one_that_runs_away_faults_below_the_others_and_is_named)
{
    struct child child;
    size_t bytes = (size_t)1 << 30;

    if (where_sanitizer())
        cr_skip_test("a sanitizer gives frames other places and sizes");
    cr_assert(child_run(&child, overflow_by, &bytes));
    cr_assert(child_died_of(&child, SIGSEGV) || child_died_of(&child, SIGBUS), "status 0x%x",
              child.status);
    cr_assert(child_said(&child, "stack overflow in coroutine 'the digger'"), "%s", child.err);
    cr_assert(child_said(&child, "2048 bytes"), "%s", child.err);
    cr_assert(child_said(&child, "in go_down+"), "%s", child.err);
}

/* Memory */

enum { BEYOND = HKT__COOL_TOGETHER, MANY = 2 * (HKT__WARM_MOST + BEYOND) };
static struct hkt_coro *many[MANY];

static void make_many(void)
{
    static struct answer answer;

    for (int i = 0; i < MANY; i++) {
        many[i] = hkt_coro_new_opts(answer_close, &answer, &small);
        cr_assert_not_null(many[i]);
        if (!where_sanitizer())
            cr_assert_eq(resume(many[i]), 1);
    }
}

/* One of each page is freed first. */
Test(small, a_page_is_given_back_with_the_last_stack_in_it)
{
    int in_page = (int)(hkt__os_page_size() / 2048), freed = 0, again = 0;

    doors_install();
    make_many();
    for (int i = 0; i < MANY; i += in_page, freed++)
        hkt_coro_free(many[i]);
    cr_assert_eq(doors.released, 0u, "each has a neighbour in use");
    for (int i = 0; i < MANY; i++)
        if (i % in_page > 0) {
            hkt_coro_free(many[i]);
            again++;
        }
    int cool = (freed + again - HKT__WARM_MOST) / HKT__COOL_TOGETHER * HKT__COOL_TOGETHER;
    cr_assert_eq(doors.released, (size_t)((cool - freed) / (in_page - 1)) * hkt__os_page_size());
    make_many();
    for (int i = 0; i < MANY; i++)
        hkt_coro_free(many[i]);
}

static int free_many(struct hkt_coro *self, void *arg)
{
    char own[600]; /* leaves less than a list of what is given back would take */

    __asm__ volatile("" ::"r"(own) : "memory");
    (void)self;
    (void)arg;
    for (int i = 0; i < MANY; i++)
        hkt_coro_free(many[i]);
    return 0;
}

/* Beyond those that stay warm, stacks lose their pages. */
Test(small, one_may_free_any_number_of_others)
{
    if (where_sanitizer())
        cr_skip_test("frames are larger under a sanitizer");
    make_many();
    struct hkt_coro *c = hkt_coro_new_opts(free_many, NULL, &small);
    cr_assert_eq(resume(c), 0);
    hkt_coro_free(c);
}

Test(small, a_parked_one_costs_its_two_kilobytes_and_a_control_block)
{
    enum { CROWD = 100000, HEAD = 1024 };
    static struct hkt_coro *crowd[CROWD];
    static struct answer answer;
    size_t before = hkt__os.resident_set(), each;

    if (where_sanitizer() || where_emulator() || where_valgrind() || before == 0)
        cr_skip_test("the memory would be that of what it runs under");
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = hkt_coro_new_opts(answer_close, &answer, &small);
        cr_assert_eq(resume(crowd[i]), 1);
    }
    each = (hkt__os.resident_set() - before) / CROWD;
    cr_assert(each <= 2048 + HEAD, "%zu bytes each", each);
    for (int i = 0; i < CROWD; i++)
        hkt_coro_free(crowd[i]);
}

Test(small, without_a_guard_page_there_is_none_and_it_may_be_tried_again)
{
    struct answer answer = {.rc = HKT_ECLOSE};
    struct reports reports;

    reports_to(&reports);
    doors_install();
    hkt_coro_free(hkt_coro_new(must_not_run, NULL));
    size_t mapped = doors.mapped;
    doors.fail_guard = 1;
    cr_assert_null(hkt_coro_new_opts(answer_close, &answer, &small));
    cr_assert(reports_say(&reports, "2048"), "%s", reports.last);
    cr_assert_eq(doors.mapped, mapped, "nothing is kept that was mapped for it");
    doors.fail_map = 1;
    cr_assert_null(hkt_coro_new_opts(answer_close, &answer, &small));
    struct hkt_coro *c = hkt_coro_new_opts(answer_close, &answer, &small);
    cr_assert_not_null(c);
    if (!where_sanitizer())
        cr_assert_eq(resume(c), 1);
    hkt_coro_free(c);
}

/* Signals */

static void ignore(int signum)
{
    (void)signum;
}

static void forget_handlers(void)
{
    struct sigaction now;

    for (int signum = 1; signum < NSIG; signum++)
        if (sigaction(signum, NULL, &now) == 0 && !(now.sa_flags & SA_ONSTACK))
            signal(signum, SIG_DFL);
}

Test(small, a_handler_that_would_run_on_one_is_reported_once)
{
    struct sigaction action = {.sa_flags = SA_ONSTACK};
    struct reports reports;

    forget_handlers();
    action.sa_handler = ignore;
    sigaction(SIGUSR2, &action, NULL);
    reports_to(&reports);
    make_many();
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    signal(SIGUSR1, ignore);
    struct hkt_coro *c[2 * MANY];
    for (int i = 0; i < 2 * MANY; i++)
        c[i] = hkt_coro_new_opts(must_not_run, NULL, &small);
    cr_assert_eq(reports.count, 1, "%s", reports.last);
    cr_assert(reports_say(&reports, "SA_ONSTACK"), "%s", reports.last);
    for (int i = 0; i < 2 * MANY; i++)
        hkt_coro_free(c[i]);
    for (int i = 0; i < MANY; i++)
        hkt_coro_free(many[i]);
}

static int interrupted(struct hkt_gen *self, void *arg)
{
    (void)arg;
    raise(SIGUSR2);
    return hkt_yield(self, arg, NULL);
}

Test(small, a_signal_on_the_signal_stack_leaves_it_as_it_was)
{
    struct sigaction action = {.sa_flags = SA_ONSTACK};
    struct hkt_gen *g[8];

    if (where_sanitizer())
        cr_skip_test("frames are larger under a sanitizer");
    action.sa_handler = ignore;
    sigaction(SIGUSR2, &action, NULL);
    for (int i = 0; i < 8; i++)
        g[i] = hkt_gen_new_opts(interrupted, NULL, &small);
    for (int i = 0; i < 8; i++)
        cr_assert_eq(hkt_gen_next(g[i], NULL), 1);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(hkt_gen_next(g[i], NULL), 0);
        hkt_gen_free(g[i]);
    }
}
