/* SPDX-License-Identifier: MIT
 *
 * What the stacks of a thread are measured to need, function by function. The environment is looked
 * at with a thread's first coroutine, and each test is a process.
 */
#include "base/child.h"
#include "base/doors.h"
#include "base/heard.h"
#include "base/where.h"
#include "coro/bodies.h"
#include "coro/stack.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <alloca.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void profile(void)
{
    setenv("HKT_STACK_PROFILE", "1", 1);
}

/* Touches the lowest of `bytes` below its frame. */
static __attribute__((noinline)) void touch_below(size_t bytes)
{
    volatile char *block = alloca(bytes);

    block[0] = 1;
}

static int shallow(struct hkt_coro *self, void *arg)
{
    (void)arg;
    return yield_here(self);
}

static int deep(struct hkt_coro *self, void *bytes)
{
    touch_below(*(size_t *)bytes);
    return yield_here(self);
}

static int deep_gen(struct hkt_gen *self, void *bytes)
{
    return deep(HKT__CORO_OF(self), bytes);
}

/* Apart, so that it is found by its name, as are those below. */
static __attribute__((noinline)) void live(hkt_coro_fn *fn, void *arg,
                                           const struct hkt_coro_opts *opts)
{
    struct hkt_coro *c = hkt_coro_new_opts(fn, arg, opts);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(resume(c), 0);
    hkt_coro_free(c);
}

Test(profile, without_being_asked_for_nothing_is_known)
{
    size_t bytes = 1000;

    unsetenv("HKT_STACK_PROFILE");
    live(deep, &bytes, NULL);
    cr_assert_eq(hkt_stack_suggest(HKT_BODY(deep)), 0u);
    cr_assert(!hkt__thread_current->profiled);
}

Test(profile, zero_is_no_wish)
{
    setenv("HKT_STACK_PROFILE", "0", 1);
    live(shallow, NULL, NULL);
    cr_assert_eq(hkt_stack_suggest(HKT_BODY(shallow)), 0u);
}

Test(profile, a_function_gets_room_for_twice_what_it_used)
{
    size_t bytes;

    if (where_sanitizer())
        cr_skip_test("a sanitizer's frames need more, or lie elsewhere");
    profile();
    for (bytes = 2048; bytes < 18000; bytes += 1024)
        live(deep, &bytes, NULL);
    cr_assert_eq(hkt_stack_suggest(HKT_BODY(deep)), 65536u, "for %zu", 2 * (bytes - 1024));
    bytes = 40000;
    live(deep, &bytes, NULL);
    cr_assert_eq(hkt_stack_suggest(HKT_BODY(deep)), 131072u);
    bytes = 100;
    live(deep, &bytes, NULL);
    cr_assert_eq(hkt_stack_suggest(HKT_BODY(deep)), 131072u, "the most counts");
    cr_assert_eq(hkt_stack_suggest(HKT_BODY(shallow)), 0u);
    live(shallow, NULL, NULL);
    size_t least = hkt_stack_suggest(HKT_BODY(shallow));
    cr_assert(least >= HKT_STACK_MIN && least <= 16384, "%zu", least);
    cr_assert_eq(hkt_stack_suggest(NULL), 0u);
}

Test(profile, each_use_of_a_stack_is_measured_from_its_own_beginning)
{
    size_t bytes = 30000, used;
    struct hkt_coro *c;

    if (where_sanitizer())
        cr_skip_test("a sanitizer's frames need more, or lie elsewhere");
    profile();
    live(deep, &bytes, NULL);
    c = hkt_coro_new(shallow, NULL);
    cr_assert_eq(hkt_coro_stack_used(c), 0u);
    cr_assert_eq(resume(c), 1);
    used = hkt_coro_stack_used(c);
    cr_assert(used > 0 && used < 4096, "%zu", used);
    cr_assert_eq(hkt_coro_reset(c, deep, &bytes), 0);
    cr_assert_eq(resume(c), 1);
    cr_assert(hkt_coro_stack_used(c) >= bytes);
    cr_assert(hkt_stack_suggest(HKT_BODY(shallow)) <= 16384, "not what the next one used");
    hkt_coro_free(c);
}

Test(profile, the_living_count_and_so_do_all_kinds_of_stacks)
{
    static alignas(64) char memory[65536];
    const struct hkt_coro_opts opts[] = {
        {.stack = memory, .stack_size = sizeof memory},
        {.stack_size = 4 << 20},
        {.flags = HKT_CORO_PAINT},
    };
    size_t bytes = 20000;

    if (where_sanitizer())
        cr_skip_test("a sanitizer's frames need more, or lie elsewhere");
    memset(memory, 0x77, sizeof memory);
    profile();
    for (int i = 0; i < 3; i++) {
        struct hkt_gen *g;
        if (i == 1 && (where_emulator() || where_valgrind()))
            continue; /* this is no kernel that tells which pages are resident */
        g = hkt_gen_new_opts(deep_gen, &bytes, &opts[i]);
        cr_assert_eq(hkt_coro_stack_used(HKT__CORO_OF(g)), 0u, "kind %d", i);
        cr_assert_eq(hkt_gen_next(g, NULL), 1);
        cr_expect(hkt_coro_stack_used(HKT__CORO_OF(g)) < bytes + 4096, "kind %d", i);
        if (i != 1) /* where only the lowest byte of a hole was touched */
            cr_expect(hkt_coro_stack_used(HKT__CORO_OF(g)) >= bytes, "kind %d", i);
        cr_expect_eq(hkt_stack_suggest(HKT_BODY(deep_gen)), 65536u, "kind %d", i);
        hkt_gen_free(g);
    }
}

Test(profile, small_stacks_are_measured_too)
{
    const struct hkt_coro_opts small = {.stack_size = 2048};
    struct hkt_coro *c[2];

    if (where_sanitizer())
        cr_skip_test("frames are larger under a sanitizer");
    profile();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++) {
            cr_assert_not_null(c[i] = hkt_coro_new_opts(shallow, NULL, &small));
            cr_assert_eq(hkt_coro_stack_used(c[i]), 0u);
            cr_assert_eq(resume(c[i]), 1);
        }
        for (int i = 0; i < 2; i++) {
            cr_assert_gt(hkt_coro_stack_used(c[i]), 0);
            cr_assert(hkt_coro_stack_used(c[i]) <= 1968, "%zu", hkt_coro_stack_used(c[i]));
            cr_assert_eq(resume(c[i]), 0);
            hkt_coro_free(c[i]);
        }
    }
}

Test(profile, the_table_names_functions_and_has_those_first_that_need_most)
{
    size_t bytes = 9000, uses, most, room, suggested;

    profile();
    live(shallow, NULL, NULL);
    for (int i = 0; i < 3; i++)
        live(deep, &bytes, NULL);
    hear_stderr();
    hkt_stack_report();
    cr_assert(strstr(said, "stacks made in 2 places"), "%s", said);
    const char *line = strstr(said, "  deep  "), *other = strstr(said, "  shallow  ");
    cr_assert(line && other, "%s", said);
    cr_assert_eq(sscanf(line, " deep %*s %zu %zu %zu %zu", &uses, &most, &room, &suggested), 4,
                 "%s", line);
    cr_assert_eq(uses, 3u);
    cr_assert_eq(suggested, hkt_stack_suggest(HKT_BODY(deep)));
    cr_assert(most <= room);
    if (where_sanitizer())
        return;
    cr_assert(most >= bytes && most < bytes + 4096, "%zu", most);
    cr_assert(line < other, "%s", said);
}

static __attribute__((noinline)) void make_deep(size_t *bytes)
{
    struct hkt_coro *c = hkt_coro_new(deep, bytes);

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_reset(c, deep, bytes), 0);
    *bytes /= 2;
    cr_assert_eq(resume(c), 1);
    hkt_coro_free(c);
}

static __attribute__((noinline)) void make_gen(size_t *bytes)
{
    struct hkt_gen *g = hkt_gen_new(deep_gen, bytes);
    void *value;

    cr_assert_eq(hkt_gen_next(g, &value), 1);
    hkt_gen_free(g);
}

/* The n-th line of a function that was made in that one: most used; 0: there is none. The compiler
 * may have put something behind their names. */
static size_t used_of(const char *function, const char *made_in, int n)
{
    char start[100], other[100];
    const char *line = said;
    size_t most = 0;

    snprintf(start, sizeof start, "  %s", function);
    for (; (line = strstr(line, start)) != NULL; line++)
        if (sscanf(line, " %*s %99s %*u %zu", other, &most) == 2 &&
            strncmp(other, made_in, strlen(made_in)) == 0 && n-- == 0)
            return most;
    return 0;
}

Test(profile, places_that_make_the_same_are_told_apart)
{
    size_t large = 20000, small = 3000;

    if (where_sanitizer())
        cr_skip_test("a sanitizer's frames need more, or lie elsewhere");
    profile();
    live(deep, &small, NULL);
    make_deep(&large);
    make_gen(&small);
    hear_stderr();
    hkt_stack_report();
    cr_assert(strstr(said, "stacks made in 4 places"), "%s", said);
    size_t first = used_of("deep", "make_deep", 0), reset = used_of("deep", "make_deep", 1);
    cr_assert(first >= 20000 && first < 24000, "%s", said);
    cr_assert(reset >= 10000 && reset < 14000, "%s", said);
    size_t other = used_of("deep", "live", 0), gen = used_of("deep_gen", "make_gen", 0);
    cr_assert(other >= 3000 && other < 7000, "%s", said);
    cr_assert(gen >= 3000 && gen < 7000, "%s", said);
    cr_assert_eq(hkt_stack_suggest(HKT_BODY(deep)), 65536u, "the most of all places");
}

static void *thread(void *bytes)
{
    live(deep, bytes, NULL);
    return NULL;
}

Test(profile, what_other_threads_saw_is_known_when_they_have_ended)
{
    size_t bytes = 12000;
    pthread_t other;

    if (where_sanitizer())
        cr_skip_test("a sanitizer's frames need more, or lie elsewhere");
    profile();
    cr_assert_eq(pthread_create(&other, NULL, thread, &bytes), 0);
    pthread_join(other, NULL);
    cr_assert_eq(hkt_stack_suggest(HKT_BODY(deep)), 32768u);
}

static void live_and_exit(void *arg)
{
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO); /* what a test runner had not yet written */
    profile();
    live(shallow, arg, NULL);
    exit(0);
}

Test(profile, the_table_is_written_at_exit)
{
    struct child child;

    cr_assert(child_run(&child, live_and_exit, NULL));
    cr_assert(child_said(&child, "stacks made in 1 places"), "%s", child.err);
    cr_assert(child_said(&child, "  shallow "), "%s", child.err);
}

/* Functions without number, which no program has: their addresses are never called. */
Test(profile, what_finds_no_place_in_the_table_is_counted)
{
    struct hkt_coro *c;
    size_t bytes = 100;

    profile();
    for (uintptr_t i = 1; i <= 600; i++) {
        c = hkt_coro_new(deep, &bytes);
        cr_assert_eq(resume(c), 1);
        cr_assert_eq(resume(c), 0);
        c->cold->fn.coro = (hkt_coro_fn *)(i * 64);
        hkt_coro_free(c);
    }
    hear_stderr();
    hkt_stack_report();
    cr_assert(strstr(said, "stacks made in 512 places"), "%s", said);
}

Test(profile, needs_no_more_memory)
{
    size_t bytes = 5000;

    profile();
    live(shallow, NULL, NULL);
    doors_install();
    doors.fail_alloc = doors.fail_map = doors.fail_guard = -1;
    for (int i = 0; i < 100; i++)
        live(deep, &bytes, NULL);
    cr_assert_gt(hkt_stack_suggest(HKT_BODY(deep)), 0);
    cr_assert_eq(doors.allocs + doors.maps + doors.guards, 0);
}
