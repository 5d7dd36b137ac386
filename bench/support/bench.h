/* SPDX-License-Identifier: MIT
 *
 * What every benchmark program in C or C++ shares. A program names what it can measure in
 * bench_table; bench.c, linked to it, is its main:
 *
 *      PROG list                        prints "BENCH CASE IMPL UNIT" a line
 *      PROG run BENCH CASE IMPL SCALE   measures once and prints the number; further lines,
 *                                       "CASE NUMBER UNIT", are what the same run has found
 *                                       besides, and "also NAME NUMBER" what it has found of the
 *                                       same case. SCALE multiplies the default amount of work.
 *
 * What cannot be measured prints "fail: REASON" and exits with 3.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__has_attribute)
#if __has_attribute(noclone)
#define BENCH_NOINLINE __attribute__((noinline, noclone))
#endif
#endif
#ifndef BENCH_NOINLINE
#define BENCH_NOINLINE __attribute__((noinline))
#endif
#define BENCH_NORETURN __attribute__((noreturn))

/* Whatever may have been computed, has been; and nothing is known of memory. */
#define BENCH_BARRIER() __asm__ volatile("" ::: "memory")
/* The value is needed, and its origin unknown. */
#define BENCH_OPAQUE(x) __asm__ volatile("" : "+r"(x)::"memory")

/* A comment in the assembly keeps the compiler from folding equal functions into one. */
#define BENCH_DISTINCT(name) __asm__ volatile("/* " #name " */")

/* A function in a chain of calls. The barrier behind the call keeps it from becoming a jump. */
#define BENCH_LEVEL(name, call)                                                                    \
    static BENCH_NOINLINE void name(void)                                                          \
    {                                                                                              \
        call;                                                                                      \
        BENCH_BARRIER();                                                                           \
    }

enum {
    BENCH_STACK = 65536, /* of each coroutine, whoever makes it */
    BENCH_LOCALS = 200,  /* bytes that a parked coroutine has touched and still needs */
};

/* Does n operations and answers how many nanoseconds they took, set-up not counted. n is a
 * multiple of 8. */
typedef double bench_time_fn(uint64_t n);
/* Parks n coroutines; slot has room for a handle of each. */
typedef void bench_park_fn(void **slot, size_t n);

struct bench_entry {
    const char *bench, *name, *impl;
    bench_time_fn *time;
    uint64_t count; /* of operations; 0: as many as fill the usual time. Or of coroutines */
    bench_park_fn *park;
    uint64_t least; /* operations: fewer would take no less time, most of it to set up */
};

/* Ends with an entry of zeros. */
extern const struct bench_entry bench_table[];

#define BENCH_TIME(bench, name, impl, fn)                                                          \
    {                                                                                              \
        bench, name, impl, fn, 0, NULL, 0                                                          \
    }
#define BENCH_COUNT(bench, name, impl, fn, count)                                                  \
    {                                                                                              \
        bench, name, impl, fn, count, NULL, 0                                                      \
    }
/* Many at once, which take long to set up: what it takes is tried only once, with the least. */
#define BENCH_CROWD(bench, name, impl, fn, least)                                                  \
    {                                                                                              \
        bench, name, impl, fn, 0, NULL, least                                                      \
    }
#define BENCH_PARK(name, impl, fn, count)                                                          \
    {                                                                                              \
        "memory", name, impl, NULL, count, fn, 0                                                   \
    }
#define BENCH_MEMORY(impl, fn)                                                                     \
    BENCH_PARK("10000", impl, fn, 10000), BENCH_PARK("100000", impl, fn, 100000),                  \
        BENCH_PARK("1000000", impl, fn, 1000000)
/* Ten million numbers, as the seed of the project has it. */
#define BENCH_GENERATOR(impl, fn) BENCH_COUNT("generator", "range", impl, fn, 10000000)
#define BENCH_END                                                                                  \
    {                                                                                              \
        NULL, NULL, NULL, NULL, 0, NULL, 0                                                         \
    }

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What n turns of an empty loop take: to be subtracted where one drives what is measured. */
double bench_loop(uint64_t n);

/* Writes size bytes at p, and the compiler does not see how. */
void bench_touch(void *p, size_t size);

/* Memory for a stack, for those who must bring their own. Never freed. */
void *bench_stack(void);

void bench_fail(const char *format, ...) BENCH_NORETURN __attribute__((format(printf, 1, 2)));

/* The numbers that a generator handed out must add up. */
static inline void bench_check_sum(uint64_t sum, uint64_t n)
{
    if (sum != n * (n - 1) / 2)
        bench_fail("the sum is wrong: %llu", (unsigned long long)sum);
}

#ifdef __cplusplus
}
#endif

#endif
