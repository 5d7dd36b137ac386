/* SPDX-License-Identifier: MIT
 *
 * hocket/work.h: functions that block, run by other threads while the task that asked waits and its
 * loop goes on.
 *
 * The process has one pool of threads for all its loops. A thread is started when there is work and
 * no thread is idle, up to a limit; beyond it work waits in a line, first in, first out. A thread
 * that has been idle for a while ends. In the pool's threads all signals are blocked and no loop
 * runs: calls that may suspend answer -EPERM there.
 *
 * Cancelling a task whose function has begun cannot stop that function, which works on what `arg`
 * points to, often the task's own stack. So the task goes on only when the function has ended, is
 * given what it returned, and the cancellation comes from the next call that may suspend. One that
 * has not begun is withdrawn. A function that takes long may look whether it is still wanted.
 *
 * The child of a fork() has none of the threads; what it asks for starts new ones. A function that
 * forks in the pool must end its child by exec or _exit().
 */
#ifndef HOCKET_WORK_H
#define HOCKET_WORK_H

#include <hocket/loop.h>

#include <stdbool.h>

/* Zero fields mean the default. */
struct hkt_work_opts {
    unsigned max_threads; /* 0: the environment's HKT_THREADS, else processors + 4, at most 32 */
    int64_t idle_ns;      /* after which a thread without work ends; 0: 10 seconds */
};

HKT_BEGIN_DECLS

/* What: calls fn(arg) in a thread of the pool and waits until it has returned.
 * Returns: what fn returned; -ECANCELED: the task was cancelled and fn was not called, unless fn
 * itself answers that; -EAGAIN: the system has no thread to give; -EPERM: not in a task; -EINVAL:
 * no fn. Suspends: always, unless it fails. asyncio: run_in_executor(), to_thread(). */
HKT_API hkt_async int hkt_run_blocking(hkt_task_fn *fn, void *arg);

/* What: the same for an arg that can outlive the caller: cancelling returns at once, also when fn
 * has begun. fn then runs on, even past the end of the loop, and what it returns is dropped.
 * Returns: as hkt_run_blocking(); -ENOMEM. With -ECANCELED arg is no more the caller's:
 * release(arg) was called, or will be by the thread when fn has returned. With anything else it
 * still is. Suspends: always, unless it fails. asyncio: run_in_executor(). */
HKT_API hkt_async int hkt_run_blocking_owned(hkt_task_fn *fn, void *arg, hkt_call_fn *release);

/* What: in a function that the pool runs: whether the task that waits for it was cancelled.
 * Suspends: never. Thread: the pool's; elsewhere it is false. */
HKT_API bool hkt_blocking_cancelled(void);

/* What: sets the limits of the pool. opts NULL: the defaults. Threads beyond a lower limit end when
 * they have done what they are at. Suspends: never. Thread: any. */
HKT_API void hkt_work_configure(const struct hkt_work_opts *opts);

/* What: how many threads the pool has now. Suspends: never. Thread: any. */
HKT_API unsigned hkt_work_threads(void);

HKT_END_DECLS

#endif
