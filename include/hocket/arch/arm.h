/* SPDX-License-Identifier: MIT
 *
 * The inline switch for 32-bit Arm, AAPCS32, in Thumb-2 and ARM code. Included by hocket/switch.h.
 * Thumb-1 has not the instructions: there the out-of-line form is used.
 *
 * It enters and leaves by a jump, so the return predictor stays in step: a mispredicted return is
 * most of what a classic switch costs. It writes nothing below the stack pointer.
 *
 * Every register is declared clobbered but sp, r7, r11 and r6. r7 in Thumb code and r11 in ARM code
 * may not be clobbered where they are the frame pointer, r6 is LLVM's base pointer: all three
 * travel in the context. FPSCR is left alone (docs/design/switch.md says why).
 *
 * From the load of r7 to the jump the compiler's unwind rules speak of the wrong stack, so there a
 * backtrace is told to end. The udf is never executed: it stops straight-line speculation past the
 * jump, and gives unwinders, which look up pc - 1, an address that already has the right rules
 * again.
 */
#ifndef HOCKET_ARCH_ARM_H
#define HOCKET_ARCH_ARM_H

#if !defined(__thumb__) || defined(__thumb2__)

#define HKT__SWITCH_INLINE 1

/* Bit 0 of a code address says that Thumb code is there. */
#if defined(__thumb__)
#define HKT__ADR_R8 "adr.w r8, 1f\n\torr r8, r8, #1\n\t"
#else
#define HKT__ADR_R8 "adr r8, 1f\n\t"
#endif

/* Clang claims to make such tables even where it makes those of the EHABI alone, and then refuses
 * the directives. */
#if defined(__GCC_HAVE_DWARF2_CFI_ASM) && !defined(__clang__)
#define HKT__CFI(text) text "\n\t"
#else
#define HKT__CFI(text) ""
#endif

/* Since VFPv3 there may be 32. Nothing says whether there are, and both compilers take the names
 * where there are not, Clang with a warning that it has no such register. */
#if defined(__ARM_FP)
#define HKT__CLOBBER_VFP                                                                           \
    , "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11", "d12", "d13",      \
        "d14", "d15", "d16", "d17", "d18", "d19", "d20", "d21", "d22", "d23", "d24", "d25", "d26", \
        "d27", "d28", "d29", "d30", "d31"
#else
#define HKT__CLOBBER_VFP
#endif

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winline-asm"
#endif

HKT_INLINE struct hkt_msg hkt__switch_inline(struct hkt_ctx *save, const struct hkt_ctx *load,
                                             struct hkt_msg msg)
{
    void *value = msg.value;
    intptr_t code = msg.code;

    /* Their values are computed before the first of them goes to its register, because a library
     * call made for one would spoil the others. */
    __asm__("" : "+r"(value), "+r"(code), "+r"(save), "+r"(load));
    register void *r0 __asm__("r0") = value;
    register intptr_t r1 __asm__("r1") = code;
    register struct hkt_ctx *r2 __asm__("r2") = save;
    register const struct hkt_ctx *r3 __asm__("r3") = load;

    /* fp, pc, sp, bp, fp2. All loads come before the stores: save and load may be one object. */
    __asm__ volatile("ldm r3, {r3, r4, r5, r12, lr}\n\t"
                     HKT__ADR_R8
                     "mov r9, sp\n\t"
                     "mov r10, r6\n\t"
                     "stm r2, {r7, r8, r9, r10, r11}\n\t"
                     HKT__CFI(".cfi_remember_state")
                     HKT__CFI(".cfi_undefined lr")
                     "mov r7, r3\n\t"
                     "mov r6, r12\n\t"
                     "mov r11, lr\n\t"
                     "mov sp, r5\n\t"
                     "bx r4\n\t"
                     HKT__CFI(".cfi_restore_state")
                     "udf #0\n"
                     "1:"
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
                     :
                     : "r4", "r5", "r8", "r9", "r10", "r12", "lr", "cc",
                       "memory" HKT__CLOBBER_VFP);
    struct hkt_msg got = {r0, r1};
    return got;
}

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

/* The half that arrives, for a context that is left for ever: nothing has to be saved. */
#define HKT__JUMP_INLINE 1
HKT_INLINE HKT_NORETURN void hkt__jump_inline(const struct hkt_ctx *load, const struct hkt_ctx *home,
                                              struct hkt_msg msg)
{
    (void)home;
    void *value = msg.value;
    intptr_t code = msg.code;

    __asm__("" : "+r"(value), "+r"(code), "+r"(load));
    register void *r0 __asm__("r0") = value;
    register intptr_t r1 __asm__("r1") = code;
    register const struct hkt_ctx *r2 __asm__("r2") = load;

    __asm__ volatile("ldm r2, {r2, r4, r5, r12, lr}\n\t"
                     HKT__CFI(".cfi_remember_state")
                     HKT__CFI(".cfi_undefined lr")
                     "mov r7, r2\n\t"
                     "mov r6, r12\n\t"
                     "mov r11, lr\n\t"
                     "mov sp, r5\n\t"
                     "bx r4\n\t"
                     HKT__CFI(".cfi_restore_state")
                     "udf #0"
                     :
                     : "r"(r0), "r"(r1), "r"(r2)
                     : "memory");
    __builtin_unreachable();
}

#undef HKT__ADR_R8
#undef HKT__CFI
#undef HKT__CLOBBER_VFP

#endif
#endif
