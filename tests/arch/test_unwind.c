/* SPDX-License-Identifier: MIT
 *
 * A backtrace from inside a coroutine goes on through all its resumers to main; that of a suspended
 * one ends with its own first frame.
 */
#include "arch/fresh.h"
#include "arch/walk.h"
#include "base/where.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <dlfcn.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <ucontext.h>

static struct walk seen[4];
static volatile int keep; /* what follows a call makes it no tail call */

static WALK_MARK(a) struct walk walk_from_here(void)
{
    struct walk walk = walk_here();

    keep++;
    return walk;
}

static WALK_MARK(m) struct walk call_walker(void)
{
    struct walk walk = walk_from_here();

    keep++;
    return walk;
}

/* Some ISAs and compilers need asking for what an unwinder reads. */
static void need_unwind_tables(void)
{
    if (strcmp(call_walker().marks, "am") != 0)
        cr_skip_test("built without unwind tables");
}

static WALK_MARK(m) int step_main(struct hkt_coro *c)
{
    int rc = hkt_coro_resume(c, NULL, NULL);

    keep++;
    return rc;
}

static WALK_MARK(a) int walk_twice(struct hkt_coro *self, void *arg)
{
    (void)arg;
    seen[0] = walk_here();
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    seen[1] = walk_here();
    keep++;
    return 0;
}

/* own: the frames of the innermost coroutine alone. The exception tables of 32-bit Arm have no
 * words for where a resumer is; there only debuggers go on. */
static void expect_walk(const struct walk *walk, const char *own, const char *others)
{
    char marks[16];

#if defined(__arm__)
    others = "";
#endif
    snprintf(marks, sizeof marks, "%s%s", own, others);
    cr_expect_str_eq(walk->marks, marks, "went by %s, not by %s", walk->marks, marks);
    cr_expect(walk->ended, "%d frames", walk->frames);
}

Test(unwind, a_backtrace_goes_from_the_body_through_the_resumer_to_main)
{
    struct hkt_coro *c = hkt_coro_new(walk_twice, NULL);

    need_unwind_tables();
    cr_assert_eq(step_main(c), 1);
    cr_assert_eq(step_main(c), 0);
    expect_walk(&seen[0], "a", "m");
    expect_walk(&seen[1], "a", "m");
    hkt_coro_free(c);
}

static WALK_MARK(c) int innermost(struct hkt_coro *self, void *arg)
{
    return walk_twice(self, arg) + keep - keep;
}

static WALK_MARK(b) int resume_inner(struct hkt_coro *self, void *inner)
{
    while (hkt_coro_resume(inner, NULL, NULL) > 0)
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    keep++;
    return 0;
}

Test(unwind, a_backtrace_goes_through_coroutines_in_coroutines)
{
    struct hkt_coro *inner = hkt_coro_new(innermost, NULL);
    struct hkt_coro *middle = hkt_coro_new(resume_inner, inner);
    struct hkt_coro *outer = hkt_coro_new(resume_inner, middle);

    need_unwind_tables();
    cr_assert_eq(step_main(outer), 1);
    cr_assert_eq(step_main(outer), 0);
    expect_walk(&seen[0], "ac", "bm");
    expect_walk(&seen[1], "ac", "bm");
    hkt_coro_free(outer);
    hkt_coro_free(middle);
    hkt_coro_free(inner);
}

/* The unwinder goes up and down in memory. */
Test(unwind, resumers_may_lie_above_or_below)
{
    static alignas(64) char memory[2][65536];

    need_unwind_tables();
    for (int upper = 0; upper < 2; upper++) {
        struct hkt_coro_opts opts[2] = {{.stack = memory[0], .stack_size = sizeof memory[0]},
                                        {.stack = memory[1], .stack_size = sizeof memory[1]}};
        struct hkt_coro *inner = hkt_coro_new_opts(innermost, NULL, &opts[upper]);
        struct hkt_coro *outer = hkt_coro_new_opts(resume_inner, inner, &opts[!upper]);
        cr_assert_eq(step_main(outer), 1);
        cr_assert_eq(step_main(outer), 0);
        expect_walk(&seen[0], "ac", "bm");
        expect_walk(&seen[1], "ac", "bm");
        hkt_coro_free(outer);
        hkt_coro_free(inner);
    }
}

static WALK_MARK(b) int transfer_to(struct hkt_coro *self, void *to)
{
    int rc = hkt_coro_transfer(self, to, NULL, NULL);

    keep++;
    return rc;
}

Test(unwind, after_a_transfer_it_goes_to_the_resumer_and_not_to_who_transferred)
{
    struct hkt_coro *to = hkt_coro_new(walk_twice, NULL);
    struct hkt_coro *from = hkt_coro_new(transfer_to, to);

    need_unwind_tables();
    cr_assert_eq(step_main(from), 1);
    expect_walk(&seen[0], "a", "m");
    hkt_coro_free(from);
    hkt_coro_free(to);
}

static WALK_MARK(a) int gen_walk(struct hkt_gen *self, void *arg)
{
    return walk_twice(HKT__CORO_OF(self), arg) + keep - keep;
}

static WALK_MARK(b) int gen_delegate(struct hkt_gen *self, void *sub)
{
    int rc = hkt_yield_from(self, sub, NULL);

    keep++;
    return rc;
}

Test(unwind, from_a_delegate_it_goes_straight_to_the_driver)
{
    struct hkt_gen *sub = hkt_gen_new(gen_walk, NULL);
    struct hkt_gen *g = hkt_gen_new(gen_delegate, sub);

    need_unwind_tables();
    cr_assert_eq(step_main(HKT__CORO_OF(g)), 1);
    cr_assert_eq(step_main(HKT__CORO_OF(g)), 0);
    expect_walk(&seen[0], "a", "m");
    expect_walk(&seen[1], "a", "m");
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

static WALK_MARK(c) int yield_outer(struct hkt_coro *self, void *outer)
{
    (void)self;
    return walk_twice(outer, NULL) + keep - keep;
}

static WALK_MARK(b) int resume_once(struct hkt_coro *self, void *arg)
{
    struct hkt_coro *inner = hkt_coro_new(yield_outer, self);
    int rc = hkt_coro_resume(inner, NULL, NULL);

    (void)arg;
    hkt_coro_free(inner);
    keep++;
    return rc;
}

Test(unwind, a_chain_resumed_as_a_whole_is_seen_as_a_whole)
{
    struct hkt_coro *outer = hkt_coro_new(resume_once, NULL);

    need_unwind_tables();
    cr_assert_eq(step_main(outer), 1);
    cr_assert_eq(step_main(outer), 0);
    expect_walk(&seen[0], "ac", "bm");
    expect_walk(&seen[1], "ac", "bm");
    hkt_coro_free(outer);
}

/* Contexts without a coroutine: whether it goes on is a flag of the context. */

static WALK_MARK(a) void walk_for_ever(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (int i = 0;; i++) {
        seen[i & 3] = walk_here();
        if (i & 1)
            msg = hkt_ctx_switch(self, self, msg);
        else
            msg = hkt__switch_outline(self, self, msg);
    }
}

static WALK_MARK(m) void switch_both_ways(struct hkt_ctx *ctx)
{
    for (int i = 0; i < 4; i++) {
        if (i & 2)
            hkt_ctx_switch(ctx, ctx, msg_of(0, 0));
        else
            hkt__switch_outline(ctx, ctx, msg_of(0, 0));
        keep++;
    }
}

Test(unwind, a_live_context_leads_to_who_switched_to_it_and_another_ends_the_walk)
{
    static alignas(64) char stack[65536];

    need_unwind_tables();
    for (uint32_t live = 0; live < 2; live++) {
        struct hkt_ctx ctx;
        fresh_context(&ctx, stack, sizeof stack, walk_for_ever);
        ctx.flags = live ? HKT_CTX_LIVE | 0x80 : 0x80;
        switch_both_ways(&ctx);
        for (int i = 0; i < 4; i++)
            expect_walk(&seen[i], "a", live ? "m" : "");
    }
}

/* Other unwinders */

static struct walk (*other_walk)(void);

static WALK_MARK(a) int walk_otherwise(struct hkt_coro *self, void *arg)
{
    for (int i = 0; i < 2; i++) {
        seen[i] = other_walk();
        HKT_TRY(hkt_coro_yield(self, arg, NULL));
    }
    return 0;
}

static void expect_walk_by(struct walk (*walk)(void))
{
    struct hkt_coro *inner = hkt_coro_new(walk_otherwise, NULL);
    struct hkt_coro *outer = hkt_coro_new(resume_inner, inner);

    need_unwind_tables();
    other_walk = walk;
    cr_assert_eq(step_main(outer), 1);
    cr_assert_eq(step_main(outer), 1);
    expect_walk(&seen[0], "a", "bm");
    expect_walk(&seen[1], "a", "bm");
    hkt_coro_free(outer);
    hkt_coro_free(inner);
}

static int (*c_library_backtrace)(void **buffer, int size);

static struct walk walk_by_c_library(void)
{
    void *pc[WALK_MOST];
    int n = c_library_backtrace(pc, WALK_MOST);
    struct walk walk = {.frames = n, .ended = n > 0 && n < WALK_MOST};

    for (int i = 0; i < n; i++)
        walk_note(&walk, (uintptr_t)pc[i] - 1);
    return walk;
}

Test(unwind, backtrace_of_the_c_library_goes_the_same_way)
{
    c_library_backtrace = (int (*)(void **, int))(uintptr_t)dlsym(RTLD_DEFAULT, "backtrace");
    if (!c_library_backtrace)
        cr_skip_test("this C library has none");
    expect_walk_by(walk_by_c_library);
}

/* Step by step, by the names in the library, so that it need not be there when this is built. */
#if defined(__x86_64__) && defined(__linux__)
static struct {
    int (*getcontext)(void *context);
    int (*init_local)(void *cursor, void *context);
    int (*step)(void *cursor);
    int (*get_reg)(void *cursor, int reg, uintptr_t *value);
} libunwind;

static void *find(void *library, const char *name)
{
    void *fn = dlsym(library, name);

    if (!fn)
        cr_skip_test("this libunwind has no %s", name);
    return fn;
}

static struct walk walk_by_libunwind(void)
{
    enum { RIP = 16 };
    struct walk walk = {"", 0, false};
    uintptr_t cursor[256], pc;
    ucontext_t context;
    int rc = 1;

    libunwind.getcontext(&context);
    libunwind.init_local(cursor, &context);
    for (; rc > 0 && walk.frames < WALK_MOST; rc = libunwind.step(cursor), walk.frames++) {
        libunwind.get_reg(cursor, RIP, &pc);
        walk_note(&walk, pc - 1);
    }
    walk.ended = rc == 0;
    return walk;
}
#endif

Test(unwind, libunwind_goes_the_same_way)
{
#if defined(__x86_64__) && defined(__linux__)
    void *library = dlopen("libunwind.so.8", RTLD_NOW);

    if (!library)
        cr_skip_test("no libunwind here");
    if (getauxval(AT_BASE) == 0)
        cr_skip_test("libunwind does not see the tables of a static program");
    if (where_valgrind())
        cr_skip_test("libunwind reads what Valgrind holds to be uninitialised");
    *(void **)&libunwind.getcontext = find(library, "_Ux86_64_getcontext");
    *(void **)&libunwind.init_local = find(library, "_ULx86_64_init_local");
    *(void **)&libunwind.step = find(library, "_ULx86_64_step");
    *(void **)&libunwind.get_reg = find(library, "_ULx86_64_get_reg");
    expect_walk_by(walk_by_libunwind);
#else
    cr_skip_test("the names in the library are those for x86_64");
#endif
}

/* Frame pointers lead there as well, where a frame pointer's target is a frame record. */

#if defined(__x86_64__) || defined(__aarch64__)
static void **volatile record_of_main;
static volatile bool found_main;

static void follow_records(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (;;) {
        void **record = __builtin_frame_address(0);
        int hops = 0;
        while (record && record != record_of_main && hops++ < 10)
            record = record[0];
        found_main = record == record_of_main;
        msg = hkt_ctx_switch(self, self, msg);
    }
}

static __attribute__((noinline)) void switch_with_record(struct hkt_ctx *ctx)
{
    record_of_main = __builtin_frame_address(0);
    hkt_ctx_switch(ctx, ctx, msg_of(0, 0));
    keep++;
}
#endif

Test(unwind, a_frame_pointer_walk_leads_to_who_switched_to_it)
{
#if defined(__x86_64__) || defined(__aarch64__)
    static alignas(64) char stack[65536];
    struct hkt_ctx ctx;

    fresh_context(&ctx, stack, sizeof stack, follow_records);
    for (int i = 0; i < 3; i++) {
        found_main = false;
        switch_with_record(&ctx);
        cr_assert(found_main, "switch %d", i);
    }
#else
    cr_skip_test("the frame pointer of this ISA does not point to a frame record");
#endif
}
