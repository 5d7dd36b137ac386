/* SPDX-License-Identifier: MIT
 *
 * Walks the stack with the compiler's own unwinder, and says which marked functions it came by. A
 * marked function has a section of its own, so that it is known by its addresses.
 */
#ifndef TESTS_ARCH_WALK_H
#define TESTS_ARCH_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unwind.h>

#define WALK_MARK(letter) __attribute__((noinline, section("walk_" #letter)))

#define WALK_SECTION(letter)                                                                       \
    extern char __start_walk_##letter[] __attribute__((weak));                                     \
    extern char __stop_walk_##letter[] __attribute__((weak))

WALK_SECTION(a);
WALK_SECTION(b);
WALK_SECTION(c);
WALK_SECTION(m); /* the side of main */

enum { WALK_MOST = 200 };

/* The exception ABI of 32-bit Arm has other words for it. */
#if defined(__arm__)
#define WALK_STOP _URC_FAILURE
#else
#define WALK_STOP _URC_NORMAL_STOP
#endif

struct walk {
    char marks[64]; /* innermost first; several frames of one function in a row count once */
    int frames;
    bool ended; /* cleanly, and not because there were too many */
};

static inline char walk_letter(uintptr_t pc)
{
    const struct {
        char letter;
        const char *start, *stop;
    } marked[] = {{'a', __start_walk_a, __stop_walk_a},
                  {'b', __start_walk_b, __stop_walk_b},
                  {'c', __start_walk_c, __stop_walk_c},
                  {'m', __start_walk_m, __stop_walk_m}};

    for (int i = 0; i < 4; i++)
        if (pc >= (uintptr_t)marked[i].start && pc < (uintptr_t)marked[i].stop)
            return marked[i].letter;
    return '\0';
}

static inline void walk_note(struct walk *walk, uintptr_t pc)
{
    size_t length = strlen(walk->marks);
    char letter = walk_letter(pc);

    if (letter && length < sizeof walk->marks - 1 &&
        (length == 0 || walk->marks[length - 1] != letter))
        walk->marks[length] = letter;
}

static inline _Unwind_Reason_Code walk_step(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = (struct walk *)arg;

    if (++walk->frames > WALK_MOST)
        return WALK_STOP;
    walk_note(walk, (uintptr_t)_Unwind_GetIP(context) - 1);
    return _URC_NO_REASON;
}

/* The frames from here outward. */
static inline struct walk walk_here(void)
{
    struct walk walk = {"", 0, false};
    _Unwind_Reason_Code code = _Unwind_Backtrace(walk_step, &walk);

#if defined(__arm__) /* has one word for the end and for most else */
    walk.ended = walk.frames <= WALK_MOST && code != _URC_OK;
#else
    walk.ended = walk.frames <= WALK_MOST && code == _URC_END_OF_STACK;
#endif
    return walk;
}

#endif
