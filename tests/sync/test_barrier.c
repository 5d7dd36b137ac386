/* SPDX-License-Identifier: MIT
 *
 * The barrier.
 */
#include "order.h"

static struct hkt_barrier barrier;

enum { N = 3 };

static int party(void *arg)
{
    (void)arg;
    int rc = hkt_barrier_wait(&barrier);
    mark(rc >= 0 ? (char)('0' + rc) : rc == HKT_EBROKEN ? 'B' : 'C');
    return rc;
}

static void spawn_parties(struct hkt_task **t, int n)
{
    for (int i = 0; i < n; i++)
        t[i] = hkt_spawn(party, NULL);
    settle();
}

static void begin(void)
{
    cr_assert_eq(hkt_barrier_init(&barrier, N), 0);
    cr_assert_eq(hkt_barrier_parties(&barrier), N);
}

/* They end as `rc` says, or with the numbers from 0 on. */
static void join_parties(struct hkt_task **t, int n, int rc)
{
    for (int i = 0; i < n; i++)
        cr_assert_eq(hkt_join(t[i]), rc < 0 ? rc : i);
}

static int rounds(void *arg)
{
    struct hkt_task *t[2 * N];

    (void)arg;
    begin();
    spawn_parties(t, N - 1);
    cr_assert_eq(hkt_barrier_waiting(&barrier), N - 1);
    cr_assert_eq(hkt_barrier_wait(&barrier), N - 1, "the last one does not wait");
    join_parties(t, N - 1, 0);
    cr_assert_str_eq(order, "01");
    spawn_parties(t, 2 * N);
    join_parties(t, N, 0);
    join_parties(t + N, N, 0);
    cr_assert_eq(hkt_barrier_waiting(&barrier), 0);
    return 0;
}

Test(barrier, lets_a_round_go_on_together_and_then_the_next)
{
    cr_assert_eq(run_ordered(rounds), 0);
}

static int alone(void *arg)
{
    struct hkt_barrier one = HKT_BARRIER_INIT(1), none = HKT_BARRIER_INIT(0);

    (void)arg;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_barrier_wait(&one), 0);
    cr_assert_eq(hkt_barrier_wait(&none), -EINVAL);
    cr_assert_eq(hkt_barrier_init(&none, 0), -EINVAL);
    cr_assert_eq(hkt_barrier_init(&none, -1), -EINVAL);
    return 0;
}

Test(barrier, one_party_never_waits_and_none_is_an_error)
{
    cr_assert_eq(run_ordered(alone), 0);
    begin();
    cr_assert_eq(hkt_barrier_wait(&barrier), -EPERM);
}

/* Who comes while a round leaves is of the next one, even if it would make three. */
static int draining(void *arg)
{
    struct hkt_task *t[N];

    (void)arg;
    begin();
    spawn_parties(t, N - 1);
    cr_assert_eq(hkt_barrier_wait(&barrier), N - 1);
    cr_assert_eq(hkt_barrier_waiting(&barrier), 0, "they have not left yet");
    struct hkt_task *u[N];
    for (int i = 0; i < N; i++)
        u[i] = hkt_spawn_opts(party, NULL, &(struct hkt_task_opts){.flags = HKT_EAGER});
    cr_assert_str_eq(order, "");
    cr_assert_eq(hkt_barrier_waiting(&barrier), 0);
    join_parties(t, N - 1, 0);
    join_parties(u, N, 0);
    cr_assert_str_eq(order, "01012");
    return 0;
}

Test(barrier, who_comes_while_a_round_leaves_waits_for_the_next)
{
    cr_assert_eq(run_ordered(draining), 0);
}

static int cancel_waiting(void *arg)
{
    struct hkt_task *t[N];

    (void)arg;
    begin();
    spawn_parties(t, 2);
    cr_assert(hkt_task_cancel(t[0]));
    cr_assert_eq(hkt_join(t[0]), -ECANCELED);
    cr_assert_eq(hkt_barrier_waiting(&barrier), 1);
    cr_assert_not(hkt_barrier_broken(&barrier));
    struct hkt_task *u = begun(party, NULL);
    cr_assert_not(hkt_task_done(t[1]));
    cr_assert_eq(hkt_barrier_wait(&barrier), 2);
    cr_assert_eq(hkt_join(t[1]), 0, "numbers without a gap or a double");
    cr_assert_eq(hkt_join(u), 1);
    return 0;
}

Test(barrier, a_cancelled_waiter_no_longer_counts)
{
    cr_assert_eq(run_ordered(cancel_waiting), 0);
}

/* It has not even run to notice. */
static int cancel_and_complete(void *arg)
{
    struct hkt_task *t[N];

    (void)arg;
    begin();
    spawn_parties(t, 2);
    cr_assert(hkt_task_cancel(t[0]));
    cr_assert_eq(hkt_barrier_waiting(&barrier), 1);
    t[2] = hkt_spawn_opts(party, NULL, &(struct hkt_task_opts){.flags = HKT_EAGER});
    cr_assert_eq(hkt_barrier_waiting(&barrier), 2, "not the last one");
    cr_assert_eq(hkt_barrier_wait(&barrier), 2);
    cr_assert_eq(hkt_join(t[0]), -ECANCELED);
    cr_assert_eq(hkt_join(t[1]), 0);
    cr_assert_eq(hkt_join(t[2]), 1);
    return 0;
}

Test(barrier, a_cancelled_waiter_does_not_help_to_complete_a_round)
{
    cr_assert_eq(run_ordered(cancel_and_complete), 0);
}

static int cancel_leaving(void *arg)
{
    struct hkt_task *t[N], *u[N];

    (void)arg;
    begin();
    spawn_parties(t, 2);
    cr_assert_eq(hkt_barrier_wait(&barrier), 2);
    cr_assert(hkt_task_cancel(t[1]), "the last who leaves");
    for (int i = 0; i < N; i++)
        u[i] = hkt_spawn_opts(party, NULL, &(struct hkt_task_opts){.flags = HKT_EAGER});
    cr_assert_eq(hkt_join(t[0]), 0, "the others go on");
    cr_assert_eq(hkt_join(t[1]), -ECANCELED);
    join_parties(u, N, 0);
    return 0;
}

Test(barrier, one_that_is_cancelled_on_the_way_out_holds_nobody_up)
{
    cr_assert_eq(run_ordered(cancel_leaving), 0);
}

static int reset(void *arg)
{
    struct hkt_task *t[N];

    (void)arg;
    begin();
    cr_assert_eq(hkt_barrier_reset(&barrier), 0, "an empty one");
    cr_assert_not(hkt_barrier_broken(&barrier));
    spawn_parties(t, 2);
    cr_assert_eq(hkt_barrier_reset(&barrier), 0);
    struct hkt_task *late =
        hkt_spawn_opts(party, NULL, &(struct hkt_task_opts){.flags = HKT_EAGER});
    cr_assert_eq(hkt_barrier_waiting(&barrier), 0);
    join_parties(t, 2, HKT_EBROKEN);
    cr_assert_not(hkt_barrier_broken(&barrier));
    cr_assert_eq(hkt_barrier_waiting(&barrier), 1, "who came after the reset stays");
    spawn_parties(t, 1);
    cr_assert_eq(hkt_barrier_wait(&barrier), 2);
    cr_assert_eq(hkt_join(late), 0);
    cr_assert_eq(hkt_join(t[0]), 1);
    return 0;
}

Test(barrier, a_reset_breaks_the_round_and_no_later_one)
{
    cr_assert_eq(run_ordered(reset), 0);
}

static int reset_leaving(void *arg)
{
    struct hkt_task *t[N];

    (void)arg;
    begin();
    spawn_parties(t, 2);
    cr_assert_eq(hkt_barrier_wait(&barrier), 2);
    struct hkt_task *next =
        hkt_spawn_opts(party, NULL, &(struct hkt_task_opts){.flags = HKT_EAGER});
    cr_assert_eq(hkt_barrier_reset(&barrier), 0, "some have not left");
    cr_assert_eq(hkt_barrier_reset(&barrier), 0);
    join_parties(t, 2, HKT_EBROKEN);
    cr_assert_not(hkt_task_done(next), "it is of the next round");
    spawn_parties(t, 2);
    join_parties(&next, 1, 0);
    cr_assert_eq(hkt_join(t[0]), 1);
    cr_assert_eq(hkt_join(t[1]), 2);
    return 0;
}

Test(barrier, a_reset_also_breaks_those_who_have_not_left)
{
    cr_assert_eq(run_ordered(reset_leaving), 0);
}

static int abort_it(void *arg)
{
    struct hkt_task *t[N];

    (void)arg;
    begin();
    spawn_parties(t, 2);
    cr_assert_eq(hkt_barrier_abort(&barrier), 0);
    cr_assert(hkt_barrier_broken(&barrier));
    cr_assert_eq(hkt_barrier_wait(&barrier), HKT_EBROKEN, "at once");
    join_parties(t, 2, HKT_EBROKEN);
    cr_assert_eq(hkt_barrier_wait(&barrier), HKT_EBROKEN);
    cr_assert_eq(hkt_barrier_reset(&barrier), 0);
    cr_assert_not(hkt_barrier_broken(&barrier));
    spawn_parties(t, N);
    join_parties(t, N, 0);
    return 0;
}

Test(barrier, an_abort_breaks_it_until_it_is_reset)
{
    cr_assert_eq(run_ordered(abort_it), 0);
}

static int abort_leaving(void *arg)
{
    struct hkt_task *t[N];

    (void)arg;
    begin();
    spawn_parties(t, 2);
    cr_assert_eq(hkt_barrier_wait(&barrier), 2);
    struct hkt_task *next =
        hkt_spawn_opts(party, NULL, &(struct hkt_task_opts){.flags = HKT_EAGER});
    cr_assert_eq(hkt_barrier_abort(&barrier), 0);
    cr_assert_eq(hkt_barrier_reset(&barrier), 0, "before anybody has left");
    join_parties(t, 2, HKT_EBROKEN);
    cr_assert_eq(hkt_join(next), HKT_EBROKEN);
    spawn_parties(t, N);
    join_parties(t, N, 0);
    return 0;
}

Test(barrier, an_abort_breaks_who_leaves_and_who_waits)
{
    cr_assert_eq(run_ordered(abort_leaving), 0);
}
