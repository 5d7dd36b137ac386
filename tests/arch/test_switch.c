/* SPDX-License-Identifier: MIT
 *
 * The context switch in both forms, on contexts without a coroutine around them.
 */
#include "arch/fresh.h"
#include "base/child.h"
#include "base/where.h"
#include "support/test.h"

#include <hocket/switch.h>
#include <stdalign.h>
#include <string.h>

enum { STACK = 65536 };

typedef struct hkt_msg switch_fn(struct hkt_ctx *save, const struct hkt_ctx *load,
                                 struct hkt_msg msg);

static struct hkt_msg outline(struct hkt_ctx *save, const struct hkt_ctx *load, struct hkt_msg msg)
{
    return hkt__switch_outline(save, load, msg);
}

/* The inline form where there is one. */
static struct hkt_msg inlined(struct hkt_ctx *save, const struct hkt_ctx *load, struct hkt_msg msg)
{
    return hkt_ctx_switch(save, load, msg);
}

static switch_fn *const forms[] = {outline, inlined};

static alignas(64) char stack_a[STACK], stack_b[STACK];
static switch_fn *other_side; /* the form with which the other side switches */

/* Answers each message with its words swapped and incremented. */
static void swap_words(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (;;)
        msg = other_side(self, self, msg_of((uintptr_t)msg.code + 1, (intptr_t)msg.value + 1));
}

static void both_words_travel(switch_fn *mine, switch_fn *others)
{
    const uintptr_t high = ~(uintptr_t)0 << (sizeof high * 8 - 8);
    struct hkt_ctx ctx;

    other_side = others;
    fresh_context(&ctx, stack_a, sizeof stack_a, swap_words);
    for (uintptr_t i = 0; i < 1000; i++) {
        struct hkt_msg got = mine(&ctx, &ctx, msg_of(high | i, -(intptr_t)i));
        cr_assert_eq((uintptr_t)got.value, 1 - i, "value at step %d", (int)i);
        cr_assert_eq((uintptr_t)got.code, (high | i) + 1, "code at step %d", (int)i);
    }
}

Test(switch, a_message_travels_in_both_words_out_of_line)
{
    both_words_travel(outline, outline);
}

Test(switch, a_message_travels_in_both_words_inline)
{
    both_words_travel(inlined, inlined);
}

Test(switch, inline_resumes_what_out_of_line_suspended)
{
    both_words_travel(inlined, outline);
}

Test(switch, out_of_line_resumes_what_inline_suspended)
{
    both_words_travel(outline, inlined);
}

Test(switch, the_forms_may_be_mixed_from_step_to_step)
{
    struct hkt_ctx ctx;

    fresh_context(&ctx, stack_a, sizeof stack_a, swap_words);
    for (uintptr_t i = 0; i < 4000; i++) {
        other_side = forms[i / 3 % 2];
        struct hkt_msg got = forms[i % 2](&ctx, &ctx, msg_of(i, 7));
        cr_assert_eq((uintptr_t)got.value, 8u, "value at step %d", (int)i);
        cr_assert_eq(got.code, (intptr_t)i + 1, "code at step %d", (int)i);
    }
}

/* Says where its own locals are, so that the resumer can compare. */
static void say_where(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (;;)
        msg = other_side(self, self, msg_of((uintptr_t)&msg, 0));
}

Test(switch, an_exchanged_object_always_holds_the_side_that_does_not_run)
{
    for (int form = 0; form < 2; form++) {
        struct hkt_ctx ctx;
        other_side = forms[form];
        fresh_context(&ctx, stack_a, sizeof stack_a, say_where);
        struct hkt_msg got = forms[form](&ctx, &ctx, msg_of(0, 0));
        uintptr_t sp = (uintptr_t)ctx.sp;
        cr_assert(sp >= (uintptr_t)stack_a && sp < (uintptr_t)stack_a + sizeof stack_a,
                  "the suspended side's stack pointer, form %d", form);
        cr_assert((uintptr_t)got.value >= (uintptr_t)stack_a && (uintptr_t)got.value >= sp,
                  "its locals lie above it, form %d", form);
    }
}

static void see_resumer(struct hkt_ctx *self, struct hkt_msg msg)
{
    (void)msg;
    for (;;)
        (void)other_side(self, self, msg_of((uintptr_t)self->sp, 0));
}

Test(switch, while_the_other_side_runs_the_object_holds_the_resumer)
{
    for (int form = 0; form < 2; form++) {
        struct hkt_ctx ctx;
        other_side = forms[form];
        fresh_context(&ctx, stack_a, sizeof stack_a, see_resumer);
        uintptr_t sp = (uintptr_t)forms[form](&ctx, &ctx, msg_of(0, 0)).value;
        cr_assert(sp < (uintptr_t)stack_a || sp >= (uintptr_t)stack_a + sizeof stack_a,
                  "not on its own stack, form %d", form);
    }
}

Test(switch, a_million_switches_leave_both_sides_sound)
{
    for (int form = 0; form < 2; form++) {
        struct hkt_ctx ctx;
        uintptr_t sum = 0, want = 0;
        other_side = forms[form];
        fresh_context(&ctx, stack_a, sizeof stack_a, swap_words);
        for (uintptr_t i = 0; i < 500000; i++) {
            sum += (uintptr_t)forms[form](&ctx, &ctx, msg_of(0, (intptr_t)i)).value;
            want += i + 1;
        }
        cr_assert_eq(sum, want, "form %d", form);
    }
}

/* Goes down `code` frames, switches there, and comes up again. */
static struct hkt_msg dive(struct hkt_ctx *self, struct hkt_msg msg, intptr_t depth)
{
    volatile intptr_t mark = depth * 3 + 1;

    if (depth == 0)
        return other_side(self, self, msg);
    msg = dive(self, msg, depth - 1);
    msg.code += mark == depth * 3 + 1;
    return msg;
}

static void diver(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (;;)
        msg = dive(self, msg_of((uintptr_t)msg.value, msg.code), (intptr_t)msg.value);
}

Test(switch, frames_of_any_depth_survive_a_switch_at_their_bottom)
{
    for (int form = 0; form < 2; form++) {
        struct hkt_ctx ctx;
        other_side = forms[form];
        fresh_context(&ctx, stack_a, sizeof stack_a, diver);
        struct hkt_msg got = forms[form](&ctx, &ctx, msg_of(1, 0));
        for (uintptr_t depth = 1; depth < 100; depth++) {
            got = forms[form](&ctx, &ctx, msg_of(depth, 0));
            /* The previous dive came up through all its frames: each added one. */
            intptr_t frames = (intptr_t)(depth > 1 ? depth - 1 : 1);
            cr_assert_eq(got.code, frames, "depth %d, form %d", (int)depth, form);
        }
    }
}

struct ring {
    struct hkt_ctx ctx[100];
    struct hkt_ctx main;
    int order[100];
    int at;
    long laps;
};

static struct ring ring;

static void ring_member(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (;;) {
        int me = (int)(self - ring.ctx);
        int next = (me + 1) % 100;
        cr_expect_eq(msg.code, me, "who was meant");
        if (me == 99 && --ring.laps == 0)
            msg = hkt_ctx_switch(self, &ring.main, msg_of((uintptr_t)msg.value + 1, 0));
        else
            msg = forms[(me + ring.laps) % 2](self, &ring.ctx[next],
                                              msg_of((uintptr_t)msg.value + 1, next));
    }
}

Test(switch, contexts_in_a_ring_save_here_and_load_there)
{
    static char stacks[100][16384];

    for (int i = 0; i < 100; i++)
        fresh_context(&ring.ctx[i], stacks[i], sizeof stacks[i], ring_member);
    ring.laps = 2000;
    struct hkt_msg got = hkt_ctx_switch(&ring.main, &ring.ctx[0], msg_of(0, 0));
    cr_assert_eq((uintptr_t)got.value, 200000u, "each of a hundred had two thousand turns");
}

static void never_resumed(struct hkt_ctx *self, struct hkt_msg msg)
{
    (void)self;
    (void)msg;
}

Test(switch, a_fresh_context_has_no_flags)
{
    struct hkt_ctx ctx;

    memset(&ctx, 0xff, sizeof ctx);
    fresh_context(&ctx, stack_a, sizeof stack_a, never_resumed);
    cr_assert_eq(ctx.flags, 0u, "flags");
    cr_assert_eq(ctx.aux, 0u, "aux");
}

Test(switch, flags_and_aux_are_left_to_their_owner)
{
    for (int form = 0; form < 2; form++) {
        struct hkt_ctx ctx, here = {.flags = 0x1234, .aux = 0x5678};
        other_side = forms[form];
        fresh_context(&ctx, stack_a, sizeof stack_a, swap_words);
        ctx.flags = 0x40;
        ctx.aux = 0x99;
        (void)forms[form](&ctx, &ctx, msg_of(0, 0));
        cr_assert_eq(ctx.flags, 0x40u, "flags, form %d", form);
        cr_assert_eq(ctx.aux, 0x99u, "aux, form %d", form);
        cr_assert_eq(here.flags, 0x1234u, "another's flags, form %d", form);
    }
}

Test(switch, a_copy_takes_the_words_and_not_the_flags)
{
    struct hkt_ctx from, to;

    fresh_context(&from, stack_a, sizeof stack_a, never_resumed);
    from.flags = 2;
    memset(&to, 0, sizeof to);
    to.flags = 4;
    to.aux = 8;
    hkt__ctx_copy(&to, &from);
    cr_assert(to.fp == from.fp && to.pc == from.pc && to.sp == from.sp && to.bp == from.bp);
    cr_assert_eq(to.flags, 4u, "flags");
    cr_assert_eq(to.aux, 8u, "aux");
}

/* What a transfer does: a side is gone to by a copy of its context, which by then holds another. */

static struct hkt_ctx moved, elsewhere;

static void say_self(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (intptr_t i = 0;; i++) {
        (void)msg;
        msg = hkt_ctx_switch(self, self, msg_of((uintptr_t)self, i));
    }
}

static struct hkt_msg go_by_copy(bool outline)
{
    struct hkt_ctx copy = moved;

    moved = elsewhere;
    if (outline) {
#ifdef HKT__SWITCH_TO
        return hkt__switch_to(&moved, &copy, NULL, 0, &moved);
#endif
    }
    return hkt__ctx_switch_to(&moved, &copy, &moved, msg_of(0, 0));
}

Test(switch, a_side_that_is_gone_to_by_a_copy_still_knows_its_context)
{
    fresh_context(&moved, stack_a, sizeof stack_a, say_self);
    fresh_context(&elsewhere, stack_b, sizeof stack_b, never_resumed);
    cr_assert_eq(hkt_ctx_switch(&moved, &moved, msg_of(0, 0)).code, 0, "the first entry");
    for (intptr_t i = 1; i < 20; i++) {
        struct hkt_msg got = go_by_copy(i % 3 == 0);
        cr_assert_eq(got.code, i, "steps");
        cr_assert_eq((uintptr_t)got.value, (uintptr_t)&moved, "its own context");
    }
}

/* The compiler trusts the ABI that locals of this alignment need no realigned frame. */
static void say_alignment(struct hkt_ctx *self, struct hkt_msg msg)
{
    volatile max_align_t local;

    (void)msg;
    for (;;) {
        memset((void *)(uintptr_t)&local, 0, sizeof local);
        (void)local;
        (void)hkt_ctx_switch(self, self, msg_of((uintptr_t)&local % alignof(max_align_t), 0));
    }
}

Test(switch, the_first_function_finds_an_aligned_stack_whatever_memory_was_given)
{
    for (size_t low = 0; low < 20; low++)
        for (size_t high = 0; high < 20; high++) {
            struct hkt_ctx ctx;
            fresh_context(&ctx, stack_a + low, sizeof stack_a - low - high, say_alignment);
            uintptr_t sp = (uintptr_t)ctx.sp;
            cr_assert_eq(sp % 16, 0u, "stack pointer of a fresh context");
            cr_assert(sp <= (uintptr_t)stack_a + sizeof stack_a - high, "inside the memory");
            cr_assert_eq((uintptr_t)hkt_ctx_switch(&ctx, &ctx, msg_of(0, 0)).value, 0u,
                         "alignment of a local");
        }
}

static void echo(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (;;)
        msg = hkt_ctx_switch(self, self, msg);
}

Test(switch, the_least_stack_of_1024_bytes_is_enough_for_a_plain_function)
{
    static alignas(16) unsigned char memory[256 + 1024 + 256];
    struct hkt_ctx ctx;

    if (where_sanitizer())
        cr_skip_test("frames are larger under a sanitizer");
    memset(memory, 0xa5, sizeof memory);
    fresh_context(&ctx, memory + 256, 1024, echo);
    for (intptr_t i = 0; i < 100; i++)
        cr_assert_eq(hkt_ctx_switch(&ctx, &ctx, msg_of(0, i)).code, i, "echo");
    for (int i = 0; i < 256; i++) {
        cr_assert_eq(memory[i], 0xa5, "byte %d below the stack", i);
        cr_assert_eq(memory[256 + 1024 + i], 0xa5, "byte %d above the stack", i);
    }
}

/* A leaf but for the switch: its locals may lie below the stack pointer, in the red zone. */
static intptr_t leaf(struct hkt_ctx *ctx, intptr_t seed)
{
    volatile intptr_t local[12];

    for (int i = 0; i < 12; i++)
        local[i] = seed + i;
    intptr_t got = hkt_ctx_switch(ctx, ctx, msg_of(0, seed)).code;
    for (int i = 0; i < 12; i++)
        got += local[i] - seed - i;
    return got;
}

Test(switch, locals_of_a_leaf_function_survive)
{
    struct hkt_ctx ctx;

    fresh_context(&ctx, stack_a, sizeof stack_a, echo);
    for (intptr_t i = 0; i < 1000; i++)
        cr_assert_eq(leaf(&ctx, i), i, "step %d", (int)i);
}

/* A frame that needs a frame pointer for its array and a base pointer for its alignment. */
static __attribute__((noinline)) intptr_t awkward_frame(struct hkt_ctx *ctx, int n)
{
    alignas(64) volatile char aligned[64];
    volatile intptr_t array[n];

    for (int i = 0; i < n; i++)
        array[i] = i;
    aligned[0] = 11;
    aligned[63] = 13;
    intptr_t sum = hkt_ctx_switch(ctx, ctx, msg_of(0, n)).code;
    for (int i = 0; i < n; i++)
        sum += array[i];
    return sum + aligned[0] + aligned[63] + (intptr_t)((uintptr_t)aligned % 64);
}

static void awkward(struct hkt_ctx *self, struct hkt_msg msg)
{
    (void)msg;
    for (int n = 1;; n = n % 30 + 1)
        (void)awkward_frame(self, n);
}

Test(switch, frames_of_variable_size_and_alignment_survive)
{
    struct hkt_ctx ctx;

    fresh_context(&ctx, stack_b, sizeof stack_b, awkward);
    for (int i = 0; i < 300; i++) {
        int n = 1 + i % 40;
        intptr_t theirs = 1 + i % 30;
        cr_assert_eq(awkward_frame(&ctx, n), theirs + n * (n - 1) / 2 + 24, "step %d", i);
    }
}

static void enter_and_return(void *arg)
{
    struct hkt_ctx ctx;

    (void)arg;
    fresh_context(&ctx, stack_a, sizeof stack_a, never_resumed);
    (void)hkt_ctx_switch(&ctx, &ctx, msg_of(0, 0));
}

Test(switch, returning_from_the_first_function_is_a_trap_and_goes_nowhere_else)
{
    struct child child;

    cr_assert(child_run(&child, enter_and_return, NULL));
    if (where_sanitizer())
        cr_assert(!child_ended_well(&child), "died");
    else
        cr_assert(child_died_of(&child, SIGILL) || child_died_of(&child, SIGTRAP), "status 0x%x",
                  child.status);
}
