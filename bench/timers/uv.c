/* SPDX-License-Identifier: MIT
 *
 * libuv's callbacks. It counts in milliseconds, so times are rounded up; and from when the loop
 * last read the clock, as is usual there.
 */
#include "timer.h"

#include <uv.h>

const char *const timer_impl = "libuv";

struct sleeper {
    uv_timer_t timer; /* the first */
    uint64_t at;
    unsigned delay;
};

static void on_timer(uv_timer_t *timer)
{
    struct sleeper *s = (struct sleeper *)timer;

    if (s->at)
        s->at = timer_woke(s->at, s->delay);
    else
        s->at = timer_now();
    s->delay = timer_delay();
    uv_timer_start(timer, on_timer, (s->delay + 999) / 1000, 0);
}

void timer_sleep(size_t n)
{
    uv_loop_t *loop = uv_default_loop();
    struct sleeper *all = timer_memory(n, sizeof *all);

    uv_update_time(loop);
    for (size_t i = 0; i < n; i++) {
        uv_timer_init(loop, &all[i].timer);
        on_timer(&all[i].timer);
    }
    uv_run(loop, UV_RUN_DEFAULT);
}

static void never(uv_timer_t *timer)
{
    (void)timer;
    timer_fail("it fired");
}

static void arm(size_t n)
{
    static uv_timer_t *timer;
    uv_loop_t *loop = uv_default_loop();

    if (!timer) {
        timer = timer_memory(TIMER_ARMED, sizeof *timer);
        for (size_t i = 0; i < TIMER_ARMED; i++)
            uv_timer_init(loop, &timer[i]);
    }
    for (size_t i = 0; i < n; i++)
        uv_timer_start(&timer[i], never, timer_far() / 1000, 0);
    for (size_t i = 0; i < n; i++)
        uv_timer_stop(&timer[i]);
}

timer_arm_fn *const timer_arm = arm;
