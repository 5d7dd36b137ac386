/* SPDX-License-Identifier: MIT
 *
 * Generators that await, sent to, thrown into and closed: the scenarios of CPython's test_asyncgen.
 */
#include "sched/simulated.h"

HKT_GEN_OF(ints, int);

struct log {
    int cleaned; /* how often the clean-up ran to its end */
    struct hkt_future f;
};

/* What `finally` would be: it suspends. */
static int clean_up(struct log *log, int rc)
{
    HKT_TRY(hkt_sleep(HKT_MS(10)));
    HKT_TRY(hkt_sleep(HKT_MS(10)));
    log->cleaned++;
    return rc;
}

static int double_it(struct hkt_gen *self)
{
    int v = 0;

    HKT_TRY(hkt_sleep(HKT_MS(10)));
    int rc = ints_yield_recv(self, 1, &v);
    if (rc == -EIO) { /* except */
        v = 1000;
        rc = hkt_sleep(HKT_MS(10));
    }
    HKT_TRY(rc);
    HKT_TRY(hkt_sleep(HKT_MS(10)));
    HKT_TRY(ints_yield(self, v * 2));
    return hkt_sleep(HKT_MS(10));
}

static int doubles(struct hkt_gen *self, void *log)
{
    return clean_up(log, double_it(self));
}

static int send_to(void *arg)
{
    struct log log = {0};
    hkt_auto_gen g = hkt_gen_new(doubles, &log);
    int v = 0;

    (void)arg;
    cr_assert_eq(ints_next(g, &v), 1);
    cr_assert_eq(v, 1);
    cr_assert_eq(ints_send(g, 100, &v), 1);
    cr_assert_eq(v, 200);
    cr_assert_eq(ints_next(g, &v), 0);
    cr_assert_eq(ints_next(g, &v), 0, "and again");
    cr_assert_eq(log.cleaned, 1);
    cr_assert_eq(simulated_now, HKT_MS(50));
    return 0;
}

Test(asyncgen, awaits_between_what_is_sent_to_it)
{
    cr_assert_eq(run_simulated(send_to, NULL), 0);
}

static int throw_into(void *arg)
{
    struct log log = {0};
    hkt_auto_gen g = hkt_gen_new(doubles, &log);
    int v = 0;

    (void)arg;
    cr_assert_eq(ints_next(g, &v), 1);
    cr_assert_eq(ints_throw(g, -EIO, &v), 1, "caught");
    cr_assert_eq(v, 2000);
    cr_assert_eq(ints_throw(g, -ENOSPC, &v), -ENOSPC, "not caught");
    cr_assert_eq(log.cleaned, 1);
    return 0;
}

Test(asyncgen, may_await_when_something_is_thrown_into_it)
{
    cr_assert_eq(run_simulated(throw_into, NULL), 0);
}

static int yield_then_await(struct hkt_gen *self, void *arg)
{
    struct log *log = arg;
    int rc = ints_yield(self, 1);

    if (rc >= 0)
        rc = hkt_await(&log->f);
    return clean_up(log, rc);
}

static void cancel_future(void *f)
{
    (void)hkt_future_cancel(f);
}

static int awaited_ends(void *arg)
{
    for (int cancel = 0; cancel < 2; cancel++) {
        struct log log = {0};
        struct hkt_handle h = {0};
        hkt_auto_gen g = hkt_gen_new(yield_then_await, &log);
        int v;

        cr_assert_eq(ints_next(g, &v), 1);
        if (cancel)
            cr_assert_eq(hkt_call_later(hkt_loop_current(), &h, HKT_MS(5), cancel_future, &log.f),
                         0);
        else
            cr_assert_eq(hkt_future_set(&log.f, -EIO, NULL), 0);
        cr_assert_eq(ints_next(g, &v), cancel ? -ECANCELED : -EIO);
        cr_assert_eq(log.cleaned, 1, "before the error came out");
        cr_assert_eq(ints_next(g, &v), 0, "it is finished");
    }
    (void)arg;
    return 0;
}

Test(asyncgen, what_it_awaits_may_fail_or_be_cancelled)
{
    cr_assert_eq(run_simulated(awaited_ends, NULL), 0);
}

static int close_it(void *arg)
{
    struct log log = {0};
    hkt_auto_gen g = hkt_gen_new(yield_then_await, &log);
    int v;

    (void)arg;
    cr_assert_eq(ints_next(g, &v), 1);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(log.cleaned, 1);
    cr_assert_eq(simulated_now, HKT_MS(20), "the clean-up was waited for");
    cr_assert_eq(hkt_gen_close(g), 0, "twice");
    cr_assert_eq(ints_throw(g, -EIO, &v), -EIO, "and it is finished");
    cr_assert_eq(log.cleaned, 1);
    {
        hkt_auto_gen scoped = hkt_gen_new(yield_then_await, &log);
        cr_assert_eq(ints_next(scoped, &v), 1);
    }
    cr_assert_eq(log.cleaned, 2, "leaving the scope closes it");
    return 0;
}

Test(asyncgen, its_clean_up_may_await)
{
    cr_assert_eq(run_simulated(close_it, NULL), 0);
}

static int yields_when_closed(struct hkt_gen *self, void *arg)
{
    struct log *log = arg;
    int rc = ints_yield(self, 1);

    HKT_TRY(hkt_sleep(HKT_MS(10)));
    if (log->cleaned++ == 0)
        rc = ints_yield(self, 12);
    return rc;
}

static int ignores_its_close(void *arg)
{
    struct log log = {0};
    hkt_auto_gen g = hkt_gen_new(yields_when_closed, &log);
    int v;

    (void)arg;
    cr_assert_eq(ints_next(g, &v), 1);
    cr_assert_eq(hkt_gen_close(g), -EPROTO);
    cr_assert_eq(hkt_gen_state(g), HKT_SUSPENDED);
    return 0;
}

Test(asyncgen, that_yields_when_it_is_closed_is_told_of)
{
    cr_assert_eq(run_simulated(ignores_its_close, NULL), 0);
}

static int joins_in_its_clean_up(struct hkt_gen *self, void *arg)
{
    struct log *log = arg;
    struct hkt_task *t = hkt_spawn(failer, INT_ARG(-EIO)); /* after 10 ms */
    int rc = ints_yield(self, 1);

    if (hkt_join(t) == -EIO)
        log->cleaned++;
    return rc;
}

static int close_and_join(void *arg)
{
    struct log log = {0};
    hkt_auto_gen g = hkt_gen_new(joins_in_its_clean_up, &log);
    int v;

    (void)arg;
    cr_assert_eq(ints_next(g, &v), 1);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(log.cleaned, 1);
    return 0;
}

Test(asyncgen, may_join_a_failing_task_in_its_clean_up)
{
    cr_assert_eq(run_simulated(close_and_join, NULL), 0);
}

static int consume(void *arg)
{
    struct log *log = arg;
    hkt_auto_gen g = hkt_gen_new(yield_then_await, log);
    int v, rc;

    while ((rc = ints_next(g, &v)) > 0)
        ;
    return rc;
}

static int cancel_consumers(void *arg)
{
    struct log log[2] = {{0}, {0}};
    struct hkt_task *t[2] = {hkt_spawn(consume, &log[0]), hkt_spawn(consume, &log[1])};

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    for (int i = 0; i < 2; i++)
        cr_assert(hkt_task_cancel(t[i]));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hkt_join(t[i]), -ECANCELED);
        cr_assert_eq(log[i].cleaned, 1);
    }
    cr_assert_eq(simulated_now, HKT_MS(25));
    return 0;
}

Test(asyncgen, cancelling_who_steps_it_cancels_what_it_awaits)
{
    cr_assert_eq(run_simulated(cancel_consumers, NULL), 0);
}

static int send_one(void *g)
{
    int v;

    return ints_send(g, 5, &v);
}

static int at_the_same_time(void *arg)
{
    struct log log = {0};
    hkt_auto_gen g = hkt_gen_new(yield_then_await, &log);
    int v;

    (void)arg;
    cr_assert_eq(ints_next(g, &v), 1);
    struct hkt_task *sender = hkt_spawn(send_one, g);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(ints_send(g, 6, &v), -EBUSY);
    cr_assert_eq(ints_throw(g, -EIO, &v), -EBUSY);
    cr_assert_eq(hkt_gen_close(g), -EBUSY);
    cr_assert_eq(hkt_future_set(&log.f, 0, NULL), 0);
    cr_assert_eq(hkt_join(sender), 0, "it was not disturbed");
    cr_assert_eq(log.cleaned, 1);
    return 0;
}

Test(asyncgen, is_busy_for_others_while_it_awaits)
{
    cr_assert_eq(run_simulated(at_the_same_time, NULL), 0);
}
