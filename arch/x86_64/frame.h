/* SPDX-License-Identifier: MIT
 *
 * Offsets in struct hkt_ctx, bytes. Asserted in arch/arch.c.
 */
#define HKT_CTX_FP    0
#define HKT_CTX_PC    8
#define HKT_CTX_SP    16
#define HKT_CTX_BP    24
#define HKT_CTX_FLAGS 32

/* What hkt__switch pushes: r12 to r15. rbp and rbx are in the context. */
#define HKT_FRAME_SIZE 32
