/* SPDX-License-Identifier: MIT
 *
 * hocket/switch.h: the context switch itself. Everything else stands on this one primitive; most
 * users want coro.h or gen.h instead.
 *
 * A context is the side that does not run. Where it may go on is described by four words:
 *
 *      fp   frame pointer register
 *      pc   where to go on
 *      sp   its stack pointer
 *      bp   the other register that compilers keep to themselves (LLVM's base pointer)
 *
 * All other registers are dead across a switch: the inline form tells the compiler so, and it saves
 * what is live; the out-of-line form pushes the callee-saved ones onto the stack it leaves. On
 * arrival at pc, sp, fp and bp are those of the context and a message of two words is in the
 * registers in which the ABI returns a pair. (On x86_64 the address of the context is in the
 * register of the first argument.) So either form can resume what the other suspended,
 * and a library built with one works with users built with the other.
 *
 * fp comes first and pc second because that pair is a frame record: the frame pointer of a
 * coroutine's first frame is the address of its context, so a frame pointer walk goes from a
 * running coroutine straight into whoever resumed it.
 */
#ifndef HOCKET_SWITCH_H
#define HOCKET_SWITCH_H

#include <hocket/base.h>

/* Two words that travel with a switch, in registers. */
struct hkt_msg {
    void *value;
    intptr_t code;
};

struct hkt_ctx {
    void *fp;
    void *pc;
    void *sp;
    void *bp;
#if defined(__arm__)
    void *fp2; /* r11: Thumb frames use r7, ARM frames r11 */
#endif
    /* Bit 0: the context holds a resumer (its owner runs on the stack that it describes), so a
     * backtrace goes on through it. The other bits are the owner's. */
    uint32_t flags;
    uint32_t aux; /* the owner's */
};

#define HKT_CTX_LIVE 1u

/* The first function on a new stack. It must not return. */
typedef void hkt_ctx_fn(struct hkt_ctx *self, struct hkt_msg msg);

/* Copies the four words (on Arm five), not the flags. Word by word: a vector load of words that
 * were just stored one by one would wait for the stores to reach the cache. */
HKT_INLINE void hkt__ctx_copy(struct hkt_ctx *to, const struct hkt_ctx *from)
{
    void *fp = from->fp, *pc = from->pc, *sp = from->sp, *bp = from->bp;
#if defined(__GNUC__)
    __asm__("" : "+r"(fp), "+r"(pc), "+r"(sp), "+r"(bp));
#endif
    to->fp = fp;
    to->pc = pc;
    to->sp = sp;
    to->bp = bp;
#if defined(__arm__)
    to->fp2 = from->fp2;
#endif
}

HKT_BEGIN_DECLS

/* What: makes ctx a context that calls fn(ctx, msg) on a stack of its own when first switched to.
 * stack: its lowest address; size: bytes, at least 1024. The memory and ctx are the caller's and
 * must not move while in use. flags and aux are set to 0.
 * Returns: 0; -ENOTSUP: the thread runs with a hardware shadow stack, which is reported. Then there
 * is nothing to switch to, and who tries faults at once.
 * Suspends: never. Thread: a context must be switched to on one thread only, because compilers keep
 * addresses of thread-locals across a call. */
HKT_API int hkt_ctx_init(struct hkt_ctx *ctx, void *stack, size_t size, hkt_ctx_fn *fn);

/* The out-of-line form of hkt_ctx_switch, hand-written in arch/<isa>/. */
#if defined(__arm__)
HKT_API uint64_t hkt__switch(struct hkt_ctx *save, const struct hkt_ctx *load, void *value,
                             intptr_t code);
HKT_INLINE struct hkt_msg hkt__switch_outline(struct hkt_ctx *save, const struct hkt_ctx *load,
                                              struct hkt_msg msg)
{
    uint64_t pair = hkt__switch(save, load, msg.value, msg.code);
    struct hkt_msg got = {(void *)(uintptr_t)(uint32_t)pair, (intptr_t)(uint32_t)(pair >> 32)};
    return got;
}
#else
HKT_API struct hkt_msg hkt__switch(struct hkt_ctx *save, const struct hkt_ctx *load, void *value,
                                   intptr_t code);
HKT_INLINE struct hkt_msg hkt__switch_outline(struct hkt_ctx *save, const struct hkt_ctx *load,
                                              struct hkt_msg msg)
{
    return hkt__switch(save, load, msg.value, msg.code);
}
#endif
#if defined(__x86_64__)
#define HKT__SWITCH_TO 1
/* The same with the address of the context that load is a copy of: see hkt__ctx_switch_to. */
HKT_API struct hkt_msg hkt__switch_to(struct hkt_ctx *save, const struct hkt_ctx *load, void *value,
                                      intptr_t code, const struct hkt_ctx *home);
#endif

HKT_END_DECLS

/* HKT_SWITCH_OUTLINE, defined by the user or by the build, selects the portable form. */
#if defined(__GNUC__) && !defined(HKT_SWITCH_OUTLINE)
#if defined(__x86_64__) && !defined(__ILP32__)
#include <hocket/arch/x86_64.h>
#elif defined(__aarch64__) && !defined(__ILP32__)
#include <hocket/arch/aarch64.h>
#elif defined(__riscv) && __riscv_xlen == 64
#include <hocket/arch/riscv64.h>
#elif defined(__arm__)
#include <hocket/arch/arm.h>
#endif
#endif

/* What: saves the running context in save, goes on in load, and carries msg there. Returns the
 * message of whoever switches back to save. save and load may be the same object: then it is an
 * exchange, and the object always holds the side that does not run.
 * Suspends: the caller, until somebody switches to save: to that object and no copy of it.
 * Thread: see hkt_ctx_init. */
HKT_INLINE struct hkt_msg hkt_ctx_switch(struct hkt_ctx *save, const struct hkt_ctx *load,
                                         struct hkt_msg msg)
{
#ifdef HKT__EXCHANGE_INLINE
    if (__builtin_constant_p(save == load) && save == load)
        return hkt__exchange_inline(save, msg);
#endif
#ifdef HKT__SWITCH_INLINE
    return hkt__switch_inline(save, load, msg);
#else
    return hkt__switch_outline(save, load, msg);
#endif
}

/* Private, for the two that a context may be moved under: an exchange whose other side may come
 * back by another context, to which this one's words were copied; */
HKT_INLINE struct hkt_msg hkt__ctx_resume(struct hkt_ctx *ctx, struct hkt_msg msg)
{
#ifdef HKT__EXCHANGE_INLINE
    return hkt__resume_inline(ctx, msg);
#else
    return hkt_ctx_switch(ctx, ctx, msg);
#endif
}

/* and a switch to load, which is a copy of home as it was when its side was suspended. */
HKT_INLINE struct hkt_msg hkt__ctx_switch_to(struct hkt_ctx *save, const struct hkt_ctx *load,
                                             const struct hkt_ctx *home, struct hkt_msg msg)
{
    (void)home;
#if defined(HKT__SWITCH_TO_INLINE)
    return hkt__switch_to_inline(save, load, home, msg);
#elif defined(HKT__SWITCH_TO) && !defined(HKT__SWITCH_INLINE)
    return hkt__switch_to(save, load, msg.value, msg.code, home);
#else
    return hkt_ctx_switch(save, load, msg);
#endif
}

/* The same, and leaves the running context for ever. */
HKT_INLINE HKT_NORETURN void hkt__ctx_jump_to(const struct hkt_ctx *load,
                                              const struct hkt_ctx *home, struct hkt_msg msg)
{
#ifdef HKT__JUMP_INLINE
    hkt__jump_inline(load, home, msg);
#else
    struct hkt_ctx last;
    (void)hkt__ctx_switch_to(&last, load, home, msg);
    __builtin_trap();
#endif
}

HKT_INLINE HKT_NORETURN void hkt__ctx_jump(const struct hkt_ctx *load, struct hkt_msg msg)
{
    hkt__ctx_jump_to(load, load, msg);
}

#endif
