/* SPDX-License-Identifier: MIT
 *
 * Offsets in struct hkt_ctx, bytes. Asserted in arch/arch.c.
 */
#define HKT_CTX_FP    0
#define HKT_CTX_PC    8
#define HKT_CTX_SP    16
#define HKT_CTX_BP    24
#define HKT_CTX_FLAGS 32

/* What hkt__switch pushes: s2 to s11, ra, and fs0 to fs11 where the ABI passes doubles in
 * registers, each at 8 * its number from the first. s0 and s1 are in the context. */
#define HKT_FRAME_S0  -16 /* where s0 would be */
#define HKT_FRAME_RA  80
#define HKT_FRAME_FS0 88
#if defined(__riscv_float_abi_double)
#define HKT_FRAME_SIZE 192
#else
#define HKT_FRAME_SIZE 96
#endif
