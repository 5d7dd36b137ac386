/* SPDX-License-Identifier: MIT */
#include "memory.h"
#include "procfs.h"

static double field(const char *file, const char *key)
{
    double bytes = procfs_bytes(file, key);

    if (bytes < 0)
        bench_fail("no %s in %s", key, file);
    return bytes;
}

/* smaps_rollup walks the page tables; the counters elsewhere lag behind by some pages for each
 * processor. */
static struct memory now(void)
{
    struct memory m = {field("/proc/self/smaps_rollup", "Rss:"),
                       field("/proc/self/status", "VmPTE:")};
    return m;
}

struct memory memory_of_parked(bench_park_fn *park, size_t n)
{
    void **slot = malloc(n * sizeof *slot);
    struct memory before, after, each;

    if (!slot)
        bench_fail("no memory for %zu handles", n);
    /* Ours, and so no part of what is measured. */
    bench_touch(slot, n * sizeof *slot);
    before = now();
    park(slot, n);
    after = now();
    each.rss = (after.rss - before.rss) / (double)n;
    each.page_tables = (after.page_tables - before.page_tables) / (double)n;
    return each;
}
