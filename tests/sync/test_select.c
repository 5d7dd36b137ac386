/* SPDX-License-Identifier: MIT
 *
 * Select among channels, times, futures and descriptors.
 */
#include "io/backends.h"
#include "sync/ints.h"

#include <fcntl.h>

/* Channels */

static int ready_one(void *arg)
{
    int room[1], x = 0;
    struct hkt_channel a = HKT_CHANNEL_INIT(int), b = HKT_BUFFERED_CHANNEL_INIT(room);
    struct hkt_case cases[] = {ints_recv_case(&a, &x), ints_recv_case(&b, &x)};

    (void)arg;
    cr_assert_eq(hkt_try_select(cases, 2), -EAGAIN);
    cr_assert_eq(ints_send(&b, 6), 0);
    cr_assert_eq(hkt_select(cases, 2), 1);
    cr_assert_eq(cases[1].rc, 1);
    cr_assert_eq(x, 6);
    cr_assert_eq(hkt_try_select(cases, 2), -EAGAIN, "and it is gone");

    const int y = 9;
    cases[0] = ints_send_case(&b, &y);
    cr_assert_eq(hkt_select(cases, 1), 0);
    cr_assert_eq(cases[0].rc, 0);
    cr_assert_eq(hkt_try_select(cases, 1), -EAGAIN, "full");
    return 0;
}

Test(select, what_can_happen_at_once_does)
{
    cr_assert_eq(run_simulated(ready_one, NULL), 0);
}

struct two {
    struct hkt_channel *a, *b;
    int chosen, rc, x;
    const int y; /* sent to b */
};

/* Receives from a, or sends to b. */
static int recv_or_send(void *arg)
{
    struct two *s = arg;
    struct hkt_case cases[] = {ints_recv_case(s->a, &s->x), ints_send_case(s->b, &s->y)};

    s->chosen = hkt_select(cases, 2);
    s->rc = s->chosen >= 0 ? cases[s->chosen].rc : 99;
    return hkt_sleep(0) < 0 ? -ECANCELED : s->chosen;
}

static int waits(void *arg)
{
    struct hkt_channel a = HKT_CHANNEL_INIT(int), b = HKT_CHANNEL_INIT(int);
    struct two s = {&a, &b, 0, 99, 0, 8};
    int x = 0;

    (void)arg;
    struct hkt_task *t = hkt_spawn(recv_or_send, &s);
    settle();
    cr_assert_eq(ints_send(&a, 3), 0);
    cr_assert_eq(ints_try_recv(&b, &x), -EAGAIN, "the other case is withdrawn at once");
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(s.rc, 1);
    cr_assert_eq(s.x, 3);

    t = hkt_spawn(recv_or_send, &s);
    settle();
    cr_assert_eq(ints_recv(&b, &x), 1);
    cr_assert_eq(ints_try_send(&a, 4), -EAGAIN);
    cr_assert_eq(x, 8);
    cr_assert_eq(hkt_join(t), 1);
    cr_assert_eq(s.rc, 0);
    return 0;
}

Test(select, exactly_one_of_those_that_wait_happens)
{
    cr_assert_eq(run_simulated(waits, NULL), 0);
}

static int both_sides(void *arg)
{
    struct hkt_channel a = HKT_CHANNEL_INIT(int);
    struct two s = {&a, &a, 0, 99, 0, 8}, r = {&a, &a, 0, 99, 0, 9};

    (void)arg;
    struct hkt_task *t = hkt_spawn(recv_or_send, &s), *u = hkt_spawn(recv_or_send, &r);
    cr_assert_neq(hkt_join(t) + hkt_join(u), -1);
    cr_assert_eq(s.chosen + r.chosen, 1, "one sends, the other receives");
    cr_assert_eq(s.chosen ? r.x : s.x, s.chosen ? 8 : 9);
    return 0;
}

Test(select, two_meet_at_one_channel_and_none_meets_itself)
{
    cr_assert_eq(run_simulated(both_sides, NULL), 0);
}

static int ends(void *arg)
{
    struct hkt_channel a = HKT_CHANNEL_INIT(int), b = HKT_CHANNEL_INIT(int);
    struct two s = {&a, &b, 0, 99, 0, 8};

    (void)arg;
    struct hkt_task *t = hkt_spawn(recv_or_send, &s);
    settle();
    cr_assert_eq(hkt_channel_close(&a), 0);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(s.rc, 0, "the end");
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    s.a = &c;
    t = hkt_spawn(recv_or_send, &s);
    settle();
    cr_assert_eq(hkt_channel_close(&b), 0);
    cr_assert_eq(hkt_join(t), 1);
    cr_assert_eq(s.rc, -ESHUTDOWN);
    cr_assert_eq(hkt_join(hkt_spawn(recv_or_send, &s)), 1, "closed before");
    cr_assert_eq(s.rc, -ESHUTDOWN);
    return 0;
}

Test(select, a_closed_channel_is_ready)
{
    cr_assert_eq(run_simulated(ends, NULL), 0);
}

static int chances(void *arg)
{
    enum { N = 4, ROUNDS = 4000 };
    struct hkt_channel c[N];
    struct hkt_case cases[N];
    int x, seen[N] = {0};

    (void)arg;
    for (int i = 0; i < N; i++) {
        c[i] = (struct hkt_channel)HKT_CHANNEL_INIT(int);
        cases[i] = ints_recv_case(&c[i], &x);
        if (i != 2)
            cr_assert_eq(hkt_channel_close(&c[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++)
        seen[hkt_select(cases, N)]++;
    cr_assert_eq(seen[2], 0);
    for (int i = 0; i < N; i++)
        cr_assert(i == 2 || (seen[i] > 1100 && seen[i] < 1600), "%d: %d", i, seen[i]);
    return 0;
}

Test(select, all_that_can_happen_have_equal_chances)
{
    cr_assert_eq(run_simulated(chances, NULL), 0);
}

/* Times and futures */

static int times(void *arg)
{
    struct hkt_channel a = HKT_CHANNEL_INIT(int);
    int x;
    struct hkt_case cases[] = {ints_recv_case(&a, &x), hkt_case_after(HKT_MS(5)),
                               hkt_case_at(HKT_MS(12))};

    (void)arg;
    cr_assert_eq(hkt_select(cases, 3), 1);
    cr_assert_eq(cases[1].rc, 0);
    cr_assert_eq(simulated_now, HKT_MS(5));
    cr_assert_eq(hkt_select(cases, 3), 1, "counted from when it is used again");
    cr_assert_eq(simulated_now, HKT_MS(10));
    cr_assert_eq(hkt_select(cases, 3), 2);
    cr_assert_eq(simulated_now, HKT_MS(12));
    cr_assert_eq(hkt_try_select(cases, 3), 2, "that time has passed");
    cases[2] = (struct hkt_case){0};
    cr_assert_eq(hkt_try_select(cases, 3), -EAGAIN);
    cases[2] = hkt_case_after(-1);
    cr_assert_eq(hkt_try_select(cases, 3), 2);

    struct op o;
    struct hkt_task *t = sender(&o, &a, 2);
    cases[2] = (struct hkt_case){0};
    cr_assert_eq(hkt_select(cases, 3), 0);
    cr_assert_eq(simulated_now, HKT_MS(12));
    return hkt_join(t);
}

Test(select, a_time_comes_unless_something_else_is_first)
{
    cr_assert_eq(run_simulated(times, NULL), 0);
}

static int futures(void *arg)
{
    struct hkt_future f = {0}, g = {0};
    struct hkt_task *t = hkt_spawn(sleeper, INT_ARG(3));
    struct hkt_case cases[] = {hkt_case_future(&f), hkt_case_future(&g),
                               hkt_case_future(hkt_task_future(t))};

    (void)arg;
    cr_assert_eq(hkt_select(cases, 3), 2);
    cr_assert_eq(cases[2].rc, 3);
    cr_assert_eq(simulated_now, HKT_MS(3));
    cr_assert_eq(hkt_join(t), 3);
    cr_assert_eq(hkt_future_set(&g, -EIO, NULL), 0);
    cr_assert_eq(hkt_select(cases, 2), 1);
    cr_assert_eq(cases[1].rc, -EIO);
    cases[0] = hkt_case_future(NULL);
    cr_assert_eq(hkt_select(cases, 1), 0);
    cr_assert_eq(cases[0].rc, -ENOMEM);
    return 0;
}

Test(select, a_future_or_the_end_of_a_task)
{
    cr_assert_eq(run_simulated(futures, NULL), 0);
}

struct many {
    struct hkt_channel a;
    struct hkt_future f;
    int chosen, x;
};

static int many_kinds(void *arg)
{
    struct many *m = arg;
    struct hkt_case cases[] = {ints_recv_case(&m->a, &m->x), hkt_case_future(&m->f),
                               hkt_case_after(HKT_MS(1))};

    m->chosen = hkt_select(cases, 3);
    return m->chosen;
}

/* All that a select waits for comes before the task runs. */
static int all_at_once(void *arg)
{
    struct many m = {.a = HKT_CHANNEL_INIT(int), .chosen = 99};
    struct hkt_task *t = hkt_spawn(many_kinds, &m);

    (void)arg;
    settle();
    cr_assert_eq(hkt_future_set(&m.f, 4, NULL), 0); /* its callback is scheduled */
    simulated_now += HKT_MS(1);
    cr_assert_eq(ints_send(&m.a, 7), 0);
    cr_assert_eq(ints_try_send(&m.a, 8), -EAGAIN);
    cr_assert_eq(hkt_join(t), 0);
    return m.x;
}

Test(select, the_first_to_happen_withdraws_what_was_scheduled)
{
    cr_assert_eq(run_simulated(all_at_once, NULL), 7);
}

/* Cancelling */

static int cancel_waiting(void *arg)
{
    struct many m = {.a = HKT_CHANNEL_INIT(int), .chosen = 99};
    struct hkt_task *t = hkt_spawn(many_kinds, &m);

    (void)arg;
    settle();
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(ints_try_send(&m.a, 1), -EAGAIN, "nobody waits");
    cr_assert_eq(hkt_future_set(&m.f, 1, NULL), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    return m.chosen;
}

Test(select, a_cancellation_withdraws_all)
{
    cr_assert_eq(run_simulated(cancel_waiting, NULL), -ECANCELED);
}

static int cancel_chosen(void *arg)
{
    struct hkt_channel a = HKT_CHANNEL_INIT(int), b = HKT_CHANNEL_INIT(int);
    struct two s = {&a, &b, 0, 99, 0, 8};
    int x = 0;

    (void)arg;
    for (int side = 0; side < 2; side++) {
        struct hkt_task *t = hkt_spawn(recv_or_send, &s);
        settle();
        cr_assert(side == 0 ? ints_send(&a, 3) == 0 : ints_recv(&b, &x) == 1);
        cr_assert(hkt_task_cancel(t));
        cr_assert_eq(hkt_join(t), -ECANCELED, "the sleep behind it was cancelled");
        cr_assert_eq(s.chosen, side, "it has happened, and says so");
    }
    cr_assert_eq(s.x, 3);
    cr_assert_eq(x, 8);

    struct many m = {.a = HKT_CHANNEL_INIT(int), .chosen = 99};
    struct hkt_task *t = hkt_spawn(many_kinds, &m);
    settle();
    cr_assert_eq(hkt_channel_close(&m.a), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED, "what can be had again is not kept");
    return 0;
}

Test(select, what_has_happened_is_not_cancelled)
{
    cr_assert_eq(run_simulated(cancel_chosen, NULL), 0);
}

static int misuse(void *arg)
{
    struct hkt_channel a = HKT_CHANNEL_INIT(char);
    int x;
    struct hkt_case cases[] = {ints_recv_case(&a, &x), {0}};

    (void)arg;
    cr_assert_eq(hkt_select(cases, 0), -EINVAL);
    cr_assert_eq(hkt_select(NULL, 1), -EINVAL);
    cr_assert_eq(hkt_select(cases, 2), 0);
    cr_assert_eq(cases[0].rc, -EINVAL);
    cases[0] = ints_send_case(NULL, &x);
    cr_assert_eq(hkt_select(cases, 2), 0);
    cr_assert_eq(cases[0].rc, -ENOMEM);
    return 0;
}

Test(select, misuse_is_answered)
{
    struct hkt_case none = {0};

    cr_assert_eq(run_simulated(misuse, NULL), 0);
    cr_assert_eq(hkt_select(&none, 1), -EPERM);
    cr_assert_eq(hkt_try_select(&none, 1), -EPERM);
}

/* Descriptors */

static int write_later(void *fd)
{
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    return hkt_write(ARG_FD(fd), "x", 1) == 1 ? 0 : -EIO;
}

static int fill_pipe(int fd)
{
    static const char zeros[4096];
    const struct iovec v = {(void *)(uintptr_t)zeros, sizeof zeros};
    ssize_t n;

    while ((n = hkt_try_writev(fd, &v, 1)) > 0)
        continue;
    return n == -EAGAIN ? 0 : -EIO;
}

static int descriptors(void *arg)
{
    struct hkt_channel c = HKT_CHANNEL_INIT(int);
    int p[2], x;
    char buf[4096];

    (void)arg;
    cr_assert_eq(pipe(p), 0);
    struct hkt_case cases[] = {ints_recv_case(&c, &x), hkt_case_readable(p[0])};
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(hkt_try_select(cases, 2), -EAGAIN, "whatever was known of it");
        struct hkt_task *t = hkt_spawn(write_later, FD_ARG(p[1]));
        cr_assert_eq(hkt_select(cases, 2), 1);
        cr_assert_eq(cases[1].rc, 0);
        cr_assert_eq(hkt_select(cases, 2), 1, "it is not read yet");
        cr_assert_eq(hkt_try_read(p[0], buf, 8), 1);
        cr_assert_eq(hkt_join(t), 0);
    }
    struct op o;
    struct hkt_task *t = sender(&o, &c, 4);
    cr_assert_eq(hkt_select(cases, 2), 0, "the descriptor is let go");
    cr_assert_eq(hkt_join(t), 0);

    cr_assert_eq(fill_pipe(p[1]), 0);
    struct hkt_case out[] = {hkt_case_writable(p[1]), hkt_case_after(HKT_MS(1))};
    cr_assert_eq(hkt_select(out, 2), 1);
    while (hkt_try_read(p[0], buf, sizeof buf) > 0)
        continue;
    out[1] = (struct hkt_case){0};
    cr_assert_eq(hkt_select(out, 2), 0);
    cr_assert_eq(hkt_close(p[0]), 0);
    return hkt_close(p[1]);
}

Test(select, a_descriptor)
{
    on_each_backend(descriptors, NULL);
}

static int read_a_byte(void *fd)
{
    char x;

    return (int)hkt_read(ARG_FD(fd), &x, 1);
}

static int close_later(void *fd)
{
    HKT_TRY(hkt_sleep(0));
    return hkt_close(ARG_FD(fd));
}

static int trouble(void *arg)
{
    int p[2];

    (void)arg;
    cr_assert_eq(pipe(p), 0);
    struct hkt_case cases[] = {hkt_case_readable(p[0]), hkt_case_readable(p[0])};
    cr_assert_eq(hkt_select(cases, 2), 1, "only one can wait for it");
    cr_assert_eq(cases[1].rc, -EBUSY);
    struct hkt_task *t = hkt_spawn(read_a_byte, FD_ARG(p[0]));
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert_eq(hkt_select(cases, 1), 0);
    cr_assert_eq(cases[0].rc, -EBUSY, "another task does");
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);

    t = hkt_spawn(close_later, FD_ARG(p[0]));
    cr_assert_eq(hkt_select(cases, 1), 0);
    cr_assert_eq(cases[0].rc, -ECANCELED, "closed");
    cr_assert_eq(hkt_join(t), 0);
    cases[0] = hkt_case_readable(-1);
    cr_assert_eq(hkt_select(cases, 1), 0);
    cr_assert_eq(cases[0].rc, -EBADF);
    return hkt_close(p[1]);
}

Test(select, descriptors_that_cannot_be_waited_for)
{
    on_each_backend(trouble, NULL);
}

static int select_fd(void *fd)
{
    struct hkt_case c = hkt_case_readable(ARG_FD(fd));

    return hkt_select(&c, 1);
}

static int cancel_fd(void *arg)
{
    int p[2];

    (void)arg;
    cr_assert_eq(pipe(p), 0);
    struct hkt_task *t = hkt_spawn(select_fd, FD_ARG(p[0]));
    cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    t = hkt_spawn(select_fd, FD_ARG(p[0])); /* nobody waits any more */
    cr_assert_eq(hkt_write(p[1], "x", 1), 1);
    cr_assert_eq(hkt_join(t), 0);
    hkt_detach(hkt_spawn(select_fd, FD_ARG(p[1]))); /* left behind */
    HKT_TRY(hkt_sleep(0));
    return hkt_close(p[0]);
}

Test(select, a_cancellation_lets_the_descriptor_go)
{
    on_each_backend(cancel_fd, NULL);
}

static int ahead(void *arg)
{
    int pair[2];
    char buf[16];

    (void)arg;
    tcp_pair(pair);
    struct hkt_case c = hkt_case_readable(pair[0]);
    cr_assert_eq(hkt_write(pair[1], "one", 3), 3);
    cr_assert_eq(hkt_wait_input(pair[0]), 0); /* from here on the system may receive ahead */
    cr_assert_eq(hkt_select(&c, 1), 0);
    cr_assert_eq(hkt_try_read(pair[0], buf, sizeof buf), 3);
    struct hkt_task *t = hkt_spawn(write_later, FD_ARG(pair[1]));
    cr_assert_eq(hkt_try_read(pair[0], buf, sizeof buf), -EAGAIN);
    cr_assert_eq(hkt_select(&c, 1), 0);
    cr_assert_eq(hkt_try_read(pair[0], buf, sizeof buf), 1);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(hkt_close(pair[1]), 0);
    cr_assert_eq(hkt_select(&c, 1), 0);
    cr_assert_eq(hkt_try_read(pair[0], buf, sizeof buf), 0, "the end");
    cr_assert_eq(hkt_select(&c, 1), 0, "stays");
    return hkt_close(pair[0]);
}

Test(select, what_was_received_ahead_is_readable)
{
    on_each_backend(ahead, NULL);
}
