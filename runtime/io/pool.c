/* SPDX-License-Identifier: MIT
 *
 * One lock guards everything. An idle thread that was signalled counts as idle until it runs, and
 * what it was signalled for is still in the line, so that comparing the two numbers tells whether
 * another thread is needed.
 */
#include "pool.h"
#include "sched/fork.h"

#include "base/sys.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MOST_BY_DEFAULT = 32, MORE_THAN_PROCESSORS = 4 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct hkt__work *first, *last;
    unsigned queued, idle, threads;
    unsigned max; /* 0: not known yet */
    int64_t idle_ns;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .more = PTHREAD_COND_INITIALIZER,
    .idle_ns = HKT_SEC(10),
};

static _Thread_local struct hkt__work *current;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The line */

static void put(struct hkt__work *w)
{
    w->state = HKT__WORK_QUEUED;
    w->next = NULL;
    w->prev = pool.last;
    if (w->prev)
        w->prev->next = w;
    else
        pool.first = w;
    pool.last = w;
    pool.queued++;
}

static void take(struct hkt__work *w)
{
    if (w->prev)
        w->prev->next = w->next;
    else
        pool.first = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        pool.last = w->prev;
    pool.queued--;
}

/* Threads */

static unsigned default_max(void)
{
    const char *text = getenv("HKT_THREADS");
    long wanted = text ? strtol(text, NULL, 10) : 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (wanted > 0)
        return wanted < 65536 ? (unsigned)wanted : 65536;
    wanted = (processors > 0 ? processors : 1) + MORE_THAN_PROCESSORS;
    return wanted < MOST_BY_DEFAULT ? (unsigned)wanted : MOST_BY_DEFAULT;
}

/* By the clock that every system can wait on. When it is set meanwhile a thread ends early, or
 * late.
 */
static struct timespec idle_until(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += (time_t)(pool.idle_ns / 1000000000);
    t.tv_nsec += (long)(pool.idle_ns % 1000000000);
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

/* Something to do, or NULL when the thread is to end. */
static struct hkt__work *next_work(void)
{
    int rc = 0;

    while (!pool.first && rc == 0 && pool.threads <= pool.max) {
        const struct timespec until = idle_until();
        pool.idle++;
        rc = pthread_cond_timedwait(&pool.more, &pool.lock, &until);
        pool.idle--;
    }
    struct hkt__work *w = pool.threads <= pool.max ? pool.first : NULL;
    if (!w)
        return NULL;
    take(w);
    w->state = HKT__WORK_RUNNING;
    return w;
}

/* In a child that fn has forked this is a thread of nobody, and the loop that waits is not there.
 */
static int call(struct hkt__work *w)
{
    const unsigned forks = hkt__forks;

    current = w;
    int rc = w->fn(w->arg);
    current = NULL;
    if (hkt__forks != forks)
        _exit(EXIT_FAILURE);
    return rc;
}

static void run(struct hkt__work *w)
{
    pthread_mutex_unlock(&pool.lock);
    int rc = call(w);
    pthread_mutex_lock(&pool.lock);
    w->rc = rc;
    w->state = HKT__WORK_OVER;
    if (!w->drop) {
        w->ended(w);
        return;
    }
    pthread_mutex_unlock(&pool.lock);
    w->dropped(w);
    pthread_mutex_lock(&pool.lock);
}

static void *serve(void *arg)
{
    struct hkt__work *w;

    pthread_mutex_lock(&pool.lock);
    while ((w = next_work()) != NULL)
        run(w);
    pool.threads--;
    pthread_mutex_unlock(&pool.lock);
    return arg;
}

/* The threads are the parent's, and so is all that they were to do. */
static void in_child(void)
{
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.more, NULL);
    pool.first = pool.last = NULL;
    pool.queued = pool.idle = pool.threads = 0;
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, in_child);
}

/* What the callers see */

static int ensure_thread(void)
{
    if (pool.max == 0)
        pool.max = default_max();
    if (pool.queued <= pool.idle || pool.threads >= pool.max)
        return 0;
    pool.threads++;
    int rc = hkt__sys.thread(serve, NULL);
    if (rc == 0)
        return 0;
    pool.threads--;
    return pool.threads > 0 ? 0 : rc; /* those that there are will come to it */
}

int hkt__pool_submit(struct hkt__work *w)
{
    (void)pthread_once(&once, watch_forks);
    pthread_mutex_lock(&pool.lock);
    put(w);
    int rc = ensure_thread();
    if (rc < 0)
        take(w);
    else
        pthread_cond_signal(&pool.more);
    pthread_mutex_unlock(&pool.lock);
    return rc;
}

static void *serve_one(void *w)
{
    pthread_mutex_lock(&pool.lock);
    run(w);
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

int hkt__pool_submit_alone(struct hkt__work *w)
{
    (void)pthread_once(&once, watch_forks);
    w->state = HKT__WORK_RUNNING;
    return hkt__sys.thread(serve_one, w);
}

enum hkt__work_state hkt__pool_cancel(struct hkt__work *w, bool drop)
{
    pthread_mutex_lock(&pool.lock);
    enum hkt__work_state state = w->state;
    if (state == HKT__WORK_QUEUED)
        take(w);
    if (state == HKT__WORK_RUNNING) {
        atomic_store(&w->cancelled, true);
        w->drop = drop;
    }
    pthread_mutex_unlock(&pool.lock);
    return state;
}

void hkt__pool_settle(void)
{
    pthread_mutex_lock(&pool.lock);
    pthread_mutex_unlock(&pool.lock);
}

bool hkt_blocking_cancelled(void)
{
    return current && atomic_load(&current->cancelled);
}

void hkt_work_configure(const struct hkt_work_opts *opts)
{
    pthread_mutex_lock(&pool.lock);
    pool.max = opts && opts->max_threads ? opts->max_threads : default_max();
    pool.idle_ns = opts && opts->idle_ns > 0 ? opts->idle_ns : HKT_SEC(10);
    pthread_cond_broadcast(&pool.more); /* those too many, and those that waited for longer */
    pthread_mutex_unlock(&pool.lock);
}

unsigned hkt_work_threads(void)
{
    pthread_mutex_lock(&pool.lock);
    unsigned threads = pool.threads;
    pthread_mutex_unlock(&pool.lock);
    return threads;
}
