/* SPDX-License-Identifier: MIT
 *
 * A system call of Linux on x86_64, for kernels that leave the return predictor with an address of
 * their own: those that return by "Safe RET" (spec_rstack_overflow). The first return of the
 * program that meets it is predicted to go into the kernel, and costs some 80 ns on an EPYC of the
 * fourth generation; a C library's wrapper makes it at once. Calls that nobody returns from bury
 * that entry under others, which are as wrong, but near by: those returns cost 5 ns each.
 *
 *      before                     after REFILL calls
 *      | ... | kernel |           | ... | kernel | here | here | ...
 *
 * A call of the very next instruction is no entry, so each jumps over one. Where returns have a
 * shadow stack, this must not be used.
 */
#ifndef HOCKET_ARCH_SYSCALL_H
#define HOCKET_ARCH_SYSCALL_H

/* As deep as returns go before the next system call or switch: more were no better. */
#define HKT__REFILL "8"

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define HKT__SYSCALL_CFI(text) text "\n\t"
#else
#define HKT__SYSCALL_CFI(text) ""
#endif

/* The answer, or -errno. Below the stack pointer lies the red zone; in between, a backtrace is told
 * to end. */
static inline long hkt__syscall(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long answer;

    /* clang-format off */
    __asm__ volatile("syscall\n\t"
                     HKT__SYSCALL_CFI(".cfi_remember_state")
                     HKT__SYSCALL_CFI(".cfi_undefined %%rip")
                     "leaq -128(%%rsp), %%rsp\n\t"
                     ".rept " HKT__REFILL "\n\t"
                     "call 1f\n\t"
                     "int3\n"
                     "1:\n\t"
                     ".endr\n\t"
                     "leaq 128 + 8 * " HKT__REFILL "(%%rsp), %%rsp\n\t"
                     HKT__SYSCALL_CFI(".cfi_restore_state")
                     : "=a"(answer)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "cc", "memory");
    /* clang-format on */
    return answer;
}

#endif
