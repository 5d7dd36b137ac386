/* SPDX-License-Identifier: MIT
 *
 * The contract between the runtime and an instruction set. A port is a folder with
 *
 *      frame.h          what the assembly saves, and where; included by assembly and by C
 *      switch_<abi>.S   hkt__switch and hkt__ctx_entry
 *      cross.ini        a meson cross file
 *
 * and, where it pays, an inline form of the switch in include/hocket/arch/<isa>.h.
 *
 * hkt__switch(save, load, value, code): see include/hocket/switch.h for what a context is. It
 * pushes the callee-saved registers that are not in the context, loads all of *load before it
 * stores to *save, and jumps to load->pc with (value, code) in the registers in which the ABI
 * returns a pair of words. At its own arrival it pops what it pushed and returns that pair.
 *
 * hkt__ctx_entry: where a fresh context begins. fp is the address of the context, bp the function
 * to run, sp the top of the stack, 16-byte aligned. It passes the context and the message on as
 * arguments and enters the function by a jump, with a return address into itself, so that the
 * return predictor sees neither a call nor a return. Its unwind rules make the first frame of a
 * coroutine look as if the resumer had called it: while HKT_CTX_LIVE is set they lead to the
 * context's pc, sp, fp and bp, otherwise to hkt__ctx_end, where a backtrace ends.
 */
#ifndef HOCKET_ARCH_ARCH_H
#define HOCKET_ARCH_ARCH_H

#include <hocket/switch.h>

extern char hkt__ctx_entry[];

/* Makes ctx enter fn on a stack that ends at top. */
static inline void hkt__ctx_begin(struct hkt_ctx *ctx, void *top, hkt_ctx_fn *fn)
{
    ctx->fp = ctx;
    ctx->pc = hkt__ctx_entry;
    ctx->sp = (void *)((uintptr_t)top & ~(uintptr_t)15);
    ctx->bp = (void *)(uintptr_t)fn;
}

/* The same and a switch to it: ctx gets the running context, and fn the empty message. */
static inline struct hkt_msg hkt__ctx_start(struct hkt_ctx *ctx, void *top, hkt_ctx_fn *fn)
{
#ifdef HKT__START_INLINE
    return hkt__start_inline(ctx, (void *)((uintptr_t)top & ~(uintptr_t)15), fn);
#else
    const struct hkt_msg none = {NULL, 0};
    hkt__ctx_begin(ctx, top, fn);
    return hkt__ctx_resume(ctx, none);
#endif
}

/* The personality of hkt__ctx_entry: refuses to unwind past it. An exception that leaves a body
 * would otherwise run on into the resumer and leave the coroutine half alive; so it ends in
 * std::terminate. */
int hkt__ctx_no_unwind(void);

/* Whether this thread runs with a hardware shadow stack (x86 CET, AArch64 GCS), on which a switch
 * of stacks would fault at the next return. */
int hkt__arch_shadow_stack(void);

/* The control part of the floating point state: rounding, exception masks, flush to zero. */
struct hkt__fpenv {
    uint64_t word[2];
};
void hkt__arch_fpenv_get(struct hkt__fpenv *env);
void hkt__arch_fpenv_set(const struct hkt__fpenv *env);

#endif
