/* SPDX-License-Identifier: MIT
 *
 * The handler brings back stacks that are put aside, and is done. Otherwise it only reads memory of
 * its own thread and writes one line. Whatever handled the signal before is put back (or called, if
 * the fault is none of ours), so that the fault goes on as if hocket were not there: a core dump, a
 * sanitizer's report, a debugger's stop.
 */
#include "overflow.h"
#include "base/os.h"
#include "base/symbol.h"
#include "hibernate.h"
#include "stack.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { ALTSTACK_SIZE = 65536 };

static struct sigaction previous_segv;
static struct sigaction previous_bus;

static void describe(const struct hkt_coro *c, const void *context)
{
    uintptr_t pc = hkt__fault_pc(context);
    char where[160];
    char line[400];

    hkt__symbol_name(pc, where, sizeof where);
    int n = snprintf(line, sizeof line,
                     "hocket: stack overflow in coroutine '%s': its stack of %zu bytes is used up, "
                     "in %s\n",
                     c->cold->name, hkt__stack_size(c->cold), where);
    hkt__os.write_stderr(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* A fault comes again on return, to what is installed then. A signal that somebody sent does not.
 */
static bool comes_again(const siginfo_t *info)
{
    return info->si_code > 0;
}

static void pass_on(int sig, siginfo_t *info, void *context, const struct sigaction *previous)
{
    if (previous->sa_flags & SA_SIGINFO)
        previous->sa_sigaction(sig, info, context);
    else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN)
        previous->sa_handler(sig);
    else if (previous->sa_handler != SIG_IGN || comes_again(info)) {
        sigaction(sig, previous, NULL);
        if (!comes_again(info))
            (void)raise(sig); /* taken when this handler has returned */
    }
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    const struct sigaction *previous = sig == SIGSEGV ? &previous_segv : &previous_bus;
    int saved = errno; /* of the code that touched the stack, and goes on */
    bool roused = comes_again(info) && hkt__rouse_owner(info->si_addr);

    errno = saved;
    if (roused)
        return;
    struct hkt_coro *c = comes_again(info) ? hkt__stack_owner(info->si_addr, true) : NULL;
    if (!c) {
        pass_on(sig, info, context, previous);
        return;
    }
    describe(c, context);
    sigaction(sig, previous, NULL);
}

bool hkt__faults_come(void)
{
    struct sigaction segv, bus;

    return sigaction(SIGSEGV, NULL, &segv) == 0 && sigaction(SIGBUS, NULL, &bus) == 0 &&
           segv.sa_sigaction == on_fault && bus.sa_sigaction == on_fault;
}

static void install(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};

    action.sa_sigaction = on_fault;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_segv);
    sigaction(SIGBUS, &action, &previous_bus);
}

int hkt__signal_on_stack(void)
{
    struct sigaction now;

    for (int signum = 1; signum < NSIG; signum++)
        if (sigaction(signum, NULL, &now) == 0 && !(now.sa_flags & SA_ONSTACK) &&
            (now.sa_flags & SA_SIGINFO || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)))
            return signum;
    return 0;
}

/* With the state of vector registers it may be more than the constant says, and where the constant
 * is a call, that speaks of what a handler needs besides. */
size_t hkt__signal_frame(void)
{
#if defined(_SC_MINSIGSTKSZ)
    long told = sysconf(_SC_MINSIGSTKSZ);

    if (told > 0)
        return (size_t)told;
#endif
    return MINSIGSTKSZ;
}

void hkt__overflow_watch(struct hkt__altstack *alt)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    stack_t current;

    pthread_once(&once, install);
    alt->memory = NULL;
    if (sigaltstack(NULL, &current) != 0 || !(current.ss_flags & SS_DISABLE))
        return;
    alt->size = ALTSTACK_SIZE;
    alt->memory = hkt__os.map(alt->size);
    if (!alt->memory)
        return; /* an overflow then faults without a message, never silently */
    stack_t ours = {.ss_sp = alt->memory, .ss_size = alt->size};
    sigaltstack(&ours, NULL);
}

void hkt__overflow_unwatch(struct hkt__altstack *alt)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    if (!alt->memory)
        return;
    sigaltstack(&none, NULL);
    hkt__os.unmap(alt->memory, alt->size);
}
