/* SPDX-License-Identifier: MIT
 *
 * Running off a guarded stack: a line that names the coroutine, its stack and the function, then
 * the fault as if hocket were not there. Each is a process that dies.
 */
#include "base/child.h"
#include "base/doors.h"
#include "base/where.h"
#include "coro/bodies.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static __attribute__((noinline)) int run_away(struct hkt_coro *self, int depth)
{
    volatile char block[128];

    block[0] = (char)depth;
    if (depth < 0)
        return hkt_coro_yield(self, NULL, NULL);
    return run_away(self, depth + 1) + block[0];
}

static int overflow(struct hkt_coro *self, void *arg)
{
    (void)arg;
    return run_away(self, 0);
}

/* A sanitizer that catches the signal itself may end the process in its own way. */
static bool died_of_the_fault(const struct child *child)
{
    if (where_sanitizer())
        return !child_ended_well(child);
    return child_died_of(child, SIGSEGV) || child_died_of(child, SIGBUS);
}

static void expect_overflow(void (*fn)(void *), const char *name, size_t stack_size)
{
    struct child child;
    char size[32];

    snprintf(size, sizeof size, "%zu bytes", stack_size);
    cr_assert(child_run(&child, fn, NULL));
    cr_expect(died_of_the_fault(&child), "status 0x%x", child.status);
    cr_expect(child_said(&child, "stack overflow"), "%s", child.err);
    cr_expect(child_said(&child, name), "%s in: %s", name, child.err);
    cr_expect(child_said(&child, size), "%s in: %s", size, child.err);
    if (!where_sanitizer()) /* whose checks, deeper, may be where the end is reached */
        cr_expect(child_said(&child, "in run_away+"), "the function in: %s", child.err);
}

static size_t usable(size_t stack_size)
{
    const struct hkt_coro_opts opts = {.stack_size = stack_size};
    struct hkt_coro *c = hkt_coro_new_opts(must_not_run, NULL, &opts);
    size_t size = hkt_coro_stack_size(c);

    hkt_coro_free(c);
    return size;
}

static void overflow_default(void *arg)
{
    struct hkt_coro *c = hkt_coro_new(overflow, NULL);

    (void)arg;
    hkt_coro_set_name(c, "runaway");
    (void)!resume(c);
}

Test(overflow, names_the_coroutine_its_stack_size_and_the_function)
{
    expect_overflow(overflow_default, "'runaway'", usable(65536));
}

static void overflow_large(void *arg)
{
    const struct hkt_coro_opts opts = {.name = "large", .stack_size = 1 << 20};

    (void)arg;
    (void)!resume(hkt_coro_new_opts(overflow, NULL, &opts));
}

Test(overflow, of_a_large_stack_is_named_too)
{
    expect_overflow(overflow_large, "'large'", usable(1 << 20));
}

/* One after another in memory, so that without its guard page one would run into the next. */
static void overflow_among_others(void *arg)
{
    struct hkt_coro *c[100];

    (void)arg;
    for (int i = 0; i < 100; i++) {
        c[i] = hkt_coro_new(overflow, NULL);
        hkt_coro_set_name(c[i], i == 57 ? "number 57" : "other");
    }
    (void)!resume(c[57]);
}

Test(overflow, names_the_one_of_many_that_did_it)
{
    expect_overflow(overflow_among_others, "'number 57'", usable(65536));
}

static void overflow_reused(void *arg)
{
    struct answer answer = {.rc = HKT_ECLOSE};
    struct hkt_coro *c = hkt_coro_new(answer_close, &answer);

    (void)!resume(c);
    hkt_coro_free(c);
    overflow_default(arg);
}

Test(overflow, of_a_reused_stack_is_caught_too)
{
    expect_overflow(overflow_reused, "'runaway'", usable(65536));
}

static int resume_it(struct hkt_coro *self, void *inner)
{
    (void)self;
    return resume(inner);
}

static void overflow_nested(void *arg)
{
    struct hkt_coro *inner = hkt_coro_new(overflow, NULL);
    struct hkt_coro *outer = hkt_coro_new(resume_it, inner);

    (void)arg;
    hkt_coro_set_name(inner, "the inner one");
    hkt_coro_set_name(outer, "the outer one");
    (void)!resume(outer);
}

Test(overflow, in_a_nested_one_names_the_inner)
{
    expect_overflow(overflow_nested, "'the inner one'", usable(65536));
}

static int gen_overflow(struct hkt_gen *self, void *arg)
{
    return overflow(HKT__CORO_OF(self), arg);
}

static void overflow_gen(void *arg)
{
    const struct hkt_coro_opts opts = {.name = "a generator"};

    (void)arg;
    (void)!hkt_gen_next(hkt_gen_new_opts(gen_overflow, NULL, &opts), NULL);
}

Test(overflow, in_a_generator_names_it)
{
    expect_overflow(overflow_gen, "'a generator'", usable(65536));
}

static void *overflow_thread(void *arg)
{
    overflow_default(arg);
    return NULL;
}

static void overflow_on_thread(void *arg)
{
    pthread_t thread;

    (void)!hkt_coro_new(must_not_run, NULL);
    if (pthread_create(&thread, NULL, overflow_thread, arg) == 0)
        pthread_join(thread, NULL);
}

Test(overflow, on_another_thread_is_named_too)
{
    expect_overflow(overflow_on_thread, "'runaway'", usable(65536));
}

/* Without mmap for a signal stack there is nowhere to say it from; but it does not go on. */
static void overflow_without_signal_stack(void *arg)
{
    doors_install();
    doors.fail_map = 1;
    overflow_default(arg);
    fprintf(stderr, "survived\n");
}

Test(overflow, without_a_signal_stack_is_a_fault_without_a_line)
{
    struct child child;

    if (where_sanitizer())
        cr_skip_test("a sanitizer has installed a signal stack of its own");
    cr_assert(child_run(&child, overflow_without_signal_stack, NULL));
    cr_assert(died_of_the_fault(&child), "status 0x%x", child.status);
    cr_assert(!child_said(&child, "survived"));
}

/* Handlers of others */

static void users_handler(int sig)
{
    (void)sig;
    (void)!write(STDERR_FILENO, "mine\n", 5);
    _exit(33);
}

static bool ended_by_handler(const struct child *child)
{
    if (where_valgrind()) /* which ends in its own way after errors */
        return child_said(child, "mine");
    return child_said(child, "mine") && WIFEXITED(child->status) &&
           WEXITSTATUS(child->status) == 33;
}

static void overflow_with_handler(void *arg)
{
    struct sigaction action = {.sa_flags = SA_ONSTACK};

    action.sa_handler = users_handler;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    overflow_default(arg);
}

Test(overflow, goes_on_to_the_handler_that_was_there_before)
{
    struct child child;

    cr_assert(child_run(&child, overflow_with_handler, NULL));
    cr_assert(child_said(&child, "'runaway'"), "%s", child.err);
    cr_assert(ended_by_handler(&child), "status 0x%x: %s", child.status, child.err);
}

static int write_to_null(struct hkt_coro *self, void *arg)
{
    (void)self;
    *(volatile int *)arg = 1;
    return 0;
}

static void fault_elsewhere(void *handler)
{
    void *bad = (void *)(uintptr_t)(handler ? 16 : 32);
    struct sigaction action = {.sa_flags = SA_ONSTACK};

    action.sa_handler = users_handler;
    if (handler)
        sigaction(SIGSEGV, &action, NULL);
    (void)!resume(hkt_coro_new(write_to_null, bad));
}

Test(overflow, another_fault_is_none_of_ours)
{
    struct child child;

    cr_assert(child_run(&child, fault_elsewhere, NULL));
    cr_assert(died_of_the_fault(&child), "status 0x%x", child.status);
    cr_assert(!child_said(&child, "hocket"), "%s", child.err);
    cr_assert(child_run(&child, fault_elsewhere, users_handler));
    cr_assert(ended_by_handler(&child), "status 0x%x: %s", child.status, child.err);
    cr_assert(!child_said(&child, "hocket"), "%s", child.err);
}

/* A signal stack that the thread has already is used and left in place. */
static void *with_own_signal_stack(void *ok)
{
    static char memory[65536];
    stack_t mine = {.ss_sp = memory, .ss_size = sizeof memory}, now;

    sigaltstack(&mine, NULL);
    hkt_coro_free(hkt_coro_new(must_not_run, NULL));
    sigaltstack(NULL, &now);
    *(bool *)ok = now.ss_sp == memory;
    mine.ss_flags = SS_DISABLE;
    sigaltstack(&mine, NULL);
    return NULL;
}

Test(overflow, a_threads_own_signal_stack_is_left_in_place)
{
    pthread_t thread;
    bool ok = false;

    cr_assert_eq(pthread_create(&thread, NULL, with_own_signal_stack, &ok), 0);
    pthread_join(thread, NULL);
    cr_assert(ok);
}
