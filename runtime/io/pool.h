/* SPDX-License-Identifier: MIT
 *
 * The pool of threads: it knows functions and threads, but no task.
 */
#ifndef HOCKET_IO_POOL_H
#define HOCKET_IO_POOL_H

#include <hocket/work.h>

#include <stdatomic.h>

enum hkt__work_state { HKT__WORK_QUEUED, HKT__WORK_RUNNING, HKT__WORK_OVER };

/* A piece of work; its owner's, until it is over or was withdrawn. */
struct hkt__work {
    struct hkt__work *prev, *next;
    hkt_task_fn *fn;
    void *arg;
    /* Called by the thread when fn has returned rc, with the pool locked: whoever is told may have
     * to wait, by hkt__pool_settle(), until this has returned as well. */
    void (*ended)(struct hkt__work *w);
    /* Called instead, without the lock, when it was dropped meanwhile. */
    void (*dropped)(struct hkt__work *w);
    int rc;
    enum hkt__work_state state;
    bool drop;
    atomic_bool cancelled;
};

/* 0, or -EAGAIN when there is no thread and none can be had. */
int hkt__pool_submit(struct hkt__work *w);

/* The same in a thread of its own, which is none of the pool's: for what may take for ever. Unless
 * somebody has to be told of its end, w->drop is set before. */
int hkt__pool_submit_alone(struct hkt__work *w);

/* Withdraws it if it has not begun. If it runs it is marked as cancelled, and with `drop` it
 * belongs to its thread from now on. Answers in which state it was. */
enum hkt__work_state hkt__pool_cancel(struct hkt__work *w, bool drop);

/* Returns when all threads have left the ended() that they are in. */
void hkt__pool_settle(void);

/* Runs fn(arg) for the running task, which waits: see hkt_run_blocking(). */
int hkt__run_blocking(hkt_task_fn *fn, void *arg, const char *why);
int hkt__run_blocking_owned(hkt_task_fn *fn, void *arg, hkt_call_fn *release, const char *why);

#endif
