/* SPDX-License-Identifier: MIT
 *
 * The barrier. While those of one round leave, who comes waits for the next, which may be complete
 * when the last of them has left.
 */
#include "waiters.h"

enum {
    FILLING,
    DRAINING,  /* a round leaves */
    RESETTING, /* a round leaves, with errors */
    BROKEN,
};

int hkt_barrier_init(struct hkt_barrier *b, int parties)
{
    if (parties < 1)
        return -EINVAL;
    *b = (struct hkt_barrier)HKT_BARRIER_INIT(parties);
    return 0;
}

/* Not counting those who were cancelled and have not run yet. */
static int waiting(const struct hkt_barrier *b)
{
    return (int)b->waiters.count;
}

/* Sends the first n on; each gets rc, or the numbers from 0 on. */
static void send_on(struct hkt_barrier *b, int n, int rc)
{
    for (int i = 0; i < n; i++)
        hkt__waiters_wake(&b->waiters, rc < 0 ? rc : i);
    b->leaving += n;
}

/* The last who leaves lets the next round in. */
static void settle(struct hkt_barrier *b)
{
    while (b->leaving == 0 && b->state != BROKEN) {
        b->state = FILLING;
        if (waiting(b) < b->parties)
            return;
        b->state = DRAINING;
        send_on(b, b->parties, 0);
    }
}

static int wait_for_others(struct hkt_barrier *b)
{
    struct hkt__sleeper s;
    int rc = hkt__waiters_wait(&b->waiters, &s, "barrier");

    if (!s.called)
        return rc;
    if (rc >= 0 && b->state != DRAINING) /* broken on the way out */
        rc = HKT_EBROKEN;
    b->leaving--;
    settle(b);
    return rc;
}

int hkt_barrier_wait(struct hkt_barrier *b)
{
    if (!hkt__task_self())
        return -EPERM;
    if (b->parties < 1)
        return -EINVAL;
    if (b->state == BROKEN)
        return HKT_EBROKEN;
    if (b->state != FILLING || waiting(b) + 1 < b->parties)
        return wait_for_others(b);
    int rc = hkt__waiters_may_wait(&b->waiters);
    if (rc < 0)
        return rc;
    b->state = DRAINING;
    send_on(b, b->parties - 1, 0);
    settle(b);
    return b->parties - 1;
}

int hkt_barrier_reset(struct hkt_barrier *b)
{
    int rc = hkt__waiters_may_wake(&b->waiters);

    if (rc < 0)
        return rc;
    if (b->state == FILLING)
        send_on(b, waiting(b), HKT_EBROKEN);
    b->state = RESETTING;
    settle(b);
    return 0;
}

int hkt_barrier_abort(struct hkt_barrier *b)
{
    int rc = hkt__waiters_may_wake(&b->waiters);

    if (rc < 0)
        return rc;
    b->state = BROKEN;
    send_on(b, waiting(b), HKT_EBROKEN);
    return 0;
}

int hkt_barrier_waiting(const struct hkt_barrier *b)
{
    return b->state == FILLING ? waiting(b) : 0;
}

bool hkt_barrier_broken(const struct hkt_barrier *b)
{
    return b->state == BROKEN;
}
