/* SPDX-License-Identifier: MIT
 *
 * Messages between the loops of two threads, each on a core of its own.
 */
#include "../support/bench.h"

#include <hocket/mailbox.h>
#include <hocket/task.h>

#include <pthread.h>
#include <sched.h>

HKT_MAILBOX_OF(words, uint64_t);

struct run {
    uint64_t n;
    double took;
    struct hkt_mailbox *there, *back;
    int here; /* the core of the one that asks */
    int rc;
};

static int echo(void *arg)
{
    struct run *r = arg;
    uint64_t x;
    int rc;

    while ((rc = words_recv(r->there, &x)) > 0)
        HKT_TRY(words_send(r->back, x + 1));
    return rc;
}

/* On any core but one. */
static int leave_core(int here)
{
    cpu_set_t all;

    CPU_ZERO(&all);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (i != here)
            CPU_SET(i, &all);
    return sched_setaffinity(0, sizeof all, &all);
}

static void *echo_thread(void *arg)
{
    struct run *r = arg;

    r->rc = leave_core(r->here) == 0 ? hkt_run(echo, r) : -ENODEV;
    if (r->rc < 0)
        (void)hkt_mailbox_close(r->back);
    return NULL;
}

static int ask(void *arg)
{
    struct run *r = arg;
    double start = bench_now();
    uint64_t x = 0;

    for (uint64_t i = 0; i < r->n; i++) {
        HKT_TRY(words_send(r->there, x));
        if (words_recv(r->back, &x) <= 0)
            return -EPIPE;
    }
    r->took = bench_now() - start;
    return hkt_mailbox_close(r->there);
}

static double time_there_and_back(uint64_t n)
{
    struct run r = {.n = n, .there = words_mailbox_new(1), .back = words_mailbox_new(1)};
    cpu_set_t one;
    pthread_t thread;

    r.here = sched_getcpu();
    CPU_ZERO(&one);
    CPU_SET(r.here, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
    if (pthread_create(&thread, NULL, echo_thread, &r) != 0)
        bench_fail("no thread");
    int rc = hkt_run(ask, &r);
    pthread_join(thread, NULL);
    if (r.rc == -ENODEV)
        bench_fail("there is no second core");
    if (rc < 0 || r.rc < 0)
        bench_fail("the run failed");
    (void)hkt_mailbox_free(r.there);
    (void)hkt_mailbox_free(r.back);
    return r.took;
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("xthread", "message", BENCH_IMPL, time_there_and_back),
    BENCH_END,
};
