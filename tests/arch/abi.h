/* SPDX-License-Identifier: MIT
 *
 * A call with known patterns in every callee-saved register, written in assembly for each ISA in
 * abi_<isa>.S, so that no compiler decides what is in them.
 */
#ifndef TESTS_ARCH_ABI_H
#define TESTS_ARCH_ABI_H

#include <stddef.h>
#include <stdint.h>

enum { ABI_INTS = 12, ABI_VECS = 12 }; /* the most that any ISA has */

#if defined(__x86_64__)
#define ABI_INT_NAMES                                                                              \
    {                                                                                              \
        "rbx", "rbp", "r12", "r13", "r14", "r15", NULL                                             \
    }
#define ABI_VEC_NAMES                                                                              \
    {                                                                                              \
        NULL                                                                                       \
    }
#elif defined(__aarch64__)
#define ABI_INT_NAMES                                                                              \
    {                                                                                              \
        "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", NULL          \
    }
#define ABI_VEC_NAMES                                                                              \
    {                                                                                              \
        "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15", NULL                                 \
    }
#elif defined(__riscv)
#define ABI_INT_NAMES                                                                              \
    {                                                                                              \
        "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11"                   \
    }
#if defined(__riscv_float_abi_double)
#define ABI_VEC_NAMES                                                                              \
    {                                                                                              \
        "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11"       \
    }
#else
#define ABI_VEC_NAMES                                                                              \
    {                                                                                              \
        NULL                                                                                       \
    }
#endif
#elif defined(__arm__)
#define ABI_INT_NAMES                                                                              \
    {                                                                                              \
        "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", NULL                                     \
    }
#define ABI_VEC_NAMES                                                                              \
    {                                                                                              \
        "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15", NULL                                 \
    }
#endif

/* Offsets in words and bytes are repeated in the assembly. */
struct abi_frame {
    void *fn;         /* word 0: what is called, */
    uintptr_t arg[4]; /* 1: with these, */
    uintptr_t ret[2]; /* 5: what it returned as a pair of words */
    uintptr_t unused;
    uintptr_t in[ABI_INTS];    /* 8: callee-saved registers before the call, */
    uintptr_t out[ABI_INTS];   /* 20: and after it */
    uint64_t vec_in[ABI_VECS]; /* 32 */
    uint64_t vec_out[ABI_VECS];
};

_Static_assert(offsetof(struct abi_frame, in) == 8 * sizeof(void *), "abi_<isa>.S");
_Static_assert(offsetof(struct abi_frame, out) == 20 * sizeof(void *), "abi_<isa>.S");
_Static_assert(offsetof(struct abi_frame, vec_in) == 32 * sizeof(void *), "abi_<isa>.S");
_Static_assert(offsetof(struct abi_frame, vec_out) == 32 * sizeof(void *) + 96, "abi_<isa>.S");

/* Loads f's patterns, calls f->fn with f->arg, stores what it left. */
void abi_call(struct abi_frame *f);

/* Leaves rubbish in every register that a callee may use up. */
void abi_spoil(void);

#endif
