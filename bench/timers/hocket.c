/* SPDX-License-Identifier: MIT */
#include "timer.h"

#include <hocket/hocket.h>

const char *const timer_impl = "hocket";

static int sleeper(void *arg)
{
    uint64_t at = timer_now();

    (void)arg;
    for (;;) {
        unsigned delay = timer_delay();
        HKT_TRY(hkt_sleep((int64_t)delay * 1000));
        at = timer_woke(at, delay);
    }
}

static int sleepers(void *arg)
{
    struct hkt_group group = {0};

    HKT_TRY(hkt_group_enter(&group));
    for (size_t i = 0; i < *(size_t *)arg; i++)
        if (hkt_group_spawn(&group, sleeper, NULL) < 0)
            timer_fail("a task could not be made");
    return hkt_group_exit(&group, 0);
}

void timer_sleep(size_t n)
{
    if (hkt_run(sleepers, &n) < 0)
        timer_fail("the loop failed");
}

static void never(void *arg)
{
    (void)arg;
    timer_fail("it fired");
}

static void arm(size_t n)
{
    static struct hkt_loop *loop;
    static struct hkt_handle *handle;

    if (!loop) {
        loop = hkt_loop_new(NULL);
        handle = timer_memory(TIMER_ARMED, sizeof *handle);
    }
    for (size_t i = 0; i < n; i++)
        hkt_call_later(loop, &handle[i], (int64_t)timer_far() * 1000, never, NULL);
    for (size_t i = 0; i < n; i++)
        hkt_handle_cancel(&handle[i]);
}

timer_arm_fn *const timer_arm = arm;
