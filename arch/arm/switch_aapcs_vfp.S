/* SPDX-License-Identifier: MIT
 *
 * 32-bit Arm, Procedure Call Standard for the Arm Architecture (AAPCS32, 2025Q4), VFP variant.
 * Thumb where the compiler makes Thumb-2, else ARM; callers and bodies may be either.
 *
 *      r0:r1 = hkt__switch(r0 save, r1 load, r2 value, r3 code)
 *
 * A pair of words would be returned in memory (6.4), a uint64_t comes in r0:r1: so hkt__switch is
 * declared to return one, and the message is packed in it.
 *
 * Callee-saved are r4-r11 (6.1.1; r9 is v6 here) and d8-d15 (6.1.2.1). Three travel in the context,
 * because an inline switch may not clobber them: r7 (fp), the frame pointer of Thumb code, r11
 * (fp2), that of ARM code, and r6 (bp), LLVM's base pointer. The others go onto the stack, and lr
 * with them. Bytes from ctx.sp of a context that hkt__switch suspended:
 *
 *      +0 to +56  d8 to d15 (without floating point hardware: nothing, and all below 64 less)
 *           +64   r4  r5  r8  r9  r10  lr
 *           +88   caller's frame
 *
 * The stack of a fresh context, of one suspended, and of the one that runs (of which no context
 * says anything: the object that it was loaded from now holds its resumer):
 *
 *      fresh                         suspended                     running
 *
 *      top, 16-byte aligned          the body's frames             the body's frames
 *      <- ctx.sp                     caller of hkt__switch         ...
 *                                    +88                           fn's frame, sp = top at its
 *      ctx.fp = &ctx                 the table above               entry, and:
 *      ctx.pc = hkt__ctx_entry       +0  <- ctx.sp                 r7 = the context
 *      ctx.bp = fn                   ctx.fp = caller's r7          r11 = 0
 *                                    ctx.pc = arrival below        lr = in hkt__ctx_entry,
 *                                    ctx.bp = caller's r6              where a return would trap
 *                                    ctx.fp2 = caller's r11
 *
 * A context suspended by the inline form has nothing of ours on its stack, and another pc. Whoever
 * resumes need not know: at ctx.pc he owes only r7, r6, r11, sp and the message in r0:r1. Bit 0 of
 * each code address says that Thumb code is there.
 *
 * Not saved:
 *      TPIDRURO: the thread's, for thread-local storage.
 *      d0-d7, d16-d31: caller-saved (6.1.2.1).
 *      FPSCR: rounding, traps and flush to zero are the thread's, unless a coroutine asks for its
 *          own (hkt__arch_fpenv_get and _set). Its flags are results, not control. The vector
 *          length and stride of old VFP are zero at calls.
 *      The signal mask: it takes a system call.
 *
 * sp is a multiple of 8 (6.2.1.2) and always a valid stack: one instruction moves it from one stack
 * to the other (so it is never in the list of an ldm), and nothing is read or written below it.
 *
 * Control leaves by bx r4, which the return predictor takes for no return, as it would bx lr. The
 * pop of pc at arrival goes to the caller of the context that arrives, where the predictor expects
 * the caller of the one that left: the same for switches at one place, else a misprediction, which
 * the inline form avoids. There are no landing pads, signed addresses or shadow stacks.
 *
 * Unwinding: by .debug_frame, for debuggers, from inside hkt__switch to its caller at each
 * instruction, but for those between the load of r7 and the bx: there the frame that the rules
 * describe is on the other stack, and a backtrace is told to end (a return address that is
 * undefined). The udf is not executed: it stops straight-line speculation, and unwinders, which
 * look up pc - 1, find the rules of the arrival. From the first frame of a coroutine they go on to
 * the resumer: see hkt__ctx_entry. The tables of the EHABI, for exceptions and backtrace(), say the
 * same of hkt__switch at its arrival, but cannot say of the first frame where its resumer is.
 */
#include "../asm.h"
#include "frame.h"

#if defined(__ARMEB__)
#error "hocket: little-endian only, for the packing of the message in a uint64_t"
#endif

/* Of code addresses made here, bit 0. Thumb-1 has not the instructions, so processors that have
 * only that besides ARM get ARM. */
#if defined(__thumb2__)
#define MODE       .thumb
#define TRAP_SIZE  2
#define ADR(r, at) adr.w r, at; orr r, r, #1
#elif __ARM_ARCH_ISA_ARM
#define MODE       .arm
#define TRAP_SIZE  4
#define ADR(r, at) adr r, at
#else
#error "hocket: processors with Thumb-1 alone are not supported"
#endif

#if HKT_CTX_FP != 0 || HKT_CTX_PC != 4 || HKT_CTX_SP != 8 || HKT_CTX_BP != 12 || HKT_CTX_FP2 != 16
#error "ldm and stm below take the words in this order"
#endif

    .syntax unified
    .cfi_sections .debug_frame
    TEXT
    MODE
    .globl SYM(hkt__switch)
    FUNCTION_TYPE(hkt__switch)
    .p2align 4
SYM(hkt__switch):
    .fnstart
    .cfi_startproc
    .save   {r4, r5, r8, r9, r10, lr}
    push    {r4, r5, r8, r9, r10, lr}
    .cfi_adjust_cfa_offset HKT_FRAME_CORE
    .cfi_rel_offset r4, 0
    .cfi_rel_offset r5, 4
    .cfi_rel_offset r8, 8
    .cfi_rel_offset r9, 12
    .cfi_rel_offset r10, 16
    .cfi_rel_offset lr, 20
#if defined(__ARM_FP)
    .vsave  {d8-d15}
    vpush   {d8-d15}
    .cfi_adjust_cfa_offset HKT_FRAME_VFP
    .cfi_rel_offset d8, 0
    .cfi_rel_offset d9, 8
    .cfi_rel_offset d10, 16
    .cfi_rel_offset d11, 24
    .cfi_rel_offset d12, 32
    .cfi_rel_offset d13, 40
    .cfi_rel_offset d14, 48
    .cfi_rel_offset d15, 56
#endif

    /* fp, pc, sp, bp, fp2. All loads before the stores: save and load may be one object. */
    ldm     r1, {r1, r4, r5, r12, lr}
    ADR(r8, LOCAL(arrival))
    mov     r9, sp
    mov     r10, r6
    stm     r0, {r7, r8, r9, r10, r11}

    .cfi_remember_state
    .cfi_undefined lr
    mov     r7, r1
    mov     r6, r12
    mov     r11, lr
    /* The message goes where the ABI returns a pair. */
    mov     r0, r2
    mov     r1, r3
    mov     sp, r5
    bx      r4
    .cfi_restore_state
    udf     #0
LOCAL(arrival):
#if defined(__ARM_FP)
    vpop    {d8-d15}
    .cfi_adjust_cfa_offset -HKT_FRAME_VFP
    .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
    .cfi_restore d\n
    .endr
#endif
    pop     {r4, r5, r8, r9, r10, pc}
    .cfi_endproc
    .fnend
    FUNCTION_SIZE(hkt__switch)

/* r7: the context, r6: fn, r0:r1: the message, sp: top of the stack, 16-byte aligned.
 * fn(r0 = context, r1:r2 = message).
 *
 * fn keeps r7 for us, as for any caller. By it unwinders find the resumer's pc, sp, r7, r6 and r11
 * with the rules below, while the context says that it holds one. While it does not, they find
 * hkt__ctx_end, from the return address that fn got. Where a compiler makes frame records with r7
 * (LLVM in Thumb code), the fp and pc with which a context begins are one. The 0 in r11 ends a
 * chain of records made with that.
 *
 * Marked as a signal frame because debuggers accept an outer frame at a lower address only behind
 * one. */
    .globl SYM(hkt__ctx_entry)
    HIDDEN(hkt__ctx_entry)
    FUNCTION_TYPE(hkt__ctx_entry)
    .p2align 4
SYM(hkt__ctx_entry):
    .fnstart
    .cantunwind
    .cfi_startproc
    .cfi_signal_frame
    .cfi_undefined lr                   /* until lr is ours */
    ADR(lr, LOCAL(bottom))
    CFI_RESUMER(7, 14, TRAP_SIZE, 2, DW_OP_breg(14), 0)
    CFI_IN_CTX(7, 7, HKT_CTX_FP)
    CFI_IN_CTX(7, 6, HKT_CTX_BP)
    CFI_IN_CTX(7, 11, HKT_CTX_FP2)
    .irp    n, 4, 5, 8, 9, 10
    .cfi_undefined r\n
    .endr
#if defined(__ARM_FP)
    .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
    .cfi_undefined d\n
    .endr
#endif
    mov     r2, r1
    mov     r1, r0
    mov     r0, r7
    mov     r11, #0
    bx      r6
    udf     #0
LOCAL(bottom):
    udf     #0
    .cfi_endproc
    .fnend
    FUNCTION_SIZE(hkt__ctx_entry)

/* Where the backtrace of a suspended context ends. Right behind the trap above. */
    FUNCTION_TYPE(hkt__ctx_end)
SYM(hkt__ctx_end):
    .fnstart
    .cantunwind
    .cfi_startproc
    .cfi_undefined lr
    udf     #0
    .cfi_endproc
    .fnend
    FUNCTION_SIZE(hkt__ctx_end)

/* hkt__arch_fpenv_get(r0): FPSCR without its condition, saturation and sticky exception flags. */
    .globl SYM(hkt__arch_fpenv_get)
    HIDDEN(hkt__arch_fpenv_get)
    FUNCTION_TYPE(hkt__arch_fpenv_get)
    .p2align 4
SYM(hkt__arch_fpenv_get):
    .fnstart
    .cfi_startproc
    mov     r1, #0
    mov     r2, #0
    mov     r3, #0
    mov     r12, #0
#if defined(__ARM_FP)
    vmrs    r1, fpscr
    bic     r1, r1, #0xf8000000
    bic     r1, r1, #0x9f
#endif
    stm     r0, {r1, r2, r3, r12}
    bx      lr
    .cfi_endproc
    .fnend
    FUNCTION_SIZE(hkt__arch_fpenv_get)

/* hkt__arch_fpenv_set(r0) */
    .globl SYM(hkt__arch_fpenv_set)
    HIDDEN(hkt__arch_fpenv_set)
    FUNCTION_TYPE(hkt__arch_fpenv_set)
    .p2align 4
SYM(hkt__arch_fpenv_set):
    .fnstart
    .cfi_startproc
#if defined(__ARM_FP)
    ldr     r1, [r0]
    vmrs    r2, fpscr
    and     r3, r2, #0xf8000000
    and     r2, r2, #0x9f
    orr     r1, r1, r2
    orr     r1, r1, r3
    vmsr    fpscr, r1
#endif
    bx      lr
    .cfi_endproc
    .fnend
    FUNCTION_SIZE(hkt__arch_fpenv_set)

/* r0 = hkt__arch_shadow_stack(): the architecture has none. */
    .globl SYM(hkt__arch_shadow_stack)
    HIDDEN(hkt__arch_shadow_stack)
    FUNCTION_TYPE(hkt__arch_shadow_stack)
    .p2align 4
SYM(hkt__arch_shadow_stack):
    .fnstart
    .cfi_startproc
    mov     r0, #0
    bx      lr
    .cfi_endproc
    .fnend
    FUNCTION_SIZE(hkt__arch_shadow_stack)

    NO_EXEC_STACK
