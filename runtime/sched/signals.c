/* SPDX-License-Identifier: MIT
 *
 * The handler only sets a bit in every loop that listens and makes its poll return; what follows is
 * decided by the loop, in its own turn.
 */
#include "signals.h"
#include "fork.h"

#include <sched.h>
#include <signal.h>
#include <string.h>

enum { SIGNALS = 64 };

/* The loops that listen, and how many handlers walk that list: any number of threads may be in one.
 * Nobody but the handlers reads the list without the lock. */
static _Atomic(struct hkt_loop *) listeners;
static atomic_uint walking;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users[SIGNALS + 1];
static struct sigaction former[SIGNALS + 1];

static void on_signal(int signum)
{
    int saved = errno;

    atomic_fetch_add(&walking, 1);
    for (struct hkt_loop *l = atomic_load(&listeners); l; l = atomic_load(&l->next_listener)) {
        hkt__dump_running(l, signum);
        atomic_fetch_or(&l->signals, HKT_SIG(signum));
        l->poller.ops->notify(&l->poller);
    }
    atomic_fetch_sub(&walking, 1);
    errno = saved;
}

static void listen(struct hkt_loop *loop)
{
    if (loop->listening)
        return;
    loop->listening = true;
    atomic_store(&loop->next_listener, atomic_load(&listeners));
    atomic_store(&listeners, loop);
}

/* A handler on another thread may have come to this loop, which is to be freed: it is waited for.
 * It goes on from here, so the loop keeps its link. */
static void stop_listening(struct hkt_loop *loop)
{
    _Atomic(struct hkt_loop *) *at = &listeners;

    while (atomic_load(at) != loop)
        at = &atomic_load(at)->next_listener;
    atomic_store(at, atomic_load(&loop->next_listener));
    loop->listening = false;
    while (atomic_load(&walking) > 0)
        sched_yield();
}

static int take_over(int signum)
{
    /* The stack that it interrupts may be too small for it. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};

    sigemptyset(&action.sa_mask);
    if (users[signum] == 0 && sigaction(signum, &action, &former[signum]) != 0)
        return -errno;
    users[signum]++;
    return 0;
}

static void hand_back(uint64_t set)
{
    for (int signum = 1; signum <= SIGNALS; signum++)
        if (set & HKT_SIG(signum) && --users[signum] == 0)
            sigaction(signum, &former[signum], NULL);
}

static int take_over_all(uint64_t set)
{
    uint64_t done = 0;
    int rc = 0;

    for (int signum = 1; signum <= SIGNALS && rc == 0; signum++) {
        if (set & HKT_SIG(signum) && (rc = take_over(signum)) == 0)
            done |= HKT_SIG(signum);
    }
    if (rc < 0)
        hand_back(done);
    return rc;
}

/* Listens first, or one that comes in between would be nobody's. */
static int enlist(struct hkt_loop *loop, uint64_t set)
{
    pthread_mutex_lock(&lock);
    listen(loop);
    int rc = take_over_all(set);
    if (rc < 0 && !loop->signal_watches)
        stop_listening(loop);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int start(struct hkt_loop *loop, struct hkt_signal_watch *w)
{
    int rc = hkt__forked(loop) ? -ECHILD : enlist(loop, w->set);

    if (rc < 0) {
        w->set = 0;
        return rc;
    }
    w->next = loop->signal_watches;
    loop->signal_watches = w;
    if (!w->quiet)
        loop->outside++;
    return 0;
}

static void withdraw(struct hkt_loop *loop, uint64_t set)
{
    pthread_mutex_lock(&lock);
    hand_back(set);
    if (!loop->signal_watches)
        stop_listening(loop);
    pthread_mutex_unlock(&lock);
}

static void stop(struct hkt_loop *loop, struct hkt_signal_watch *w)
{
    struct hkt_signal_watch **at = &loop->signal_watches;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (!hkt__forked(loop)) /* else that is done */
        withdraw(loop, w->set);
    w->set = 0;
    if (!w->quiet)
        loop->outside--;
}

static int watch(struct hkt_loop *loop, struct hkt_signal_watch *w, int signum, hkt_call_fn *fn,
                 void *arg, bool quiet)
{
    if (!loop || !w)
        return -ENOMEM;
    if (!fn || signum < 1 || signum > SIGNALS)
        return -EINVAL;
    if (w->set)
        return -EBUSY;
    *w = (struct hkt_signal_watch){
        .handle.loop = loop, .fn = fn, .arg = arg, .set = HKT_SIG(signum), .quiet = quiet};
    return start(loop, w);
}

int hkt_call_on_signal(struct hkt_loop *loop, struct hkt_signal_watch *w, int signum,
                       hkt_call_fn *fn, void *arg)
{
    return watch(loop, w, signum, fn, arg, false);
}

int hkt__watch_signal(struct hkt_loop *loop, struct hkt_signal_watch *w, int signum,
                      hkt_call_fn *fn, void *arg)
{
    return watch(loop, w, signum, fn, arg, true);
}

int hkt_remove_signal(struct hkt_signal_watch *w)
{
    if (!w->set)
        return 0;
    struct hkt_loop *loop = w->handle.loop;
    (void)hkt_handle_cancel(&w->handle);
    stop(loop, w);
    return 1;
}

struct wait_signal {
    struct hkt__wait wait;
    struct hkt_signal_watch watch;
};

static bool abort_wait(struct hkt__wait *w)
{
    struct wait_signal *s = (struct wait_signal *)(void *)w;

    stop(hkt__loop, &s->watch);
    return true;
}

static const struct hkt__wait_kind wait_kind = {.abort = abort_wait};

int hkt_signal_wait(uint64_t set)
{
    struct hkt_task *self = hkt__task_self();
    struct wait_signal s = {.wait = {.why = "signal", .kind = &wait_kind, .detail = -1},
                            .watch = {.task = self, .set = set}};

    if (!self)
        return -EPERM;
    if (!set)
        return -EINVAL;
    s.watch.handle.loop = hkt__loop;
    int rc = start(hkt__loop, &s.watch);
    return rc < 0 ? rc : hkt__park(&s.wait);
}

static void deliver(struct hkt_loop *loop, struct hkt_signal_watch *w, uint64_t came)
{
    struct hkt_task *t = w->task;

    if (!t) {
        (void)hkt_call_soon(loop, &w->handle, w->fn, w->arg);
        return;
    }
    stop(loop, w);
    hkt__wake(t, __builtin_ctzll(came) + 1);
}

void hkt__signals_take(struct hkt_loop *loop)
{
    if (HKT_LIKELY(!atomic_load_explicit(&loop->signals, memory_order_relaxed)))
        return;
    uint64_t came = atomic_exchange(&loop->signals, 0);
    struct hkt_signal_watch *next;
    for (struct hkt_signal_watch *w = loop->signal_watches; w; w = next) {
        next = w->next;
        if (w->set & came)
            deliver(loop, w, w->set & came);
    }
}

void hkt__signals_forget(struct hkt_loop *loop)
{
    while (loop->signal_watches)
        (void)hkt_remove_signal(loop->signal_watches);
}

/* SIGPIPE */

static unsigned sigpipe_users;
static bool sigpipe_changed;

static bool sigpipe_is(void (*handler)(int))
{
    struct sigaction now;

    return sigaction(SIGPIPE, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
           now.sa_handler == handler;
}

static void sigpipe_set(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGPIPE, &action, NULL);
}

void hkt__sigpipe_hold(void)
{
    pthread_mutex_lock(&lock);
    if (sigpipe_users++ == 0 && (sigpipe_changed = sigpipe_is(SIG_DFL)))
        sigpipe_set(SIG_IGN);
    pthread_mutex_unlock(&lock);
}

/* What the program set meanwhile stays. */
static void sigpipe_restore(void)
{
    if (sigpipe_changed && sigpipe_is(SIG_IGN))
        sigpipe_set(SIG_DFL);
    sigpipe_changed = false;
}

void hkt__sigpipe_release(void)
{
    pthread_mutex_lock(&lock);
    if (--sigpipe_users == 0)
        sigpipe_restore();
    pthread_mutex_unlock(&lock);
}

/* The lock may have been another thread's, which is not in the child. */
void hkt__signals_forked(void)
{
    pthread_mutex_init(&lock, NULL);
    for (int signum = 1; signum <= SIGNALS; signum++)
        if (users[signum] > 0)
            sigaction(signum, &former[signum], NULL);
    memset(users, 0, sizeof users);
    atomic_store(&listeners, NULL);
    atomic_store(&walking, 0); /* those were other threads */
    sigpipe_restore();
    sigpipe_users = 0;
}
