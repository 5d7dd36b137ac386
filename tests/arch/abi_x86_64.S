/* SPDX-License-Identifier: MIT
 *
 * System V psABI 3.2.1: callee-saved are rbx, rbp and r12 to r15.
 */
#include "asm.h"

#define FN  0
#define ARG 8
#define RET 40
#define IN  64
#define OUT 160

    TEXT
    .globl SYM(abi_call)
    FUNCTION_TYPE(abi_call)
SYM(abi_call):
    .cfi_startproc
#if defined(__CET__) && (__CET__ & 1)
    endbr64
#endif
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushq   %rdi
    .cfi_adjust_cfa_offset 56
    movq    %rdi, %rax
    movq    IN+0(%rax), %rbx
    movq    IN+8(%rax), %rbp
    movq    IN+16(%rax), %r12
    movq    IN+24(%rax), %r13
    movq    IN+32(%rax), %r14
    movq    IN+40(%rax), %r15
    movq    ARG+0(%rax), %rdi
    movq    ARG+8(%rax), %rsi
    movq    ARG+16(%rax), %rdx
    movq    ARG+24(%rax), %rcx
    call    *FN(%rax)
    movq    (%rsp), %rcx
    movq    %rax, RET+0(%rcx)
    movq    %rdx, RET+8(%rcx)
    movq    %rbx, OUT+0(%rcx)
    movq    %rbp, OUT+8(%rcx)
    movq    %r12, OUT+16(%rcx)
    movq    %r13, OUT+24(%rcx)
    movq    %r14, OUT+32(%rcx)
    movq    %r15, OUT+40(%rcx)
    popq    %rdi
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    .cfi_adjust_cfa_offset -56
    ret
    .cfi_endproc
    FUNCTION_SIZE(abi_call)

    .globl SYM(abi_spoil)
    FUNCTION_TYPE(abi_spoil)
SYM(abi_spoil):
    .cfi_startproc
#if defined(__CET__) && (__CET__ & 1)
    endbr64
#endif
    movabsq $0xdeadbeefdeadbeef, %rax
    movq    %rax, %rcx
    movq    %rax, %rdx
    movq    %rax, %rsi
    movq    %rax, %rdi
    movq    %rax, %r8
    movq    %rax, %r9
    movq    %rax, %r10
    movq    %rax, %r11
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movq    %rax, %xmm\n
#ifdef __AVX2__
    vpbroadcastq %xmm\n, %ymm\n
#else
    punpcklqdq %xmm\n, %xmm\n
#endif
    .endr
#ifdef __AVX512F__
    .irp    n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vpbroadcastq %rax, %zmm\n
    .endr
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
    kmovw   %eax, %k\n
    .endr
#endif
    ret
    .cfi_endproc
    FUNCTION_SIZE(abi_spoil)

    NO_EXEC_STACK
