/* SPDX-License-Identifier: MIT
 *
 * What the ABI promises to the caller of a function holds for one that switches: each side calls
 * with patterns in all callee-saved registers, and finds them again although the other side has
 * put its own there. So it is with floating point control, where a coroutine has its own; else it
 * comes through each switch as it was on the other side.
 */
#include "arch/abi.h"
#include "arch/control.h"
#include "arch/fresh.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <stdalign.h>

static const char *const int_names[ABI_INTS] = ABI_INT_NAMES;
static const char *const vec_names[ABI_VECS] = ABI_VEC_NAMES;

enum { ROUNDS = 20 };

static struct control last_control; /* set by whichever side ran last */
static bool own_control;            /* the body has its own */

static void load(struct abi_frame *f, void *fn, uint64_t seed)
{
    *f = (struct abi_frame){.fn = fn};
    for (int i = 0; i < ABI_INTS; i++)
        f->in[i] = (uintptr_t)(seed * 0x9e3779b97f4a7c15u + (uint64_t)i * 0x0101010101010101u);
    for (int i = 0; i < ABI_VECS; i++)
        f->vec_in[i] = seed * 0xc2b2ae3d27d4eb4fu + (uint64_t)i * 0x1010101010101010u;
}

static void check(const struct abi_frame *f, const char *side)
{
    for (int i = 0; i < ABI_INTS && int_names[i]; i++)
        cr_expect(f->in[i] == f->out[i], "%s lost %s: %zx became %zx", side, int_names[i],
                  (size_t)f->in[i], (size_t)f->out[i]);
    for (int i = 0; i < ABI_VECS && vec_names[i]; i++)
        cr_expect(f->vec_in[i] == f->vec_out[i], "%s lost %s", side, vec_names[i]);
}

static void check_control(struct control found, struct control mine, const char *side)
{
    struct control wanted = own_control ? mine : last_control;

    if (where_valgrind()) /* which has little of it */
        return;
    cr_expect(control_same(found, wanted), "%s: floating point control is %x %x, not %x %x", side,
              found.word[0], found.word[1], wanted.word[0], wanted.word[1]);
}

/* Calls fn(a, b, c, d) with patterns made from seed. */
static struct abi_frame call(void *fn, void *a, void *b, void *c, uint64_t seed, const char *side)
{
    struct abi_frame f;

    load(&f, fn, seed);
    f.arg[0] = (uintptr_t)a;
    f.arg[1] = (uintptr_t)b;
    f.arg[2] = (uintptr_t)c;
    f.arg[3] = (uintptr_t)seed;
    struct control usual = control_get(), mine = control_pattern((unsigned)seed);
    last_control = mine;
    control_set(mine);
    abi_call(&f);
    check_control(control_get(), mine, side);
    last_control = usual;
    control_set(usual);
    abi_spoil();
    check(&f, side);
    return f;
}

/* Raw contexts */

static void *other_fn;

static void other_side(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (uint64_t i = 1000;; i++) {
        (void)msg;
        call(other_fn, self, self, (void *)self, i, "the other side");
    }
}

static void raw(void *mine, void *others)
{
    static alignas(64) char stack[65536];
    struct hkt_ctx ctx;

    other_fn = others;
    fresh_context(&ctx, stack, sizeof stack, other_side);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct abi_frame f = call(mine, &ctx, &ctx, NULL, i, "this side");
        if (mine == (void *)hkt__switch) {
            cr_assert_eq(f.ret[0], (uintptr_t)&ctx, "first word of the message");
            cr_assert_eq(f.ret[1], (uintptr_t)(1000 + i), "second word");
        }
    }
}

/* As a compiler makes it: the function saves what its inline switch declares clobbered. */
static __attribute__((noinline)) void in_c(struct hkt_ctx *save, const struct hkt_ctx *load,
                                           void *value, intptr_t code)
{
    hkt_ctx_switch(save, load, msg_of((uintptr_t)value, code));
}

Test(abi, the_out_of_line_switch_keeps_callee_saved_registers)
{
    raw((void *)hkt__switch, (void *)hkt__switch);
}

Test(abi, a_function_with_an_inline_switch_keeps_callee_saved_registers)
{
    raw((void *)in_c, (void *)in_c);
}

Test(abi, the_forms_keep_callee_saved_registers_when_they_meet)
{
    raw((void *)in_c, (void *)hkt__switch);
    raw((void *)hkt__switch, (void *)in_c);
}

/* Coroutines */

static __attribute__((noinline)) int resume(struct hkt_coro *c)
{
    return hkt_coro_resume(c, NULL, NULL);
}

static __attribute__((noinline)) int yield(struct hkt_coro *self)
{
    return hkt_coro_yield(self, NULL, NULL);
}

static __attribute__((noinline)) int transfer(struct hkt_coro *self, struct hkt_coro *to)
{
    return hkt_coro_transfer(self, to, NULL, NULL);
}

static __attribute__((noinline)) int yield_from(struct hkt_gen *self, struct hkt_gen *sub)
{
    return hkt_yield_from(self, sub, NULL);
}

static int yielding_body(struct hkt_coro *self, void *arg)
{
    (void)arg;
    abi_spoil();
    for (uint64_t i = 0; i < ROUNDS; i++)
        call((void *)yield, self, NULL, NULL, 500 + i, "the body");
    abi_spoil();
    return 0;
}

static void coroutine(const struct hkt_coro_opts *opts)
{
    struct hkt_coro *c = hkt_coro_new_opts(yielding_body, NULL, opts);

    /* The first is the entry, the last the finish. */
    for (uint64_t i = 0; i <= ROUNDS; i++)
        call((void *)resume, c, NULL, NULL, i, "the resumer");
    cr_assert_eq(hkt_coro_state(c), HKT_FINISHED, "as many steps as were expected");
    hkt_coro_free(c);
}

Test(abi, entry_yield_resume_and_finish_keep_callee_saved_registers)
{
    coroutine(NULL);
}

Test(abi, a_coroutine_with_fp_state_of_its_own_keeps_callee_saved_registers)
{
    const struct hkt_coro_opts opts = {.flags = HKT_CORO_FPENV};

    own_control = true;
    coroutine(&opts);
}

Test(abi, a_coroutine_on_user_memory_keeps_callee_saved_registers)
{
    static alignas(64) char memory[65536];
    const struct hkt_coro_opts opts = {.stack = memory, .stack_size = sizeof memory};

    coroutine(&opts);
}

struct pair {
    struct hkt_coro *c[2];
};

static int transferring_body(struct hkt_coro *self, void *arg)
{
    struct pair *pair = arg;
    struct hkt_coro *to = pair->c[self == pair->c[0]];

    for (uint64_t i = 0; i < ROUNDS; i++)
        call((void *)transfer, self, to, NULL, 700 + i, "the transferring body");
    return 0;
}

Test(abi, transfer_keeps_callee_saved_registers)
{
    struct pair pair;

    pair.c[0] = hkt_coro_new(transferring_body, &pair);
    pair.c[1] = hkt_coro_new(transferring_body, &pair);
    call((void *)resume, pair.c[0], NULL, NULL, 3, "the resumer of the first");
    call((void *)resume, pair.c[1], NULL, NULL, 4, "the resumer of the second");
    cr_assert_eq(hkt_coro_state(pair.c[0]), HKT_FINISHED);
    cr_assert_eq(hkt_coro_state(pair.c[1]), HKT_FINISHED);
    hkt_coro_free(pair.c[0]);
    hkt_coro_free(pair.c[1]);
}

static int yielding_gen(struct hkt_gen *self, void *arg)
{
    return yielding_body(HKT__CORO_OF(self), arg);
}

static int delegating_gen(struct hkt_gen *self, void *sub)
{
    call((void *)yield_from, self, sub, NULL, 900, "the delegator");
    return 0;
}

Test(abi, delegation_keeps_callee_saved_registers)
{
    struct hkt_gen *sub = hkt_gen_new(yielding_gen, NULL);
    struct hkt_gen *mid = hkt_gen_new(delegating_gen, sub);
    struct hkt_gen *out = hkt_gen_new(delegating_gen, mid);

    for (uint64_t i = 0; i <= ROUNDS; i++)
        call((void *)resume, HKT__CORO_OF(out), NULL, NULL, i, "the driver");
    cr_assert_eq(hkt_gen_state(out), HKT_FINISHED);
    hkt_gen_free(out);
    hkt_gen_free(mid);
    hkt_gen_free(sub);
}

/* What ends a suspended body: it is resumed with an error, and has patterns of its own then. */

static int ended_body(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (uint64_t i = 0;; i++) {
        struct abi_frame f = call((void *)yield, self, NULL, NULL, 300 + i, "the ended body");
        if ((int)f.ret[0] < 0)
            return (int)f.ret[0];
    }
}

static __attribute__((noinline)) int throw_into(struct hkt_gen *g)
{
    return hkt_gen_throw(g, -EIO, NULL);
}

static void end_by(void *fn, int rc)
{
    for (unsigned own = 0; own < 2; own++) {
        const struct hkt_coro_opts opts = {.flags = own ? HKT_CORO_FPENV : 0};
        struct hkt_gen *g = hkt_gen_new_opts(ended_body, NULL, &opts);
        own_control = own;
        for (uint64_t i = 0; i < ROUNDS; i++)
            call((void *)resume, g, NULL, NULL, i, "the resumer");
        struct abi_frame f = call(fn, g, NULL, NULL, 77, "who ends it");
        if (fn == (void *)hkt_gen_free)
            continue;
        cr_assert_eq((int)f.ret[0], rc);
        cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
        hkt_gen_free(g);
    }
}

Test(abi, a_throw_keeps_callee_saved_registers)
{
    end_by((void *)throw_into, -EIO);
}

Test(abi, a_close_keeps_callee_saved_registers)
{
    end_by((void *)hkt_gen_close, 0);
}

Test(abi, a_free_of_a_suspended_one_keeps_callee_saved_registers)
{
    end_by((void *)hkt_gen_free, 0);
}

/* Live values that are nobody's to save but the compiler's */

typedef float floats __attribute__((vector_size(16)));
typedef double doubles __attribute__((vector_size(32)));

static int spoiling_body(struct hkt_coro *self, void *arg)
{
    (void)arg;
    for (;;) {
        abi_spoil();
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    }
}

static __attribute__((noinline)) double live_floats(struct hkt_coro *c, const volatile double *seed)
{
    double a = seed[0], b = a * 2, d = a * 3, e = a * 5, f = a * 7, g = a * 11, h = a * 13;
    float i = (float)seed[1], j = i * 2, k = i * 3;
    long double l = (long double)seed[2], m = l * 3, n = l / 2;

    (void)!hkt_coro_resume(c, NULL, NULL);
    return a + b + d + e + f + g + h + (double)(i + j + k) + (double)(l + m + n);
}

static __attribute__((noinline)) double live_vectors(struct hkt_coro *c,
                                                     const volatile double *seed)
{
    floats a = {(float)seed[0], 1, 2, 3}, b = a * 2, d = a * 3, e = b * b;
    doubles f = {seed[1], 4, 5, 6}, g = f * 3, h = g + f;

    (void)!hkt_coro_resume(c, NULL, NULL);
    floats s = a + b + d + e;
    doubles t = f + g + h;
    return (double)(s[0] + s[1] + s[2] + s[3]) + t[0] + t[1] + t[2] + t[3];
}

static __attribute__((noinline)) uint64_t live_ints(struct hkt_coro *c, const volatile uint64_t *v)
{
    uint64_t a = v[0], b = a * 3, d = b * 5, e = d * 7, f = e * 11, g = f * 13, h = g * 17;
    uint64_t i = h * 19, j = i * 23, k = j * 29, l = k * 31, m = l * 37, n = m * 41, o = n * 43;

    (void)!hkt_coro_resume(c, NULL, NULL);
    return a ^ b ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l ^ m ^ n ^ o;
}

/* Eight masks, as many as there are registers for them. */
#ifdef __AVX512F__
#define MASK_OF(m, x) __asm__ volatile("kmovw %1, %0" : "=k"(m) : "r"(x))
#define INT_OF(x, m)  __asm__ volatile("kmovw %1, %0" : "=r"(x) : "k"(m))

static __attribute__((noinline)) unsigned live_masks(struct hkt_coro *c, unsigned seed)
{
    unsigned short a, b, d, e, f, g, h, i;
    unsigned in[8], out[8], lost = 0;

    for (unsigned k = 0; k < 8; k++)
        in[k] = (seed * 77 + k * 4099) & 0xffff;
    MASK_OF(a, in[0]);
    MASK_OF(b, in[1]);
    MASK_OF(d, in[2]);
    MASK_OF(e, in[3]);
    MASK_OF(f, in[4]);
    MASK_OF(g, in[5]);
    MASK_OF(h, in[6]);
    MASK_OF(i, in[7]);
    (void)!hkt_coro_resume(c, NULL, NULL);
    INT_OF(out[0], a);
    INT_OF(out[1], b);
    INT_OF(out[2], d);
    INT_OF(out[3], e);
    INT_OF(out[4], f);
    INT_OF(out[5], g);
    INT_OF(out[6], h);
    INT_OF(out[7], i);
    for (int k = 0; k < 8; k++)
        lost += in[k] != (out[k] & 0xffff);
    return lost;
}
#else
static unsigned live_masks(struct hkt_coro *c, unsigned seed)
{
    (void)c;
    (void)seed;
    return 0;
}
#endif

Test(abi, live_locals_in_any_register_survive_a_resume)
{
    const volatile double seed[3] = {1.25, 0.5, 6};
    const volatile uint64_t ints[1] = {0x123456789abcdef1u};
    struct hkt_coro *c = hkt_coro_new(spoiling_body, NULL);
    struct hkt_coro *none = hkt_coro_new(spoiling_body, NULL);

    hkt_coro_close(none); /* a step that does not switch: what the values should be */
    for (int i = 0; i < ROUNDS; i++) {
        cr_assert_eq(live_ints(c, ints), live_ints(none, ints), "integers");
        cr_assert_eq(live_masks(c, (unsigned)i), 0u, "masks");
        cr_assert_eq(live_floats(c, seed), 1.25 * 42 + 3 + 27, "floating point");
        cr_assert_eq(live_vectors(c, seed), live_vectors(none, seed), "vectors");
    }
    hkt_coro_free(c);
    hkt_coro_free(none);
}

static int live_body(struct hkt_coro *self, void *sum)
{
    for (int i = 1;; i++) {
        const volatile double seed = i;
        double a = seed, b = a + 1, d = a + 2, e = a + 3;
        floats f = {(float)a, (float)b, (float)d, (float)e};
        long double l = (long double)a / 2;
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
        *(double *)sum = a + b + d + e + (double)(f[0] + f[1] + f[2] + f[3]) + (double)l;
    }
}

Test(abi, live_locals_in_any_register_survive_a_yield)
{
    double sum = 0;
    struct hkt_coro *c = hkt_coro_new(live_body, &sum);

    cr_assert_eq(resume(c), 1);
    for (int i = 1; i < ROUNDS; i++) {
        abi_spoil();
        cr_assert_eq(resume(c), 1);
        cr_assert_eq(sum, 2.0 * (4 * i + 6) + i / 2.0, "step %d", i);
    }
    hkt_coro_free(c);
}
