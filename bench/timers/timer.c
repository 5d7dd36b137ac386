/* SPDX-License-Identifier: MIT */
#include "timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    STEP_US = 10, /* of the histogram */
    STEPS = 100000,
    WINDOW_MS = 1500,
};

static uint64_t warm_up; /* sleeps that are left, before anything is measured */
static uint64_t window;  /* how long that takes */
static uint64_t from;    /* when it began */
static uint64_t used;    /* processor time, then */
static uint64_t sleeps, early, late[STEPS];

static uint64_t clock_of(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t timer_now(void)
{
    return clock_of(CLOCK_MONOTONIC);
}

static uint32_t random_number(void)
{
    static uint64_t state = 88172645463325252;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

unsigned timer_delay(void)
{
    return random_number() % (TIMER_LONGEST_US + 1);
}

unsigned timer_far(void)
{
    return 1000000 + random_number() % 100000000;
}

void timer_fail(const char *reason)
{
    printf("fail: %s\n", reason);
    fflush(stdout);
    _exit(3);
}

void *timer_memory(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (!p)
        timer_fail("no memory");
    memset(p, 0, n * size); /* so that the system has given it */
    return p;
}

/* Sleeping */

static double late_ms(double part)
{
    uint64_t before = (uint64_t)((double)sleeps * part), seen = 0;

    for (int i = 0; i < STEPS; i++) {
        seen += late[i];
        if (seen > before)
            return (i + 0.5) * STEP_US / 1e3;
    }
    return 0;
}

static void report(uint64_t now)
{
    double cpu = (double)(clock_of(CLOCK_PROCESS_CPUTIME_ID) - used);

    printf("%.4f\n", cpu / 1e3 / (double)sleeps);
    printf("also p50 %.3f\nalso p99 %.3f\n", late_ms(0.5), late_ms(0.99));
    printf("also early %llu\n", (unsigned long long)early);
    printf("also rate %.0f\n", (double)sleeps * 1e9 / (double)(now - from));
    fflush(stdout);
    _exit(0);
}

static void note(int64_t ns)
{
    int64_t step = ns / (STEP_US * 1000);

    sleeps++;
    early += ns < 0;
    late[step < 0 ? 0 : step < STEPS ? step : STEPS - 1]++;
}

uint64_t timer_woke(uint64_t began, unsigned delay)
{
    uint64_t now = timer_now();

    if (warm_up > 0) {
        if (--warm_up == 0) {
            from = now;
            used = clock_of(CLOCK_PROCESS_CPUTIME_ID);
        }
    } else {
        note((int64_t)(now - began - (uint64_t)delay * 1000));
        if (now - from >= window)
            report(now);
    }
    return now;
}

/* It begins when there were as many sleeps as three for each. */
static void run_sleepers(size_t n, double scale)
{
    window = (uint64_t)(WINDOW_MS * 1e6 * (scale < 0.2 ? 0.2 : scale));
    warm_up = 3 * n;
    timer_sleep(n);
    timer_fail("it has ended");
}

static void run_arm(void)
{
    uint64_t start;

    timer_arm(TIMER_ARMED / 10);
    start = timer_now();
    timer_arm(TIMER_ARMED);
    printf("%.2f\n", (double)(timer_now() - start) / TIMER_ARMED);
}

static void list(void)
{
    printf("timer 10000 %s us CPU\ntimer 100000 %s us CPU\n", timer_impl, timer_impl);
    if (timer_arm)
        printf("timer arm_cancel %s ns\n", timer_impl);
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "list")) {
        list();
    } else if (argc == 6 && !strcmp(argv[1], "run") && atof(argv[5]) > 0) {
        if (strcmp(argv[3], "arm_cancel"))
            run_sleepers((size_t)atol(argv[3]), atof(argv[5]));
        else
            run_arm();
    } else {
        fprintf(stderr, "usage: %s list | run BENCH CASE IMPL SCALE\n", argv[0]);
        return 2;
    }
    return 0;
}
