/* SPDX-License-Identifier: MIT
 *
 * AAPCS64 6.1: callee-saved are x19 to x28, the frame pointer x29, and the low halves of v8 to v15.
 */
#include "asm.h"

#define FN      0
#define ARG     8
#define RET     40
#define IN      64
#define OUT     160
#define VEC_IN  256
#define VEC_OUT 352

    TEXT
    .globl SYM(abi_call)
    FUNCTION_TYPE(abi_call)
    .p2align 2
SYM(abi_call):
    .cfi_startproc
    hint    #34                         /* bti c */
    sub     sp, sp, #176
    .cfi_def_cfa_offset 176
    stp     x19, x20, [sp, #0]
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    .cfi_offset x29, -96
    .cfi_offset x30, -88
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    str     x0, [sp, #160]
    mov     x9, x0
    ldp     x19, x20, [x9, #IN+0]
    ldp     x21, x22, [x9, #IN+16]
    ldp     x23, x24, [x9, #IN+32]
    ldp     x25, x26, [x9, #IN+48]
    ldp     x27, x28, [x9, #IN+64]
    ldr     x29, [x9, #IN+80]
    ldp     d8, d9, [x9, #VEC_IN+0]
    ldp     d10, d11, [x9, #VEC_IN+16]
    ldp     d12, d13, [x9, #VEC_IN+32]
    ldp     d14, d15, [x9, #VEC_IN+48]
    ldp     x0, x1, [x9, #ARG+0]
    ldp     x2, x3, [x9, #ARG+16]
    ldr     x10, [x9, #FN]
    blr     x10
    ldr     x9, [sp, #160]
    stp     x0, x1, [x9, #RET]
    stp     x19, x20, [x9, #OUT+0]
    stp     x21, x22, [x9, #OUT+16]
    stp     x23, x24, [x9, #OUT+32]
    stp     x25, x26, [x9, #OUT+48]
    stp     x27, x28, [x9, #OUT+64]
    str     x29, [x9, #OUT+80]
    str     d8, [x9, #VEC_OUT+0]
    str     d9, [x9, #VEC_OUT+8]
    str     d10, [x9, #VEC_OUT+16]
    str     d11, [x9, #VEC_OUT+24]
    str     d12, [x9, #VEC_OUT+32]
    str     d13, [x9, #VEC_OUT+40]
    str     d14, [x9, #VEC_OUT+48]
    str     d15, [x9, #VEC_OUT+56]
    ldp     x19, x20, [sp, #0]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     d8, d9, [sp, #96]
    ldp     d10, d11, [sp, #112]
    ldp     d12, d13, [sp, #128]
    ldp     d14, d15, [sp, #144]
    add     sp, sp, #176
    .cfi_def_cfa_offset 0
    .cfi_restore x29
    .cfi_restore x30
    ret
    .cfi_endproc
    FUNCTION_SIZE(abi_call)

    .globl SYM(abi_spoil)
    FUNCTION_TYPE(abi_spoil)
    .p2align 2
SYM(abi_spoil):
    .cfi_startproc
    hint    #34
    movz    x0, #0xdead
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
    mov     x\n, x0
    .endr
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    dup     v\n\().2d, x0
    .endr
    /* Of these only the low halves are to be kept. */
    .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
    mov     v\n\().d[1], x0
    .endr
    ret
    .cfi_endproc
    FUNCTION_SIZE(abi_spoil)

    NO_EXEC_STACK
#if defined(__ELF__) && defined(__ARM_FEATURE_BTI_DEFAULT)
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4, 16, 5
    .asciz  "GNU"
    .long   0xc0000000, 4, 1, 0
#endif
