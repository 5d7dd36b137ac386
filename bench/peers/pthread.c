/* SPDX-License-Identifier: MIT
 *
 * The system's mutex. Without a second thread the C library leaves out what makes it one.
 */
#include "../support/bench.h"

#include <pthread.h>

static pthread_mutex_t blocks = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *second_thread(void *arg)
{
    pthread_mutex_lock(&blocks);
    pthread_mutex_unlock(&blocks);
    return arg;
}

static double time_mutex(uint64_t n)
{
    pthread_t thread;

    pthread_mutex_lock(&blocks);
    if (pthread_create(&thread, NULL, second_thread, NULL) != 0)
        bench_fail("no thread");
    double start = bench_now();
    for (uint64_t i = 0; i < n; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    double took = bench_now() - start;
    pthread_mutex_unlock(&blocks);
    pthread_join(thread, NULL);
    return took;
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("lock", "free", "floor-pthread", time_mutex),
    BENCH_END,
};
