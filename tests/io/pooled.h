/* SPDX-License-Identifier: MIT
 *
 * What tests of the thread pool have in common: a gate that blocks a thread until it is opened.
 */
#ifndef TESTS_IO_POOLED_H
#define TESTS_IO_POOLED_H

#include "io/backends.h"

#include <hocket/work.h>
#include <pthread.h>

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int inside, most, passed; /* how many wait there now, at most, and have gone through */
    bool open;
};

#define GATE_INIT                                                                                  \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

/* For the pool. The number that it answers is how many had passed before. */
static inline int pass_gate(void *arg)
{
    struct gate *g = arg;

    pthread_mutex_lock(&g->lock);
    g->inside++;
    g->most = g->inside > g->most ? g->inside : g->most;
    while (!g->open)
        pthread_cond_wait(&g->changed, &g->lock);
    g->inside--;
    int rc = g->passed++;
    pthread_mutex_unlock(&g->lock);
    return rc;
}

static inline void set_gate(struct gate *g, bool open)
{
    pthread_mutex_lock(&g->lock);
    g->open = open;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static inline void open_gate(struct gate *g)
{
    set_gate(g, true);
}

static inline int gate_count(struct gate *g, const int *count)
{
    pthread_mutex_lock(&g->lock);
    int n = *count;
    pthread_mutex_unlock(&g->lock);
    return n;
}

/* In a task: sleeps until n are at the gate. */
static inline void await_inside(struct gate *g, int n)
{
    while (gate_count(g, &g->inside) < n)
        cr_assert_eq(hkt_sleep(HKT_US(100)), 0);
}

static inline int blocks(void *gate)
{
    return hkt_run_blocking(pass_gate, gate);
}

/* In a task: the pool has one thread only, and that is at the gate. Who has it there. */
static inline struct hkt_task *occupy_pool(struct gate *g)
{
    const struct hkt_work_opts one = {.max_threads = 1};

    *g = (struct gate)GATE_INIT;
    hkt_work_configure(&one);
    struct hkt_task *occupant = hkt_spawn(blocks, g);
    await_inside(g, 1);
    return occupant;
}

static inline void free_pool(struct gate *g, struct hkt_task *occupant)
{
    open_gate(g);
    cr_assert_geq(hkt_join(occupant), 0);
}

#endif
