/* SPDX-License-Identifier: MIT
 *
 * The loop: one iteration polls, lets events and due timers wake whom they concern, and runs what
 * is ready. Only here is it decided what an event means.
 */
#include "loop.h"
#include "fdsend.h"
#include "fdwait.h"
#include "fork.h"
#include "hibernate.h"
#include "sched.h"
#include "signals.h"

#include "base/os.h"
#include "base/report.h"
#include "base/sys.h"
#include "coro/profile.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVENTS = 256 };

/* How often a loop that ends cancels those tasks that were made since it last did. */
enum { ROUNDS = 100 };

/* Half of what the clocks of asyncio's and libuv's loops tell apart, and a system call for each of
 * a hundred thousand sleeps a second becomes one for 50. */
#define USUAL_SLACK HKT_US(500)
#define MOST_SLACK  HKT_SEC(1)

/* As asyncio's. */
#define USUAL_SLOW HKT_MS(100)

/* One iteration */

static void on_events(struct hkt_loop *loop, const struct hkt__event *events, int n)
{
    for (int i = 0; i < n; i++) {
        if (i + 4 < n)
            hkt__fd_fetch(loop, &events[i + 4], &events[i + 2]);
        if (!(events[i].what & HKT__POLL_NOTIFY))
            hkt__fd_event(loop, &events[i]);
    }
}

/* Waits in simulated time: looks for events, then lets the clock's owner advance it. */
static int wait_simulated(struct hkt_loop *loop, struct hkt__event *events, int64_t until)
{
    int n = loop->poller.ops->wait(&loop->poller, events, EVENTS, 0);

    if (n == 0)
        loop->sleep_until(loop->clock_ctx, until);
    return n;
}

/* A wait that fails is likely to fail again, so that is said once, and the others are not to spin.
 */
static void wait_failed(struct hkt_loop *loop, int rc)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    if (loop->wait_error != rc)
        hkt_report("%s: wait failed: %s", loop->poller.ops->name, hkt_strerror(rc));
    loop->wait_error = rc;
    if (!hkt__ready_any(&loop->ready))
        (void)nanosleep(&pause, NULL);
}

static void poll(struct hkt_loop *loop, int64_t timeout)
{
    struct hkt__event events[EVENTS];
    int n;

    if (timeout != 0 && loop->sleep_until && timeout > 0)
        n = wait_simulated(loop, events, loop->now + timeout);
    else
        n = loop->poller.ops->wait(&loop->poller, events, EVENTS, timeout);
    if (n > 0)
        on_events(loop, events, n);
    else if (n < 0)
        wait_failed(loop, n);
}

/* most: how long the loop may sleep otherwise, negative for ever. */
static int64_t until_sweep(const struct hkt_loop *loop, int64_t most)
{
    int64_t next = loop->hibernation->next;

    if (next == INT64_MAX || (most >= 0 && next - loop->now >= most))
        return most;
    return next > loop->now ? next - loop->now : 0;
}

/* How long the loop may sleep: 0 not at all, negative for ever. */
static int64_t may_sleep(struct hkt_loop *loop)
{
    int64_t when;

    if (hkt__ready_any(&loop->ready) || loop->stopping || hkt__any_before_poll(loop) ||
        atomic_load(&loop->posted) || atomic_load(&loop->signals))
        return 0;
    if (!hkt__timers_next(&loop->timers, &when))
        return HKT_UNLIKELY(loop->hibernation != NULL) ? until_sweep(loop, -1) : -1;
    if (when <= loop->now)
        return 0;
    /* Not sooner than a while after the last, together with what is due by then. */
    int64_t soonest = loop->fired + loop->slack_ns;
    int64_t most = (when > soonest ? when : soonest) - loop->now;
    return HKT_UNLIKELY(loop->hibernation != NULL) ? until_sweep(loop, most) : most;
}

/* Whether anything but this thread's own turns can wake a task. */
static bool can_be_woken(const struct hkt_loop *loop)
{
    return hkt__ready_any(&loop->ready) || loop->fd_waiters || loop->outside || loop->stopping ||
           hkt__any_before_poll(loop) || atomic_load(&loop->holds) || atomic_load(&loop->posted) ||
           hkt__timers_count(&loop->timers) > 0;
}

static void iterate(struct hkt_loop *loop)
{
    int64_t timeout;

    loop->now = hkt__loop_clock(loop);
    if (HKT_UNLIKELY(loop->hibernation != NULL))
        hkt__hibernation_sweep(loop);
    timeout = may_sleep(loop);
    if (timeout != 0 || loop->fd_waiters || loop->outside || loop->poller.unsent)
        poll(loop, timeout);
    if (timeout != 0)
        loop->now = hkt__loop_clock(loop);
    hkt__take_posted(loop);
    hkt__signals_take(loop);
    hkt__fire_timers(loop);
    hkt__run_ready(loop);
    hkt__run_before_poll(loop);
}

/* From now on the thread's reports are the loop's. Answers who was told before. */
static const struct hkt__reporter *speak(const struct hkt_loop *loop)
{
    const struct hkt__reporter *before = hkt__reporter;

    if (loop->reporter.fn)
        hkt__reporter = &loop->reporter;
    return before;
}

/* Runs until stopped, or until nothing can happen any more and `until` has not come: -EDEADLK. */
static int spin(struct hkt_loop *loop, const struct hkt_task *until)
{
    struct hkt_loop *outer = hkt__loop;
    int rc = 0;

    if (hkt__forked(loop))
        return -ECHILD;
    if (loop->running || outer)
        return -EBUSY;
    if (!hkt__own_thread(loop))
        return hkt__foreign(loop, "run");
    const struct hkt__reporter *before = speak(loop);
    loop->running = true;
    hkt__loop = loop;
    do {
        if (until && !can_be_woken(loop)) {
            rc = -EDEADLK;
            break;
        }
        iterate(loop);
    } while (!loop->stopping);
    loop->stopping = false;
    loop->running = false;
    hkt__loop = NULL;
    hkt__reporter = before;
    return hkt__forked(loop) ? -ECHILD : rc;
}

/* Making and ending */

/* The wheel has to learn the time before the first deadline, or it would put all of them far off.
 */
static void start_timers(struct hkt_loop *loop)
{
    hkt__timers_init(&loop->timers);
    (void)hkt__timers_pop_due(&loop->timers, loop->now);
}

static int64_t slack_of(const struct hkt_loop_opts *opts)
{
    if (opts->slack_ns < 0)
        return 0;
    if (opts->slack_ns > 0)
        return opts->slack_ns < MOST_SLACK ? opts->slack_ns : MOST_SLACK;
    return opts->clock ? 0 : USUAL_SLACK;
}

static bool asked_for_debug(void)
{
    const char *value = getenv("HKT_DEBUG");

    return value && *value && strcmp(value, "0") != 0;
}

static int furnish(struct hkt_loop *loop, const struct hkt_loop_opts *opts)
{
    int rc = hkt__ready_init(&loop->ready);

    if (rc == 0)
        rc = hkt__hibernation_begin(loop, opts);
    if (rc == 0)
        rc = hkt__fds_init(loop);
    if (rc < 0)
        return rc;
    rc = hkt__poller_choose(&loop->poller, opts->poller);
    if (rc < 0)
        hkt__fds_free(loop);
    else
        loop->no_receive = !loop->poller.ops->receive;
    return rc;
}

struct hkt_loop *hkt_loop_new(const struct hkt_loop_opts *opts)
{
    static const struct hkt_loop_opts none;
    struct hkt_loop *loop = hkt__os.alloc(sizeof *loop);

    if (!loop)
        return NULL;
    if (!opts)
        opts = &none;
    hkt__sys_suit();
    hkt__fork_watch();
    loop->forks = hkt__forks;
    loop->thread = pthread_self();
    loop->clock = opts->clock;
    loop->sleep_until = opts->clock ? opts->sleep_until : NULL;
    loop->clock_ctx = opts->clock_ctx;
    loop->reporter = (struct hkt__reporter){opts->on_report, opts->report_ctx};
    loop->debug = opts->debug || asked_for_debug();
    loop->slow_ns = opts->slow_ns || !loop->debug ? opts->slow_ns : USUAL_SLOW;
    loop->slack_ns = slack_of(opts);
    loop->random = 1;
    loop->before_poll.next = loop->before_poll.prev = &loop->before_poll;
    if (furnish(loop, opts) < 0) {
        hkt__hibernation_end(loop);
        hkt__ready_free(&loop->ready);
        free(loop);
        return NULL;
    }
    hkt__sigpipe_hold();
    loop->now = hkt__loop_clock(loop);
    loop->fired = loop->now - loop->slack_ns;
    start_timers(loop);
    if (loop->debug)
        hkt__watch_for_left();
    if (loop->debug || hkt__profile_wanted())
        atomic_store_explicit(&hkt__tasks_inherit, true, memory_order_relaxed);
    return loop;
}

static bool made_since(const struct hkt__job *job, uint64_t id)
{
    return job && job->id > id;
}

/* Those that were made after the task of that number, the eldest first. Answers the youngest's. */
static uint64_t cancel_since(struct hkt_loop *loop, uint64_t id)
{
    struct hkt_loop *outer = hkt__loop;
    struct hkt__job *job = made_since(loop->last, id) ? loop->last : NULL;

    while (job && made_since(job->prev, id))
        job = job->prev;
    hkt__loop = loop; /* who is cancelled withdraws from it */
    for (; job; job = job->next)
        (void)hkt_task_cancel(hkt__job_task(job));
    hkt__loop = outer;
    return loop->next_id;
}

/* Until the tasks up to that number have ended. */
static void stop_when_ended(struct hkt_loop *loop, uint64_t id)
{
    struct hkt_loop *outer = hkt__loop;

    hkt__loop = loop;
    loop->running = true;
    while (((((loop->first && !made_since(loop->first, id)) || atomic_load(&loop->remotes)) &&
             can_be_woken(loop)) ||
            loop->sends) &&
           !hkt__forked(loop))
        iterate(loop);
    loop->running = false;
    hkt__loop = hkt__forked(loop) ? NULL : outer;
}

/* Cancels all tasks and waits for their ends; then those that were made meanwhile, which may have
 * been part of how the others cleaned up. */
static void end_tasks(struct hkt_loop *loop)
{
    uint64_t told = 0;

    for (int round = 0; round < ROUNDS; round++) {
        if (round > 0)
            hkt_report("%zu tasks were made while the others ended, and are cancelled",
                       loop->task_count);
        told = cancel_since(loop, told);
        stop_when_ended(loop, told);
        if (!made_since(loop->last, told) || hkt__forked(loop))
            break;
    }
}

/* Cancels whatever runs and waits for its end. Tasks that then wait for what cannot come, or are
 * made again and again, are reported and left. */
void hkt__loop_finish(struct hkt_loop *loop)
{
    loop->ending = true;
    if ((!loop->first && !loop->sends && !atomic_load(&loop->remotes)) || hkt__forked(loop))
        return;
    const struct hkt__reporter *before = speak(loop);
    hkt__report_unfinished(loop);
    hkt__sends_cancel(loop);
    end_tasks(loop);
    if (loop->first) {
        hkt_report("%zu tasks ignored their cancellation and wait for what cannot come, or make "
                   "others for ever",
                   loop->task_count);
        hkt_dump(loop);
    }
    hkt__reporter = before;
}

void hkt__loop_end_link(struct hkt_loop *loop, struct hkt__loop_end *e)
{
    e->prev = NULL;
    e->next = loop->ends;
    if (e->next)
        e->next->prev = e;
    loop->ends = e;
}

void hkt__loop_end_unlink(struct hkt_loop *loop, struct hkt__loop_end *e)
{
    if (e->prev)
        e->prev->next = e->next;
    else
        loop->ends = e->next;
    if (e->next)
        e->next->prev = e->prev;
}

static void tell_end(struct hkt_loop *loop)
{
    struct hkt__loop_end *e;

    while ((e = loop->ends) != NULL) {
        hkt__loop_end_unlink(loop, e);
        e->fn(e);
    }
}

int hkt_loop_free(struct hkt_loop *loop)
{
    if (!loop)
        return 0;
    if (loop->running)
        return -EBUSY;
    hkt__loop_finish(loop);
    const struct hkt__reporter *before = speak(loop);
    hkt__bury(loop);
    if (!hkt__forked(loop))
        hkt__report_left(loop);
    tell_end(loop);
    hkt__signals_forget(loop);
    if (!hkt__forked(loop)) { /* else a child holds nothing, and has no other threads */
        hkt__sigpipe_release();
        hkt__await_visitors(loop);
    }
    loop->poller.ops->close(&loop->poller);
    hkt__fds_free(loop);
    hkt__ready_free(&loop->ready);
    hkt__hibernation_end(loop);
    hkt__reporter = before;
    free(loop);
    return 0;
}

/* Running */

static void report_deadlock(struct hkt_loop *loop)
{
    const struct hkt__reporter *before = speak(loop);

    hkt_report("nothing is left that could wake the tasks of this loop");
    hkt__reporter = before;
    hkt_dump(loop);
}

static void stop_loop(void *loop)
{
    hkt_loop_stop(loop);
}

int hkt__loop_run_task(struct hkt_loop *loop, struct hkt_task *t)
{
    struct hkt_watch done = {0};
    struct hkt__job *job = hkt__job(t);
    int rc;

    if (loop->running || hkt__loop)
        return -EBUSY;
    rc = hkt_future_watch(&job->done, &done, stop_loop, loop);
    if (rc < 0)
        return rc;
    rc = spin(loop, t);
    if (job->ended) {
        job->seen = true;
        return job->done.rc;
    }
    (void)hkt_future_unwatch(&done);
    if (rc != -EDEADLK)
        return rc == -ECHILD ? rc : -EINTR;
    report_deadlock(loop);
    (void)hkt_task_cancel(t);
    stop_when_ended(loop, UINT64_MAX);
    return -EDEADLK;
}

int hkt_loop_run(struct hkt_loop *loop, hkt_task_fn *fn, void *arg)
{
    if (!loop)
        return -ENOMEM;
    if (hkt__forked(loop))
        return -ECHILD;
    if (loop->running || hkt__loop)
        return -EBUSY;
    struct hkt_task *t = hkt_ensure_future(loop, fn, arg);
    if (!t)
        return -ENOMEM;
    int rc = hkt__loop_run_task(loop, t);
    hkt__task_unref(t);
    return rc;
}

int hkt_loop_run_forever(struct hkt_loop *loop)
{
    return loop ? spin(loop, NULL) : -ENOMEM;
}

void hkt_loop_stop(struct hkt_loop *loop)
{
    if (!loop)
        return;
    if (hkt__own_thread(loop))
        loop->stopping = true;
    else
        (void)hkt__foreign(loop, "stop");
}

void hkt_loop_on_report(struct hkt_loop *loop, hkt_report_fn *fn, void *ctx)
{
    if (!loop)
        return;
    loop->reporter = (struct hkt__reporter){fn, ctx};
    if (loop == hkt__loop)
        hkt__reporter = fn ? &loop->reporter : NULL;
}

const char *hkt_loop_poller(const struct hkt_loop *loop)
{
    return loop ? loop->poller.ops->name : "none";
}
