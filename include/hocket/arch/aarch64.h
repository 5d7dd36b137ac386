/* SPDX-License-Identifier: MIT
 *
 * The inline switch for aarch64, AAPCS64. Included by hocket/switch.h.
 *
 * It enters and leaves by a jump, so the return predictor stays in step: a mispredicted return is
 * most of what a classic switch costs. It writes nothing below the stack pointer.
 *
 * Every register is declared clobbered but sp, x29 and x19. x29 may not be clobbered where it is
 * the frame pointer, x19 is LLVM's base pointer: both travel in the context. x18 is anybody's to
 * spoil unless the system keeps it to itself, when naming it is a mistake. FPCR is left alone
 * (docs/design/switch.md says why).
 *
 * The jump goes through x16, from which the arrival's landing pad and a function's are both
 * reached. From the load of x29 to the jump the compiler's unwind rules speak of the wrong stack,
 * so there a backtrace is told to end. The brk is never executed: it stops straight-line
 * speculation past the jump, and gives unwinders, which look up pc - 1, an address that already has
 * the right rules again.
 */
#ifndef HOCKET_ARCH_AARCH64_H
#define HOCKET_ARCH_AARCH64_H

#if defined(__has_feature)
#if __has_feature(shadow_call_stack)
#error "hocket: a shadow call stack cannot follow a switch of stacks"
#endif
#endif

#define HKT__SWITCH_INLINE 1

/* bti j, as a hint that older assemblers take. */
#ifdef __ARM_FEATURE_BTI_DEFAULT
#define HKT__LANDING "hint #36\n\t"
#else
#define HKT__LANDING ""
#endif

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define HKT__CFI(text) text "\n\t"
#else
#define HKT__CFI(text) ""
#endif

#if defined(__APPLE__) || defined(__ANDROID__) || defined(__Fuchsia__) || defined(_WIN32)
#define HKT__CLOBBER_X18
#else
#define HKT__CLOBBER_X18 , "x18"
#endif

/* A vector register is clobbered by its longest name. */
#ifdef __ARM_FEATURE_SVE
#define HKT__CLOBBER_VECTORS                                                                       \
    "z0", "z1", "z2", "z3", "z4", "z5", "z6", "z7", "z8", "z9", "z10", "z11", "z12", "z13", "z14", \
        "z15", "z16", "z17", "z18", "z19", "z20", "z21", "z22", "z23", "z24", "z25", "z26", "z27", \
        "z28", "z29", "z30", "z31", "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9",    \
        "p10", "p11", "p12", "p13", "p14", "p15", "ffr"
#else
#define HKT__CLOBBER_VECTORS                                                                       \
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", \
        "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", \
        "v28", "v29", "v30", "v31"
#endif

HKT_INLINE struct hkt_msg hkt__switch_inline(struct hkt_ctx *save, const struct hkt_ctx *load,
                                             struct hkt_msg msg)
{
    void *value = msg.value;
    intptr_t code = msg.code;

    /* Their values are computed before the first of them goes to its register, because a library
     * call made for one would spoil the others. */
    __asm__("" : "+r"(value), "+r"(code), "+r"(save), "+r"(load));
    register void *x0 __asm__("x0") = value;
    register intptr_t x1 __asm__("x1") = code;
    register struct hkt_ctx *x2 __asm__("x2") = save;
    register const struct hkt_ctx *x3 __asm__("x3") = load;

    /* All loads come before the stores: save and load may be one object. */
    __asm__ volatile("ldp x4, x16, [x3]\n\t"
                     "ldp x5, x6, [x3, #16]\n\t"
                     "adr x7, 1f\n\t"
                     "mov x8, sp\n\t"
                     "stp x29, x7, [x2]\n\t"
                     "stp x8, x19, [x2, #16]\n\t"
                     HKT__CFI(".cfi_remember_state")
                     HKT__CFI(".cfi_undefined x30")
                     "mov x29, x4\n\t"
                     "mov x19, x6\n\t"
                     "mov sp, x5\n\t"
                     "br x16\n\t"
                     HKT__CFI(".cfi_restore_state")
                     "brk #1\n"
                     "1:\t"
                     HKT__LANDING
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
                       "x15", "x16", "x17", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
                       "x28", "x30", "cc", "memory", HKT__CLOBBER_VECTORS HKT__CLOBBER_X18);
    struct hkt_msg got = {x0, x1};
    return got;
}

/* The half that arrives, for a context that is left for ever: nothing has to be saved. */
#define HKT__JUMP_INLINE 1
HKT_INLINE HKT_NORETURN void hkt__jump_inline(const struct hkt_ctx *load, const struct hkt_ctx *home,
                                              struct hkt_msg msg)
{
    (void)home;
    void *value = msg.value;
    intptr_t code = msg.code;

    __asm__("" : "+r"(value), "+r"(code), "+r"(load));
    register void *x0 __asm__("x0") = value;
    register intptr_t x1 __asm__("x1") = code;
    register const struct hkt_ctx *x2 __asm__("x2") = load;

    __asm__ volatile("ldp x4, x16, [x2]\n\t"
                     "ldp x5, x6, [x2, #16]\n\t"
                     HKT__CFI(".cfi_remember_state")
                     HKT__CFI(".cfi_undefined x30")
                     "mov x29, x4\n\t"
                     "mov x19, x6\n\t"
                     "mov sp, x5\n\t"
                     "br x16\n\t"
                     HKT__CFI(".cfi_restore_state")
                     "brk #1"
                     :
                     : "r"(x0), "r"(x1), "r"(x2)
                     : "memory");
    __builtin_unreachable();
}

#undef HKT__LANDING
#undef HKT__CFI
#undef HKT__CLOBBER_X18
#undef HKT__CLOBBER_VECTORS

#endif
