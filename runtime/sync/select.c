/* SPDX-License-Identifier: MIT
 *
 * Select. First each case is asked whether it can happen; if none can, each is linked into whatever
 * it waits for, and the first that happens takes all the others out again before the task is even
 * awake. So a case that is linked is one that may still happen, and whoever finds it need not ask.
 */
#include "select.h"

/* Asking */

/* One of n, each as likely: xorshift, Marsaglia 2003. */
static uint32_t random_below(struct hkt_loop *loop, uint32_t n)
{
    uint32_t x = loop->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    loop->random = x;
    return (uint32_t)((uint64_t)x * n >> 32);
}

/* The index of one that can happen; -EAGAIN: none can. The k-th that is found displaces the one
 * before with a chance of one in k, which is fair whatever lies between them. */
static int choose(struct hkt_loop *loop, struct hkt_case *cases, size_t n)
{
    uint32_t ready = 0;
    int chosen = -EAGAIN;

    for (size_t i = 0; i < n; i++)
        if (cases[i].ops && cases[i].ops->ready(&cases[i]))
            if (++ready == 1 || random_below(loop, ready) == 0)
                chosen = (int)i;
    return chosen;
}

static int look(struct hkt_loop *loop, struct hkt_case *cases, size_t n)
{
    if (HKT_UNLIKELY(!cases || n == 0))
        return -EINVAL;
    int chosen;
    do {
        chosen = choose(loop, cases, n);
        if (chosen >= 0)
            cases[chosen].rc = cases[chosen].ops->perform(&cases[chosen]);
    } while (chosen >= 0 && HKT_UNLIKELY(cases[chosen].rc == HKT__CASE_GONE));
    return chosen;
}

/* Waiting */

static void withdraw(struct hkt_case *cases, size_t n, const struct hkt_case *but)
{
    for (struct hkt_case *c = cases; c < cases + n; c++)
        if (c->ops && c != but)
            c->ops->withdraw(c);
}

static bool abort_select(struct hkt__wait *wait)
{
    struct hkt__select *s = (struct hkt__select *)(void *)wait;

    withdraw(s->cases, s->n, NULL);
    return true;
}

static const struct hkt__wait_kind select_kind = {.abort = abort_select};
static const struct hkt__wait_kind shared_kind = {.abort = abort_select, .pinned = true};

void hkt__case_happens(struct hkt_case *c, int rc, bool handed_over)
{
    struct hkt__select *s = c->select;

    withdraw(s->cases, s->n, c);
    c->rc = rc;
    s->wait.keep = handed_over;
    hkt__wake_on(s->loop, s->task, (int)(c - s->cases));
}

static int wait_for_one(struct hkt_loop *loop, struct hkt_case *cases, size_t n)
{
    struct hkt__select s = {.wait = {.why = "select", .kind = &select_kind, .detail = -1},
                            .task = loop->current,
                            .loop = loop,
                            .cases = cases,
                            .n = n};

    for (size_t i = 0; i < n; i++) {
        struct hkt_case *c = &cases[i];
        if (!c->ops)
            continue;
        c->select = &s;
        if (c->ops->shared)
            s.wait.kind = &shared_kind;
        int rc = c->ops->enlist(c);
        if (HKT_UNLIKELY(rc < 0)) {
            withdraw(cases, i, NULL);
            c->rc = rc;
            return (int)i;
        }
    }
    return hkt__park(&s.wait);
}

int hkt_select(struct hkt_case *cases, size_t n)
{
    struct hkt_loop *loop = hkt__loop;

    if (HKT_UNLIKELY(!loop || !loop->current))
        return -EPERM;
    int chosen = look(loop, cases, n);
    if (chosen == -EAGAIN)
        return wait_for_one(loop, cases, n);
    hkt__op_done(loop);
    return chosen;
}

int hkt_try_select(struct hkt_case *cases, size_t n)
{
    return hkt__loop ? look(hkt__loop, cases, n) : -EPERM;
}
