/* SPDX-License-Identifier: MIT
 *
 * x86_64, System V psABI (section numbers: version 1.0).
 *
 *      rax:rdx = hkt__switch(rdi save, rsi load, rdx value, rcx code)
 *      rax:rdx = hkt__switch_to(rdi save, rsi load, rdx value, rcx code, r8 home)
 *
 * Control arrives with the address of the context in rdi: load, or what load is a copy of, home.
 *
 * Callee-saved are rbx, rbp, r12-r15 (3.2.1). rbx and rbp travel in the context, the others on the
 * stack. The stack of a suspended context, and of the running one between its calls:
 *
 *      hkt__switch, suspended         fresh                          running
 *
 *      +40  caller's frame            sp -> top of the stack         the body's frames
 *      +32  return address            (16-byte aligned)              ...
 *      +24  r12                                                      fn's frame
 *      +16  r13                       ctx.fp = &ctx                  sp at entry of fn:
 *       +8  r14                       ctx.bp = fn                    top-8  return address:
 *       +0  r15  <- ctx.sp            ctx.pc = hkt__ctx_entry               into hkt__ctx_entry
 *
 * A context suspended by the inline form has nothing of ours on its stack.
 *
 * Not saved: mxcsr and the x87 control word, whose control bits 3.2.1 calls callee-saved: they are
 * the thread's unless a coroutine asks for its own (docs/design/switch.md). The signal mask: it
 * takes a system call. fs, gs: the thread's. All vector and mask registers are caller-saved.
 *
 * Control leaves by an indirect jump, so IBT needs an endbr64 at each arrival, and comes back to
 * the caller by the ret that pairs with its call. A user shadow stack would not follow; creating
 * a coroutine is refused where one is enabled, and this object is not marked SHSTK, so that a
 * loader which honours the mark does not enable it in the first place.
 *
 * rsp is a valid stack at every instruction. From its load to the jump the frame that the unwind
 * rules describe is on the other stack: there a backtrace is told to end. The int3 is not executed;
 * unwinders look up pc - 1.
 */
#include "../asm.h"
#include "frame.h"

#if defined(__CET__) && (__CET__ & 1)
#define LANDING endbr64
#else
#define LANDING
#endif

    TEXT
    .globl SYM(hkt__switch)
    FUNCTION_TYPE(hkt__switch)
    .p2align 4
SYM(hkt__switch):
    .cfi_startproc
    LANDING
    movq    %rsi, %r8
    .cfi_endproc
    FUNCTION_SIZE(hkt__switch)

    .globl SYM(hkt__switch_to)
    FUNCTION_TYPE(hkt__switch_to)
SYM(hkt__switch_to):
    .cfi_startproc
    LANDING
    pushq   %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq   %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq   %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq   %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0

    /* The message goes where the ABI returns a pair. */
    movq    %rdx, %rax
    movq    %rcx, %rdx

    /* All loads before the stores: save and load may be one object. */
    movq    HKT_CTX_PC(%rsi), %rcx
    movq    HKT_CTX_SP(%rsi), %r9
    movq    HKT_CTX_BP(%rsi), %r10
    movq    HKT_CTX_FP(%rsi), %rsi
    leaq    LOCAL(arrival)(%rip), %r11
    movq    %rbp, HKT_CTX_FP(%rdi)
    movq    %r11, HKT_CTX_PC(%rdi)
    movq    %rsp, HKT_CTX_SP(%rdi)
    movq    %rbx, HKT_CTX_BP(%rdi)
    movq    %r8, %rdi

    .cfi_remember_state
    .cfi_undefined %rip
    movq    %rsi, %rbp
    movq    %r10, %rbx
    movq    %r9, %rsp
    jmp     *%rcx
    .cfi_restore_state
    int3
LOCAL(arrival):
    LANDING
    popq    %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    popq    %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    popq    %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    popq    %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__switch_to)

/* rbp: the context, rbx: fn, rax:rdx: the message, rsp: top of the stack, 16-byte aligned.
 * fn(rdi = context, rsi:rdx = message). Marked as a signal frame because debuggers accept an
 * outer frame at a lower address only behind one. */
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
    CFI_RESUMER(6, 16, 2, 3, DW_OP_breg(7), -8 & 0x7f, DW_OP_deref)
    CFI_IN_CTX(6, 6, HKT_CTX_FP)
    CFI_IN_CTX(6, 3, HKT_CTX_BP)
    .cfi_undefined %r12
    .cfi_undefined %r13
    .cfi_undefined %r14
    .cfi_undefined %r15
    LANDING
    movq    %rbp, %rdi
    movq    %rax, %rsi
    leaq    LOCAL(bottom)(%rip), %rcx
    pushq   %rcx
    jmp     *%rbx
    int3
LOCAL(bottom):
    ud2
    .cfi_endproc
    FUNCTION_SIZE(hkt__ctx_entry)

/* Where the backtrace of a suspended context ends. Right behind the trap above. */
    FUNCTION_TYPE(hkt__ctx_end)
SYM(hkt__ctx_end):
    .cfi_startproc
    .cfi_undefined %rip
    ud2
    .cfi_endproc
    FUNCTION_SIZE(hkt__ctx_end)

/* hkt__arch_fpenv_get(rdi): mxcsr without its sticky exception flags, and the x87 control word. */
    .globl SYM(hkt__arch_fpenv_get)
    HIDDEN(hkt__arch_fpenv_get)
    FUNCTION_TYPE(hkt__arch_fpenv_get)
    .p2align 4
SYM(hkt__arch_fpenv_get):
    .cfi_startproc
    LANDING
    movq    $0, 0(%rdi)
    movq    $0, 8(%rdi)
    stmxcsr 0(%rdi)
    andl    $0xffffffc0, 0(%rdi)
    fnstcw  8(%rdi)
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__arch_fpenv_get)

/* hkt__arch_fpenv_set(rdi). The word on the way is in the red zone, which no call follows. */
    .globl SYM(hkt__arch_fpenv_set)
    HIDDEN(hkt__arch_fpenv_set)
    FUNCTION_TYPE(hkt__arch_fpenv_set)
    .p2align 4
SYM(hkt__arch_fpenv_set):
    .cfi_startproc
    LANDING
    stmxcsr -8(%rsp)
    movl    -8(%rsp), %eax
    andl    $0x3f, %eax
    orl     0(%rdi), %eax
    movl    %eax, -8(%rsp)
    ldmxcsr -8(%rsp)
    fldcw   8(%rdi)
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__arch_fpenv_set)

/* eax = hkt__arch_shadow_stack(): rdsspq leaves its operand alone where there is none. */
    .globl SYM(hkt__arch_shadow_stack)
    HIDDEN(hkt__arch_shadow_stack)
    FUNCTION_TYPE(hkt__arch_shadow_stack)
    .p2align 4
SYM(hkt__arch_shadow_stack):
    .cfi_startproc
    LANDING
    xorl    %ecx, %ecx
    xorl    %eax, %eax
    rdsspq  %rcx
    testq   %rcx, %rcx
    setne   %al
    ret
    .cfi_endproc
    FUNCTION_SIZE(hkt__arch_shadow_stack)

#if defined(__ELF__)
    NO_EXEC_STACK
#if defined(__CET__) && (__CET__ & 1)
    /* GNU_PROPERTY_X86_FEATURE_1_AND: IBT (1), not SHSTK (2). */
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4, 16, 5
    .asciz  "GNU"
    .long   0xc0000002, 4, 1, 0
#endif
#endif
