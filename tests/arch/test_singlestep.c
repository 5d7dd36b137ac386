/* SPDX-License-Identifier: MIT
 *
 * Every instruction of every kind of switch: a trap after each looks at the stack pointer and walks
 * the stack. What a profiler's signal may meet once in a million times is met here each time.
 */
#include "arch/walk.h"
#include "base/where.h"
#include "coro/cold.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <ucontext.h>

#if defined(__x86_64__) && defined(__linux__)

static volatile int steps, bad_walks, lost_pointers, cut_walks;
static volatile uintptr_t bad_pc;
static struct {
    uintptr_t low, high;
} stacks[4];

static bool on_a_stack(uintptr_t sp)
{
    for (int i = 0; i < 4; i++)
        if (sp >= stacks[i].low && sp <= stacks[i].high)
            return true;
    return false;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    struct walk walk = walk_here();

    (void)sig;
    (void)info;
    steps++;
    if (!walk.ended || walk.frames < 3) {
        bad_walks++;
        bad_pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
    }
    cut_walks += strchr(walk.marks, 'm') == NULL;
    lost_pointers += !on_a_stack((uintptr_t)uc->uc_mcontext.gregs[REG_RSP]);
}

static void know_stack(int which, struct hkt_coro *c)
{
    stacks[which].low = (uintptr_t)c->cold->low;
    stacks[which].high = (uintptr_t)c->cold->top;
}

static void know_main_stack(void)
{
    pthread_attr_t attr;
    void *low;
    size_t size;

    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &low, &size);
    stacks[0].low = (uintptr_t)low;
    stacks[0].high = (uintptr_t)low + size;
    pthread_attr_destroy(&attr);
}

static void prepare(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    if (where_sanitizer() || where_valgrind() || where_emulator())
        cr_skip_test("single steps are for the bare machine");
    know_main_stack();
    (void)walk_here();
    action.sa_sigaction = on_trap;
    sigaction(SIGTRAP, &action, NULL);
}

enum { TRAP_FLAG = 0x100 };

static inline __attribute__((always_inline)) void trace(bool on)
{
    unsigned long long flags = __builtin_ia32_readeflags_u64();

    __builtin_ia32_writeeflags_u64(on ? flags | TRAP_FLAG : flags & ~TRAP_FLAG);
}

static void judge(int least_steps)
{
    cr_assert(steps > least_steps, "%d", steps);
    cr_assert_eq(bad_walks, 0, "of %d, the last at %zx", steps, (size_t)bad_pc);
    cr_assert_eq(lost_pointers, 0, "of %d", steps);
    /* Some end early: where the stack has changed and the frame has not, where a context has just
     * been marked as no longer live, and in the last moves of a coroutine. */
    cr_assert(cut_walks < steps / 2, "%d of %d", cut_walks, steps);
}

static volatile int keep;

static WALK_MARK(m) int step(struct hkt_coro *c)
{
    int rc = hkt_coro_resume(c, NULL, NULL);

    keep++;
    return rc;
}

static WALK_MARK(a) int yield_always(struct hkt_coro *self, void *arg)
{
    (void)arg;
    for (;;) {
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
        keep++;
    }
}

static WALK_MARK(m) void life(const struct hkt_coro_opts *opts)
{
    struct hkt_coro *c = hkt_coro_new_opts(yield_always, NULL, opts);

    know_stack(1, c);
    trace(true);
    (void)!step(c);
    (void)!step(c);
    (void)!step(c);
    (void)!hkt_coro_close(c);
    trace(false);
    hkt_coro_free(c);
}

Test(singlestep, the_life_of_a_coroutine)
{
    prepare();
    life(NULL);
    judge(200);
}

Test(singlestep, the_life_of_one_with_fp_state_of_its_own)
{
    const struct hkt_coro_opts opts = {.flags = HKT_CORO_FPENV};

    prepare();
    life(&opts);
    judge(300);
}

Test(singlestep, the_life_of_one_on_user_memory)
{
    static alignas(64) char memory[65536];
    const struct hkt_coro_opts opts = {.stack = memory, .stack_size = sizeof memory};

    prepare();
    life(&opts);
    judge(300);
}

static WALK_MARK(a) void switch_back(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (;;) {
        self->flags = 0;
        msg = hkt__switch_outline(self, self, msg);
        keep++;
        self->flags = 0;
        msg = hkt_ctx_switch(self, self, msg);
        keep++;
    }
}

static WALK_MARK(m) void switch_thrice(struct hkt_ctx *ctx)
{
    const struct hkt_msg msg = {NULL, 0};

    trace(true);
    for (int i = 0; i < 4; i++) {
        ctx->flags = HKT_CTX_LIVE;
        hkt_ctx_switch(ctx, ctx, msg);
        ctx->flags = HKT_CTX_LIVE;
        hkt__switch_outline(ctx, ctx, msg);
    }
    trace(false);
}

Test(singlestep, both_forms_of_the_bare_switch)
{
    static alignas(64) char stack[65536];
    struct hkt_ctx ctx;

    prepare();
    hkt_ctx_init(&ctx, stack, sizeof stack, switch_back);
    stacks[1].low = (uintptr_t)stack;
    stacks[1].high = (uintptr_t)stack + sizeof stack;
    switch_thrice(&ctx);
    judge(150);
}

static WALK_MARK(b) int resume_inner(struct hkt_coro *self, void *inner)
{
    while (hkt_coro_resume(inner, NULL, NULL) > 0)
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    keep++;
    return 0;
}

static WALK_MARK(m) void nested(void)
{
    struct hkt_coro *inner = hkt_coro_new(yield_always, NULL);
    struct hkt_coro *outer = hkt_coro_new(resume_inner, inner);

    know_stack(1, inner);
    know_stack(2, outer);
    trace(true);
    (void)!step(outer);
    (void)!step(outer);
    (void)!hkt_coro_close(outer);
    trace(false);
    hkt_coro_free(outer);
    hkt_coro_free(inner);
}

Test(singlestep, nested_coroutines)
{
    prepare();
    nested();
    judge(200);
}

static WALK_MARK(b) int transfer_to(struct hkt_coro *self, void *to)
{
    int rc;

    do {
        rc = hkt_coro_transfer(self, to, NULL, NULL);
        keep++;
    } while (rc == 0);
    return rc;
}

static WALK_MARK(m) void transfers(void)
{
    struct hkt_coro *to = hkt_coro_new(yield_always, NULL);
    struct hkt_coro *from = hkt_coro_new(transfer_to, to);

    know_stack(1, from);
    know_stack(2, to);
    trace(true);
    for (int i = 0; i < 4; i++)
        (void)!step(from);
    trace(false);
    hkt_coro_free(from);
    hkt_coro_free(to);
}

Test(singlestep, transfers)
{
    prepare();
    transfers();
    judge(200);
}

static WALK_MARK(a) int two_values(struct hkt_gen *self, void *arg)
{
    HKT_TRY(hkt_yield(self, arg, NULL));
    HKT_TRY(hkt_yield(self, arg, NULL));
    keep++;
    return 0;
}

static WALK_MARK(b) int delegate(struct hkt_gen *self, void *sub)
{
    int rc = hkt_yield_from(self, sub, NULL);

    keep++;
    return rc;
}

static WALK_MARK(m) void delegation(void)
{
    struct hkt_gen *sub = hkt_gen_new(two_values, NULL);
    struct hkt_gen *mid = hkt_gen_new(delegate, sub), *g = hkt_gen_new(delegate, mid);

    know_stack(1, HKT__CORO_OF(sub));
    know_stack(2, HKT__CORO_OF(mid));
    know_stack(3, HKT__CORO_OF(g));
    trace(true);
    while (step(HKT__CORO_OF(g)) > 0)
        continue;
    trace(false);
    hkt_gen_free(g);
    hkt_gen_free(mid);
    hkt_gen_free(sub);
}

Test(singlestep, delegation_from_the_first_step_to_the_end)
{
    prepare();
    delegation();
    judge(400);
}

#else

Test(singlestep, every_instruction_of_every_switch)
{
    cr_skip_test("needs the trap flag of x86_64");
}

#endif
