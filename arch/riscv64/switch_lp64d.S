/* SPDX-License-Identifier: MIT
 *
 * riscv64, RISC-V ABIs Specification (psABI), ABIs lp64d and lp64.
 *
 *      a0:a1 = hkt__switch(a0 save, a1 load, a2 value, a3 code)
 *
 * Callee-saved are s0-s11 (Integer Register Convention) and, in lp64d, fs0-fs11 (Floating-Point
 * Register Convention; in lp64 they are temporaries). s0 (fp) and s1 (bp, LLVM's base pointer)
 * travel in the context, because an inline switch may clobber neither; the others go onto the
 * stack, and ra with them. Bytes from ctx.sp of a context that hkt__switch suspended:
 *
 *       +0  s2      +24  s5      +48  s8      +72  s11      +88  fs0 ... +176  fs11 (lp64d)
 *       +8  s3      +32  s6      +56  s9      +80  ra      +184  unused
 *      +16  s4      +40  s7      +64  s10                  +192  caller's frame (lp64: +96)
 *
 * The stack of a fresh context, of one suspended, and of the one that runs (of which no context
 * says anything: the object that it was loaded from now holds its resumer):
 *
 *      fresh                         suspended                     running
 *
 *      top, 16-byte aligned          the body's frames             the body's frames
 *      <- ctx.sp                     caller of hkt__switch         ...
 *                                    +192                          fn's frame, sp = top at its
 *      ctx.fp = &ctx                 the table above               entry, and:
 *      ctx.pc = hkt__ctx_entry       +0  <- ctx.sp                 s0 = the context + 16
 *      ctx.bp = fn                   ctx.fp = caller's s0          s1 = the context
 *                                    ctx.pc = arrival below        ra = in hkt__ctx_entry,
 *                                    ctx.bp = caller's s1              where a return would trap
 *
 * A context suspended by the inline form has nothing of ours on its stack, and another pc. Whoever
 * resumes need not know: at ctx.pc he owes only s0, s1, sp and the message in a0:a1.
 *
 * Not saved:
 *      gp, tp: never change, signal handlers rely on them. A shadow call stack that is kept in gp
 *          would not follow.
 *      v0-v31, vl, vtype, vxrm, vxsat: not preserved by any call (Vector Register Convention).
 *          vstart is zero at calls.
 *      frm: the rounding mode is the thread's, unless a coroutine asks for its own
 *          (hkt__arch_fpenv_get and _set). fflags: results, not control.
 *      The signal mask: it takes a system call.
 *
 * sp is a multiple of 16 (Integer Calling Convention) and always a valid stack: one instruction
 * moves it from one stack to the other, and nothing is read or written below it.
 *
 * Control leaves by jr t2, which the return predictor does not see; through ra or t0 it would be
 * taken for a return. The ret at arrival goes to the caller of the context that arrives, where the
 * predictor expects the caller of the one that left: the same for switches at one place, else a
 * misprediction, which the inline form avoids. Through t2, moreover, no landing pad is asked for
 * where a processor checks them (Zicfilp).
 *
 * Unwinding: from inside hkt__switch to its caller at each instruction, but for those between the
 * load of s0 and the jr: there the frame that the rules describe is on the other stack, and a
 * backtrace is told to end (a return address that is undefined). The ebreak is not executed: it
 * stops straight-line speculation, and unwinders, which look up pc - 1, find the rules of the
 * arrival. From the first frame of a coroutine they go on to the resumer: see hkt__ctx_entry.
 */
#include "../asm.h"
#include "frame.h"

#if !defined(__riscv_float_abi_double) && !defined(__riscv_float_abi_soft)
#error "hocket: of the RISC-V ABIs, lp64d and lp64 are supported"
#endif

    TEXT
    .globl SYM(hkt__switch)
    FUNCTION_TYPE(hkt__switch)
    .p2align 4
SYM(hkt__switch):
    .cfi_startproc
    addi    sp, sp, -HKT_FRAME_SIZE
    .cfi_adjust_cfa_offset HKT_FRAME_SIZE
    .irp    n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd      s\n, HKT_FRAME_S0+8*\n(sp)
    .cfi_rel_offset s\n, HKT_FRAME_S0+8*\n
    .endr
    sd      ra, HKT_FRAME_RA(sp)
    .cfi_rel_offset ra, HKT_FRAME_RA
#if defined(__riscv_float_abi_double)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    fsd     fs\n, HKT_FRAME_FS0+8*\n(sp)
    .cfi_rel_offset fs\n, HKT_FRAME_FS0+8*\n
    .endr
#endif

    /* All loads before the stores: save and load may be one object. */
    ld      a4, HKT_CTX_FP(a1)
    ld      t2, HKT_CTX_PC(a1)
    ld      a5, HKT_CTX_SP(a1)
    ld      a6, HKT_CTX_BP(a1)
    lla     a7, LOCAL(arrival)
    sd      s0, HKT_CTX_FP(a0)
    sd      a7, HKT_CTX_PC(a0)
    sd      sp, HKT_CTX_SP(a0)
    sd      s1, HKT_CTX_BP(a0)

    /* The message goes where the ABI returns a pair. */
    mv      a0, a2
    mv      a1, a3

    .cfi_remember_state
    .cfi_undefined ra
    mv      s0, a4
    mv      s1, a6
    mv      sp, a5
    jr      t2
    .cfi_restore_state
    ebreak
LOCAL(arrival):
    .irp    n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld      s\n, HKT_FRAME_S0+8*\n(sp)
    .cfi_restore s\n
    .endr
    ld      ra, HKT_FRAME_RA(sp)
    .cfi_restore ra
#if defined(__riscv_float_abi_double)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    fld     fs\n, HKT_FRAME_FS0+8*\n(sp)
    .cfi_restore fs\n
    .endr
#endif
    addi    sp, sp, HKT_FRAME_SIZE
    .cfi_adjust_cfa_offset -HKT_FRAME_SIZE
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__switch)

/* s0: the context, s1: fn, a0:a1: the message, sp: top of the stack, 16-byte aligned.
 * fn(a0 = context, a1:a2 = message).
 *
 * fn keeps s0 and s1 for us, as for any caller. s1 is the context, by which unwinders find the
 * resumer's pc, sp, s0 and s1 with the rules below, while the context says that it holds one. While
 * it does not, they find hkt__ctx_end, from the return address that fn got.
 *
 * s0 serves those who follow frame pointers: on RISC-V it points behind the frame record (Frame
 * Pointer Convention: the previous s0 is at s0 - 16, the return address at s0 - 8), and the fp and
 * pc with which a context begins are such a record of the resumer, if s0 points behind them.
 *
 * Marked as a signal frame because debuggers accept an outer frame at a lower address only behind
 * one. */
    .globl SYM(hkt__ctx_entry)
    HIDDEN(hkt__ctx_entry)
    FUNCTION_TYPE(hkt__ctx_entry)
    .p2align 4
SYM(hkt__ctx_entry):
    .cfi_startproc
    .cfi_signal_frame
    .cfi_personality 0x1b, SYM(hkt__ctx_no_unwind)
    .cfi_undefined ra                   /* until ra is ours */
    lla     ra, LOCAL(bottom)
    CFI_RESUMER(8, 1, 4, 2, DW_OP_breg(1), 0)
    CFI_IN_CTX(8, 8, HKT_CTX_FP)
    CFI_IN_CTX(8, 9, HKT_CTX_BP)
    .irp    n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    .cfi_undefined s\n
    .endr
#if defined(__riscv_float_abi_double)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    .cfi_undefined fs\n
    .endr
#endif
    mv      a2, a1
    mv      a1, a0
    mv      a0, s0
    mv      t2, s1
    mv      s1, s0
    CFI_RESUMER(9, 1, 4, 2, DW_OP_breg(1), 0)
    CFI_IN_CTX(9, 8, HKT_CTX_FP)
    CFI_IN_CTX(9, 9, HKT_CTX_BP)
    addi    s0, s0, HKT_CTX_PC + 8
    jr      t2
    ebreak
    .option push
    .option norvc /* the length of the trap is part of the unwind rules */
LOCAL(bottom):
    ebreak
    .option pop
    .cfi_endproc
    FUNCTION_SIZE(hkt__ctx_entry)

/* Where the backtrace of a suspended context ends. Right behind the trap above. */
    FUNCTION_TYPE(hkt__ctx_end)
SYM(hkt__ctx_end):
    .cfi_startproc
    .cfi_undefined ra
    ebreak
    .cfi_endproc
    FUNCTION_SIZE(hkt__ctx_end)

/* hkt__arch_fpenv_get(a0): frm. Where there are no floating point registers there is none. */
    .globl SYM(hkt__arch_fpenv_get)
    HIDDEN(hkt__arch_fpenv_get)
    FUNCTION_TYPE(hkt__arch_fpenv_get)
    .p2align 4
SYM(hkt__arch_fpenv_get):
    .cfi_startproc
    li      a1, 0
#if defined(__riscv_flen)
    frrm    a1
#endif
    sd      a1, 0(a0)
    sd      zero, 8(a0)
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__arch_fpenv_get)

/* hkt__arch_fpenv_set(a0) */
    .globl SYM(hkt__arch_fpenv_set)
    HIDDEN(hkt__arch_fpenv_set)
    FUNCTION_TYPE(hkt__arch_fpenv_set)
    .p2align 4
SYM(hkt__arch_fpenv_set):
    .cfi_startproc
#if defined(__riscv_flen)
    ld      a1, 0(a0)
    fsrm    a1
#endif
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__arch_fpenv_set)

/* a0 = hkt__arch_shadow_stack(): none. Shadow stacks (Zicfiss) are for programs all of whose
 * objects are marked as fit for them, and this one is not. To ask the processor is no way: those
 * without the extension may take the question for an illegal instruction. */
    .globl SYM(hkt__arch_shadow_stack)
    HIDDEN(hkt__arch_shadow_stack)
    FUNCTION_TYPE(hkt__arch_shadow_stack)
    .p2align 4
SYM(hkt__arch_shadow_stack):
    .cfi_startproc
    li      a0, 0
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__arch_shadow_stack)

    NO_EXEC_STACK
