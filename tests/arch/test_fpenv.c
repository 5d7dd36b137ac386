/* SPDX-License-Identifier: MIT
 *
 * The floating point control state: the thread's by default, as between a function and its callee,
 * and a coroutine's own with HKT_CORO_FPENV. Rounding stands for all of it, and at the end comes
 * what <fenv.h> has no word for.
 */
#include "arch/control.h"
#include "base/where.h"
#include "support/test.h"

#include <hocket/coro.h>

#include <fenv.h>

static const struct hkt_coro_opts own = {.flags = HKT_CORO_FPENV};

/* What the machine does, not only what it says. */
static int rounding_in_effect(void)
{
    volatile double one = 1, three = 3;
    volatile double positive = one / three, negative = -one / three;
    const double below = 0x1.5555555555555p-2;

    if (positive > below)
        return FE_UPWARD;
    return -negative > below ? FE_DOWNWARD : FE_TONEAREST; /* or towards zero, which is unused */
}

static void expect_rounding(int mode, const char *who)
{
    cr_expect_eq(fegetround(), mode, "what %s reads", who);
    if (!where_valgrind()) /* which computes as it likes */
        cr_expect_eq(rounding_in_effect(), mode, "what %s computes", who);
}

static int round_upward(struct hkt_coro *self, void *arg)
{
    (void)arg;
    fesetround(FE_UPWARD);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    expect_rounding(FE_DOWNWARD, "the body");
    return 0;
}

Test(fpenv, rounding_is_shared_with_the_resumer_by_default)
{
    struct hkt_coro *c = hkt_coro_new(round_upward, NULL);

    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    expect_rounding(FE_UPWARD, "the resumer");
    fesetround(FE_DOWNWARD);
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 0);
    expect_rounding(FE_DOWNWARD, "the resumer at the end");
    hkt_coro_free(c);
}

static int keep_upward(struct hkt_coro *self, void *arg)
{
    expect_rounding(FE_DOWNWARD, "the body at its first step, which inherits");
    fesetround(FE_UPWARD);
    for (int i = 0; i < *(int *)arg; i++) {
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
        expect_rounding(FE_UPWARD, "the body");
    }
    return 0;
}

Test(fpenv, a_coroutine_can_have_rounding_of_its_own)
{
    int steps = 3;
    struct hkt_coro *c = hkt_coro_new_opts(keep_upward, &steps, &own);

    fesetround(FE_DOWNWARD);
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    expect_rounding(FE_DOWNWARD, "the resumer after the first step");
    fesetround(FE_TONEAREST);
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    expect_rounding(FE_TONEAREST, "the resumer after it changed its own");
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 0);
    expect_rounding(FE_TONEAREST, "the resumer at the end");
    hkt_coro_free(c);
}

Test(fpenv, closing_restores_the_closers_rounding)
{
    int steps = 3;
    struct hkt_coro *c = hkt_coro_new_opts(keep_upward, &steps, &own);

    fesetround(FE_DOWNWARD);
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    cr_assert_eq(hkt_coro_close(c), 0);
    expect_rounding(FE_DOWNWARD, "the closer");
    hkt_coro_free(c);
}

static int inner_body(struct hkt_coro *self, void *arg)
{
    (void)arg;
    fesetround(FE_UPWARD);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    expect_rounding(FE_UPWARD, "the inner one");
    return 0;
}

static int outer_body(struct hkt_coro *self, void *arg)
{
    struct hkt_coro *inner = hkt_coro_new_opts(inner_body, NULL, &own);

    (void)arg;
    fesetround(FE_DOWNWARD);
    cr_expect_eq(hkt_coro_resume(inner, NULL, NULL), 1);
    expect_rounding(FE_DOWNWARD, "the outer one");
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    cr_expect_eq(hkt_coro_resume(inner, NULL, NULL), 0);
    expect_rounding(FE_DOWNWARD, "the outer one later");
    hkt_coro_free(inner);
    return 0;
}

Test(fpenv, nested_coroutines_each_have_their_own)
{
    struct hkt_coro *c = hkt_coro_new_opts(outer_body, NULL, &own);

    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    expect_rounding(FE_TONEAREST, "the thread");
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 0);
    expect_rounding(FE_TONEAREST, "the thread at the end");
    hkt_coro_free(c);
}

struct two {
    struct hkt_coro *first, *second;
};

static int first_of_two(struct hkt_coro *self, void *arg)
{
    struct two *two = arg;

    fesetround(FE_UPWARD);
    HKT_TRY(hkt_coro_transfer(self, two->second, NULL, NULL));
    expect_rounding(FE_UPWARD, "the first, resumed after a transfer");
    return 0;
}

static int second_of_two(struct hkt_coro *self, void *arg)
{
    struct two *two = arg;

    expect_rounding(FE_TONEAREST, "the second, which inherits the resumer's");
    fesetround(FE_DOWNWARD);
    HKT_TRY(hkt_coro_transfer(self, two->first, NULL, NULL));
    expect_rounding(FE_DOWNWARD, "the second");
    return 0;
}

Test(fpenv, a_transfer_carries_the_resumers_state_not_the_transferrers)
{
    struct two two;

    two.first = hkt_coro_new_opts(first_of_two, &two, &own);
    two.second = hkt_coro_new_opts(second_of_two, &two, &own);
    cr_assert_eq(hkt_coro_resume(two.first, NULL, NULL), 0);
    expect_rounding(FE_TONEAREST, "the resumer");
    cr_assert_eq(hkt_coro_resume(two.second, NULL, NULL), 0);
    expect_rounding(FE_TONEAREST, "the resumer at the end");
    hkt_coro_free(two.first);
    hkt_coro_free(two.second);
}

static int plain_second(struct hkt_coro *self, void *arg)
{
    (void)arg;
    expect_rounding(FE_TONEAREST, "the shared second");
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    expect_rounding(FE_TONEAREST, "the shared second later");
    return 0;
}

Test(fpenv, a_transfer_from_own_state_to_shared_state_leaves_the_own_behind)
{
    struct two two;

    two.first = hkt_coro_new_opts(first_of_two, &two, &own);
    two.second = hkt_coro_new(plain_second, NULL);
    cr_assert_eq(hkt_coro_resume(two.first, NULL, NULL), 1);
    expect_rounding(FE_TONEAREST, "the resumer");
    cr_assert_eq(hkt_coro_resume(two.second, NULL, NULL), 0);
    cr_assert_eq(hkt_coro_resume(two.first, NULL, NULL), 0);
    expect_rounding(FE_TONEAREST, "the resumer at the end");
    hkt_coro_free(two.first);
    hkt_coro_free(two.second);
}

static int shared_first(struct hkt_coro *self, void *arg)
{
    struct two *two = arg;

    HKT_TRY(hkt_coro_transfer(self, two->second, NULL, NULL));
    expect_rounding(FE_TONEAREST, "the shared first");
    return 0;
}

static int own_second(struct hkt_coro *self, void *arg)
{
    (void)arg;
    fesetround(FE_DOWNWARD);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    expect_rounding(FE_DOWNWARD, "the own second");
    return 0;
}

Test(fpenv, a_transfer_from_shared_state_to_own_state_does_not_leak_it)
{
    struct two two;

    two.first = hkt_coro_new(shared_first, &two);
    two.second = hkt_coro_new_opts(own_second, NULL, &own);
    cr_assert_eq(hkt_coro_resume(two.first, NULL, NULL), 1);
    expect_rounding(FE_TONEAREST, "the resumer");
    cr_assert_eq(hkt_coro_resume(two.second, NULL, NULL), 0);
    expect_rounding(FE_TONEAREST, "the resumer after the second ended");
    cr_assert_eq(hkt_coro_resume(two.first, NULL, NULL), 0);
    hkt_coro_free(two.first);
    hkt_coro_free(two.second);
}

static int raise_inexact(struct hkt_coro *self, void *arg)
{
    (void)arg;
    feraiseexcept(FE_INEXACT);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    cr_expect(fetestexcept(FE_OVERFLOW), "a flag that the resumer raised");
    return 0;
}

Test(fpenv, exception_flags_are_results_and_stay_the_threads)
{
    struct hkt_coro *c = hkt_coro_new_opts(raise_inexact, NULL, &own);

    if (where_valgrind())
        cr_skip_test("Valgrind does not simulate floating point exception flags");
    feclearexcept(FE_ALL_EXCEPT);
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    cr_assert(fetestexcept(FE_INEXACT), "seen by the resumer");
    feraiseexcept(FE_OVERFLOW);
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 0);
    hkt_coro_free(c);
}

static int trap_division(struct hkt_coro *self, void *arg)
{
    (void)arg;
    feenableexcept(FE_DIVBYZERO);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    cr_expect_eq(fegetexcept(), FE_DIVBYZERO, "the body's own mask");
    return 0;
}

Test(fpenv, exception_masks_are_control_state)
{
    struct hkt_coro *c = hkt_coro_new_opts(trap_division, NULL, &own);

    if (where_valgrind())
        cr_skip_test("Valgrind does not simulate floating point exception masks");
    if (feenableexcept(FE_DIVBYZERO) == -1 || fegetexcept() != FE_DIVBYZERO)
        cr_skip_test("this machine has no floating point traps");
    fedisableexcept(FE_ALL_EXCEPT);
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    cr_assert_eq(fegetexcept(), 0, "the resumer's mask");
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 0);
    cr_assert_eq(fegetexcept(), 0, "the resumer's mask at the end");
    hkt_coro_free(c);
}

#ifdef CONTROL_FLUSHES
static bool flushes(void)
{
    volatile double least = 0x1p-1022, half = 0.5;
    volatile double product = least * half; /* computed here, whatever the compiler knows */
    volatile bool zero = product == 0;      /* and so is this */

    return zero;
}
#endif

#if defined(__x86_64__)
/* The bits that the x87 gives a third. */
static int x87_bits(void)
{
    volatile long double one = 1, three = 3, third = one / three;

    if (third == (long double)(float)third)
        return 24;
    return third == (long double)(double)third ? 53 : 64;
}
#endif

struct modes {
    bool flush;
    int bits;
};

static struct modes modes_in_effect(void)
{
    struct modes modes = {false, 0};

#ifdef CONTROL_FLUSHES
    modes.flush = flushes();
#endif
#if defined(__x86_64__)
    modes.bits = x87_bits();
#endif
    return modes;
}

static bool modes_equal(struct modes a, struct modes b)
{
    return a.flush == b.flush && a.bits == b.bits;
}

static int flush_and_yield(struct hkt_coro *self, void *arg)
{
    struct modes *modes = arg, before = modes_in_effect();

#ifdef CONTROL_FLUSHES
    control_set(control_pattern(CONTROL_FLUSHES)); /* on x86_64: the x87 at 53 bits */
#endif
    *modes = modes_in_effect();
    for (int i = 0; i < 3; i++) {
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
        cr_expect(modes_equal(modes_in_effect(), *modes), "the body's, step %d", i);
    }
    cr_expect(before.flush != modes->flush, "there is a difference to be seen");
    return 0;
}

Test(fpenv, flush_to_zero_and_x87_precision_are_control_state)
{
    struct control usual = control_get();
    struct modes before = modes_in_effect(), body = {false, 0};
    struct hkt_coro *c = hkt_coro_new_opts(flush_and_yield, &body, &own);

    if (where_valgrind())
        cr_skip_test("Valgrind has neither");
#ifndef CONTROL_FLUSHES
    cr_skip_test("this machine has neither");
#endif
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
        cr_assert(modes_equal(modes_in_effect(), before), "the resumer's, step %d", i);
        cr_assert(control_same(control_get(), usual));
    }
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 0);
    cr_assert(control_same(control_get(), usual), "at the end");
    hkt_coro_free(c);
}

Test(fpenv, flush_to_zero_and_x87_precision_are_shared_by_default)
{
    struct modes body = {false, 0};
    struct control usual = control_get();
    struct hkt_coro *c = hkt_coro_new(flush_and_yield, &body);

    if (where_valgrind())
        cr_skip_test("Valgrind has neither");
#ifndef CONTROL_FLUSHES
    cr_skip_test("this machine has neither");
#endif
    cr_assert_eq(hkt_coro_resume(c, NULL, NULL), 1);
    struct modes seen = modes_in_effect();
    control_set(usual);
    cr_assert(modes_equal(seen, body));
    hkt_coro_free(c);
}
