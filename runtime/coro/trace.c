/* SPDX-License-Identifier: MIT
 *
 * An unwinder begins where it is called. So it is called on a stack of its own, in a context whose
 * resumer seems to be the coroutine in question: the unwind rules of hkt__ctx_entry lead from there
 * into that coroutine's frames (see arch.h).
 */
#include "trace.h"
#include "stack.h"

#ifdef HKT_HAVE_BACKTRACE
#include <execinfo.h>

enum {
    OWN = 2, /* look(), and hkt__ctx_entry below it */
    ENTRY_BYTES = 64,
};

struct probe {
    struct hkt_ctx ctx; /* the resumer, as it seems */
    struct hkt_ctx back;
    const struct hkt_ctx *of;
    void *pc[OWN + HKT__TRACE_MOST];
    int count;
};

HKT__UNSANITIZED static void look(struct hkt_ctx *ctx, struct hkt_msg msg)
{
    struct probe *p = (struct probe *)(void *)ctx;

    hkt__ctx_copy(&p->ctx, p->of);
    p->ctx.flags = HKT_CTX_LIVE;
    p->count = backtrace(p->pc, OWN + HKT__TRACE_MOST);
    hkt__ctx_jump(&p->back, msg);
}

/* Where coroutines begin is nobody's function. */
static bool is_entry(const void *pc)
{
    return (uintptr_t)pc - (uintptr_t)hkt__ctx_entry < ENTRY_BYTES;
}

int hkt__trace(const struct hkt_coro *c, void *pc[HKT__TRACE_MOST])
{
    struct probe p = {.of = &c->ctx};
    struct hkt_coro *host = hkt__stack_take(HKT__STACK_DEFAULT);
    int n = 0;

    if (!host)
        return 0;
    hkt__ctx_begin(&p.ctx, host->cold->low + host->cold->room, look);
    (void)hkt_ctx_switch(&p.back, &p.ctx, (struct hkt_msg){NULL, 0});
    hkt__stack_give(host);
    for (int i = OWN; i < p.count; i++)
        if (!is_entry(p.pc[i]))
            pc[n++] = p.pc[i];
    return n;
}
#else
int hkt__trace(const struct hkt_coro *c, void *pc[HKT__TRACE_MOST])
{
    (void)c;
    (void)pc;
    return 0;
}
#endif
