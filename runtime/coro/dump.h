/* SPDX-License-Identifier: MIT
 *
 * What a dump says of a coroutine.
 */
#ifndef HOCKET_CORO_DUMP_H
#define HOCKET_CORO_DUMP_H

#include "cold.h"

/* The names of places at which many are suspended. To find one takes a search in the program's
 * file. Zeroed, it knows none. */
struct hkt__names {
    struct {
        const void *pc;
        char name[80];
    } known[64];
};

/* Writes a line, "in f < g < h": where c, which is suspended and whose stack is there, was called
 * from. Nothing, where the platform cannot tell. */
void hkt__dump_trace(const struct hkt_coro *c, struct hkt__names *names);

/* How many there are that hkt_coro_dump() has a line for. */
size_t hkt__dump_count(void);

#endif
