/* SPDX-License-Identifier: MIT
 *
 * Cases of a select that are no channels: times, futures, and those that have failed already.
 */
#include "select.h"

static bool always(struct hkt_case *c)
{
    (void)c;
    return true;
}

/* Failures */

static int failed_perform(struct hkt_case *c)
{
    return (int)c->number;
}

static const struct hkt__case_ops failed_ops = {always, failed_perform, NULL, NULL, false};

struct hkt_case hkt__case_failed(int rc)
{
    return (struct hkt_case){.ops = &failed_ops, .number = rc};
}

/* Times */

static bool after_ready(struct hkt_case *c)
{
    c->when = hkt__deadline(hkt__loop, c->number);
    return c->number <= 0;
}

static bool at_ready(struct hkt_case *c)
{
    c->when = c->number;
    return c->when <= hkt__loop_clock(hkt__loop);
}

static int time_perform(struct hkt_case *c)
{
    (void)c;
    return 0;
}

static void time_came(void *arg)
{
    hkt__case_happens(arg, 0, false);
}

static int time_enlist(struct hkt_case *c)
{
    c->wait.timer = (struct hkt_handle){0};
    return hkt_call_at(c->select->loop, &c->wait.timer, c->when, time_came, c);
}

static void time_withdraw(struct hkt_case *c)
{
    (void)hkt_handle_cancel(&c->wait.timer);
}

static const struct hkt__case_ops after_ops = {after_ready, time_perform, time_enlist,
                                               time_withdraw, false};
static const struct hkt__case_ops at_ops = {at_ready, time_perform, time_enlist, time_withdraw,
                                            false};

struct hkt_case hkt_case_after(int64_t delay_ns)
{
    return (struct hkt_case){.ops = &after_ops, .number = delay_ns};
}

struct hkt_case hkt_case_at(int64_t when)
{
    return (struct hkt_case){.ops = &at_ops, .number = when};
}

/* Futures */

static bool future_ready(struct hkt_case *c)
{
    return hkt_future_state(c->on) != HKT_PENDING;
}

static int future_perform(struct hkt_case *c)
{
    return hkt_future_result(c->on);
}

static void future_done(void *arg)
{
    hkt__case_happens(arg, future_perform(arg), false);
}

static int future_enlist(struct hkt_case *c)
{
    c->wait.watch = (struct hkt_watch){0};
    return hkt_future_watch(c->on, &c->wait.watch, future_done, c);
}

static void future_withdraw(struct hkt_case *c)
{
    (void)hkt_future_unwatch(&c->wait.watch);
}

static const struct hkt__case_ops future_ops = {future_ready, future_perform, future_enlist,
                                                future_withdraw, false};

struct hkt_case hkt_case_future(struct hkt_future *f)
{
    return f ? (struct hkt_case){.ops = &future_ops, .on = f} : hkt__case_failed(-ENOMEM);
}
