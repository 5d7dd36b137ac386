/* SPDX-License-Identifier: MIT
 *
 * RISC-V psABI, Integer and Floating-point Register Conventions: callee-saved are s0 to s11, and
 * with hardware floating point fs0 to fs11.
 */
#include "asm.h"

#define FN      0
#define ARG     8
#define RET     40
#define IN      64
#define OUT     160
#define VEC_IN  256
#define VEC_OUT 352

    .macro each_int op, base, at
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    \op     s\n, \at+8*\n(\base)
    .endr
    .endm

    .macro each_vec op, base, at
#if defined(__riscv_float_abi_double)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    \op     fs\n, \at+8*\n(\base)
    .endr
#endif
    .endm

    TEXT
    .globl SYM(abi_call)
    FUNCTION_TYPE(abi_call)
SYM(abi_call):
    .cfi_startproc
    addi    sp, sp, -208
    .cfi_def_cfa_offset 208
    each_int sd, sp, 0
    each_vec fsd, sp, 96
    sd      ra, 192(sp)
    .cfi_offset ra, -16
    sd      a0, 200(sp)
    mv      t0, a0
    each_int ld, t0, IN
    each_vec fld, t0, VEC_IN
    ld      a0, ARG+0(t0)
    ld      a1, ARG+8(t0)
    ld      a2, ARG+16(t0)
    ld      a3, ARG+24(t0)
    ld      t1, FN(t0)
    jalr    t1
    ld      t0, 200(sp)
    sd      a0, RET+0(t0)
    sd      a1, RET+8(t0)
    each_int sd, t0, OUT
    each_vec fsd, t0, VEC_OUT
    each_int ld, sp, 0
    each_vec fld, sp, 96
    ld      ra, 192(sp)
    addi    sp, sp, 208
    .cfi_def_cfa_offset 0
    .cfi_restore ra
    ret
    .cfi_endproc
    FUNCTION_SIZE(abi_call)

    .globl SYM(abi_spoil)
    FUNCTION_TYPE(abi_spoil)
SYM(abi_spoil):
    .cfi_startproc
    li      a0, 0xdead
    .irp    r, a1, a2, a3, a4, a5, a6, a7, t0, t1, t2, t3, t4, t5, t6
    mv      \r, a0
    .endr
#if defined(__riscv_flen)
    .irp    r, fa0, fa1, fa2, fa3, fa4, fa5, fa6, fa7, ft0, ft1, ft2, ft3, ft4, ft5, ft6, ft7
    fmv.w.x \r, a0
    .endr
    .irp    r, ft8, ft9, ft10, ft11
    fmv.w.x \r, a0
    .endr
#endif
    ret
    .cfi_endproc
    FUNCTION_SIZE(abi_spoil)

    NO_EXEC_STACK
