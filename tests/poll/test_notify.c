/* SPDX-License-Identifier: MIT
 *
 * Waits that others end, asked of each back end: the same thread before it waits, other threads,
 * and handlers of signals.
 */
#include "each.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/time.h>

EACH(notification_before_the_wait)
{
    p->ops->notify(p);
    cr_assert_eq(look(p, 0, -1), HKT__POLL_NOTIFY);
    expect_quiet(p);
    p->ops->notify(p);
    cr_assert_eq(look(p, 0, 0), HKT__POLL_NOTIFY);
    expect_quiet(p);
}

EACH(many_notifications_are_one)
{
    struct hkt__event events[4];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++)
            p->ops->notify(p);
        cr_assert_eq(p->ops->wait(p, events, 4, -1), 1);
        cr_assert_eq(events[0].what, HKT__POLL_NOTIFY);
        cr_assert_eq(events[0].token, 0);
        expect_quiet(p);
    }
}

EACH(notification_comes_with_other_events)
{
    struct ends e = unix_ends();
    struct hkt__event events[4];
    bool notified = false, ready = false;

    p->ops->add(p, e.near, BOTH, token_of(e.near, 1));
    p->ops->notify(p);
    while (!notified || !ready) {
        int n = p->ops->wait(p, events, 4, -1);
        for (int i = 0; i < n; i++) {
            notified |= events[i].what == HKT__POLL_NOTIFY && events[i].token == 0;
            ready |= events[i].what == HKT__POLL_WRITE && events[i].token == token_of(e.near, 1);
        }
    }
    close_ends(e);
}

EACH(notification_leaves_errno_alone)
{
    errno = 1234;
    p->ops->notify(p);
    p->ops->notify(p);
    cr_assert_eq(errno, 1234);
}

static void *notify_later(void *p)
{
    usleep(20000);
    ((struct hkt__poller *)p)->ops->notify(p);
    return NULL;
}

EACH(notification_from_another_thread)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, notify_later, p), 0);
    cr_assert_eq(look(p, 0, -1), HKT__POLL_NOTIFY);
    pthread_join(thread, NULL);
}

/* Letters that are posted by some threads, and read by the one that waits. */
enum { SENDERS = 3, LETTERS = 3000 };

struct post {
    struct hkt__poller *p;
    atomic_int posted;
    atomic_int read;
};

static void *send_letters(void *arg)
{
    struct post *post = arg;

    for (int i = 0; i < LETTERS; i++) {
        int mine = atomic_fetch_add(&post->posted, 1);
        post->p->ops->notify(post->p);
        while (i % 8 == 0 && atomic_load(&post->read) <= mine)
            sched_yield();
    }
    return NULL;
}

/* A notification that is lost leaves both sides waiting for ever. */
EACH(no_notification_is_lost)
{
    struct post post = {.p = p};
    pthread_t threads[SENDERS];

    for (int i = 0; i < SENDERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, send_letters, &post), 0);
    while (atomic_load(&post.read) < SENDERS * LETTERS) {
        look(p, 0, -1);
        atomic_store(&post.read, atomic_load(&post.posted));
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
}

static struct hkt__poller *signalled;
static atomic_int signals;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
    if (signalled)
        signalled->ops->notify(signalled);
}

/* SIGALRM, first after delay_us and then every interval_us. */
static void alarm_every(long delay_us, long interval_us)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval timer = {{0, interval_us}, {0, delay_us}};

    sigemptyset(&action.sa_mask);
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

EACH(notification_from_a_signal_handler)
{
    signalled = p;
    alarm_every(20000, 0);
    expect(p, 0, HKT__POLL_NOTIFY);
    cr_assert_eq(atomic_load(&signals), 1);
    raise(SIGALRM);
    expect(p, 0, HKT__POLL_NOTIFY);
    expect_quiet(p);
}

/* Each signal is a notification that must end a wait, also one that is about to begin. */
EACH(no_notification_of_a_signal_is_lost)
{
    signalled = p;
    alarm_every(300, 300);
    for (int i = 0; i < 200; i++) {
        int before = atomic_load(&signals);
        while (atomic_load(&signals) == before)
            look(p, 0, -1);
    }
    alarm_every(0, 0);
}

EACH(signals_disturb_nothing)
{
    struct ends e = unix_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);

    signalled = NULL;
    alarm_every(200, 200);
    for (int i = 0; i < 50; i++) {
        int64_t until = now() + 3 * MS;
        while (now() < until)
            cr_assert_eq(look(p, token, until - now()), 0);
        put_bytes(e.far, 1);
        expect(p, token, HKT__POLL_READ);
    }
    cr_assert_gt(atomic_load(&signals), 0);
    alarm_every(0, 0);
    close_ends(e);
}

EACH(a_wait_of_centuries)
{
    signalled = p;
    alarm_every(20000, 0);
    while (!(look(p, 0, INT64_MAX) & HKT__POLL_NOTIFY))
        ;
}
