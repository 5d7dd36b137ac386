/* SPDX-License-Identifier: MIT
 *
 * The main of every benchmark program in C or C++.
 */
#include "bench.h"
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of one measurement at a SCALE of 1. */
static const double usual_ns = 200e6;

/* No output is flushed and no destructor runs in the coroutines that are still parked. */
static BENCH_NORETURN void leave(int status)
{
    fflush(stdout);
    _exit(status);
}

void bench_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("fail: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    leave(3);
}

void bench_touch(void *p, size_t size)
{
    memset(p, 1, size);
    BENCH_BARRIER();
}

void *bench_stack(void)
{
    void *stack = mmap(NULL, BENCH_STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (stack == MAP_FAILED)
        bench_fail("no memory for a stack");
    return stack;
}

static BENCH_NOINLINE double loop_once(uint64_t n)
{
    double start = bench_now();

    for (uint64_t i = 0; i < n; i++)
        BENCH_BARRIER();
    return bench_now() - start;
}

double bench_loop(uint64_t n)
{
    static double each;
    const uint64_t turns = 1000000;

    if (each == 0) {
        each = loop_once(turns) / (double)turns;
        for (int i = 0; i < 8; i++) {
            double again = loop_once(turns) / (double)turns;
            each = again < each ? again : each;
        }
    }
    return each * (double)n;
}

static uint64_t to_multiple_of_8(double n)
{
    return n < 8 ? 8 : (uint64_t)n / 8 * 8;
}

/* How many operations fill the time; what is run for that warms up, too. A crowd takes so long to
 * set up that it is tried once. */
static uint64_t calibrate(const struct bench_entry *e, double ns)
{
    uint64_t n = e->least ? e->least : 64;
    double took;

    while ((took = e->time(n)) < ns / 8 && n < UINT64_C(1) << 40 && !e->least)
        n *= took < ns / 64 ? 4 : 2;
    n = to_multiple_of_8((double)n * ns / took);
    return n < e->least ? e->least : n;
}

/* A fixed number of operations is a most: with a small SCALE there is only time for some. */
static double measure_time(const struct bench_entry *e, double scale)
{
    uint64_t n = calibrate(e, usual_ns * scale);

    if (e->count && (scale >= 1 || n > e->count))
        n = e->count;
    return e->time(n) / (double)n;
}

static void run(const struct bench_entry *e, double scale)
{
    if (e->park) {
        struct memory each = memory_of_parked(e->park, e->count);
        printf("%.1f\n%s_pt %.1f bytes page tables\n", each.rss, e->name, each.page_tables);
    } else {
        printf("%.4f\n", measure_time(e, scale));
    }
    leave(0);
}

static void list(void)
{
    for (const struct bench_entry *e = bench_table; e->bench; e++)
        printf("%s %s %s %s\n", e->bench, e->name, e->impl, e->park ? "bytes RSS" : "ns");
}

static const struct bench_entry *find(char **words)
{
    for (const struct bench_entry *e = bench_table; e->bench; e++)
        if (!strcmp(e->bench, words[0]) && !strcmp(e->name, words[1]) && !strcmp(e->impl, words[2]))
            return e;
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "list")) {
        list();
        return 0;
    }
    if (argc == 6 && !strcmp(argv[1], "run")) {
        const struct bench_entry *e = find(argv + 2);
        double scale = atof(argv[5]);
        if (e && scale > 0)
            run(e, scale);
        fprintf(stderr, "not here, see list: %s %s %s at %s\n", argv[2], argv[3], argv[4], argv[5]);
        return 2;
    }
    fprintf(stderr, "usage: %s list | run BENCH CASE IMPL SCALE\n", argv[0]);
    return 2;
}
