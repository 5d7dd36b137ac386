/* SPDX-License-Identifier: MIT
 *
 * What must hold of the links of delegation between any two steps; see runtime/coro/delegate.c.
 */
#ifndef TESTS_GEN_CHAIN_H
#define TESTS_GEN_CHAIN_H

#include "coro/cold.h"

#include <stdbool.h>
#include <stddef.h>

static inline bool chain_link_is_sound(const struct hkt_gen *g)
{
    const struct hkt__cold *cold = g->coro.cold;
    uint32_t flags = g->coro.ctx.flags;

    if ((cold->delegate != NULL) != ((flags & HKT__DELEGATING) != 0))
        return false;
    if ((cold->delegator != NULL) != ((flags & HKT__DELEGATED) != 0))
        return false;
    if (cold->delegate && cold->delegate->coro.cold->delegator != g)
        return false;
    return !cold->delegator || cold->delegator->coro.cold->delegate == g;
}

/* Whether the chain through g is well linked, and its ends know each other. */
static inline bool chain_is_sound(const struct hkt_gen *g)
{
    const struct hkt_gen *out = g, *in;

    while (out->coro.cold->delegator)
        out = out->coro.cold->delegator;
    for (in = out;; in = in->coro.cold->delegate) {
        if (!chain_link_is_sound(in))
            return false;
        if (!in->coro.cold->delegate)
            break;
    }
    return in == out || (out->coro.cold->far == in && in->coro.cold->far == out);
}

#endif
