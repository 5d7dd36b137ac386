/* SPDX-License-Identifier: MIT
 *
 * The inline switch for x86_64, System V ABI. Included by hocket/switch.h.
 *
 * It enters and leaves by a jump, so the return predictor stays in step: a mispredicted return is
 * most of what a classic switch costs. It writes nothing below the stack pointer, where a leaf
 * function keeps its locals (the red zone, System V 3.2.2): the target is in the context.
 *
 * Every register is declared clobbered but rsp, rbp and rbx. rbp may not be clobbered where it is
 * the frame pointer, rbx is LLVM's base pointer: both travel in the context. GCC has no such use
 * for rbx, so an exchange, which two sides do back and forth, clobbers it there and does not store
 * it: what that costs is its stores. mxcsr and the x87 control word are left alone
 * (docs/design/switch.md says why). The direction flag is clear on both sides, as the ABI demands
 * at calls.
 *
 * rdi is one more word that travels: on arrival it holds the address of the context that was gone
 * to. A side that can only come back by the context in which it was saved thus has that address at
 * once, and not by way of its stack, whose pointer it has just got from memory.
 *
 * Between the load of rsp and the jump the compiler's unwind rules speak of the wrong stack, so for
 * that one instruction a backtrace is told to end. The int3 is never executed: it stops straight
 * line speculation past the jump, and gives unwinders, which look up pc - 1, an address that
 * already has the right rules again.
 */
#ifndef HOCKET_ARCH_X86_64_H
#define HOCKET_ARCH_X86_64_H

#define HKT__SWITCH_INLINE 1

#if defined(__CET__) && (__CET__ & 1)
#define HKT__LANDING "endbr64\n\t"
#else
#define HKT__LANDING ""
#endif

#ifdef __APPLE__
#define HKT__ENTRY "_hkt__ctx_entry"
#else
#define HKT__ENTRY "hkt__ctx_entry"
#endif

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define HKT__CFI(text) text "\n\t"
#else
#define HKT__CFI(text) ""
#endif

#ifdef __AVX512F__
#define HKT__CLOBBER_AVX512                                                                        \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",    \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5",  \
        "k6", "k7"
#else
#define HKT__CLOBBER_AVX512
#endif
#ifdef __APX_F__
#define HKT__CLOBBER_APX                                                                           \
    , "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23", "r24", "r25", "r26", "r27", "r28",   \
        "r29", "r30", "r31"
#else
#define HKT__CLOBBER_APX
#endif
#ifdef __clang__
#define HKT__STORE_RBX "movq %%rbx, 24(%%rdi)\n\t"
#define HKT__CLOBBER_RBX
#else
#define HKT__STORE_RBX ""
#define HKT__CLOBBER_RBX , "rbx"
#endif
/* All but rsp, rbp, rbx, and those that each form uses. */
#define HKT__CLOBBERS                                                                              \
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory", "xmm0", "xmm1", "xmm2",  \
        "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",         \
        "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",     \
        "st(7)" HKT__CLOBBER_AVX512 HKT__CLOBBER_APX

/* clang-format off: an instruction a line */

/* All loads come before the stores: save and load may be one object. home: the register that has
 * the address of the context that load is, or is a copy of. */
#define HKT__SWITCH(home)                                                                          \
    "movq 8(%%rsi), %%r11\n\t"                                                                     \
    "movq 16(%%rsi), %%r8\n\t"                                                                     \
    "movq 0(%%rsi), %%r9\n\t"                                                                      \
    "movq 24(%%rsi), %%r12\n\t"                                                                    \
    "leaq 1f(%%rip), %%r10\n\t"                                                                    \
    "movq %%rbp, 0(%%rdi)\n\t"                                                                     \
    "movq %%r10, 8(%%rdi)\n\t"                                                                     \
    "movq %%rsp, 16(%%rdi)\n\t"                                                                    \
    "movq %%rbx, 24(%%rdi)\n\t"                                                                    \
    "movq %%" home ", %%rdi\n\t"                                                                   \
    HKT__CFI(".cfi_remember_state")                                                                \
    HKT__CFI(".cfi_undefined %%rip")                                                               \
    "movq %%r9, %%rbp\n\t"                                                                         \
    "movq %%r12, %%rbx\n\t"                                                                        \
    "movq %%r8, %%rsp\n\t"                                                                         \
    "jmp *%%r11\n\t"                                                                               \
    HKT__CFI(".cfi_restore_state")                                                                 \
    "int3\n"                                                                                       \
    "1:\t"                                                                                         \
    HKT__LANDING

HKT_INLINE struct hkt_msg hkt__switch_inline(struct hkt_ctx *save, const struct hkt_ctx *load,
                                             struct hkt_msg msg)
{
    void *value = msg.value;
    intptr_t code = msg.code;
    const void *from = load;

    __asm__ volatile(HKT__SWITCH("rsi")
                     : "+a"(value), "+d"(code), "+S"(from)
                     : "D"(save)
                     : "rcx", HKT__CLOBBERS);
    struct hkt_msg got = {value, code};
    return got;
}

#define HKT__SWITCH_TO_INLINE 1
HKT_INLINE struct hkt_msg hkt__switch_to_inline(struct hkt_ctx *save, const struct hkt_ctx *load,
                                                const struct hkt_ctx *home, struct hkt_msg msg)
{
    void *value = msg.value;
    intptr_t code = msg.code;
    const void *from = load;
    const void *to = home;

    __asm__ volatile(HKT__SWITCH("rcx")
                     : "+a"(value), "+d"(code), "+S"(from), "+c"(to)
                     : "D"(save)
                     : HKT__CLOBBERS);
    struct hkt_msg got = {value, code};
    return got;
}

/* The same where save and load are one. */
#define HKT__EXCHANGE                                                                              \
    "movq 8(%%rdi), %%rcx\n\t"                                                                     \
    "movq 16(%%rdi), %%r8\n\t"                                                                     \
    "movq 0(%%rdi), %%r9\n\t"                                                                      \
    "movq 24(%%rdi), %%rsi\n\t"                                                                    \
    "leaq 1f(%%rip), %%r10\n\t"                                                                    \
    "movq %%rbp, 0(%%rdi)\n\t"                                                                     \
    "movq %%r10, 8(%%rdi)\n\t"                                                                     \
    "movq %%rsp, 16(%%rdi)\n\t"                                                                    \
    HKT__STORE_RBX                                                                                 \
    HKT__CFI(".cfi_remember_state")                                                                \
    HKT__CFI(".cfi_undefined %%rip")                                                               \
    "movq %%r9, %%rbp\n\t"                                                                         \
    "movq %%rsi, %%rbx\n\t"                                                                        \
    "movq %%r8, %%rsp\n\t"                                                                         \
    "jmp *%%rcx\n\t"                                                                               \
    HKT__CFI(".cfi_restore_state")                                                                 \
    "int3\n"                                                                                       \
    "1:\t"                                                                                         \
    HKT__LANDING

#define HKT__EXCHANGE_INLINE 1
HKT_INLINE struct hkt_msg hkt__exchange_inline(struct hkt_ctx *ctx, struct hkt_msg msg)
{
    void *value = msg.value;
    intptr_t code = msg.code;

    __asm__ volatile(HKT__EXCHANGE
                     : "+a"(value), "+d"(code)
                     : "D"(ctx)
                     : "rcx", "rsi", HKT__CLOBBERS HKT__CLOBBER_RBX);
    struct hkt_msg got = {value, code};
    return got;
}

/* And where whoever comes back may do so by another context, to which this side was moved. */
HKT_INLINE struct hkt_msg hkt__resume_inline(struct hkt_ctx *ctx, struct hkt_msg msg)
{
    void *value = msg.value;
    intptr_t code = msg.code;

    __asm__ volatile(HKT__EXCHANGE
                     : "+a"(value), "+d"(code), "+D"(ctx)
                     :
                     : "rcx", "rsi", HKT__CLOBBERS HKT__CLOBBER_RBX);
    struct hkt_msg got = {value, code};
    return got;
}

/* The half that arrives, for a context that is left for ever: nothing has to be saved. */
#define HKT__JUMP_INLINE 1
HKT_INLINE HKT_NORETURN void hkt__jump_inline(const struct hkt_ctx *load,
                                              const struct hkt_ctx *home, struct hkt_msg msg)
{
    __asm__ volatile("movq 8(%%rsi), %%rcx\n\t"
                     "movq 16(%%rsi), %%r8\n\t"
                     HKT__CFI(".cfi_remember_state")
                     HKT__CFI(".cfi_undefined %%rip")
                     "movq 0(%%rsi), %%rbp\n\t"
                     "movq 24(%%rsi), %%rbx\n\t"
                     "movq %%r8, %%rsp\n\t"
                     "jmp *%%rcx\n\t"
                     HKT__CFI(".cfi_restore_state")
                     "int3"
                     :
                     : "a"(msg.value), "d"(msg.code), "S"(load), "D"(home)
                     : "memory");
    __builtin_unreachable();
}

/* The half that leaves, for a fresh context: what hkt__ctx_begin would write there, and a switch
 * read again at once, never goes through memory. For the library itself, which has the entry. */
#define HKT__START_INLINE 1
HKT_INLINE struct hkt_msg hkt__start_inline(struct hkt_ctx *ctx, void *top, hkt_ctx_fn *fn)
{
    void *value = NULL;
    intptr_t code = 0;

    __asm__ volatile("leaq 1f(%%rip), %%r10\n\t"
                     "movq %%rbp, 0(%%rdi)\n\t"
                     "movq %%r10, 8(%%rdi)\n\t"
                     "movq %%rsp, 16(%%rdi)\n\t"
                     "movq %%rbx, 24(%%rdi)\n\t"
                     HKT__CFI(".cfi_remember_state")
                     HKT__CFI(".cfi_undefined %%rip")
                     "movq %%rdi, %%rbp\n\t"
                     "movq %%rcx, %%rbx\n\t"
                     "movq %%rsi, %%rsp\n\t"
                     "jmp " HKT__ENTRY "\n\t"
                     HKT__CFI(".cfi_restore_state")
                     "int3\n"
                     "1:\t"
                     HKT__LANDING
                     : "+a"(value), "+d"(code), "+D"(ctx), "+S"(top), "+c"(fn)
                     :
                     : HKT__CLOBBERS);
    struct hkt_msg got = {value, code};
    return got;
}

/* clang-format on */

#undef HKT__LANDING
#undef HKT__CFI
#undef HKT__SWITCH
#undef HKT__EXCHANGE
#undef HKT__STORE_RBX
#undef HKT__CLOBBER_RBX
#undef HKT__CLOBBER_AVX512
#undef HKT__CLOBBER_APX
#undef HKT__CLOBBERS
#undef HKT__ENTRY

#endif
