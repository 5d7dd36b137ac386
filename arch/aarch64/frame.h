/* SPDX-License-Identifier: MIT
 *
 * Offsets in struct hkt_ctx, bytes. Asserted in arch/arch.c.
 */
#define HKT_CTX_FP    0
#define HKT_CTX_PC    8
#define HKT_CTX_SP    16
#define HKT_CTX_BP    24
#define HKT_CTX_FLAGS 32

/* What hkt__switch pushes: x20 to x28, x30, d8 to d15. x29 and x19 are in the context. */
#define HKT_FRAME_X20  0
#define HKT_FRAME_X22  16
#define HKT_FRAME_X24  32
#define HKT_FRAME_X26  48
#define HKT_FRAME_X28  64
#define HKT_FRAME_X30  72
#define HKT_FRAME_D8   80
#define HKT_FRAME_D10  96
#define HKT_FRAME_D12  112
#define HKT_FRAME_D14  128
#define HKT_FRAME_SIZE 144
