/* SPDX-License-Identifier: MIT
 *
 * Channels, as Go has them.
 */
#include "sync/ints.h"

#include <pthread.h>

static int rendezvous(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    struct op o;
    int x = 0;

    (void)arg;
    cr_assert_eq(hkt_channel_capacity(&c), 0);
    struct hkt_task *t = sender(&o, &c, 4);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(o.rc, 99, "nobody has received it");
    cr_assert_eq(ints_recv(&c, &x), 1);
    cr_assert_eq(x, 4);
    cr_assert_eq(hkt_join(t), 0);

    t = receiver(&o, &c);
    settle();
    cr_assert_eq(ints_send(&c, 5), 0);
    cr_assert_eq(o.value, 5, "it was handed over, though the receiver has not run");
    cr_assert_eq(hkt_join(t), 1);
    return 0;
}

Test(channel, without_a_buffer_both_meet)
{
    cr_assert_eq(run_simulated(rendezvous, NULL), 0);
}

static int buffered(void *arg)
{
    int room[3], x = 0;
    struct hkt_channel c = HKT_BUFFERED_CHANNEL_INIT(room);
    struct op o[2];

    (void)arg;
    cr_assert_eq(hkt_channel_capacity(&c), 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(ints_send(&c, i), 0);
    cr_assert_eq(hkt_channel_count(&c), 3);
    cr_assert_eq(ints_try_send(&c, 9), -EAGAIN);
    struct hkt_task *a = sender(&o[0], &c, 3), *b = sender(&o[1], &c, 4);
    settle();
    cr_assert_eq(o[0].rc, 99);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(ints_recv(&c, &x), 1);
        cr_assert_eq(x, i);
        cr_assert_eq((int)hkt_channel_count(&c), i < 2 ? 3 : 4 - i);
    }
    cr_assert_eq(ints_try_recv(&c, &x), -EAGAIN);
    cr_assert_eq(hkt_join(a), 0);
    return hkt_join(b);
}

Test(channel, with_a_buffer_senders_wait_when_it_is_full)
{
    cr_assert_eq(run_simulated(buffered, NULL), 0);
}

enum { MANY = 5 };

static int in_line(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    struct op o[MANY];
    struct hkt_task *t[MANY];
    int x = 0;

    (void)arg;
    for (int i = 0; i < MANY; i++)
        t[i] = sender(&o[i], &c, i);
    settle();
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(ints_recv(&c, &x), 1);
        cr_assert_eq(x, i);
        cr_assert_eq(hkt_join(t[i]), 0);
    }
    for (int i = 0; i < MANY; i++)
        t[i] = receiver(&o[i], &c);
    settle();
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(ints_send(&c, 10 + i), 0);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(hkt_join(t[i]), 1);
        cr_assert_eq(o[i].value, 10 + i);
    }
    return 0;
}

Test(channel, those_who_wait_are_served_in_order)
{
    cr_assert_eq(run_simulated(in_line, NULL), 0);
}

static int trying(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    struct op o;
    int x = 0;

    (void)arg;
    cr_assert_eq(ints_try_send(&c, 1), -EAGAIN);
    cr_assert_eq(ints_try_recv(&c, &x), -EAGAIN);
    struct hkt_task *t = sender(&o, &c, 2);
    settle();
    cr_assert_eq(ints_try_recv(&c, &x), 1);
    cr_assert_eq(x, 2);
    cr_assert_eq(hkt_join(t), 0);
    t = receiver(&o, &c);
    settle();
    cr_assert_eq(ints_try_send(&c, 3), 0);
    cr_assert_eq(ints_try_send(&c, 4), -EAGAIN, "that one was served");
    cr_assert_eq(hkt_join(t), 1);
    return o.value;
}

Test(channel, without_waiting)
{
    cr_assert_eq(run_simulated(trying, NULL), 3);
}

/* Closing */

static int closed(void *arg)
{
    int room[3], x = 7, n = 0;
    struct hkt_channel c = HKT_BUFFERED_CHANNEL_INIT(room);

    (void)arg;
    cr_assert_eq(ints_send(&c, 0), 0);
    cr_assert_eq(ints_send(&c, 1), 0);
    cr_assert_not(hkt_channel_closed(&c));
    cr_assert_eq(hkt_channel_close(&c), 0);
    cr_assert(hkt_channel_closed(&c));
    cr_assert_eq(hkt_channel_close(&c), -EALREADY);
    cr_assert_eq(ints_send(&c, 2), -ESHUTDOWN);
    cr_assert_eq(ints_try_send(&c, 2), -ESHUTDOWN);
    while (ints_recv(&c, &x) > 0)
        cr_assert_eq(x, n++);
    cr_assert_eq(n, 2);
    cr_assert_eq(ints_recv(&c, &x), 0);
    cr_assert_eq(ints_try_recv(&c, &x), 0);
    return 0;
}

Test(channel, after_the_end_what_is_in_the_buffer_can_be_received)
{
    cr_assert_eq(run_simulated(closed, NULL), 0);
}

static int close_waiters(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int), d = HKT_CHANNEL_INIT(int);
    struct op o[4];
    struct hkt_task *t[] = {receiver(&o[0], &c), receiver(&o[1], &c), sender(&o[2], &d, 1),
                            sender(&o[3], &d, 2)};

    (void)arg;
    settle();
    cr_assert_eq(hkt_channel_close(&c), 0);
    cr_assert_eq(hkt_channel_close(&d), 0);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(hkt_join(t[i]), i < 2 ? 0 : -ESHUTDOWN);
    return 0;
}

Test(channel, closing_wakes_all_who_wait)
{
    cr_assert_eq(run_simulated(close_waiters, NULL), 0);
}

static int generate(void *arg)
{
    struct hkt_channel *c = arg;

    for (int i = 2; i < 40; i++)
        if (ints_send(c, i) < 0)
            return 0;
    return hkt_channel_close(c);
}

struct filter {
    struct hkt_channel *in, out;
    int prime;
};

static int filter(void *arg)
{
    struct filter *f = arg;

    for (int x; ints_recv(f->in, &x) > 0;)
        if (x % f->prime != 0)
            HKT_TRY(ints_send(&f->out, x));
    return hkt_channel_close(&f->out);
}

/* Go's first example of channels. */
static int sieve(void *arg)
{
    static const int primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
    enum { N = sizeof primes / sizeof *primes };
    struct hkt_channel first = HKT_CHANNEL_INIT(int);
    struct filter f[N];
    struct hkt_task *t[N + 1];
    struct hkt_channel *from = &first;
    int x = 0;

    (void)arg;
    t[N] = hkt_spawn(generate, &first);
    for (int i = 0; i < N; i++) {
        cr_assert_eq(ints_recv(from, &x), 1);
        cr_assert_eq(x, primes[i]);
        f[i] = (struct filter){from, HKT_CHANNEL_INIT(int), x};
        from = &f[i].out;
        t[i] = hkt_spawn(filter, &f[i]);
    }
    cr_assert_eq(ints_recv(from, &x), 0);
    for (int i = 0; i <= N; i++)
        HKT_TRY(hkt_join(t[i]));
    return 0;
}

Test(channel, a_sieve_of_tasks)
{
    cr_assert_eq(run_simulated(sieve, NULL), 0);
}

/* Cancelling */

static int cancel_waiting(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    struct op o[3];
    int x = 0;

    (void)arg;
    struct hkt_task *t[] = {sender(&o[0], &c, 0), sender(&o[1], &c, 1), sender(&o[2], &c, 2)};
    settle();
    cr_assert(hkt_task_cancel(t[1]));
    cr_assert_eq(ints_recv(&c, &x), 1);
    cr_assert_eq(x, 0);
    cr_assert_eq(ints_recv(&c, &x), 1);
    cr_assert_eq(x, 2, "nothing of the cancelled one");
    cr_assert_eq(hkt_join(t[0]), 0);
    cr_assert_eq(hkt_join(t[1]), -ECANCELED);
    cr_assert_eq(hkt_join(t[2]), 0);

    struct hkt_task *u[] = {receiver(&o[0], &c), receiver(&o[1], &c)};
    settle();
    cr_assert(hkt_task_cancel(u[0]));
    cr_assert_eq(ints_send(&c, 5), 0);
    cr_assert_eq(hkt_join(u[0]), -ECANCELED);
    cr_assert_eq(hkt_join(u[1]), 1);
    return o[1].value;
}

Test(channel, a_cancelled_call_has_not_happened)
{
    cr_assert_eq(run_simulated(cancel_waiting, NULL), 5);
}

static int op_then_sleep(void *arg)
{
    struct op *o = arg;

    o->rc = o->value < 0 ? ints_recv(o->c, &o->value) : ints_send(o->c, o->value);
    return hkt_sleep(0);
}

static int cancel_chosen(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    struct op in = {&c, -1, 99}, out = {&c, 8, 99};
    struct hkt_task *t = hkt_spawn(op_then_sleep, &in);
    int x = 0;

    (void)arg;
    settle();
    cr_assert_eq(ints_send(&c, 7), 0);
    cr_assert(hkt_task_cancel(t), "it has the element, and has not run");
    cr_assert_eq(hkt_join(t), -ECANCELED, "the sleep was cancelled");
    cr_assert_eq(in.rc, 1);
    cr_assert_eq(in.value, 7);

    t = hkt_spawn(op_then_sleep, &out);
    settle();
    cr_assert_eq(ints_recv(&c, &x), 1);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(out.rc, 0, "it was sent, and says so");

    in = (struct op){&c, -1, 99};
    t = hkt_spawn(op_then_sleep, &in);
    settle();
    cr_assert_eq(hkt_channel_close(&c), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(in.rc, -ECANCELED, "the end is not lost");
    return ints_recv(&c, &x);
}

Test(channel, a_call_that_has_happened_is_not_cancelled)
{
    cr_assert_eq(run_simulated(cancel_chosen, NULL), 0);
}

static int twice(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    struct op in = {&c, -1, 99};
    struct hkt_task *t = hkt_spawn(op_then_sleep, &in);

    (void)arg;
    settle();
    cr_assert(hkt_task_cancel(t));
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), 0, "two requests before it ran are one");
    return in.rc;
}

Test(channel, cancelled_twice_before_it_runs)
{
    cr_assert_eq(run_simulated(twice, NULL), -ECANCELED);
}

static int requested_before(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);

    (void)arg;
    cr_assert(hkt_task_cancel(hkt_task_current()));
    cr_assert_eq(ints_send(&c, 1), -ECANCELED);
    int x;
    cr_assert_eq(ints_try_recv(&c, &x), -EAGAIN, "nothing was sent");
    return 0;
}

Test(channel, a_request_that_came_before_the_call)
{
    cr_assert_eq(run_simulated(requested_before, NULL), 0);
}

static int deadlocked(void *arg)
{
    struct hkt_channel *c = arg;

    return ints_send(c, 1);
}

static void ignore(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

Test(channel, who_waits_for_nobody_is_told)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);

    hkt_on_report(ignore, NULL);
    cr_assert_eq(run_simulated(deadlocked, &c), -EDEADLK);
}

Test(channel, misuse_is_answered)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(char);
    int x = 0;
    char y = 0;

    cr_assert_eq(ints_send(&c, 1), -EINVAL, "of another type");
    cr_assert_eq(ints_recv(&c, &x), -EINVAL);
    cr_assert_eq(hkt_channel_send(&c, &y, 1), -EPERM, "not in a task");
    cr_assert_eq(hkt_channel_recv(&c, &y, 1), -EPERM);
    cr_assert_eq(hkt_channel_try_recv(&c, &y, 1), -EAGAIN);
    cr_assert_eq(ints_send(NULL, 1), -ENOMEM);
    cr_assert_eq(ints_try_recv(NULL, &x), -ENOMEM);
    cr_assert_eq(hkt_channel_close(NULL), -ENOMEM);
    cr_assert(hkt_channel_closed(NULL));
    cr_assert_eq(hkt_channel_count(NULL), 0);
    cr_assert_eq(hkt_channel_capacity(NULL), 0);
    cr_assert_eq(hkt_channel_init(&c, NULL, 1, 1), -EINVAL);
    cr_assert_eq(hkt_channel_init(&c, NULL, 0, 0), -EINVAL);
    cr_assert_eq(hkt_channel_init(NULL, NULL, 0, 1), -ENOMEM);
    cr_assert_eq(hkt_channel_init(&c, NULL, 0, 1), 0);
}

static int twice_a_loop(void *arg)
{
    struct op o;
    struct hkt_task *t = receiver(&o, arg);

    settle();
    HKT_TRY(ints_send(arg, 3));
    return hkt_join(t);
}

Test(channel, one_loop_after_another_may_use_it)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);

    cr_assert_eq(run_simulated(twice_a_loop, &c), 1);
    cr_assert_eq(run_simulated(twice_a_loop, &c), 1);
}

static int leave_receiver(void *arg)
{
    struct op *o = arg;

    HKT_TRY(hkt_sleep(0));
    return o->rc;
}

static int other_loop(void *c)
{
    int x;

    return ints_recv(c, &x);
}

Test(channel, two_loops_do_not_wait_at_one)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    struct op o = {&c, -1, 99};
    struct hkt_loop *loop = hkt_loop_new(&simulated);
    struct hkt_task *t = hkt_ensure_future(loop, recv_one, &o);

    cr_assert_eq(hkt_loop_run(loop, leave_receiver, &o), 99);
    cr_assert_eq(run_simulated(other_loop, &c), -EXDEV);
    hkt_detach(t);
    cr_assert_eq(hkt_loop_free(loop), 0);
    cr_assert_eq(o.rc, -ECANCELED);
}

static void *use_elsewhere(void *c)
{
    cr_assert_eq(ints_try_send(c, 1), -EXDEV);
    cr_assert_eq(hkt_channel_close(c), -EXDEV);
    return NULL;
}

static int another_thread(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    struct op o;
    struct hkt_task *t = receiver(&o, &c);
    pthread_t thread;

    (void)arg;
    settle();
    cr_assert_eq(pthread_create(&thread, NULL, use_elsewhere, &c), 0);
    pthread_join(thread, NULL);
    HKT_TRY(ints_send(&c, 6));
    cr_assert_eq(hkt_join(t), 1);
    return o.value;
}

Test(channel, another_thread_is_refused_while_tasks_wait)
{
    cr_assert_eq(run_simulated(another_thread, NULL), 6);
}
