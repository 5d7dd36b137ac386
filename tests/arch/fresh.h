/* SPDX-License-Identifier: MIT
 *
 * Raw contexts for tests. What coroutines tell the watchers of stacks must be told for these too.
 */
#ifndef TESTS_ARCH_FRESH_H
#define TESTS_ARCH_FRESH_H

#include "base/where.h"

#include <hocket/switch.h>

#if WHERE_ASAN
#include <sanitizer/asan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

/* A fresh context, on memory that frames never returned from may have marked as theirs. */
static inline void fresh_context(struct hkt_ctx *ctx, void *stack, size_t size, hkt_ctx_fn *fn)
{
#if WHERE_ASAN
    __asan_unpoison_memory_region(stack, size);
#endif
#ifdef VALGRIND_STACK_REGISTER
    (void)VALGRIND_STACK_REGISTER(stack, (char *)stack + size);
#endif
    hkt_ctx_init(ctx, stack, size, fn);
}

static inline struct hkt_msg msg_of(uintptr_t value, intptr_t code)
{
    struct hkt_msg msg = {(void *)value, code};

    return msg;
}

#endif
