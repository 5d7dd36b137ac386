/* SPDX-License-Identifier: MIT
 *
 * A signal's handler on another thread, and the loop that it has come to.
 */
#include "sched/sched.h"
#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static const struct hkt__poller_ops *real;
static atomic_bool inside, done;

/* Long enough for whoever does not wait for it. */
static void slow_notify(struct hkt__poller *p)
{
    atomic_store(&inside, true);
    usleep(20000);
    real->notify(p);
    atomic_store(&done, true);
}

static void *be_hit(void *arg)
{
    (void)pthread_kill(pthread_self(), SIGUSR1);
    return arg;
}

static void nothing(void *arg)
{
    (void)arg;
}

Test(handler, a_loop_that_stops_listening_waits_for_it)
{
    struct hkt_loop *loop = hkt_loop_new(NULL);
    struct hkt_signal_watch watch = {0};
    pthread_t thread;

    real = loop->poller.ops;
    struct hkt__poller_ops slow = *real;
    slow.notify = slow_notify;
    loop->poller.ops = &slow;
    cr_assert_eq(hkt_call_on_signal(loop, &watch, SIGUSR1, nothing, NULL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, be_hit, NULL), 0);
    while (!atomic_load(&inside))
        ;
    cr_assert_eq(hkt_remove_signal(&watch), 1);
    cr_assert(atomic_load(&done), "the loop may be freed now, and the handler is still with it");
    loop->poller.ops = real;
    cr_assert_eq(hkt_loop_free(loop), 0);
    pthread_join(thread, NULL);
}
