/* SPDX-License-Identifier: MIT
 *
 * Offsets in struct hkt_ctx, bytes. Asserted in arch/arch.c.
 */
#define HKT_CTX_FP    0
#define HKT_CTX_PC    4
#define HKT_CTX_SP    8
#define HKT_CTX_BP    12
#define HKT_CTX_FP2   16
#define HKT_CTX_FLAGS 20

/* What hkt__switch pushes: r4, r5, r8 to r10, lr, and d8 to d15 where there are any. r7, r6 and r11
 * are in the context. The sizes are multiples of 8. */
#define HKT_FRAME_CORE 24
#if defined(__ARM_FP)
#define HKT_FRAME_VFP 64
#else
#define HKT_FRAME_VFP 0
#endif
#define HKT_FRAME_SIZE (HKT_FRAME_VFP + HKT_FRAME_CORE)
