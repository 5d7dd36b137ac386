/* SPDX-License-Identifier: MIT
 *
 * From a program counter to a function's name, for reports from a dying process.
 */
#ifndef HOCKET_BASE_SYMBOL_H
#define HOCKET_BASE_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

/* The program counter of a signal's context (the third argument of its handler); 0: unknown. */
uintptr_t hkt__fault_pc(const void *context);

/* Writes "function+0xoffset", or what little is known, and a terminating NUL. */
void hkt__symbol_name(uintptr_t pc, char *out, size_t size);

#endif
