/* SPDX-License-Identifier: MIT
 *
 * The scheduler's inside. Everything blocks through two verbs: park, which suspends the running
 * task with a record on its own stack that says for what, and wake, which only enqueues.
 */
#ifndef HOCKET_SCHED_SCHED_H
#define HOCKET_SCHED_SCHED_H

#include "ready.h"

#include "base/report.h"
#include "base/timer.h"
#include "coro/cold.h"
#include "coro/hibernate.h"
#include "poll/poller.h"

#include <hocket/signal.h>
#include <hocket/task.h>

#include <pthread.h>
#include <stdatomic.h>

/* A task is a coroutine that the scheduler resumes. Of its control block's hot half the scheduler
 * uses: ctx, the suspended context; ctx.aux, what the wake-up says; data, what it waits for, NULL
 * while it is ready. So a turn touches one cache line. */
struct hkt_task {
    struct hkt_coro coro;
};

/* More of ctx.flags; see coro/cold.h. */
#define HKT__CANCELLED  4096u /* a request has reached it */
#define HKT__CANCELLING 8192u /* one is being passed on by what it waits for */

/* The rest of a task, in the room that the control block has for the layer above. Its function,
 * argument and name are where a coroutine has its own. */
struct hkt__job {
    struct hkt_loop *loop;
    void *data;
    uint64_t id;
    /* All of the loop that have not ended. Linked by this, and not by the tasks: a link is changed
     * when a neighbour comes or goes, whose control block nobody needs then. */
    union {
        struct hkt__job *next;
        struct hkt_task *buried; /* the next in the graveyard */
    };
    union {
        struct hkt__job *prev;
        uint64_t ended_order;
    };
    struct hkt_future done;
    struct hkt_group *group;
    struct hkt_task *group_next, *group_prev;
    struct hkt__vars *vars; /* context.h */
    int cancelling;
    bool ended;
    bool handle;  /* somebody holds a handle */
    bool joining; /* somebody is in hkt_join() */
    bool seen;    /* its result was asked for */
};

_Static_assert(sizeof(struct hkt__job) <= HKT__UPPER_SIZE, "room in the control block");

static inline struct hkt__job *hkt__job(const struct hkt_task *t)
{
    return t->coro.cold->upper;
}

/* The task of one that has not ended. */
static inline struct hkt_task *hkt__job_task(const struct hkt__job *job)
{
    return job ? job->done.value : NULL;
}

struct hkt__wait;

/* What is the same for all waits of a kind. */
struct hkt__wait_kind {
    /* Where a stack is put aside, records that can be moved stay at hand; whoever looks at another
     * one has the stack brought back. */
    struct hkt__record_kind record;
    /* Unlinks the record from where it waits. True: the canceller wakes the task with -ECANCELED.
     * False: the cancellation was passed on, and the wake-up will come from there. */
    bool (*abort)(struct hkt__wait *w);
    /* More about it for a dump, beginning with ", ". NULL: there is no more. */
    void (*describe)(const struct hkt__wait *w, int64_t now, char *out, size_t size);
    bool pinned; /* the kernel or another thread may look at the stack meanwhile */
};

/* What a parked task waits for; lives on its stack. */
struct hkt__wait {
    const struct hkt__wait_kind *kind; /* first, as struct hkt__record */
    const char *why;
    int64_t since; /* of the loop's last look at the clock */
    int detail;    /* an fd, or -1 */
    bool keep;     /* a result that came before a cancellation is delivered, and the cancellation at
                      the next suspension */
};

struct hkt__fd_table;
struct hkt__hibernation;

/* Something of a layer above that is to be told when its loop is freed. */
struct hkt__loop_end {
    struct hkt__loop_end *prev, *next;
    void (*fn)(struct hkt__loop_end *e); /* which is out of the list already */
};

struct hkt_loop {
    /* Touched at each turn. */
    struct hkt_task *current; /* these two first, as inline code knows */
    uint64_t next_id;
    struct hkt__ready ready;
    int budget;         /* turns left before the loop polls */
    int op_budget;      /* calls that did not suspend left before one gives up its turn */
    struct hkt_ctx ctx; /* of the loop itself, while a task runs */

    int64_t now; /* when the loop last looked */
    struct hkt__timers timers;
    struct hkt__poller poller;
    struct hkt__fd_table *fds;
    struct hkt_sending *sends;  /* going on */
    bool no_receive, no_accept; /* the poller, or this kernel, does not know how */
    size_t fd_waiters;          /* tasks and callbacks that an fd could wake */
    uint32_t onces;             /* the next one's number: fdonce.c */
    size_t outside;             /* other sources of wake-ups: signals, the thread pool */
    atomic_size_t holds;
    atomic_size_t visitors;              /* threads that are in the middle of a call: handle.c */
    atomic_size_t remotes;               /* tasks that other threads wait for: remote.c */
    _Atomic(struct hkt_handle *) posted; /* newest first */
    _Atomic(uint64_t) signals;           /* those that have come */
    struct hkt__ring before_poll;        /* hkt_prepare */
    struct hkt__loop_end *ends;
    struct hkt__mail_list *mail;          /* of cases of selects: sync/mailcase.c */
    struct hkt__cares *cares;             /* who looks names up: io/cares.c */
    struct hkt__hibernation *hibernation; /* NULL: no stack is put aside */
    struct hkt_signal_watch *signal_watches;
    _Atomic(struct hkt_loop *) next_listener; /* for signals */
    struct hkt_signal_watch dump_watch;

    struct hkt__job *first, *last; /* all that have not ended */
    struct hkt_task *graveyard;    /* ended, not given back yet */
    uint64_t ended_count;
    uint32_t random; /* where equals are to have equal chances; the same in each run */
    size_t task_count;
    int64_t (*clock)(void *ctx);
    void (*sleep_until)(void *ctx, int64_t until);
    void *clock_ctx;
    int64_t slow_ns;
    int64_t fired; /* when timers were last due */
    int64_t slack_ns;
    pthread_t thread;
    unsigned forks;                /* see fork.h */
    struct hkt__reporter reporter; /* fn NULL: the thread's */
    int wait_error;                /* that was reported */
    bool running;
    bool stopping;
    bool debug;
    bool ending;
    bool listening; /* for signals */
};

_Static_assert(offsetof(struct hkt_loop, current) == 0 && offsetof(struct hkt_loop, next_id) == 8,
               "as in hocket/loop.h");

static inline struct hkt_task *hkt__task_self(void)
{
    return hkt__loop ? hkt__loop->current : NULL;
}

/* The request that a task is told of now: -ECANCELED. */
static inline int hkt__take_cancel(struct hkt_task *t)
{
    t->coro.ctx.flags = (t->coro.ctx.flags & ~HKT__CANCEL) | HKT__CANCELLED;
    return -ECANCELED;
}

/* wait.c */

/* Suspends the running task until somebody wakes it. Answers what the wake-up says, or -ECANCELED.
 * The record is linked wherever it waits before the call. */
int hkt__park(struct hkt__wait *w);
/* The same in three steps, for callers who make the switch themselves, in their own caller's frame:
 * a return from below it, in a task other than the one that was last there, is mispredicted, which
 * costs more than the switch. begin: where to switch to from the running task; NULL: it takes more,
 * and hkt__park() is to be called instead. end: the answer. A record that begins in the room of a
 * struct hkt__parting is what hkt__part() needs. */
const struct hkt_ctx *hkt__park_begin(struct hkt__wait *w);
int hkt__park_end(const struct hkt__wait *w);
/* Puts a parked task, whose record was unlinked, into the ready queue. Nothing else happens. */
void hkt__wake(struct hkt_task *t, int rc);
/* The same for who knows its loop: where the task has noted that, two more cache lines are cold. */
void hkt__wake_on(struct hkt_loop *loop, struct hkt_task *t, int rc);
/* Fetches what the switch to a task that was woken will look at. For those who wake many that have
 * waited long: memory can be waited for together. */
static inline void hkt__fetch_stack(const struct hkt_task *t)
{
    const char *sp = t->coro.ctx.sp;

    for (int line = 0; line < 4; line++)
        __builtin_prefetch(sp + (ptrdiff_t)line * 64, 1);
}

/* Gives up the turn without waiting for anything; 0 or -ECANCELED. */
int hkt__turn(void);
/* The same, and has the loop poll before the next turn, leaving a cancellation for the next
 * suspension. */
void hkt__give_way(void);
/* For operations that completed without suspending: now and then gives up the turn, and has the
 * loop poll, because each of them has taken as long as many turns. */
static inline void hkt__op_done(struct hkt_loop *loop);
/* Runs what is ready, from the loop's own stack, until the budget is used up. */
void hkt__run_ready(struct hkt_loop *loop);
/* Who runs next, when the running task is left for ever. The jump is the caller's, because a call
 * that does not return would put the return predictor out of step. */
const struct hkt_ctx *hkt__leave_begin(struct hkt_loop *loop);
/* The same, and leaves, where switches are watched. */
void hkt__leave_watched(struct hkt_loop *loop, struct hkt_task *self);
/* Goes straight into a task from the loop or from a spawning task, which is queued next. */
void hkt__run_now(struct hkt_loop *loop, struct hkt_task *t);

enum { HKT__OPS_A_TURN = 128 };

static inline void hkt__op_done(struct hkt_loop *loop)
{
    if (HKT_UNLIKELY(--loop->op_budget <= 0))
        hkt__give_way();
}

/* leftover.c */

/* Blocking calls, of any loop, that were left behind and have not returned. */
extern atomic_size_t hkt__calls_left;

/* slow.c: turns that take too long */

struct hkt__turn_watch {
    int64_t began;
    char name[48];
};
/* t NULL: a callback's turn. */
void hkt__turn_begins(struct hkt_loop *loop, struct hkt__turn_watch *w, const struct hkt_task *t);
void hkt__turn_ends(struct hkt_loop *loop, const struct hkt__turn_watch *w);

/* foreign.c */

/* Whether this is a build with checks. */
#ifdef HKT_DEBUG
enum { HKT__CHECKED = 1 };
#else
enum { HKT__CHECKED = 0 };
#endif

/* Whether what belongs to the loop may be used here. */
static inline bool hkt__own_thread(const struct hkt_loop *loop)
{
    return HKT_LIKELY(loop == hkt__loop) || pthread_equal(loop->thread, pthread_self());
}
/* -EXDEV, for what belongs to that loop. */
int hkt__foreign(const struct hkt_loop *loop, const char *what);
/* 0; -EXDEV: it is another thread's. */
int hkt__check_thread(const struct hkt_loop *loop, const char *what);

/* timeout.c */

/* Whose time limit a timed call is; NULL: it is another call. */
const struct hkt_task *hkt__timeout_task(const struct hkt_handle *h);

/* dump.c */

/* What it waits for, and since when. */
void hkt__task_describe(char *out, size_t size, const struct hkt_task *t, int64_t now);
/* In a signal's handler: names the task that runs, if the signal is for a dump and came to the
 * loop's thread. */
void hkt__dump_running(const struct hkt_loop *loop, int signum);

/* loop.c */

void hkt__loop_end_link(struct hkt_loop *loop, struct hkt__loop_end *e);
void hkt__loop_end_unlink(struct hkt_loop *loop, struct hkt__loop_end *e);

/* clock.c */

int64_t hkt__loop_clock(const struct hkt_loop *loop);
/* The time of `delay_ns` from now, without overflow. */
int64_t hkt__deadline(const struct hkt_loop *loop, int64_t delay_ns);

/* handle.c */

enum { HKT__IDLE, HKT__QUEUED, HKT__ARMED, HKT__POSTED };

/* Queues the call of every due timer. */
void hkt__fire_timers(struct hkt_loop *loop);
void hkt__take_posted(struct hkt_loop *loop);
/* Waits for the threads that are in the middle of a call, before the loop is freed. */
void hkt__await_visitors(const struct hkt_loop *loop);
/* Of a timer that does not wake a task. */
static inline struct hkt_handle *hkt__handle_of(const struct hkt__timer *t)
{
    return (struct hkt_handle *)((uintptr_t)t - offsetof(struct hkt_handle, timer));
}

/* A timer that wakes a task, and takes less room on its stack than a call does. */
struct hkt__alarm {
    struct hkt__timer timer;
    struct hkt_task *task;
};

/* Has a->task, which parks next, woken at a time. */
void hkt__alarm_set(struct hkt_loop *loop, struct hkt__alarm *a, int64_t when);

/* prepare.c */

static inline bool hkt__any_before_poll(const struct hkt_loop *loop)
{
    return loop->before_poll.next != &loop->before_poll;
}

/* Makes the calls that are to come before the loop polls. */
void hkt__run_before_poll(struct hkt_loop *loop);

/* future.c */

/* Of a future's state. It is the end of a task, which it tells of and nobody else may set; until
 * then its value is the task. */
enum { HKT__OF_TASK = 4 };

static inline bool hkt__future_pending(const struct hkt_future *f)
{
    return (f->state & ~HKT__OF_TASK) == HKT_PENDING;
}

void hkt__future_link(struct hkt_future *f, struct hkt_watch *w);
void hkt__future_unlink(struct hkt_watch *w);
/* 0; -EALREADY. On the loop of those who wait. */
int hkt__future_finish(struct hkt_future *f, int rc, void *value, enum hkt_future_state state);
/* Waits for f without passing a cancellation on. */
int hkt__future_wait(struct hkt_future *f, const char *why);
/* The same; a cancellation that comes when f is done is left for the next suspension. */
int hkt__future_wait_kept(struct hkt_future *f, const char *why);
/* Waits for f; a cancellation is passed on by cancel(arg), unless that answers false. */
int hkt__future_wait_cancelling(struct hkt_future *f, const char *why, bool (*cancel)(void *),
                                void *arg);

/* task.c */

struct hkt_task *hkt__task_make(struct hkt_loop *loop, hkt_task_fn *fn, void *arg,
                                const struct hkt_task_opts *opts);
/* Whether tasks get more from who makes them than a function and its argument; until somebody has
 * said so, in any thread, a spawn looks at nothing else. */
extern atomic_bool hkt__tasks_inherit;
void hkt__task_inherit(struct hkt_task *t, const struct hkt_task_opts *opts, void *site);
/* Called with what was made; site: where in the program. */
static inline void hkt__task_inherits(struct hkt_task *t, const struct hkt_task_opts *opts,
                                      void *site)
{
    if (HKT_UNLIKELY(atomic_load_explicit(&hkt__tasks_inherit, memory_order_relaxed)))
        hkt__task_inherit(t, opts, site);
}
void hkt__task_start(struct hkt_task *t, bool eager);
void hkt__bury(struct hkt_loop *loop);
/* 0; -ENOMEM, -EPERM, -EDEADLK: whether the caller may wait for t. */
int hkt__may_wait_for(const struct hkt_task *t);
/* Cancels what a task waits for, which is cancelled. False: t itself waits for that, through
 * whatever is between, so that it does not end by this: who waits for t is to be told instead. */
bool hkt__task_pass_cancel(struct hkt_task *t);
/* Takes the handle's reference away; frees a task that has ended. */
void hkt__task_unref(struct hkt_task *t);

/* combine.c */

/* 0; as hkt__may_wait_for(), of those that are not NULL, at whose results somebody will look. */
int hkt__may_wait_for_all(struct hkt_task *const *tasks, size_t n);
/* Their errors are not reported: somebody has looked, or will. */
void hkt__all_seen(struct hkt_task *const *tasks, size_t n, bool ended_only);

/* group.c */

void hkt__group_member_ended(struct hkt_task *t, int rc);

/* fdwait.c: see fdwait.h */

#endif
