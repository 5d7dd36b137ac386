/* SPDX-License-Identifier: MIT
 *
 * Orders in which many things take their turns.
 */
#ifndef BENCH_ORDER_H
#define BENCH_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The numbers below n, in their order or shuffled, which is the same each time; NULL: no memory. To
 * be freed. */
static inline size_t *bench_order(size_t n, int shuffled)
{
    size_t *order = (size_t *)calloc(n, sizeof *order);
    uint64_t random = 88172645463325252u;

    for (size_t i = 0; order && i < n; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        size_t other = shuffled ? (size_t)(random % (i + 1)) : i;
        order[i] = order[other];
        order[other] = i;
    }
    return order;
}

#endif
