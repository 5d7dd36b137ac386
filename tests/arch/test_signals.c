/* SPDX-License-Identifier: MIT
 *
 * Signals that arrive at any instruction of millions of switches: the handler's frames lie on
 * whatever stack is in use then, and a backtrace from it ends well.
 */
#include "arch/fresh.h"
#include "arch/walk.h"
#include "base/where.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>

enum { AT_A_TIME = 1000 };

static atomic_int signals, bad_walks, bad_frames;
/* Not while the dynamic linker is at work, whose own tables may be poorer. */
static atomic_bool walking;
static bool slow;

/* Tables that hold at every instruction are the default on these. */
#if defined(__x86_64__) || defined(__aarch64__)
/* The other signal's handler may have been interrupted in a walk, and in a static program the
 * unwinder walks under a lock. */
static atomic_flag in_walk = ATOMIC_FLAG_INIT;

static void walk_in_handler(void)
{
    if (!walking || atomic_flag_test_and_set(&in_walk))
        return;
    struct walk walk = walk_here();
    /* Where a context has just been marked as no longer live, it ends with its frames. */
    bad_walks += !walk.ended;
    atomic_flag_clear(&in_walk);
}
#else
static void walk_in_handler(void)
{
}
#endif

static __attribute__((noinline)) void use_stack(int sig)
{
    volatile unsigned char block[2048];

    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (unsigned char)(i + (unsigned)sig);
    for (size_t i = 0; i < sizeof block; i++)
        bad_frames += block[i] != (unsigned char)(i + (unsigned)sig);
}

/* Once: so that a slow handler does not have the next signal wait for it. */
static void alarm_in(int which, int microseconds)
{
    struct itimerval timer = {{0, 0}, {0, microseconds}};

    setitimer(which, &timer, NULL);
}

static void on_signal(int sig)
{
    signals++;
    use_stack(sig);
    walk_in_handler();
    if (sig == SIGALRM)
        alarm_in(ITIMER_REAL, 53);
    else
        alarm_in(ITIMER_PROF, 97);
}

static void start(int flags)
{
    struct sigaction action = {.sa_handler = on_signal};

    if (where_valgrind())
        cr_skip_test("Valgrind delivers signals between instructions of its own choice");
    if (WHERE_TSAN)
        cr_skip_test("ThreadSanitizer delivers signals in calls that block only");
    slow = where_sanitizer() || where_emulator();
    (void)walk_here(); /* the unwinder may need memory the first time */
    action.sa_flags = SA_RESTART | flags;
    sigemptyset(&action.sa_mask);
#if defined(__ARM_FEATURE_PAC_DEFAULT)
    /* Where one interrupts the emulator's return from the other, libgcc takes for a frame what is
     * none, and where return addresses are signed it was seen to fault there. */
    if (where_emulator()) {
        sigaddset(&action.sa_mask, SIGALRM);
        sigaddset(&action.sa_mask, SIGPROF);
    }
#endif
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGPROF, &action, NULL);
    alarm_in(ITIMER_REAL, 53);
    alarm_in(ITIMER_PROF, 97);
    walking = true;
}

static void stop(void)
{
    walking = false;
    signal(SIGALRM, SIG_IGN);
    signal(SIGPROF, SIG_IGN);
    cr_assert_eq((int)bad_walks, 0, "of %d", (int)signals);
    cr_assert_eq((int)bad_frames, 0);
    if (signals == 0)
        cr_skip_test("no signal arrived in all that time");
}

/* Asked before each bout of switches: whether there were enough of them, and of signals, unless
 * these are slow to come. */
static bool more(long *switches)
{
    *switches += AT_A_TIME;
    if (slow)
        return *switches <= 20000 || (signals < 50 && *switches < 200000);
    return *switches <= 400000 || (signals < 300 && *switches < 10000000);
}

/* A context is marked as live by its owner, while it holds a resumer and not itself. */
static struct hkt_msg add(struct hkt_ctx *self, struct hkt_msg msg, volatile intptr_t *more)
{
    self->flags = 0;
    return msg_of((uintptr_t)msg.value, msg.code + *more);
}

static void add_three(struct hkt_ctx *self, struct hkt_msg msg)
{
    volatile intptr_t three = 3;

    for (;;) {
        struct hkt_msg sum = add(self, msg, &three);
        msg = hkt_ctx_switch(self, self, sum);
    }
}

static void add_three_outline(struct hkt_ctx *self, struct hkt_msg msg)
{
    volatile intptr_t three = 3;

    for (;;) {
        struct hkt_msg sum = add(self, msg, &three);
        msg = hkt__switch_outline(self, self, sum);
    }
}

static WALK_MARK(m) void switch_inline(struct hkt_ctx *ctx)
{
    for (intptr_t i = 0; i < AT_A_TIME; i++) {
        ctx->flags = HKT_CTX_LIVE;
        cr_assert_eq(hkt_ctx_switch(ctx, ctx, msg_of(0, i)).code, i + 3);
    }
}

static WALK_MARK(m) void switch_outline(struct hkt_ctx *ctx)
{
    for (intptr_t i = 0; i < AT_A_TIME; i++) {
        ctx->flags = HKT_CTX_LIVE;
        cr_assert_eq(hkt__switch_outline(ctx, ctx, msg_of(0, i)).code, i + 3);
    }
}

static void raw_switches(hkt_ctx_fn *fn, void (*bout)(struct hkt_ctx *))
{
    static alignas(64) char stack[65536];
    struct hkt_ctx ctx;
    long switches = 0;

    fresh_context(&ctx, stack, sizeof stack, fn);
    bout(&ctx); /* what is bound at the first call is bound now */
    start(0);
    while (more(&switches))
        bout(&ctx);
    stop();
}

Test(signals, in_inline_switches)
{
    raw_switches(add_three, switch_inline);
}

Test(signals, in_out_of_line_switches)
{
    raw_switches(add_three_outline, switch_outline);
}

Test(signals, in_switches_of_both_forms)
{
    raw_switches(add_three_outline, switch_inline);
}

static int echo(struct hkt_coro *self, void *arg)
{
    for (;;)
        HKT_TRY(hkt_coro_yield(self, arg, &arg));
}

static WALK_MARK(m) void step_coroutine(struct hkt_coro *c)
{
    int words[2];
    void *value;

    for (int i = 0; i < AT_A_TIME; i++) {
        cr_assert_eq(hkt_coro_resume(c, &words[i & 1], &value), 1);
        cr_assert_eq(value, &words[i & 1]);
    }
}

static void coroutine_steps(int flags)
{
    struct hkt_coro *c = hkt_coro_new(echo, NULL);
    long switches = 0;

    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    step_coroutine(c);
    start(flags);
    while (more(&switches))
        step_coroutine(c);
    stop();
    hkt_coro_free(c);
}

Test(signals, in_steps_of_a_coroutine)
{
    coroutine_steps(0);
}

Test(signals, in_steps_of_a_coroutine_with_the_handler_on_the_signal_stack)
{
    coroutine_steps(SA_ONSTACK);
}

static int count(struct hkt_coro *self, void *sum)
{
    (void)self;
    ++*(int *)sum;
    return 0;
}

static WALK_MARK(m) void lives(int *sum)
{
    for (int i = 0; i < AT_A_TIME; i++) {
        struct hkt_coro *c = hkt_coro_new(count, sum);
        cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 0);
        hkt_coro_free(c);
    }
}

Test(signals, in_whole_lives_of_coroutines)
{
    long switches = 0;
    int sum = 0;

    lives(&sum);
    start(0);
    while (more(&switches))
        lives(&sum);
    stop();
    cr_assert_eq(sum, switches);
}

static int all_of(struct hkt_gen *self, void *sub)
{
    return hkt_yield_from(self, sub, NULL);
}

static WALK_MARK(m) void delegated(void)
{
    int64_t x, sum = 0;
    struct hkt_gen *sub = hkt_range(0, AT_A_TIME, 1), *g = hkt_gen_new(all_of, sub);

    while (hkt_ints_next(g, &x) > 0)
        sum += x;
    cr_assert_eq(sum, (int64_t)AT_A_TIME * (AT_A_TIME - 1) / 2);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

Test(signals, in_delegating_generators)
{
    long switches = 0;

    delegated();
    start(0);
    while (more(&switches))
        delegated();
    stop();
}

static int hand_over(struct hkt_coro *self, void *arg)
{
    struct hkt_coro *const *ring = arg;
    struct hkt_coro *next = ring[ring[0] == self ? 1 : 0];

    for (;;)
        for (int i = 0; i < AT_A_TIME; i++)
            HKT_TRY(i ? hkt_coro_transfer(self, next, NULL, NULL)
                      : hkt_coro_yield(self, NULL, NULL));
}

static WALK_MARK(m) void step_ring(struct hkt_coro *first)
{
    cr_assert_eq(hkt_coro_resume(first, NULL, NULL), 1);
}

Test(signals, in_transfers)
{
    struct hkt_coro *ring[2];
    long switches = 0;

    ring[0] = hkt_coro_new(hand_over, ring);
    ring[1] = hkt_coro_new(hand_over, ring);
    step_ring(ring[0]);
    step_ring(ring[1]);
    start(0);
    while (more(&switches))
        step_ring(ring[0]);
    stop();
    hkt_coro_free(ring[0]);
    hkt_coro_free(ring[1]);
}
