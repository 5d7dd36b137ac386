/* SPDX-License-Identifier: MIT
 *
 * What the assembly files share: spellings of ELF and Mach-O, and DWARF by name.
 */
#ifndef HOCKET_ARCH_ASM_H
#define HOCKET_ARCH_ASM_H

/* Assembly, not C. */
/* clang-format off */
#if defined(__APPLE__)
#define SYM(name)           _##name
#define LOCAL(name)         L##name
#define FUNCTION_TYPE(name)
#define FUNCTION_SIZE(name)
#define HIDDEN(name)        .private_extern SYM(name)
#define TEXT                .section __TEXT, __text, regular, pure_instructions
#define NO_EXEC_STACK
#else
#define SYM(name)           name
#define LOCAL(name)         .L##name
#if defined(__arm__)
#define FUNCTION_TYPE(name) .type name, %function
#define NO_EXEC_STACK       .section .note.GNU-stack, "", %progbits
#else
#define FUNCTION_TYPE(name) .type name, @function
#define NO_EXEC_STACK       .section .note.GNU-stack, "", @progbits
#endif
#define FUNCTION_SIZE(name) .size name, . - name
#define HIDDEN(name)        .hidden name
#define TEXT                .text
#endif

/* DWARF 5, section 7: operations and call frame instructions used in .cfi_escape, which are needed
 * because a rule that depends on a flag has no directive. Operands below 64 are one byte. */
#define DW_CFA_def_cfa_expression 0x0f
#define DW_CFA_expression         0x10
#define DW_CFA_val_expression     0x16
#define DW_OP_deref               0x06
#define DW_OP_and                 0x1a
#define DW_OP_plus_uconst         0x23
#define DW_OP_bra                 0x28
#define DW_OP_skip                0x2f
#define DW_OP_lit1                0x31
#define DW_OP_breg(n)             (0x70 + (n))
#define DW_OP_deref_size          0x94

/* The unwind rules of a coroutine's first frame, in whose fp register (DWARF number FP) is the
 * address of its context. CFA = ctx->sp. The return address (column RA) is ctx->pc while the
 * context is live, else hkt__ctx_end, where a backtrace ends (not 0, which debuggers take for a call
 * of a null pointer when it comes behind a signal frame). hkt__ctx_end lies TRAP bytes behind the
 * return address that hkt__ctx_entry gave to the first function, which the operations in the
 * variable arguments, LEN bytes of them, find. One directive for both rules, because no character separates
 * statements in every assembler. */
#define CFI_RESUMER(FP, RA, TRAP, LEN, ...)                                                        \
    .cfi_escape DW_CFA_def_cfa_expression, 3, DW_OP_breg(FP), HKT_CTX_SP, DW_OP_deref,             \
        DW_CFA_val_expression, RA, 17 + LEN, DW_OP_breg(FP), HKT_CTX_FLAGS, DW_OP_deref_size, 4,   \
        DW_OP_lit1, DW_OP_and, DW_OP_bra, LEN + 5, 0, __VA_ARGS__, DW_OP_plus_uconst, TRAP,        \
        DW_OP_skip, 3, 0, DW_OP_breg(FP), HKT_CTX_PC, DW_OP_deref

/* Register REG of the resumer is in the context at OFFSET. */
#define CFI_IN_CTX(FP, REG, OFFSET)                                                                \
    .cfi_escape DW_CFA_expression, REG, 2, DW_OP_breg(FP), OFFSET
/* clang-format on */

#endif
