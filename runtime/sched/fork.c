/* SPDX-License-Identifier: MIT
 *
 * A fork() copies the loop's memory, but the kernel's half of it, the interest list of an epoll and
 * the rings of an io_uring, is shared with the parent: a child that used it would take the parent's
 * events and end its registrations. So the child has no loop: what a task calls answers as outside
 * of tasks, and the task is the last one to run. Nothing of that is looked at while tasks run.
 */
#include "fork.h"
#include "signals.h"

unsigned hkt__forks;

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The parent's other tasks must not run here, neither when this one calls something that wakes
 * them nor when it ends: without a budget that leads back to the loop, which stops. */
static void in_child(void)
{
    struct hkt_loop *loop = hkt__loop;

    hkt__forks++;
    hkt__signals_forked();
    if (!loop)
        return;
    loop->budget = 0;
    loop->stopping = true;
    hkt__loop = NULL;
}

static void watch(void)
{
    (void)pthread_atfork(NULL, NULL, in_child);
}

void hkt__fork_watch(void)
{
    (void)pthread_once(&once, watch);
}
