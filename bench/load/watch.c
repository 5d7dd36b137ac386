/* SPDX-License-Identifier: MIT */
#include "load.h"

#include "../support/procfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timespec t)
{
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

uint64_t load_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Fields 14 and 15; the name in the second may hold anything but ends with the last bracket. */
static void read_ticks(int pid, struct usage *u)
{
    char name[64], text[1024];
    unsigned long user = 0, sys = 0;
    FILE *f;

    snprintf(name, sizeof name, "/proc/%d/stat", pid);
    f = fopen(name, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = '\0';
    const char *rest = strrchr(text, ')');
    if (!rest ||
        sscanf(rest, ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user, &sys) != 2)
        load_fail("the server is gone");
    u->user = (double)user / (double)sysconf(_SC_CLK_TCK);
    u->sys = (double)sys / (double)sysconf(_SC_CLK_TCK);
}

struct usage usage_of(int pid)
{
    struct usage u;
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        load_fail("the server is gone");
    read_ticks(pid, &u);
    u.cpu = seconds(t);
    return u;
}

static double field(int pid, const char *file, const char *key)
{
    char name[64];

    snprintf(name, sizeof name, "/proc/%d/%s", pid, file);
    double bytes = procfs_bytes(name, key);
    if (bytes < 0)
        load_fail("%s cannot be read", name);
    return bytes;
}

double resident(int pid)
{
    return field(pid, "smaps_rollup", "Rss:");
}

double tables(int pid)
{
    return field(pid, "status", "VmPTE:");
}
