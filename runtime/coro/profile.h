/* SPDX-License-Identifier: MIT
 *
 * How much of their stacks the functions need that run on them.
 */
#ifndef HOCKET_CORO_PROFILE_H
#define HOCKET_CORO_PROFILE_H

#include "cold.h"

/* Whether coroutines of a thread that makes its first one now are measured. */
bool hkt__profile_wanted(void);

/* The most bytes that c has used of its stack. Of a thread that is measured. */
size_t hkt__profile_used(const struct hkt_coro *c);

/* What c's last use has left on its stack is noted for its function and the place that made it, and
 * wiped away. Of a thread that is measured; once is enough, and after that nothing is found. */
void hkt__profile_end(struct hkt_coro *c);

/* The same for all that t has. */
void hkt__profile_end_all(const struct hkt__thread *t);

#endif
