/* SPDX-License-Identifier: MIT
 *
 * Out of memory at every allocation of a loop's life. The whole of it, from making the loop to
 * freeing it, is run again and again, each time with another allocation that fails: just that one,
 * or it and all that follow until the task in it says that there is memory again. Each must end
 * with an error that says so, leave nothing behind, and let the next attempt succeed.
 *
 * A thread for each, because what a thread keeps for later would hide allocations.
 */
#ifndef TESTS_BASE_FAILING_H
#define TESTS_BASE_FAILING_H

#include "io/backends.h"

#include "base/fds.h"
#include "base/os.h"

#include <errno.h>
#include <pthread.h>

static struct hkt__os real_os;
static struct {
    int calls;     /* so far */
    int fail_from; /* the first one that fails; -1: none does */
    bool for_good; /* as do those that follow */
    bool failed;
    size_t mapped;
} memory;

static bool allocation_fails(void)
{
    int call = memory.calls++;

    if (memory.fail_from < 0 || call < memory.fail_from ||
        (call > memory.fail_from && !memory.for_good))
        return false;
    memory.failed = true;
    return true;
}

static void *failing_alloc(size_t size)
{
    return allocation_fails() ? NULL : real_os.alloc(size);
}

static void *failing_map(size_t size)
{
    void *addr = allocation_fails() ? NULL : real_os.map(size);

    memory.mapped += addr ? size : 0;
    return addr;
}

static void counting_unmap(void *addr, size_t size)
{
    memory.mapped -= size;
    real_os.unmap(addr, size);
}

/* From now on there is memory. */
static inline void memory_recovers(void)
{
    memory.fail_from = -1;
}

/* From the making of a loop to its end. */
struct life {
    struct hkt_loop_opts opts;
    hkt_task_fn *fn; /* answers 0 */
    void *arg;
    bool lived; /* it had a loop */
    int rc;
};

static int begin_life(void *arg)
{
    struct life *l = arg;

    l->lived = true;
    return l->fn(l->arg);
}

static void *run_life(void *arg)
{
    struct life *l = arg;

    l->rc = hkt_run_opts(begin_life, l, &l->opts);
    memory_recovers();
    return NULL;
}

/* Whether there was such an allocation. */
static bool run_without(struct life *l, int k, bool for_good)
{
    pthread_t thread;

    memory.calls = 0;
    memory.fail_from = k;
    memory.for_good = for_good;
    memory.failed = l->lived = false;
    cr_assert_eq(pthread_create(&thread, NULL, run_life, l), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(l->rc, l->lived ? 0 : -ENOMEM, "without %d: %d", k, l->rc);
    cr_assert(l->lived || memory.failed);
    return memory.failed;
}

/* What the first run leaves, if anything, is kept for the next ones. */
static void without_each(struct life *l, bool for_good)
{
    (void)run_without(l, -1, false);
    size_t fds = count_fds(), mapped = memory.mapped;

    for (int k = 0; run_without(l, k, for_good); k++) {
        cr_assert_eq(count_fds(), fds, "without %d: %zu descriptors, not %zu", k, count_fds(), fds);
        cr_assert(memory.mapped <= mapped, "without %d", k);
        cr_assert(k < 1000);
    }
}

static void ignore_report(void *ctx, const char *line)
{
    (void)ctx, (void)line;
}

/* With each allocation of that life failing in its turn, if there is such a poller. */
static void fail_in(struct life *l, bool for_good)
{
    if (!have_backend(l->opts.poller))
        return;
    hkt_on_report(ignore_report, NULL);
    real_os = hkt__os;
    hkt__os.alloc = failing_alloc;
    hkt__os.map = failing_map;
    hkt__os.unmap = counting_unmap;
    without_each(l, for_good);
    hkt__os = real_os;
}

/* The whole of a life, where there is no more to it than to fail and to be done again. */

struct attempt {
    hkt_task_fn *fn; /* answers 0, or -ENOMEM having left nothing behind */
    void *arg;
};

static inline int attempt_twice(void *arg)
{
    const struct attempt *a = arg;
    int rc = a->fn(a->arg);

    cr_assert(rc == 0 || (rc == -ENOMEM && memory.failed), "without %d: %d", memory.fail_from, rc);
    memory_recovers();
    if (rc < 0) {
        rc = a->fn(a->arg);
        cr_assert_eq(rc, 0, "the next one: %d", rc);
    }
    return 0;
}

static inline void fail_each(hkt_task_fn *fn, void *arg)
{
    struct attempt a = {fn, arg};

    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        struct life l = {.opts.poller = backends[i], .fn = attempt_twice, .arg = &a};
        fail_in(&l, false);
        fail_in(&l, true);
    }
}

#endif
