/* SPDX-License-Identifier: MIT
 *
 * Where a suspended coroutine is.
 */
#ifndef HOCKET_CORO_TRACE_H
#define HOCKET_CORO_TRACE_H

#include "cold.h"

enum { HKT__TRACE_MOST = 30 };

/* Fills pc with the return addresses of c's frames, innermost first. c is suspended, and its stack
 * is there. Answers how many; 0: this platform cannot tell. */
int hkt__trace(const struct hkt_coro *c, void *pc[HKT__TRACE_MOST]);

#endif
