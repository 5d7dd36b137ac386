/* SPDX-License-Identifier: MIT
 *
 * Mistakes made inside coroutines, for tests/watchers, which expects each to be noticed: a checker
 * that has lost track of the stacks is quiet, and so would be our tests under it.
 */
#include <hocket/coro.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int sink;
static int shared;

/* Hidden from the optimiser. */
static void *through(void *p)
{
    __asm__ volatile("" : "+r"(p));
    return p;
}

static int use_after_free(struct hkt_coro *self, void *arg)
{
    char *p = through(malloc(16));

    (void)arg;
    free(p);
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    sink = p[3];
    return 0;
}

static int stack_overrun(struct hkt_coro *self, void *arg)
{
    char local[16];
    char *p = through(local);

    (void)arg;
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    memset(p, 1, sizeof local + 1);
    sink = p[0];
    return 0;
}

static _Thread_local char *kept;

static __attribute__((noinline)) void keep_a_local(void)
{
    char local[16] = {0};

    kept = through(local);
}

static int use_after_return(struct hkt_coro *self, void *arg)
{
    (void)arg;
    keep_a_local();
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    sink = kept[0];
    return 0;
}

static int leak(struct hkt_coro *self, void *arg)
{
    char *volatile p = malloc(1000);

    (void)arg;
    p[0] = 1;
    p = NULL;
    return hkt_coro_yield(self, NULL, NULL);
}

static int uninitialised(struct hkt_coro *self, void *arg)
{
    int *p = through(malloc(sizeof *p));

    (void)arg;
    HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    if (*p)
        puts("set");
    free(p);
    return 0;
}

static int race(struct hkt_coro *self, void *arg)
{
    (void)arg;
    for (int i = 0; i < 10000; i++) {
        shared++;
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
    }
    return 0;
}

static pthread_barrier_t begin, end;

/* None frees its coroutine before all are through, because ThreadSanitizer holds what comes after
 * that for the same fiber. A barrier for each purpose, because whoever is late at one would seem to
 * come after all that others did before they reached it again. */
static void *run(void *fn)
{
    hkt_auto_coro c = hkt_coro_new((hkt_coro_fn *)(uintptr_t)fn, NULL);

    pthread_barrier_wait(&begin);
    while (hkt_coro_resume(c, NULL, NULL) > 0)
        continue;
    pthread_barrier_wait(&end);
    return NULL;
}

static const struct {
    const char *name;
    hkt_coro_fn *fn;
} faults[] = {
    {"use-after-free", use_after_free},     {"stack-overrun", stack_overrun},
    {"use-after-return", use_after_return}, {"leak", leak},
    {"uninitialised", uninitialised},       {"race", race},
};

/* Two threads at it: only a race is any different for that. */
int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (argc < 2 || strcmp(argv[1], faults[i].name) != 0)
            continue;
        pthread_t threads[2];
        pthread_barrier_init(&begin, NULL, 2);
        pthread_barrier_init(&end, NULL, 2);
        for (int t = 0; t < 2; t++)
            pthread_create(&threads[t], NULL, run, (void *)(uintptr_t)faults[i].fn);
        for (int t = 0; t < 2; t++)
            pthread_join(threads[t], NULL);
        return 0;
    }
    return 2;
}
