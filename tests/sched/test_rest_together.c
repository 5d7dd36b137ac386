/* SPDX-License-Identifier: MIT
 *
 * Tasks whose stacks are put aside together.
 */
#include "base/doors.h"
#include "sched/in_order.h"
#include "sched/resting.h"
#include "sched/simulated.h"

/* Whatever the environment says, the loop does nothing of that by itself. */
static const struct hkt_loop_opts by_hand = {.hibernate_after_ns = -1};

static bool always(void)
{
    return true;
}

/* Where there are other threads stacks are put aside one by one; a test runner's touch none. */
static void need_hibernation_together(void)
{
    need_hibernation();
    hkt__os.alone = always;
}

static int all_in_order(void *arg)
{
    struct hkt_task *t[MANY];

    (void)arg;
    ended = 0;
    for (intptr_t i = 0; i < MANY; i++)
        t[i] = hkt_spawn(receive_in_order, MS(i));
    HKT_TRY(hkt_sleep(0));
    cr_assert_eq(hkt_hibernate_all(0), MANY);
    cr_assert_eq(hkt_hibernating(), MANY);
    cr_assert_eq(hkt_hibernate_all(0), 0, "they do already");
    for (int i = 0; i < MANY; i++)
        HKT_TRY(hkt_channel_send(&channel, &i, sizeof i));
    for (int i = 0; i < MANY; i++)
        HKT_TRY(hkt_join(t[i]));
    return 0;
}

Test(rest_together, all_at_once_keep_their_order)
{
    need_hibernation_together();
    cr_assert_eq(hkt_channel_init(&channel, NULL, 0, sizeof(int)), 0);
    cr_assert_eq(hkt_run_opts(all_in_order, NULL, &by_hand), 0);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(order[i], i);
}

static struct hkt_event event = HKT_EVENT_INIT;

/* Each waits at a channel on the next one's stack: to move its record writes to that. */
static struct hkt_channel *circle[MANY];

static int wait_at_the_next(void *i)
{
    struct hkt_channel mine;
    int got = 0;

    HKT_TRY(hkt_channel_init(&mine, NULL, 0, sizeof(int)));
    circle[(intptr_t)i] = &mine;
    HKT_TRY(hkt_sleep(0));
    int rc = hkt_channel_recv(circle[((intptr_t)i + 1) % MANY], &got, sizeof got);
    HKT_TRY(hkt_event_wait(&event));
    return rc == 1 && got == (int)(intptr_t)i ? 0 : -EIO;
}

static int in_a_circle(void *by_itself)
{
    struct hkt_task *t[MANY];

    event = (struct hkt_event)HKT_EVENT_INIT;
    for (intptr_t i = 0; i < MANY; i++)
        t[i] = hkt_spawn(wait_at_the_next, MS(i));
    HKT_TRY(hkt_sleep(0));
    HKT_TRY(hkt_sleep(0));
    for (int round = 0; round < 3; round++) {
        cr_assert_geq(hkt_hibernate_all(0), 0);
        cr_assert(by_itself || round > 0 || hkt_hibernating() == MANY);
        for (int i = round; i < MANY; i += 3)
            HKT_TRY(hkt_channel_send(circle[(i + 1) % MANY], &i, sizeof i));
        HKT_TRY(hkt_sleep(0));
    }
    cr_assert_geq(hkt_hibernate_all(0), 0);
    hkt_event_set(&event);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(hkt_join(t[i]), 0, "%d", i);
    return 0;
}

Test(rest_together, all_at_once_wait_on_each_others_stacks)
{
    need_hibernation_together();
    cr_assert_eq(hkt_run_opts(in_a_circle, NULL, &by_hand), 0);
    cr_assert_eq(hkt_run(in_a_circle, MS(1)), 0);
}

static int those_that_wait_long(void *arg)
{
    struct hkt_task *t[4];

    (void)arg;
    for (int i = 0; i < 4; i++) {
        t[i] = hkt_spawn(nap, MS(100000));
        HKT_TRY(hkt_sleep(HKT_SEC(1)));
    }
    cr_assert_eq(hkt_hibernate_all(HKT_MS(3500)), 1);
    cr_assert_eq(hkt_hibernate_all(HKT_MS(1500)), 2);
    cr_assert(hkt_task_hibernates(t[2]));
    cr_assert(!hkt_task_hibernates(t[3]));
    cancel_and_join(t, 4);
    return 0;
}

Test(rest_together, all_that_have_waited_for_so_long)
{
    struct hkt_loop_opts opts = simulated;

    need_hibernation();
    opts.hibernate_after_ns = -1;
    cr_assert_eq(hkt_hibernate_all(0), -EPERM, "no loop runs");
    cr_assert_eq(hkt_run_opts(those_that_wait_long, NULL, &opts), 0);
}

static char *shared[MANY];

static int show_local(void *i)
{
    char local[64] = "before";
    int got;

    shared[(intptr_t)i] = local;
    int rc = hkt_channel_recv(&channel, &got, sizeof got);
    return rc == 1 && strcmp(local, "after") == 0 ? 0 : -EIO;
}

static size_t resident(const struct hkt_task *t)
{
    const struct hkt__cold *cold = t->coro.cold;

    return hkt__os.resident(cold->low, cold->room);
}

/* More than the few that are listed. */
static int touched_since(void *singly)
{
    struct hkt_task *t[MANY];

    for (intptr_t i = 0; i < MANY; i++)
        t[i] = hkt_spawn(show_local, MS(i));
    HKT_TRY(hkt_sleep(0));
    cr_assert_eq(hkt_hibernate_all(0), MANY);
    for (int i = 0; i < MANY; i++)
        strcpy(shared[i], "after");
    for (int i = 0; i < MANY; i++)
        cr_assert_gt(resident(t[i]), 0u);
    for (int i = 0; singly && i < MANY; i++)
        cr_assert_eq(hkt_task_hibernate(t[i]), 0);
    cr_assert_eq(hkt_hibernate_all(0), singly ? 0 : MANY);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(resident(t[i]), 0u);
    for (int i = 0; i < MANY; i++)
        HKT_TRY(hkt_channel_send(&channel, &i, sizeof i));
    for (int i = 0; i < MANY; i++)
        HKT_TRY(hkt_join(t[i]));
    return 0;
}

Test(rest_together, also_those_that_were_touched)
{
    need_hibernation_together();
    if (WHERE_ASAN || where_emulator())
        cr_skip_test("locals are not on the stack, or this is no kernel that forgets pages");
    cr_assert_eq(hkt_channel_init(&channel, NULL, 0, sizeof(int)), 0);
    cr_assert_eq(hkt_run_opts(touched_since, NULL, &by_hand), 0);
    cr_assert_eq(hkt_run_opts(touched_since, "singly", &by_hand), 0);
}

/* Pages that the system refuses */

enum { CROWD = 10, SWEPT = 20 };

static int asked;        /* how many places */
static unsigned refused; /* bit i: the i-th that is asked for */

static int hide_some(const struct iovec *at, unsigned n)
{
    unsigned hidden = 0;

    for (; hidden < n && !(refused >> asked & 1); hidden++, asked++)
        cr_assert_eq(doors.real.hide(&at[hidden], 1), 1);
    if (hidden == 0)
        asked++;
    return hidden > 0 ? (int)hidden : -ENOMEM;
}

static int nap_with_locals(void *arg)
{
    unsigned char local[100], pattern[100];

    (void)arg;
    for (size_t i = 0; i < sizeof local; i++)
        local[i] = pattern[i] = (unsigned char)(i * 3 + 1);
    __asm__ volatile("" ::"r"(local), "r"(pattern) : "memory");
    int rc = hkt_sleep(HKT_MS(10));
    cr_assert_eq(memcmp(local, pattern, sizeof local), 0);
    return rc;
}

static int some_refused(void *arg)
{
    struct hkt_task *t[CROWD];

    (void)arg;
    for (int i = 0; i < CROWD; i++)
        t[i] = hkt_spawn(nap_with_locals, NULL);
    HKT_TRY(hkt_sleep(0));
    hkt__os.hide = hide_some;
    refused = 1 << 3 | 1 << 4 | 1 << (CROWD - 1);
    cr_assert_eq(hkt_hibernate_all(0), CROWD - 3);
    cr_assert_eq(hkt_hibernating(), CROWD - 3);
    for (int i = 0; i < CROWD; i++)
        cr_assert_eq(hkt_task_hibernates(t[i]), !(refused >> i & 1), "%d", i);
    refused = ~0u;
    asked = 0;
    cr_assert_eq(hkt_hibernate_all(0), -ENOMEM, "all that are left");
    cr_assert_eq(asked, 3);
    hkt__os.hide = doors.real.hide;
    for (int i = 0; i < CROWD; i++)
        HKT_TRY(hkt_join(t[i]));
    return 0;
}

Test(rest_together, those_whose_pages_are_refused_go_on_as_they_were)
{
    need_hibernation_together();
    doors_install();
    cr_assert_eq(hkt_run_opts(some_refused, NULL, &by_hand), 0);
}

static int refuse_all(const struct iovec *at, unsigned n)
{
    (void)at, (void)n;
    asked++;
    return -ENOMEM;
}

static int sweeps_refused(void *arg)
{
    struct hkt_task *t[MANY];

    (void)arg;
    for (int i = 0; i < MANY; i++)
        t[i] = hkt_spawn(nap, MS(100000));
    hkt__os.hide = refuse_all;
    HKT_TRY(hkt_sleep(HKT_MS(1400)));
    cr_assert_eq(asked, SWEPT, "in one sweep");
    HKT_TRY(hkt_sleep(HKT_MS(500)));
    cr_assert_eq(asked, 2 * SWEPT, "and the next only after half of the time");
    hkt__os.hide = doors.real.hide;
    HKT_TRY(hkt_sleep(HKT_SEC(5)));
    cr_assert_eq(hkt_hibernating(), MANY);
    cancel_and_join(t, MANY);
    return 0;
}

Test(rest_together, a_loop_does_not_insist)
{
    struct hkt_loop_opts opts = simulated;

    need_hibernation_together();
    doors_install();
    opts.hibernate_after_ns = HKT_SEC(1);
    opts.hibernate_most = SWEPT;
    cr_assert_eq(hkt_run_opts(sweeps_refused, NULL, &opts), 0);
}
