/* SPDX-License-Identifier: MIT
 *
 * The cores of a program, as their threads and the supervising one know them.
 */
#ifndef HOCKET_SCHED_CORES_H
#define HOCKET_SCHED_CORES_H

#include "sched.h"

#include <hocket/cores.h>

struct hkt__core {
    struct hkt__cores *all;
    int index;
    pthread_t thread;
    struct hkt_loop *loop;
    struct hkt_task *main;
    struct hkt_handle stop, ended;
    int rc;
};

enum hkt__gate { HKT__GATE_WAIT, HKT__GATE_GO, HKT__GATE_END };

struct hkt__cores {
    const struct hkt_cores_opts *opts;
    hkt_task_fn *fn;
    void *arg;
    int n;
    struct hkt__core *core;

    pthread_mutex_t lock; /* of these */
    pthread_cond_t changed;
    int ready; /* have a loop, or cannot have one */
    enum hkt__gate gate;

    pthread_mutex_t ports_lock; /* of this */
    struct hkt__core_port *ports;

    struct hkt_loop *supervisor; /* whose thread alone uses the rest */
    struct hkt_future all_ended;
    int started, left;
    int error;
    bool stopped;
};

/* The one that this thread is; NULL: none. */
struct hkt__core *hkt__core_self(void);

void hkt__core_ports_free(struct hkt__cores *all);

#endif
