/* SPDX-License-Identifier: MIT
 *
 * hocket/cores.h: a loop on each of several threads, which share nothing.
 *
 *      static const struct hkt_server_opts opts = {.reuse_port = true};
 *      struct hkt_service service = {"tcp://:7000", serve, NULL, &opts};
 *
 *      return hkt_run_cores(0, hkt_service_run, &service, NULL);
 *
 * A task stays on its core. What one core has for another goes through a mailbox (mailbox.h), or as
 * a call: hkt_call_threadsafe() on hkt_core_loop(). Threads that are no cores may run tasks there
 * and wait for them: remote.h.
 */
#ifndef HOCKET_CORES_H
#define HOCKET_CORES_H

#include <hocket/base.h>
#include <hocket/loop.h>

#include <stdbool.h>

struct hkt_cores_opts {
    /* Each thread stays on one processor of those that the process may use, as far as the system
     * can be told so. Pays on a machine that does nothing else. */
    bool pin;
    struct hkt_loop_opts loop; /* of each; a clock of one's own is called from all threads */
};

HKT_BEGIN_DECLS

/* What: the whole life of a program on n cores: n threads, 0 being as many as there are processors
 * that the process may use, each with a loop, run fn(arg) as hkt_run() does. They begin when all of
 * them have a loop. The calling thread waits for them: a first SIGINT or SIGTERM cancels all main
 * tasks, a second one takes its default action. When one main task fails, the others are cancelled;
 * one that ends well ends only its own core. Loops exist until all cores have ended. opts may be
 * NULL. The threads have the caller's signal mask.
 * Returns: 0; the first error, one of others that were cancelled for it counting less; -EINTR when
 * a signal came and they ended cancelled; -EAGAIN, -ENOMEM: there are not enough threads or there
 * is not enough memory, and fn was called nowhere; -EINVAL: no fn, or n is negative; -EBUSY: a loop
 * runs in this thread. Thread: one that runs no loop. asyncio: none; one process each. */
HKT_API HKT_MUST_CHECK int hkt_run_cores(int n, hkt_task_fn *fn, void *arg,
                                         const struct hkt_cores_opts *opts);

/* What: which core this thread is, from 0, and of how many. In other threads 0 of 1, so that the
 * same code works under hkt_run(). Suspends: never. Thread: any. */
HKT_API int hkt_core_index(void);
HKT_API int hkt_core_count(void);

/* What: the loop of the i-th core of those that this thread is one of. A core whose main task has
 * ended answers no more: calls that are posted to it are not made.
 * Returns: NULL: there is none. Suspends: never. Thread: any. */
HKT_API struct hkt_loop *hkt_core_loop(int i);

HKT_END_DECLS

/* Private: for listening sockets. */

/* What was agreed on as the port of the URL, in network order; 0: nothing yet, and the caller is to
 * say it. Other cores that ask wait until the end. */
HKT_MUST_CHECK uint16_t hkt__core_port_begin(const char *url);
/* port 0: nothing was agreed on. Returns: 0; -ENOMEM. */
HKT_MUST_CHECK int hkt__core_port_end(const char *url, uint16_t port);

#endif
