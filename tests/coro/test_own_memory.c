/* SPDX-License-Identifier: MIT
 *
 * Coroutines in memory of the user's: a board with a static array needs neither mmap nor malloc.
 */
#include "base/child.h"
#include "base/doors.h"
#include "base/where.h"
#include "coro/bodies.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>

enum { SIZE = 16384, FEW = 4 };
static alignas(64) char memory[FEW][SIZE];

static struct hkt_coro_opts own(int which)
{
    return (struct hkt_coro_opts){.name = "static", .stack = memory[which], .stack_size = SIZE};
}

static void no_more_memory(void)
{
    doors_install();
    doors.fail_alloc = doors.fail_map = doors.fail_guard = -1;
}

static void live_and_end(void)
{
    struct answer answer[FEW] = {{.rc = HKT_ECLOSE}};
    struct hkt_coro *c[FEW];

    for (int i = 0; i < FEW; i++) {
        const struct hkt_coro_opts opts = own(i);
        c[i] = hkt_coro_new_opts(answer_close, &answer[i], &opts);
        cr_assert_not_null(c[i], "coroutine %d", i);
    }
    for (int step = 0; step < 10; step++)
        for (int i = 0; i < FEW; i++)
            cr_assert_eq(resume(c[i]), 1);
    cr_assert_eq(hkt_coro_reset(c[1], answer_close, &answer[1]), 0);
    for (int i = 0; i < FEW; i++)
        hkt_coro_free(c[i]);
    cr_assert_null(hkt_coro_new(must_not_run, NULL), "there is no memory indeed");
}

Test(own_memory, needs_no_mapping_and_no_allocation)
{
    no_more_memory();
    for (int round = 0; round < 3; round++)
        live_and_end();
}

static void *live_there(void *arg)
{
    live_and_end();
    return arg;
}

Test(own_memory, needs_none_on_a_new_thread_either)
{
    pthread_t thread;

    no_more_memory();
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(pthread_create(&thread, NULL, live_there, NULL), 0);
        pthread_join(thread, NULL);
    }
}

Test(own_memory, pooled_ones_can_be_made_once_there_is_memory)
{
    struct answer answer = {.rc = HKT_ECLOSE};
    struct hkt_coro *c;

    no_more_memory();
    live_and_end();
    doors.fail_alloc = doors.fail_map = doors.fail_guard = 0;
    c = hkt_coro_new(answer_close, &answer);
    cr_assert_not_null(c);
    cr_assert_eq(resume(c), 1);
    doors.fail_alloc = doors.fail_map = doors.fail_guard = -1;
    live_and_end();
    hkt_coro_free(c);
}

static int count_to_three(struct hkt_gen *self, void *arg)
{
    static const int values[] = {1, 2, 3};

    (void)arg;
    for (int i = 0; i < 3; i++)
        HKT_TRY(hkt_yield(self, (void *)(uintptr_t)&values[i], NULL));
    return hkt_gen_return(self, arg);
}

static int delegate(struct hkt_gen *self, void *sub)
{
    return hkt_yield_from(self, sub, NULL);
}

Test(own_memory, generators_and_delegation_work_there)
{
    const struct hkt_coro_opts first = own(0), second = own(1);
    struct hkt_gen *sub, *g;
    int sum = 0;

    no_more_memory();
    sub = hkt_gen_new_opts(count_to_three, NULL, &first);
    g = hkt_gen_new_opts(delegate, sub, &second);
    for (void *value; hkt_gen_next(g, &value) > 0;)
        sum += *(int *)value;
    cr_assert_eq(sum, 6);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

/* Overflow is found at each switch: by words at the low end, and by the stack pointer. */

struct overrun {
    int at; /* which of the lowest bytes is overwritten */
    bool ends;
};

static int overrun(struct hkt_coro *self, void *arg)
{
    const struct overrun *how = arg;

    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    *(volatile char *)(memory[0] + how->at) = 0;
    return how->ends ? 0 : hkt_coro_yield(self, NULL, NULL);
}

static void run_overrun(void *how)
{
    const struct hkt_coro_opts opts = own(0);
    struct hkt_coro *c = hkt_coro_new_opts(overrun, how, &opts);

    (void)!resume(c);
    (void)!resume(c);
}

Test(own_memory, an_overrun_aborts_at_the_next_switch_with_the_name_and_the_size)
{
    const struct hkt_coro_opts opts = own(0);
    struct hkt_coro *c = hkt_coro_new_opts(must_not_run, NULL, &opts);
    char size[32];

    snprintf(size, sizeof size, "%zu bytes", hkt_coro_stack_size(c));
    hkt_coro_free(c);
    for (int i = 0; i < 4; i++) {
        struct child child;
        struct overrun how = {.at = i * 21, .ends = i & 1};
        cr_assert(child_run(&child, run_overrun, &how));
        cr_assert(child_died_of(&child, SIGABRT), "status 0x%x", child.status);
        cr_assert(child_said(&child, "'static'"), "%s", child.err);
        cr_assert(child_said(&child, "overflow"), "%s", child.err);
        cr_assert(child_said(&child, size), "%s in: %s", size, child.err);
        cr_assert(child_said(&child, "found when it switched"), "%s", child.err);
    }
}

static __attribute__((noinline)) int recurse(struct hkt_coro *self, int depth)
{
    volatile char block[256];

    for (int i = 0; i < 256; i++)
        block[i] = (char)depth;
    if (depth == 0)
        return yield_here(self);
    return recurse(self, depth - 1) + (block[0] != (char)depth);
}

static int recurse_too_deep(struct hkt_coro *self, void *arg)
{
    (void)arg;
    return recurse(self, (int)(hkt_coro_stack_size(self) / 256));
}

/* Frames run over the low end, into memory that is there, or into the stack of another. */
static void run_too_deep(void *low)
{
    const struct hkt_coro_opts opts = {
        .name = "deep", .stack = low, .stack_size = (size_t)(memory[3] - (char *)low)};

    (void)!resume(hkt_coro_new_opts(recurse_too_deep, NULL, &opts));
}

/* A frame's padding may lie just where the words are, and leave them as they were. */
Test(own_memory, a_recursion_over_the_low_end_is_found_by_the_next_yield)
{
    enum { PLACES = 8 };
    const struct hkt_coro_opts below = own(1);
    struct hkt_coro *neighbour = NULL;

    if (where_sanitizer())
        cr_skip_test("a sanitizer gives frames other places and sizes");
    if (where_valgrind())
        cr_skip_test("Valgrind sees the frames below the stack first");
    for (int i = 0; i < 2 * PLACES; i++) {
        struct child child;
        if (i == PLACES) /* from here on another's stack lies below */
            neighbour = hkt_coro_new_opts(must_not_run, NULL, &below);
        cr_assert(child_run(&child, run_too_deep, memory[2] + 16 * (i % PLACES)));
        cr_assert(child_died_of(&child, SIGABRT), "place %d, status 0x%x", i, child.status);
        cr_assert(child_said(&child, "'deep'"), "%s", child.err);
    }
    hkt_coro_free(neighbour);
}

static int yield_outer(struct hkt_coro *self, void *outer)
{
    (void)self;
    HKT_TRY(hkt_coro_yield(outer, NULL, NULL));
    return 0;
}

static int resume_inner(struct hkt_coro *self, void *where)
{
    const struct hkt_coro_opts opts = own(*(int *)where);
    struct hkt_coro *inner = hkt_coro_new_opts(yield_outer, self, &opts);
    int rc = resume(inner);

    hkt_coro_free(inner);
    return rc;
}

Test(own_memory, being_suspended_from_the_stack_of_another_is_no_overrun)
{
    for (int where = 0; where < 3; where += 2) { /* below it, and above */
        const struct hkt_coro_opts opts = own(1);
        struct hkt_coro *c = hkt_coro_new_opts(resume_inner, &where, &opts);
        cr_assert_eq(resume(c), 1);
        cr_assert_eq(resume(c), 0);
        hkt_coro_free(c);
    }
}

Test(own_memory, is_all_counted_as_used_unless_painted)
{
    struct hkt_coro_opts opts = own(0);
    struct hkt_coro *c = hkt_coro_new_opts(must_not_run, NULL, &opts);

    cr_assert_eq(hkt_coro_stack_used(c), hkt_coro_stack_size(c));
    hkt_coro_free(c);
    opts.flags = HKT_CORO_PAINT;
    c = hkt_coro_new_opts(must_not_run, NULL, &opts);
    cr_assert_eq(hkt_coro_stack_used(c), 0u);
    hkt_coro_free(c);
}
