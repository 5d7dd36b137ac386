/* SPDX-License-Identifier: MIT
 *
 * hocket/remote.h: tasks on another thread's loop, and their results.
 *
 *      struct hkt_remote r = {0};
 *
 *      rc = hkt_remote_spawn(loop, &r, ask, &question);     from a thread without a loop, say
 *      if (rc == 0)
 *          rc = hkt_remote_wait(&r, HKT_SEC(1));
 *      if (rc == -ETIMEDOUT) {
 *          (void)hkt_remote_cancel(&r);
 *          rc = hkt_remote_wait(&r, -1);
 *      }
 *
 * which hkt_remote_run() does in one call. The structure and the argument are the caller's, on its
 * stack usually, and stay in place until hkt_remote_wait() has answered something other than
 * -ETIMEDOUT and -EDEADLK.
 *
 * Waiting blocks the thread, and with it all tasks of a loop that it runs: a task that has work for
 * another loop sends it through a mailbox.
 */
#ifndef HOCKET_REMOTE_H
#define HOCKET_REMOTE_H

#include <hocket/base.h>
#include <hocket/loop.h>

#include <pthread.h>
#include <stdbool.h>

/* Zeroed is ready for use; the fields are private. Python: concurrent.futures.Future. */
struct hkt_remote {
    struct hkt_loop *loop;
    hkt_task_fn *fn;
    void *arg;
    struct hkt_task *task;
    struct hkt_watch watch;
    struct hkt_handle start, stop;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int rc;
    int state;
    bool stopping; /* `stop` is on its way */
};

HKT_BEGIN_DECLS

/* What: has the loop spawn fn(arg) as a task. r is to be waited for.
 * Returns: 0; -ENOMEM: no loop; -EINVAL: no fn; -EBUSY: r is in use. Suspends: never.
 * Thread: any, while the loop exists. asyncio: run_coroutine_threadsafe(). */
HKT_API HKT_MUST_CHECK int hkt_remote_spawn(struct hkt_loop *loop, struct hkt_remote *r,
                                            hkt_task_fn *fn, void *arg);

/* What: blocks this thread until the task has ended, for at most timeout_ns; negative: without
 * limit.
 * Returns: what the task returned; -ECANCELED: it was cancelled; -ESHUTDOWN: its loop came to its
 * end first; -ENOMEM: there was none for a task; -ETIMEDOUT: it has not ended, and goes on;
 * -EDEADLK: it has not, and is this thread's own to run; -EINVAL: nothing was spawned.
 * Suspends: never. Thread: one, any but the loop's. Python: Future.result(). */
HKT_API HKT_MUST_CHECK int hkt_remote_wait(struct hkt_remote *r, int64_t timeout_ns);

/* What: asks the task to stop. It is waited for nevertheless.
 * Returns: true; false: it has ended, or was asked already. Suspends: never. Thread: any, before
 * the wait for it has ended. Python: Future.cancel(). */
HKT_API bool hkt_remote_cancel(struct hkt_remote *r);

/* What: whether the task has ended. Suspends: never. Thread: as hkt_remote_cancel(). */
HKT_API bool hkt_remote_done(struct hkt_remote *r);

/* What: all of it: runs fn(arg) as a task of the loop, waits for it, and cancels it when it takes
 * longer than timeout_ns; negative: without limit. It has ended when the call returns.
 * Returns: what it returned; -ETIMEDOUT: it was cancelled for that; as hkt_remote_spawn() and
 * hkt_remote_wait(). -EDEADLK: this thread is the loop's own, and nothing was spawned.
 * Suspends: never. Thread: any but the loop's, while the loop exists. */
HKT_API HKT_MUST_CHECK int hkt_remote_run(struct hkt_loop *loop, hkt_task_fn *fn, void *arg,
                                          int64_t timeout_ns);

HKT_END_DECLS

#endif
