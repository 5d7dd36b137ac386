/* SPDX-License-Identifier: MIT
 *
 * Tasks whose stacks are put aside while they wait: whatever they wait for, they find it as they
 * left it; and which may rest, and when.
 */
#include "base/doors.h"
#include "sched/in_order.h"
#include "sched/resting.h"
#include "sched/simulated.h"

#include <stdlib.h>

/* What each waits for. */
static struct hkt_channel full;
static struct hkt_lock lock = HKT_LOCK_INIT;
static struct hkt_event event = HKT_EVENT_INIT;
static struct hkt_future future;
static int ends[2];

static int wait_sleep(void)
{
    return hkt_sleep(HKT_MS(20));
}

static int wait_recv(void)
{
    int got = 0, rc = hkt_channel_recv(&channel, &got, sizeof got);

    return rc == 1 && got == 4711 ? 0 : -EIO;
}

static int wait_send(void)
{
    int value = 42;

    return hkt_channel_send(&full, &value, sizeof value);
}

static int wait_lock(void)
{
    int rc = hkt_lock_acquire(&lock);

    return rc < 0 ? rc : hkt_lock_release(&lock);
}

static int wait_event(void)
{
    return hkt_event_wait(&event);
}

static int wait_future(void)
{
    return hkt_await(&future);
}

static int wait_read(void)
{
    char c = 0;
    ssize_t n = hkt_read(ends[0], &c, 1);

    return n == 1 && c == 'x' ? 0 : -EIO;
}

static int wait_select(void)
{
    int got = 0;
    struct hkt_case cases[] = {hkt_channel_recv_case(&channel, &got, sizeof got),
                               hkt_case_after(HKT_SEC(100))};

    return hkt_select(cases, 2) == 0 && got == 4711 ? 0 : -EIO;
}

static int wait_group(void)
{
    struct hkt_group g = {0};

    HKT_TRY(hkt_group_enter(&g));
    int rc = hkt_group_spawn(&g, nap, MS(20));
    return hkt_group_exit(&g, rc);
}

static int wait_limit(void)
{
    struct hkt_timeout t = {0};

    HKT_TRY(hkt_timeout_enter(&t, HKT_MS(20)));
    int rc = hkt_sleep(HKT_SEC(100));
    return hkt_timeout_exit(&t, rc) == -ETIMEDOUT ? 0 : -EIO;
}

/* And what ends the wait. */
static int nothing(void)
{
    return 0;
}

static int end_recv(void)
{
    int value = 4711;

    return hkt_channel_send(&channel, &value, sizeof value);
}

static int end_send(void)
{
    int got = 0;

    HKT_TRY(hkt_channel_recv(&full, &got, sizeof got));
    HKT_TRY(hkt_channel_recv(&full, &got, sizeof got));
    return got == 42 ? 0 : -EIO;
}

static int end_lock(void)
{
    return hkt_lock_release(&lock);
}

static int end_event(void)
{
    hkt_event_set(&event);
    return 0;
}

static int end_future(void)
{
    return hkt_future_set(&future, 0, NULL);
}

static int end_read(void)
{
    return (int)hkt_write(ends[1], "x", 1) == 1 ? 0 : -EIO;
}

static const struct waiting {
    const char *name;
    int (*wait)(void);
    int (*end)(void);
} waitings[] = {
    {"sleep", wait_sleep, nothing},   {"receive", wait_recv, end_recv},
    {"send", wait_send, end_send},    {"lock", wait_lock, end_lock},
    {"event", wait_event, end_event}, {"future", wait_future, end_future},
    {"read", wait_read, end_read},    {"select", wait_select, end_recv},
    {"group", wait_group, nothing},   {"limit", wait_limit, nothing},
};

enum { WAITINGS = sizeof waitings / sizeof *waitings };

struct frame {
    const struct waiting *on;
    unsigned char pattern[100];
    bool kept;
};

/* The locals of a task are what they were. */
static int wait_with_locals(void *arg)
{
    struct frame *f = arg;
    unsigned char local[100];

    memcpy(local, f->pattern, sizeof local);
    int rc = f->on->wait();
    f->kept = memcmp(local, f->pattern, sizeof local) == 0;
    return rc;
}

static int prepare(void)
{
    static int room[1];
    int first = 1;

    event = (struct hkt_event)HKT_EVENT_INIT;
    lock = (struct hkt_lock)HKT_LOCK_INIT;
    future = (struct hkt_future){0};
    HKT_TRY(hkt_channel_init(&channel, NULL, 0, sizeof(int)));
    HKT_TRY(hkt_channel_init(&full, room, 1, sizeof(int)));
    HKT_TRY(hkt_channel_send(&full, &first, sizeof first));
    HKT_TRY(hkt_lock_acquire(&lock));
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) ? -errno : 0;
}

static void expect_waits_well(const struct waiting *on)
{
    struct frame f = {.on = on};
    struct hkt_task *t;
    int rc;

    for (size_t i = 0; i < sizeof f.pattern; i++)
        f.pattern[i] = (unsigned char)(i * 7 + 1);
    t = hkt_spawn(wait_with_locals, &f);
    hkt_task_set_name(t, on->name);
    cr_assert_eq(hkt_sleep(0), 0);
    put_aside(t);
    cr_assert_eq(hkt_coro_stack_used(&t->coro), 0, "its memory is still there");
    rc = on->end();
    cr_assert_eq(rc, 0, "end of %s: %d", on->name, rc);
    rc = hkt_join(t);
    cr_assert_eq(rc, 0, "%s: %d", on->name, rc);
    cr_assert(f.kept, "%s", on->name);
    cr_assert_eq(hkt_hibernating(), 0);
}

static int each_wait(void *arg)
{
    (void)arg;
    HKT_TRY(prepare());
    for (int i = 0; i < WAITINGS; i++)
        expect_waits_well(&waitings[i]);
    (void)hkt_close(ends[0]);
    (void)hkt_close(ends[1]);
    return 0;
}

Test(hibernate, whatever_a_task_waits_for_it_goes_on_as_it_was)
{
    need_hibernation();
    on_each_backend(each_wait, NULL);
}

/* Cancelling finds the record wherever it is. */
static int each_cancelled(void *arg)
{
    (void)arg;
    HKT_TRY(prepare());
    for (int i = 0; i < WAITINGS; i++) {
        struct frame f = {.on = &waitings[i]};
        struct hkt_task *t = hkt_spawn(wait_with_locals, &f);
        hkt_task_set_name(t, waitings[i].name);
        cr_assert_eq(hkt_sleep(0), 0);
        put_aside(t);
        cr_assert(hkt_task_cancel(t));
        int rc = hkt_join(t);
        cr_assert(rc == -ECANCELED || rc == -EIO, "%s: %d", waitings[i].name, rc);
        cr_assert(f.kept);
    }
    (void)hkt_close(ends[0]);
    (void)hkt_close(ends[1]);
    return 0;
}

Test(hibernate, a_cancellation_reaches_it)
{
    need_hibernation();
    on_each_backend(each_cancelled, NULL);
}

/* Neighbours in the lists and heaps that records are linked in, each awake or not. */
static int sleep_in_order(void *i)
{
    int rc = hkt_sleep(HKT_MS(1 + (intptr_t)i * 37 % 101) + (intptr_t)i % 7 * 10000);

    order[ended++] = (int)(intptr_t)i;
    return rc;
}

static int hibernate_among(void *fn)
{
    hkt_task_fn *body = *(hkt_task_fn **)fn;
    struct hkt_task *t[MANY];

    ended = 0;
    for (intptr_t i = 0; i < MANY; i++)
        t[i] = hkt_spawn(body, MS(i));
    HKT_TRY(hkt_sleep(0));
    for (int i = 0; i < 2000; i++) { /* there and back */
        struct hkt_task *one = t[rand() % MANY];
        if (hkt_task_hibernates(one))
            cr_assert_eq(hkt_task_rouse(one), 1);
        else
            put_aside(one);
        (void)hkt_task_rouse(one);
        cr_assert_eq(hkt_task_rouse(one), 0);
        put_aside(one);
        if (i % 3 == 0)
            cr_assert_eq(hkt_task_rouse(one), 1);
    }
    for (int i = 0; body == receive_in_order && i < MANY; i++)
        HKT_TRY(hkt_channel_send(&channel, &i, sizeof i));
    for (int i = 0; i < MANY; i++)
        HKT_TRY(hkt_join(t[i]));
    return 0;
}

Test(hibernate, neighbours_in_a_line_keep_their_order)
{
    hkt_task_fn *fn = receive_in_order;

    need_hibernation();
    srand(1);
    cr_assert_eq(hkt_channel_init(&channel, NULL, 0, sizeof(int)), 0);
    cr_assert_eq(hkt_run(hibernate_among, &fn), 0);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(order[i], i);
}

Test(hibernate, timers_fire_in_the_order_in_which_they_would)
{
    hkt_task_fn *fn = sleep_in_order;

    need_hibernation();
    srand(2);
    simulated_now = 0;
    cr_assert_eq(run_simulated(hibernate_among, &fn), 0);
    for (int i = 1; i < MANY; i++) {
        int64_t a = HKT_MS(1 + order[i - 1] * 37 % 101) + order[i - 1] % 7 * 10000;
        int64_t b = HKT_MS(1 + order[i] * 37 % 101) + order[i] % 7 * 10000;
        cr_assert(a < b || (a == b && order[i - 1] < order[i]), "%d before %d", order[i - 1],
                  order[i]);
    }
}

/* What may not rest */

static int deep(int depth)
{
    volatile char block[4000];

    block[0] = (char)depth;
    __asm__ volatile("" ::"r"(block) : "memory"); /* all of it */
    int rc = depth > 0 ? deep(depth - 1) : hkt_sleep(HKT_SEC(100));
    return rc + block[0] - (char)depth;
}

static int sleep_deep(void *arg)
{
    (void)arg;
    return deep(1);
}

static int sleep_in_generator(struct hkt_gen *self, void *arg)
{
    (void)self;
    (void)arg;
    return hkt_sleep(HKT_SEC(100));
}

static int drive(void *arg)
{
    hkt_auto_gen g = hkt_gen_new(sleep_in_generator, NULL);
    void *v;

    (void)arg;
    return hkt_gen_next(g, &v);
}

static int block(void *arg)
{
    (void)arg;
    usleep(20000);
    return 0;
}

static int wait_blocking(void *arg)
{
    return hkt_run_blocking(block, arg);
}

static int refused(void *arg)
{
    const struct hkt_task_opts resident = {.flags = HKT_RESIDENT};
    struct hkt_task *t[] = {hkt_spawn(sleep_deep, NULL), hkt_spawn(drive, NULL),
                            hkt_spawn(wait_blocking, NULL),
                            hkt_spawn_opts(nap, MS(100000), &resident)};
    const int why[] = {-E2BIG, -EBUSY, -EBUSY, -EBUSY};

    (void)arg;
    cr_assert_eq(hkt_task_hibernate(NULL), -ENOMEM);
    cr_assert_eq(hkt_task_hibernate(t[0]), -EBUSY, "it has not begun");
    cr_assert_eq(hkt_task_hibernate(hkt_task_current()), -EBUSY);
    HKT_TRY(hkt_sleep(0));
    for (int i = 0; i < 4; i++) {
        int rc = hkt_task_hibernate(t[i]);
        cr_assert_eq(rc, why[i], "%d: %s", i, hkt_strerror(rc));
        cr_assert_eq(hkt_task_rouse(t[i]), 0);
        (void)hkt_task_cancel(t[i]);
        cr_assert_eq(hkt_join(t[i]), -ECANCELED);
    }
    return 0;
}

Test(hibernate, what_cannot_rest_says_so)
{
    need_hibernation();
    cr_assert_eq(hkt_run(refused, NULL), 0);
}

/* By itself */

static size_t resident_set;

static size_t pretended_resident_set(void)
{
    return resident_set;
}

static int sweeps(void *arg)
{
    const struct hkt_task_opts resident = {.flags = HKT_RESIDENT};
    struct hkt_task *t[10];

    (void)arg;
    for (int i = 0; i < 10; i++)
        t[i] = hkt_spawn_opts(nap, MS(100000), i == 3 ? &resident : NULL);
    HKT_TRY(hkt_sleep(HKT_MS(900)));
    cr_assert_eq(hkt_hibernating(), 0, "nobody has waited for a second");
    HKT_TRY(hkt_sleep(HKT_SEC(3)));
    cr_assert_eq(hkt_hibernating(), 9);
    cr_assert(!hkt_task_hibernates(t[3]));
    cr_assert_eq(hkt_task_rouse(t[5]), 1);
    HKT_TRY(hkt_sleep(HKT_SEC(3)));
    cr_assert_eq(hkt_hibernating(), 9, "it is put aside again");
    cancel_and_join(t, 10);
    return 0;
}

Test(hibernate, a_loop_does_it_by_itself)
{
    struct hkt_loop_opts opts = simulated;

    need_hibernation();
    opts.hibernate_after_ns = HKT_SEC(1);
    cr_assert_eq(hkt_run_opts(sweeps, NULL, &opts), 0);
    opts.hibernate_most = 1;
    cr_assert_eq(hkt_run_opts(sweeps, NULL, &opts), 0);
}

static int sweep_over_a_limit(void *arg)
{
    struct hkt_task *t = hkt_spawn(nap, MS(100000));

    (void)arg;
    resident_set = 1000;
    HKT_TRY(hkt_sleep(HKT_SEC(10)));
    cr_assert_eq(hkt_hibernating(), 0);
    resident_set = 1001;
    HKT_TRY(hkt_sleep(HKT_SEC(10)));
    cr_assert_eq(hkt_hibernating(), 1);
    (void)hkt_task_cancel(t);
    return hkt_join(t) == -ECANCELED ? 0 : -EIO;
}

Test(hibernate, a_loop_may_wait_until_memory_is_short)
{
    struct hkt_loop_opts opts = simulated;

    need_hibernation();
    hkt__os.resident_set = pretended_resident_set;
    opts.hibernate_after_ns = HKT_SEC(1);
    opts.hibernate_above = 1000;
    cr_assert_eq(hkt_run_opts(sweep_over_a_limit, NULL, &opts), 0);
}

static int for_ever(void *arg)
{
    (void)arg;
    return hkt_await(&future);
}

Test(hibernate, sweeps_do_not_hide_that_nothing_is_left_to_wait_for)
{
    struct hkt_loop_opts opts = simulated;

    opts.hibernate_after_ns = HKT_MS(1);
    cr_assert_eq(hkt_run_opts(for_ever, NULL, &opts), -EDEADLK);
}

/* Out of memory */

static int refuse(const struct iovec *at, unsigned n)
{
    (void)at;
    (void)n;
    return -ENOMEM;
}

static int without_memory(void *arg)
{
    struct hkt_task *t = hkt_spawn(nap, MS(10));

    (void)arg;
    HKT_TRY(hkt_sleep(0));
    doors_install();
    doors.fail_alloc = 1;
    cr_assert_eq(hkt_task_hibernate(t), -ENOMEM);
    doors.fail_map = 1;
    cr_assert_eq(hkt_task_hibernate(t), -ENOMEM);
    hkt__os.hide = refuse;
    cr_assert_eq(hkt_task_hibernate(t), -ENOMEM);
    cr_assert(!hkt_task_hibernates(t));
    hkt__os.hide = doors.real.hide;
    put_aside(t);
    return hkt_join(t);
}

Test(hibernate, without_memory_a_task_stays_awake)
{
    need_hibernation();
    cr_assert_eq(hkt_run(without_memory, NULL), 0);
}

/* A storm: messages through a ring of tasks that rest whenever they can. */
enum { RING = 50, ROUNDS = 40 };

static struct hkt_channel ring[RING];

static int pass(void *i)
{
    struct hkt_channel *from = &ring[(intptr_t)i], *to = &ring[((intptr_t)i + 1) % RING];
    int value = 0;

    for (int round = 0; round < ROUNDS; round++) {
        HKT_TRY(hkt_channel_recv(from, &value, sizeof value));
        if (rand() % 4 == 0)
            HKT_TRY(hkt_sleep(HKT_US(rand() % 500)));
        value++;
        if (i == MS(RING - 1) && round == ROUNDS - 1)
            return value;
        HKT_TRY(hkt_channel_send(to, &value, sizeof value));
    }
    return 0;
}

static int storm(void *arg)
{
    struct hkt_task *t[RING];
    int value = 0, last = 0;

    (void)arg;
    for (intptr_t i = 0; i < RING; i++) {
        HKT_TRY(hkt_channel_init(&ring[i], NULL, 0, sizeof(int)));
        t[i] = hkt_spawn(pass, MS(i));
    }
    HKT_TRY(hkt_channel_send(&ring[0], &value, sizeof value));
    for (int i = 0; i < RING; i++)
        HKT_TRY(last = hkt_join(t[i]));
    return last == RING * ROUNDS ? 0 : -EIO;
}

Test(hibernate, at_random_nothing_is_lost)
{
    cr_assert_eq(setenv("HKT_HIBERNATE", "random", 1), 0);
    on_each_backend(storm, NULL);
}
