/* SPDX-License-Identifier: MIT
 *
 * What a debugger shows: inside a coroutine, the body, its resumers, and main; of a suspended one,
 * its own frames and a clean end. Whichever stack lies higher in memory.
 */
#include "base/debugger.h"

#include <hocket/coro.h>

#include <stdalign.h>

static volatile int keep; /* what follows a call makes it no tail call */

static __attribute__((noinline)) int gdb_inner_body(struct hkt_coro *self, void *arg)
{
    (void)arg;
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    gdb_wait_here();
    keep++;
    return 0;
}

static __attribute__((noinline)) int gdb_outer_body(struct hkt_coro *self, void *inner)
{
    while (hkt_coro_resume(inner, NULL, NULL) > 0)
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    keep++;
    return 0;
}

static __attribute__((noinline)) int gdb_main_side(struct hkt_coro *c)
{
    int rc = hkt_coro_resume(c, NULL, NULL);

    keep++;
    return rc;
}

static struct hkt_coro *inner, *outer;

static void make(const struct hkt_coro_opts *in, const struct hkt_coro_opts *out)
{
    inner = hkt_coro_new_opts(gdb_inner_body, NULL, in);
    outer = hkt_coro_new_opts(gdb_outer_body, inner, out);
    cr_assert_eq(gdb_main_side(outer), 1);
}

static void run_inside(void)
{
    (void)!gdb_main_side(outer);
}

static void look_inside(const struct hkt_coro_opts *in, const struct hkt_coro_opts *out)
{
    static const char *const names[] = {"gdb_wait_here", "gdb_inner_body", "gdb_outer_body",
                                        "gdb_main_side", " _start ",       NULL};
    need_gdb();
    make(in, out);
    ask_gdb(start(run_inside), "-ex 'bt 60'");
    expect_frames(names);
}

Test(gdb, shows_the_body_its_resumers_and_main)
{
    look_inside(NULL, NULL);
}

static alignas(64) char memory[2][65536];
static const struct hkt_coro_opts lower = {.stack = memory[0], .stack_size = sizeof memory[0]};
static const struct hkt_coro_opts upper = {.stack = memory[1], .stack_size = sizeof memory[1]};

Test(gdb, shows_them_when_the_resumer_lies_higher)
{
    look_inside(&lower, &upper);
}

Test(gdb, shows_them_when_the_resumer_lies_lower)
{
    look_inside(&upper, &lower);
}

static void look_at_suspended(const struct hkt_coro *c, const char *const *names)
{
#if defined(__x86_64__)
    char commands[512];

    snprintf(commands, sizeof commands,
             "-ex 'set $rsp=%p' -ex 'set $rbp=%p' -ex 'set $rbx=%p' -ex 'set $rip=%p' -ex 'bt 60'",
             c->ctx.sp, c->ctx.fp, c->ctx.bp, c->ctx.pc);
    ask_gdb(start(gdb_wait_here), commands);
    expect_frames(names);
    cr_assert_null(strstr(said, "gdb_main_side"), "it ends with its own: %s", said);
    cr_assert_null(strstr(said, " _start "), "%s", said);
#else
    (void)c;
    (void)names;
    cr_skip_test("the names of registers are those of x86_64");
#endif
}

Test(gdb, shows_the_frames_of_a_suspended_one_and_a_clean_end)
{
    static const char *const names[] = {"gdb_inner_body", NULL};

    need_gdb();
    make(NULL, NULL);
    look_at_suspended(inner, names);
    cr_assert_null(strstr(said, "gdb_outer_body"), "not of its resumer: %s", said);
}

Test(gdb, shows_the_frames_of_a_suspended_outer_one)
{
    static const char *const names[] = {"gdb_outer_body", NULL};

    need_gdb();
    make(&upper, &lower);
    look_at_suspended(outer, names);
}
