/* SPDX-License-Identifier: MIT
 *
 * From an address to a function's name, static ones too.
 */
#include "base/symbol.h"
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int symbol_exported(int x);

__attribute__((noinline)) int symbol_exported(int x)
{
    return x + 1;
}

static __attribute__((noinline)) int symbol_static(int x)
{
    return x * 3;
}

static volatile int sink;

/* Where the function's code is, which may differ from its address by an instruction set's flag. */
static uintptr_t code(int (*fn)(int))
{
    sink = fn(sink);
#if defined(__arm__)
    return (uintptr_t)fn & ~(uintptr_t)1;
#else
    return (uintptr_t)fn;
#endif
}

static void expect_name(uintptr_t pc, const char *want)
{
    char name[128];

    hkt__symbol_name(pc, name, sizeof name);
    cr_expect_str_eq(name, want);
}

Test(symbol, an_exported_function_is_named_with_the_offset)
{
    expect_name(code(symbol_exported), "symbol_exported+0x0");
    expect_name(code(symbol_exported) + 2, "symbol_exported+0x2");
}

Test(symbol, a_static_function_is_named_too)
{
    expect_name(code(symbol_static), "symbol_static+0x0");
    expect_name(code(symbol_static) + 2, "symbol_static+0x2");
}

Test(symbol, a_function_of_another_library_is_named)
{
    char name[128];

    hkt__symbol_name((uintptr_t)qsort, name, sizeof name);
    cr_assert(strstr(name, "qsort"), "%s", name);
}

Test(symbol, unknown_code_is_said_to_be_so)
{
    char name[128];

    hkt__symbol_name(16, name, sizeof name);
    cr_assert(strstr(name, "0x10"), "%s", name);
}

Test(symbol, a_short_buffer_is_never_overrun)
{
    char name[16];

    for (size_t size = 1; size <= 12; size++) {
        memset(name, '#', sizeof name);
        hkt__symbol_name(code(symbol_static), name, size);
        cr_assert(memchr(name, '\0', size), "terminated in %zu", size);
        for (size_t i = size; i < sizeof name; i++)
            cr_assert_eq(name[i], '#', "size %zu", size);
    }
}

static volatile uintptr_t seen_pc;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    seen_pc = hkt__fault_pc(context);
}

Test(symbol, a_signals_program_counter_is_code)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    char name[128];

    action.sa_sigaction = on_signal;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    cr_assert(seen_pc != 0);
    hkt__symbol_name(seen_pc, name, sizeof name);
    cr_assert(strncmp(name, "unknown", 7) != 0, "%s", name);
}
