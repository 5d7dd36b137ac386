/* SPDX-License-Identifier: MIT
 *
 * The floating point control words of each ISA, all of what <fenv.h> knows and what it does not:
 * flush to zero, the precision of the x87.
 */
#ifndef TESTS_ARCH_CONTROL_H
#define TESTS_ARCH_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

struct control {
    uint32_t word[2];
};

#if defined(__x86_64__)

/* mxcsr without the exception flags, and the x87 control word. */
static inline struct control control_get(void)
{
    uint32_t mxcsr;
    uint16_t cw;

    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(cw));
    return (struct control){{mxcsr & 0xffc0, cw}};
}

static inline void control_set(struct control c)
{
    uint32_t mxcsr = c.word[0];
    uint16_t cw = (uint16_t)c.word[1];

    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" ::"m"(mxcsr), "m"(cw) : "memory");
}

/* Rounding of both, flush to zero, denormals are zero, and one of the three precisions. */
static inline struct control control_pattern(unsigned n)
{
    static const uint32_t precision[] = {0x000, 0x200, 0x300};

    return (struct control){{0x1f80 | (n & 3) << 13 | (n & 4 ? 0x8000u : 0) | (n & 8 ? 0x40u : 0),
                             0x007f | precision[n % 3] | (n >> 1 & 3) << 10}};
}

#define CONTROL_FLUSHES 4 /* a pattern that flushes to zero and rounds to nearest */

#elif defined(__aarch64__)

static inline struct control control_get(void)
{
    uint64_t fpcr;

    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return (struct control){{(uint32_t)fpcr, 0}};
}

static inline void control_set(struct control c)
{
    uint64_t fpcr = c.word[0];

    __asm__ volatile("msr fpcr, %0" ::"r"(fpcr) : "memory");
}

/* Rounding, flush to zero, default NaN. */
static inline struct control control_pattern(unsigned n)
{
    return (struct control){{(n & 15) << 22, 0}};
}

#define CONTROL_FLUSHES 4

#elif defined(__riscv_flen)

static inline struct control control_get(void)
{
    uint64_t frm;

    __asm__ volatile("frrm %0" : "=r"(frm));
    return (struct control){{(uint32_t)frm, 0}};
}

static inline void control_set(struct control c)
{
    uint64_t frm = c.word[0];

    __asm__ volatile("fsrm %0" ::"r"(frm) : "memory");
}

/* Rounding is all there is. */
static inline struct control control_pattern(unsigned n)
{
    return (struct control){{n % 5, 0}};
}

#elif defined(__ARM_FP)

/* FPSCR without the conditions and the exception flags. */
static inline struct control control_get(void)
{
    uint32_t fpscr;

    __asm__ volatile("vmrs %0, fpscr" : "=r"(fpscr));
    return (struct control){{fpscr & ~0xf800009fu, 0}};
}

static inline void control_set(struct control c)
{
    __asm__ volatile("vmsr fpscr, %0" ::"r"(c.word[0]) : "memory");
}

static inline struct control control_pattern(unsigned n)
{
    return (struct control){{(n & 15) << 22, 0}};
}

#define CONTROL_FLUSHES 4

#else

static inline struct control control_get(void)
{
    return (struct control){{0, 0}};
}

static inline void control_set(struct control c)
{
    (void)c;
}

static inline struct control control_pattern(unsigned n)
{
    (void)n;
    return (struct control){{0, 0}};
}

#endif

static inline bool control_same(struct control a, struct control b)
{
    return a.word[0] == b.word[0] && a.word[1] == b.word[1];
}

#endif
