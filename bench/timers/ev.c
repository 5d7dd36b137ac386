/* SPDX-License-Identifier: MIT
 *
 * libev's callbacks. A time is counted from when the loop last read the clock, as is usual there.
 */
#include "timer.h"

#include <ev.h>

const char *const timer_impl = "libev";

struct sleeper {
    ev_timer timer; /* the first */
    uint64_t at;
    unsigned delay;
};

static void begin(struct ev_loop *loop, struct sleeper *s)
{
    s->delay = timer_delay();
    ev_timer_set(&s->timer, s->delay / 1e6, 0);
    ev_timer_start(loop, &s->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct sleeper *s = (struct sleeper *)timer;

    (void)events;
    s->at = timer_woke(s->at, s->delay);
    begin(loop, s);
}

void timer_sleep(size_t n)
{
    struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);
    struct sleeper *all = timer_memory(n, sizeof *all);

    ev_now_update(loop);
    for (size_t i = 0; i < n; i++) {
        all[i].at = timer_now();
        ev_init(&all[i].timer, on_timer);
        begin(loop, &all[i]);
    }
    ev_run(loop, 0);
}

static void never(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    timer_fail("it fired");
}

static void arm(size_t n)
{
    static ev_timer *timer;
    struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);

    if (!timer)
        timer = timer_memory(TIMER_ARMED, sizeof *timer);
    for (size_t i = 0; i < n; i++) {
        ev_timer_init(&timer[i], never, timer_far() / 1e6, 0);
        ev_timer_start(loop, &timer[i]);
    }
    for (size_t i = 0; i < n; i++)
        ev_timer_stop(loop, &timer[i]);
}

timer_arm_fn *const timer_arm = arm;
