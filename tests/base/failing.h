/* SPDX-License-Identifier: MIT
 *
 * Out of memory at every allocation of something that a task does. The whole of it, from making the
 * loop to freeing it, is run again and again, each time with another allocation that fails: just
 * that one, or it and all that follow until the attempt is over. Each must end with an error that
 * says so, leave nothing behind, and let the next attempt succeed.
 *
 * A thread for each, because what a thread keeps for later would hide allocations.
 */
#ifndef TESTS_BASE_FAILING_H
#define TESTS_BASE_FAILING_H

#include "io/backends.h"

#include "base/os.h"
#include "base/where.h"

#include <dirent.h>
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

struct attempt {
    const char *poller;
    hkt_task_fn *fn; /* answers 0, or -ENOMEM having left nothing behind */
    void *arg;
    bool lived, hit;
};

static int attempt_twice(void *arg)
{
    struct attempt *a = arg;

    a->lived = true;
    int rc = a->fn(a->arg);
    cr_assert(rc == 0 || (rc == -ENOMEM && memory.failed), "without %d: %d", memory.fail_from, rc);
    memory.fail_from = -1;
    if (rc < 0) {
        rc = a->fn(a->arg);
        cr_assert_eq(rc, 0, "the next one: %d", rc);
    }
    return 0;
}

static void *run_attempt(void *arg)
{
    struct attempt *a = arg;
    const struct hkt_loop_opts opts = {.poller = a->poller};
    int rc = hkt_run_opts(attempt_twice, a, &opts);

    a->hit = memory.failed;
    cr_assert_eq(rc, a->lived ? 0 : -ENOMEM, "without %d: %d", memory.fail_from, rc);
    memory.fail_from = -1;
    return NULL;
}

/* Whether there was such an allocation. */
static bool run_without(struct attempt *a, int k, bool for_good)
{
    pthread_t thread;

    memory.calls = 0;
    memory.fail_from = k;
    memory.for_good = for_good;
    memory.failed = a->lived = false;
    cr_assert_eq(pthread_create(&thread, NULL, run_attempt, a), 0);
    pthread_join(thread, NULL);
    cr_assert(a->hit || a->lived);
    return a->hit;
}

static int count_fds(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static void ignore_report(void *ctx, const char *line)
{
    (void)ctx, (void)line;
}

/* What the first run leaves, if anything, is kept for the next ones. */
static void without_each(struct attempt *a, bool for_good)
{
    (void)run_without(a, -1, false);
    int fds = count_fds();
    size_t mapped = memory.mapped;

    for (int k = 0; run_without(a, k, for_good); k++) {
        cr_assert_eq(count_fds(), fds, "without %d: %d descriptors, not %d", k, count_fds(), fds);
        cr_assert(memory.mapped <= mapped, "without %d", k);
        cr_assert(k < 1000);
    }
}

static void fail_each(hkt_task_fn *fn, void *arg)
{
    hkt_on_report(ignore_report, NULL);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        struct attempt a = {.poller = backends[i], .fn = fn, .arg = arg};
        if (!have_backend(backends[i]))
            continue;
        real_os = hkt__os;
        hkt__os.alloc = failing_alloc;
        hkt__os.map = failing_map;
        hkt__os.unmap = counting_unmap;
        memory.mapped = 0;
        without_each(&a, false);
        without_each(&a, true);
        hkt__os = real_os;
    }
}

#endif
