/* SPDX-License-Identifier: MIT
 *
 * The load generator of the servers' benchmarks: a closed loop, in which each connection sends its
 * next request when it has the answer to the last one.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mode { LOAD_HTTP, LOAD_ECHO, LOAD_CHURN };

struct load {
    enum mode mode;
    int port, pid;   /* of the server */
    int connections; /* that are busy */
    int depth;       /* requests that are sent at once */
    int idle;        /* connections that have made one request, and make no other */
    double warm_up;  /* seconds, before what is measured */
    double seconds;
    uint64_t requests; /* not 0: so many, instead of seconds */
    bool hold;         /* waits for a line before it sends, and another before it ends */
};

void load_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t load_now(void);

/* latency.c: how long answers took, to one part in 64. */

void latency_reset(void);
void latency_add(uint64_t ns);
/* Below which such a part of them was, in microseconds. */
double latency_quantile(double part);

/* watch.c: what a process has used. */

struct usage {
    double cpu;       /* seconds, by its clock */
    double user, sys; /* the same by the system's ticks, for the proportion */
};

struct usage usage_of(int pid);
/* Bytes: of memory, and of the tables of its pages. */
double resident(int pid);
double tables(int pid);

/* client.c */

/* What one answer looks like is learned from the first, on a connection that stays. */
void client_begin(const struct load *load);
/* Opens the idle connections. */
void client_open_idle(void);
/* Each of them makes one more request, one after the other in an order of chance, until that time;
 * how many did. */
uint64_t client_wake_idle(uint64_t until);
/* Opens the busy ones, each of which makes one request. */
void client_open_busy(void);
/* Each sends the first of its requests; no more than so many are sent in all, if that is not 0. */
void client_start(uint64_t most);
/* Goes on until that time, or, where there is a most, until all answers have come; how many came.
 */
uint64_t client_run(uint64_t until);

#endif
