/* SPDX-License-Identifier: MIT
 *
 * Which coroutines there are, and where.
 */
#include "dump.h"
#include "base/os.h"
#include "base/symbol.h"
#include "stack.h"
#include "trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static HKT_PRINTF(1, 2) void write_line(const char *format, ...)
{
    char line[400];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    line[n] = '\n';
    hkt__os.write_stderr(line, (size_t)n + 1);
}

static const char *name_of(struct hkt__names *names, const void *pc)
{
    size_t at = (uintptr_t)pc / 4 % (sizeof names->known / sizeof *names->known);

    if (names->known[at].pc != pc) {
        /* Of the call, which may be the last instruction of its function. */
        hkt__symbol_name((uintptr_t)pc - 1, names->known[at].name, sizeof names->known[at].name);
        names->known[at].name[strcspn(names->known[at].name, "+")] = '\0';
        names->known[at].pc = pc;
    }
    return names->known[at].name;
}

void hkt__dump_trace(const struct hkt_coro *c, struct hkt__names *names)
{
    void *pc[HKT__TRACE_MOST];
    char line[1024] = "      in";
    size_t at = strlen(line);
    int n = hkt__trace(c, pc);

    for (int i = 0; i < n && at < sizeof line - 2; i++)
        at += (size_t)snprintf(line + at, sizeof line - 1 - at, "%s %s", i ? " <" : "",
                               name_of(names, pc[i]));
    if (n == 0)
        return;
    at = strlen(line);
    line[at] = '\n';
    hkt__os.write_stderr(line, at + 1);
}

/* All of the thread that are not tasks: those on stacks of ours, then those on the user's memory,
 * of which last was the one before. */
struct all {
    struct hkt__walk walk;
    const struct hkt_coro *last;
};

static const struct hkt_coro *next_of(struct all *all)
{
    const struct hkt_coro *c = NULL;

    while (!all->last && (c = hkt__stack_walk(&all->walk)) != NULL)
        if (!(c->ctx.flags & HKT__TASK))
            return c;
    if (all->last)
        c = all->last->cold->watched->next;
    else if (hkt__thread_current)
        c = hkt__thread_current->adopted;
    all->last = c;
    return c;
}

size_t hkt__dump_count(void)
{
    struct all all = {.last = NULL};
    size_t n = 0;

    while (next_of(&all))
        n++;
    return n;
}

static const char *state_of(const struct hkt_coro *c)
{
    static const char *const words[] = {
        [HKT_CREATED] = "not begun",
        [HKT_RUNNING] = "running",
        [HKT_SUSPENDED] = "suspended",
        [HKT_FINISHED] = "finished",
    };

    return words[hkt_coro_state(c)];
}

static void dump_coro(const struct hkt_coro *c, struct hkt__names *names)
{
    const struct hkt__cold *cold = c->cold;
    bool gen = cold->traits & HKT__IS_GEN;
    const char *body =
        name_of(names, (char *)(gen ? (uintptr_t)cold->fn.gen : (uintptr_t)cold->fn.coro) + 1);
    const char *to = cold->delegate ? cold->delegate->coro.cold->name : NULL;

    write_line("  %-16s %s of %s, %s, stack %zu of %zu%s%s%s", cold->name,
               gen ? "generator" : "coroutine", body, state_of(c), hkt_coro_stack_used(c),
               hkt_coro_stack_size(c), to ? ", delegates to '" : "", to ? to : "", to ? "'" : "");
    if (!(c->ctx.flags & (HKT__CREATED | HKT__FINISHED)) && !hkt__busy(c))
        hkt__dump_trace(c, names);
}

void hkt_coro_dump(void)
{
    struct all all = {.last = NULL};
    struct hkt__names names;
    const struct hkt_coro *c;

    memset(&names, 0, sizeof names);
    write_line("hocket: %zu coroutines", hkt__dump_count());
    while ((c = next_of(&all)) != NULL)
        dump_coro(c, &names);
}
