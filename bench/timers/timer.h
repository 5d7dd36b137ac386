/* SPDX-License-Identifier: MIT
 *
 * What the programs of the bench `timer` share. They speak the protocol of support/bench.h, with
 * what they have found besides in lines "also NAME NUMBER".
 *
 * A case named by a number has as many sleepers. Each sleeps for a random time, again and again;
 * how late it woke is by the clock, from before the call. Measured is what the process used from
 * when all have begun.
 */
#ifndef BENCH_TIMER_H
#define BENCH_TIMER_H

#include <stddef.h>
#include <stdint.h>

enum { TIMER_LONGEST_US = 100000, TIMER_ARMED = 1000000 };

extern const char *const timer_impl;

/* Runs n sleepers until the process ends, which it does in timer_woke(). */
void timer_sleep(size_t n);

/* Arms n timers for so long that none fires, and cancels them in the same order. NULL: the library
 * has none that can be cancelled. */
typedef void timer_arm_fn(size_t n);
extern timer_arm_fn *const timer_arm;

/* How long to sleep next, in microseconds. */
unsigned timer_delay(void);
/* And how long a timer is armed for that is going to be cancelled: a second or more. */
unsigned timer_far(void);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t timer_now(void);

/* A sleep has ended that began then. Returns: now, when the next one begins. */
uint64_t timer_woke(uint64_t began, unsigned delay);

/* Memory for as many. */
void *timer_memory(size_t n, size_t size);

void timer_fail(const char *reason) __attribute__((noreturn));

#endif
