/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number after key in a file of "Key:  number kB" lines, in bytes. */
static double field(const char *file, const char *key)
{
    FILE *f = fopen(file, "r");
    double kib = -1;
    char line[256];

    while (f && kib < 0 && fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)))
            kib = atof(line + strlen(key));
    if (f)
        fclose(f);
    if (kib < 0)
        bench_fail("no %s in %s", key, file);
    return kib * 1024;
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
