/* SPDX-License-Identifier: MIT
 *
 * A loop on each of several threads, and one task on the calling thread's loop that supervises
 * them: it is who learns of signals, and of the ends of the others.
 *
 * The gate keeps all of them together: none runs before all have a loop, and no loop is freed
 * before all have ended, so that one core may always call another's.
 */
#include "cores.h"
#include "fork.h"
#include "loop.h"

#include "base/cpu.h"
#include "base/os.h"
#include "base/sys.h"

#include <stdlib.h>

static HKT__THREAD struct hkt__core *self;

struct hkt__core *hkt__core_self(void)
{
    return self;
}

/* The gate */

static void set_gate(struct hkt__cores *all, enum hkt__gate gate)
{
    pthread_mutex_lock(&all->lock);
    all->gate = gate;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
}

static enum hkt__gate wait_past(struct hkt__cores *all, enum hkt__gate gate)
{
    pthread_mutex_lock(&all->lock);
    while (all->gate == gate)
        pthread_cond_wait(&all->changed, &all->lock);
    gate = all->gate;
    pthread_mutex_unlock(&all->lock);
    return gate;
}

static void say_ready(struct hkt__cores *all)
{
    pthread_mutex_lock(&all->lock);
    all->ready++;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
}

static void await_ready(struct hkt__cores *all)
{
    pthread_mutex_lock(&all->lock);
    while (all->ready < all->started)
        pthread_cond_wait(&all->changed, &all->lock);
    pthread_mutex_unlock(&all->lock);
}

/* A core's thread */

static int furnish(struct hkt__core *c)
{
    const struct hkt__cores *all = c->all;

    if (all->opts->pin)
        (void)hkt__cpu_pin(c->index);
    c->loop = hkt_loop_new(&all->opts->loop);
    c->main = c->loop ? hkt_ensure_future(c->loop, all->fn, all->arg) : NULL;
    if (!c->main)
        return -ENOMEM;
    hkt_task_set_name(c->main, "main");
    return 0;
}

static void on_core_ended(void *arg);

/* After this the thread has no business but with its own loop. */
static void run(struct hkt__core *c)
{
    int rc = hkt__loop_run_task(c->loop, c->main);

    hkt__loop_finish(c->loop);
    if (hkt__forked(c->loop))
        return; /* a child of the process, in which the others are not */
    c->rc = rc;
    (void)hkt_call_threadsafe(c->all->supervisor, &c->ended, on_core_ended, c);
    (void)wait_past(c->all, HKT__GATE_GO);
}

static void *core_thread(void *arg)
{
    struct hkt__core *c = arg;

    self = c;
    c->rc = furnish(c);
    say_ready(c->all);
    if (wait_past(c->all, HKT__GATE_WAIT) == HKT__GATE_GO)
        run(c);
    else if (c->main)
        (void)hkt_task_cancel(c->main); /* before it began */
    if (c->main)
        hkt__task_unref(c->main);
    (void)hkt_loop_free(c->loop);
    self = NULL;
    return NULL;
}

/* The supervisor */

static void stop_core(void *arg)
{
    struct hkt__core *c = arg;

    (void)hkt_task_cancel(c->main);
}

static void stop_all(struct hkt__cores *all)
{
    if (all->stopped)
        return;
    all->stopped = true;
    for (int i = 0; i < all->n; i++)
        (void)hkt_call_threadsafe(all->core[i].loop, &all->core[i].stop, stop_core, &all->core[i]);
}

static void on_core_ended(void *arg)
{
    const struct hkt__core *c = arg;
    struct hkt__cores *all = c->all;

    if (c->rc < 0) {
        if (all->error == 0 || all->error == -ECANCELED)
            all->error = c->rc;
        stop_all(all);
    }
    if (--all->left == 0)
        (void)hkt_future_set(&all->all_ended, 0, NULL);
}

static int start(struct hkt__cores *all)
{
    int rc = 0;

    while (all->started < all->n && rc == 0) {
        struct hkt__core *c = &all->core[all->started];
        *c = (struct hkt__core){.all = all, .index = all->started};
        rc = hkt__sys.thread_begin(&c->thread, core_thread, c);
        all->started += rc == 0;
    }
    await_ready(all);
    for (int i = 0; i < all->started && rc == 0; i++)
        rc = all->core[i].rc;
    return rc;
}

static int await_all(struct hkt__cores *all)
{
    all->left = all->n;
    hkt_loop_hold(all->supervisor);
    set_gate(all, HKT__GATE_GO);
    while (all->left > 0)
        if (hkt__future_wait(&all->all_ended, "cores") == -ECANCELED)
            stop_all(all);
    hkt_loop_release(all->supervisor);
    return all->error;
}

static int supervise(void *arg)
{
    struct hkt__cores *all = arg;

    all->supervisor = hkt__loop;
    int rc = start(all);
    if (rc == 0)
        rc = await_all(all);
    set_gate(all, HKT__GATE_END);
    for (int i = 0; i < all->started; i++)
        pthread_join(all->core[i].thread, NULL);
    return rc;
}

int hkt_run_cores(int n, hkt_task_fn *fn, void *arg, const struct hkt_cores_opts *opts)
{
    static const struct hkt_cores_opts none;
    struct hkt__cores all = {.opts = opts ? opts : &none, .fn = fn, .arg = arg};

    if (!fn || n < 0)
        return -EINVAL;
    if (hkt__loop)
        return -EBUSY;
    all.n = n > 0 ? n : hkt__cpu_count();
    all.core = hkt__os.alloc((size_t)all.n * sizeof *all.core);
    if (!all.core)
        return -ENOMEM;
    pthread_mutex_init(&all.lock, NULL);
    pthread_mutex_init(&all.ports_lock, NULL);
    pthread_cond_init(&all.changed, NULL);
    int rc = hkt_run(supervise, &all);
    pthread_cond_destroy(&all.changed);
    pthread_mutex_destroy(&all.ports_lock);
    pthread_mutex_destroy(&all.lock);
    hkt__core_ports_free(&all);
    free(all.core);
    return rc;
}

/* Which one this is */

int hkt_core_index(void)
{
    return self ? self->index : 0;
}

int hkt_core_count(void)
{
    return self ? self->all->n : 1;
}

struct hkt_loop *hkt_core_loop(int i)
{
    return self && i >= 0 && i < self->all->n ? self->all->core[i].loop : NULL;
}
