/* SPDX-License-Identifier: MIT
 *
 * What every port shares in C: proof that assembly and C agree on offsets, and the personality.
 */
#include "arch.h"
#include "frame.h"

#define ASSERT_OFFSET(field, offset)                                                               \
    _Static_assert(offsetof(struct hkt_ctx, field) == (offset), "frame.h disagrees on " #field)

ASSERT_OFFSET(fp, HKT_CTX_FP);
ASSERT_OFFSET(pc, HKT_CTX_PC);
ASSERT_OFFSET(sp, HKT_CTX_SP);
ASSERT_OFFSET(bp, HKT_CTX_BP);
ASSERT_OFFSET(flags, HKT_CTX_FLAGS);
_Static_assert(HKT_CTX_FLAGS < 64, "unwind expressions use one-byte operands");

int hkt__ctx_no_unwind(void)
{
    return 3; /* _URC_FATAL_PHASE1_ERROR */
}
