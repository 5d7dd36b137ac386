/* SPDX-License-Identifier: MIT
 *
 * AAPCS32 6.1: callee-saved are r4 to r11, and d8 to d15 of VFP.
 */
#include "asm.h"

#define FN      0
#define ARG     4
#define RET     20
#define IN      32
#define OUT     80
#define VEC_IN  128
#define VEC_OUT 224

    .syntax unified
    .arm
    TEXT
    .globl SYM(abi_call)
    FUNCTION_TYPE(abi_call)
    .p2align 2
SYM(abi_call):
    .fnstart
    .cfi_startproc
    .save   {r4-r11, lr}
    push    {r4-r11, lr}
    .cfi_def_cfa_offset 36
    .cfi_offset lr, -4
    .vsave  {d8-d15}
    vpush   {d8-d15}
    .cfi_adjust_cfa_offset 64
    .pad    #4
    push    {r0}
    .cfi_adjust_cfa_offset 4
    add     r12, r0, #VEC_IN
    vldmia  r12, {d8-d15}
    add     r12, r0, #IN
    ldmia   r12, {r4-r11}
    ldr     r12, [r0, #FN]
    add     lr, r0, #ARG
    ldmia   lr, {r0-r3}
    blx     r12
    ldr     r12, [sp]
    str     r0, [r12, #RET]
    str     r1, [r12, #RET+4]
    add     r0, r12, #OUT
    stmia   r0, {r4-r11}
    add     r0, r12, #VEC_OUT
    vstmia  r0, {d8-d15}
    add     sp, sp, #4
    .cfi_adjust_cfa_offset -4
    vpop    {d8-d15}
    .cfi_adjust_cfa_offset -64
    pop     {r4-r11, pc}
    .cfi_endproc
    .fnend
    FUNCTION_SIZE(abi_call)

    .globl SYM(abi_spoil)
    FUNCTION_TYPE(abi_spoil)
SYM(abi_spoil):
    .fnstart
    .cfi_startproc
    movw    r0, #0xdead
    mov     r1, r0
    mov     r2, r0
    mov     r3, r0
    mov     r12, r0
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
    vmov    d\n, r0, r0
    .endr
#if defined(__ARM_NEON)
    .irp    n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vmov    d\n, r0, r0
    .endr
#endif
    bx      lr
    .cfi_endproc
    .fnend
    FUNCTION_SIZE(abi_spoil)

    NO_EXEC_STACK
