/* SPDX-License-Identifier: MIT
 *
 * The inline switch for riscv64, ABIs lp64d and lp64. Included by hocket/switch.h.
 *
 * It enters and leaves by a jump, so the return predictor stays in step: a mispredicted return is
 * most of what a classic switch costs. Through ra or t0 a jump would count as a return, so it goes
 * through t2. It writes nothing below the stack pointer.
 *
 * Every register is declared clobbered but sp, s0, s1, gp and tp. s0 may not be clobbered where it
 * is the frame pointer, s1 is LLVM's base pointer: both travel in the context. gp and tp never
 * change. fcsr is left alone (docs/design/switch.md says why).
 *
 * From the load of s0 to the jump the compiler's unwind rules speak of the wrong stack, so there a
 * backtrace is told to end. The ebreak is never executed: it stops straight-line speculation past
 * the jump, and gives unwinders, which look up pc - 1, an address that already has the right rules
 * again.
 */
#ifndef HOCKET_ARCH_RISCV64_H
#define HOCKET_ARCH_RISCV64_H

#if defined(__has_feature)
#if __has_feature(shadow_call_stack)
#error "hocket: a shadow call stack cannot follow a switch of stacks"
#endif
#endif

#define HKT__SWITCH_INLINE 1

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define HKT__CFI(text) text "\n\t"
#else
#define HKT__CFI(text) ""
#endif

/* In lp64 too, if the processor has them: then all are temporaries. */
#ifdef __riscv_flen
#define HKT__CLOBBER_F                                                                             \
    , "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2",   \
        "fa3", "fa4", "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", \
        "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"
#else
#define HKT__CLOBBER_F
#endif

/* GCC 12 takes the option but knows no vector registers, and so uses none. */
#if defined(__riscv_vector) && (defined(__clang__) || __GNUC__ > 12)
#define HKT__CLOBBER_V                                                                             \
    , "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",      \
        "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", \
        "v27", "v28", "v29", "v30", "v31", "vl", "vtype"
#else
#define HKT__CLOBBER_V
#endif

HKT_INLINE struct hkt_msg hkt__switch_inline(struct hkt_ctx *save, const struct hkt_ctx *load,
                                             struct hkt_msg msg)
{
    void *value = msg.value;
    intptr_t code = msg.code;

    /* Their values are computed before the first of them goes to its register, because a library
     * call made for one would spoil the others. */
    __asm__("" : "+r"(value), "+r"(code), "+r"(save), "+r"(load));
    register void *a0 __asm__("a0") = value;
    register intptr_t a1 __asm__("a1") = code;
    register struct hkt_ctx *a2 __asm__("a2") = save;
    register const struct hkt_ctx *a3 __asm__("a3") = load;

    /* All loads come before the stores: save and load may be one object. */
    __asm__ volatile("ld a4, 0(a3)\n\t"
                     "ld t2, 8(a3)\n\t"
                     "ld a5, 16(a3)\n\t"
                     "ld a6, 24(a3)\n\t"
                     "lla a7, 1f\n\t"
                     "sd s0, 0(a2)\n\t"
                     "sd a7, 8(a2)\n\t"
                     "sd sp, 16(a2)\n\t"
                     "sd s1, 24(a2)\n\t"
                     HKT__CFI(".cfi_remember_state")
                     HKT__CFI(".cfi_undefined ra")
                     "mv s0, a4\n\t"
                     "mv s1, a6\n\t"
                     "mv sp, a5\n\t"
                     "jr t2\n\t"
                     HKT__CFI(".cfi_restore_state")
                     "ebreak\n"
                     "1:"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3)
                     :
                     : "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "s2", "s3",
                       "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "ra",
                       "memory" HKT__CLOBBER_F HKT__CLOBBER_V);
    struct hkt_msg got = {a0, a1};
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
    register void *a0 __asm__("a0") = value;
    register intptr_t a1 __asm__("a1") = code;
    register const struct hkt_ctx *a2 __asm__("a2") = load;

    __asm__ volatile("ld a4, 0(a2)\n\t"
                     "ld t2, 8(a2)\n\t"
                     "ld a5, 16(a2)\n\t"
                     "ld a6, 24(a2)\n\t"
                     HKT__CFI(".cfi_remember_state")
                     HKT__CFI(".cfi_undefined ra")
                     "mv s0, a4\n\t"
                     "mv s1, a6\n\t"
                     "mv sp, a5\n\t"
                     "jr t2\n\t"
                     HKT__CFI(".cfi_restore_state")
                     "ebreak"
                     :
                     : "r"(a0), "r"(a1), "r"(a2)
                     : "memory");
    __builtin_unreachable();
}

#undef HKT__CFI
#undef HKT__CLOBBER_F
#undef HKT__CLOBBER_V

#endif
