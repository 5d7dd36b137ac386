/* SPDX-License-Identifier: MIT
 *
 * Raw contexts: the switch without a coroutine around it.
 */
#include "arch.h"
#include "base/os.h"

int hkt_ctx_init(struct hkt_ctx *ctx, void *stack, size_t size, hkt_ctx_fn *fn)
{
    *ctx = (struct hkt_ctx){0};
    if (HKT_UNLIKELY(hkt__os.shadow_stack())) {
        hkt_report("this thread runs with a hardware shadow stack, which a switch of stacks cannot "
                   "follow: no context was made");
        return -ENOTSUP;
    }
    hkt__ctx_begin(ctx, (char *)stack + size, fn);
    return 0;
}
