/* SPDX-License-Identifier: MIT
 *
 * Words of a parked stack in few bytes. Half of them are zero, or were there a few words ago: the
 * task, the loop, registers that several frames saved; most others are addresses, whose upper bytes
 * are zero.
 */
#ifndef HOCKET_CORO_PACK_H
#define HOCKET_CORO_PACK_H

#include <stddef.h>
#include <stdint.h>

/* The most bytes that n words take. */
#define HKT__PACKED_MOST(n) ((n) * sizeof(uintptr_t) + ((n) + 3) / 4)

/* Answers how many bytes of out were used. */
size_t hkt__pack(unsigned char *out, const uintptr_t *words, size_t n);
void hkt__unpack(uintptr_t *words, size_t n, const unsigned char *in);

#endif
