/* SPDX-License-Identifier: MIT
 *
 * aarch64, Procedure Call Standard for the Arm 64-bit Architecture (AAPCS64, 2025Q4).
 *
 *      x0:x1 = hkt__switch(x0 save, x1 load, x2 value, x3 code)
 *
 * Callee-saved are x19-x28, x29 (6.1.1) and the low halves of v8-v15 (6.1.2). x29 (fp) and x19
 * (bp, LLVM's base pointer) travel in the context, because an inline switch may clobber neither;
 * the others go onto the stack, and x30 with them. Bytes from ctx.sp of a context that
 * hkt__switch suspended:
 *
 *       +0  x20 x21     +32  x24 x25     +64  x28 x30      +96  d10 d11    +128  d14 d15
 *      +16  x22 x23     +48  x26 x27     +80  d8  d9      +112  d12 d13    +144  caller's frame
 *
 * The stack of a fresh context, of one suspended, and of the one that runs (of which no context
 * says anything: the object that it was loaded from now holds its resumer):
 *
 *      fresh                         suspended                     running
 *
 *      top, 16-byte aligned          the body's frames             the body's frames
 *      <- ctx.sp                     caller of hkt__switch         ...
 *                                    +144                          fn's frame, sp = top at its
 *      ctx.fp = &ctx                 the table above               entry, and:
 *      ctx.pc = hkt__ctx_entry       +0  <- ctx.sp                 x29 = the context
 *      ctx.bp = fn                   ctx.fp = caller's x29         x30 = in hkt__ctx_entry,
 *                                    ctx.pc = arrival below          where a return would trap
 *                                    ctx.bp = caller's x19
 *
 * A context suspended by the inline form has nothing of ours on its stack, and another pc. Whoever
 * resumes need not know: at ctx.pc he owes only x29, x19, sp and the message in x0:x1.
 *
 * Not saved:
 *      x18, the platform register: a thread's on some systems, elsewhere anybody's to spoil. It is
 *          not touched. A shadow call stack that is kept in it would not follow.
 *      TPIDR_EL0: the thread's, for thread-local storage.
 *      High halves of v8-v15, all else of v0-v31, SVE's z, p and ffr: caller-saved (6.1.2-6.1.5).
 *      FPCR: rounding, traps and flush to zero are the thread's, unless a coroutine asks for its
 *          own (hkt__arch_fpenv_get and _set). FPSR: results, not control (6.1.2).
 *      SME: this is an ordinary function, called with PSTATE.SM 0 and ZA off or dormant (6.7).
 *      The signal mask: it takes a system call.
 *
 * sp is a multiple of 16 at every access through it (6.4.5.1) and always a valid stack: one
 * instruction moves it from one stack to the other, and nothing is read or written below it.
 *
 * Control leaves by br x16, which the return predictor does not see. The ret at arrival goes to the
 * caller of the context that arrives, where the predictor expects the caller of the one that left:
 * the same for switches at one place, else a misprediction, which the inline form avoids. BTI: a br
 * through x16 or x17 may land on bti c as well as on bti j, so functions that know nothing of us
 * can be entered by it. PAC: x30 is signed with sp as the modifier before it goes to memory, and
 * checked at arrival, where sp is the same again. ctx.pc is not signed: it is an address in our
 * code or in the user's, not a return address, and unwinders read it as it is.
 *
 * Unwinding: from inside hkt__switch to its caller at each instruction, but for those between the
 * load of x29 and the br: there the frame that the rules describe is on the other stack, and a
 * backtrace is told to end (a return address that is undefined). The brk is not executed: it stops
 * straight-line speculation, and unwinders, which look up pc - 1, find the rules of the arrival.
 * From the first frame of a coroutine they go on to the resumer: see hkt__ctx_entry.
 */
#include "../asm.h"
#include "frame.h"

/* Hints, so that older assemblers take them: bti c, bti j. */
#if defined(__ARM_FEATURE_BTI_DEFAULT)
#define LANDING_CALL hint #34
#define LANDING_JUMP hint #36
#define MARK_BTI     1
#else
#define LANDING_CALL
#define LANDING_JUMP
#define MARK_BTI     0
#endif

/* paciasp and autiasp, or pacibsp and autibsp for those who chose the other key. */
#if !defined(__ARM_FEATURE_PAC_DEFAULT)
#define SIGN_KEY
#define SIGN
#define SIGNED
#define AUTHENTICATE
#define MARK_PAC 0
#else
#if __ARM_FEATURE_PAC_DEFAULT & 2
#define SIGN_KEY     .cfi_b_key_frame
#define SIGN         hint #27
#define AUTHENTICATE hint #31
#else
#define SIGN_KEY
#define SIGN         hint #25
#define AUTHENTICATE hint #29
#endif
#define SIGNED   .cfi_negate_ra_state
#define MARK_PAC 2
#endif

    TEXT
    .globl SYM(hkt__switch)
    FUNCTION_TYPE(hkt__switch)
    .p2align 4
SYM(hkt__switch):
    .cfi_startproc
    SIGN_KEY
    LANDING_CALL
    SIGN
    SIGNED
    sub     sp, sp, #HKT_FRAME_SIZE
    .cfi_adjust_cfa_offset HKT_FRAME_SIZE
    stp     x20, x21, [sp, #HKT_FRAME_X20]
    stp     x22, x23, [sp, #HKT_FRAME_X22]
    stp     x24, x25, [sp, #HKT_FRAME_X24]
    stp     x26, x27, [sp, #HKT_FRAME_X26]
    stp     x28, x30, [sp, #HKT_FRAME_X28]
    stp     d8, d9, [sp, #HKT_FRAME_D8]
    stp     d10, d11, [sp, #HKT_FRAME_D10]
    stp     d12, d13, [sp, #HKT_FRAME_D12]
    stp     d14, d15, [sp, #HKT_FRAME_D14]
    .cfi_rel_offset x20, HKT_FRAME_X20
    .cfi_rel_offset x21, HKT_FRAME_X20 + 8
    .cfi_rel_offset x22, HKT_FRAME_X22
    .cfi_rel_offset x23, HKT_FRAME_X22 + 8
    .cfi_rel_offset x24, HKT_FRAME_X24
    .cfi_rel_offset x25, HKT_FRAME_X24 + 8
    .cfi_rel_offset x26, HKT_FRAME_X26
    .cfi_rel_offset x27, HKT_FRAME_X26 + 8
    .cfi_rel_offset x28, HKT_FRAME_X28
    .cfi_rel_offset x30, HKT_FRAME_X30
    .cfi_rel_offset d8, HKT_FRAME_D8
    .cfi_rel_offset d9, HKT_FRAME_D8 + 8
    .cfi_rel_offset d10, HKT_FRAME_D10
    .cfi_rel_offset d11, HKT_FRAME_D10 + 8
    .cfi_rel_offset d12, HKT_FRAME_D12
    .cfi_rel_offset d13, HKT_FRAME_D12 + 8
    .cfi_rel_offset d14, HKT_FRAME_D14
    .cfi_rel_offset d15, HKT_FRAME_D14 + 8

    /* All loads before the stores: save and load may be one object. */
    ldp     x4, x16, [x1, #HKT_CTX_FP]  /* and pc */
    ldp     x5, x6, [x1, #HKT_CTX_SP]   /* and bp */
    adr     x7, LOCAL(arrival)
    mov     x8, sp
    stp     x29, x7, [x0, #HKT_CTX_FP]
    stp     x8, x19, [x0, #HKT_CTX_SP]

    /* The message goes where the ABI returns a pair. */
    mov     x0, x2
    mov     x1, x3

    .cfi_remember_state
    .cfi_undefined x30
    mov     x29, x4
    mov     x19, x6
    mov     sp, x5
    br      x16
    .cfi_restore_state
    brk     #1
LOCAL(arrival):
    LANDING_JUMP
    ldp     x20, x21, [sp, #HKT_FRAME_X20]
    ldp     x22, x23, [sp, #HKT_FRAME_X22]
    ldp     x24, x25, [sp, #HKT_FRAME_X24]
    ldp     x26, x27, [sp, #HKT_FRAME_X26]
    ldp     x28, x30, [sp, #HKT_FRAME_X28]
    ldp     d8, d9, [sp, #HKT_FRAME_D8]
    ldp     d10, d11, [sp, #HKT_FRAME_D10]
    ldp     d12, d13, [sp, #HKT_FRAME_D12]
    ldp     d14, d15, [sp, #HKT_FRAME_D14]
    add     sp, sp, #HKT_FRAME_SIZE
    .cfi_adjust_cfa_offset -HKT_FRAME_SIZE
    .irp    n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30
    .cfi_restore x\n
    .endr
    .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
    .cfi_restore d\n
    .endr
    AUTHENTICATE
    SIGNED
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__switch)

/* x29: the context, x19: fn, x0:x1: the message, sp: top of the stack, 16-byte aligned.
 * fn(x0 = context, x1:x2 = message).
 *
 * fn keeps x29 for us, as for any caller, and finds in it a frame record (6.4.6): fp and pc come
 * first in a context. So the chain of frame records goes from the body into the resumer, and
 * unwinders find the resumer's pc, sp, x29 and x19 by the rules below, while the context says that
 * it holds one. While it does not, they find hkt__ctx_end, from the return address that fn got: by
 * its copy in x20, because the one that fn put on its stack may be signed.
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
#if defined(__APPLE__)
    .cfi_personality 0x9b, SYM(hkt__ctx_no_unwind)
#else
    .cfi_personality 0x1b, SYM(hkt__ctx_no_unwind)
#endif
    .cfi_undefined x30                  /* until x20 is there */
    LANDING_JUMP
    adr     x20, LOCAL(bottom)
    CFI_RESUMER(29, 30, 4, 2, DW_OP_breg(20), 0)
    CFI_IN_CTX(29, 29, HKT_CTX_FP)
    CFI_IN_CTX(29, 19, HKT_CTX_BP)
    .irp    n, 20, 21, 22, 23, 24, 25, 26, 27, 28
    .cfi_undefined x\n
    .endr
    .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
    .cfi_undefined d\n
    .endr
    mov     x2, x1
    mov     x1, x0
    mov     x0, x29
    mov     x16, x19
    mov     x30, x20
    br      x16
    brk     #1
LOCAL(bottom):
    brk     #1
    .cfi_endproc
    FUNCTION_SIZE(hkt__ctx_entry)

/* Where the backtrace of a suspended context ends. Right behind the trap above. */
    FUNCTION_TYPE(hkt__ctx_end)
SYM(hkt__ctx_end):
    .cfi_startproc
    .cfi_undefined x30
    brk     #1
    .cfi_endproc
    FUNCTION_SIZE(hkt__ctx_end)

/* hkt__arch_fpenv_get(x0): FPCR, which holds nothing but control. */
    .globl SYM(hkt__arch_fpenv_get)
    HIDDEN(hkt__arch_fpenv_get)
    FUNCTION_TYPE(hkt__arch_fpenv_get)
    .p2align 4
SYM(hkt__arch_fpenv_get):
    .cfi_startproc
    LANDING_CALL
    mrs     x1, fpcr
    stp     x1, xzr, [x0]
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__arch_fpenv_get)

/* hkt__arch_fpenv_set(x0) */
    .globl SYM(hkt__arch_fpenv_set)
    HIDDEN(hkt__arch_fpenv_set)
    FUNCTION_TYPE(hkt__arch_fpenv_set)
    .p2align 4
SYM(hkt__arch_fpenv_set):
    .cfi_startproc
    LANDING_CALL
    ldr     x1, [x0]
    msr     fpcr, x1
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__arch_fpenv_set)

/* w0 = hkt__arch_shadow_stack(): chkfeat x16 (hint 40) clears bit 0 where a guarded control stack
 * is enabled, and is no operation on a processor that has none. */
    .globl SYM(hkt__arch_shadow_stack)
    HIDDEN(hkt__arch_shadow_stack)
    FUNCTION_TYPE(hkt__arch_shadow_stack)
    .p2align 4
SYM(hkt__arch_shadow_stack):
    .cfi_startproc
    LANDING_CALL
    mov     x16, #1
    hint    #40
    eor     w0, w16, #1
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__arch_shadow_stack)

#if defined(__ELF__)
    NO_EXEC_STACK
#if MARK_BTI | MARK_PAC
    /* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI (1), PAC (2), not GCS (4), so that a loader which
     * honours the mark does not enable a guarded control stack in the first place. */
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4, 16, 5
    .asciz  "GNU"
    .long   0xc0000000, 4, MARK_BTI | MARK_PAC, 0
#endif
#endif
