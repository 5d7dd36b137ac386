/* SPDX-License-Identifier: MIT */
#include "sched.h"

#include "base/os.h"

#include <stdio.h>

int64_t hkt__loop_clock(const struct hkt_loop *loop)
{
    return HKT_UNLIKELY(loop->clock != NULL) ? loop->clock(loop->clock_ctx) : hkt__os.now();
}

int64_t hkt__deadline(const struct hkt_loop *loop, int64_t delay_ns)
{
    int64_t when;

    if (delay_ns < 0)
        delay_ns = 0;
    return __builtin_add_overflow(hkt__loop_clock(loop), delay_ns, &when) ? INT64_MAX : when;
}

int64_t hkt_now(void)
{
    return hkt__loop ? hkt__loop_clock(hkt__loop) : hkt__os.now();
}

struct sleep {
    struct hkt__wait wait;
    struct hkt__alarm alarm;
};

static bool abort_sleep(struct hkt__wait *w)
{
    struct sleep *s = (struct sleep *)(void *)w;

    hkt__timer_cancel(&hkt__job(s->alarm.task)->loop->timers, &s->alarm.timer);
    return true;
}

static void move_sleep(void *from, void *to)
{
    struct sleep *s = to;
    struct hkt__timers *timers = &hkt__job(s->alarm.task)->loop->timers;

    hkt__timer_moved(timers, &((struct sleep *)from)->alarm.timer, &s->alarm.timer);
}

static void describe_sleep(const struct hkt__wait *w, int64_t now, char *out, size_t size)
{
    const struct sleep *s = (const struct sleep *)(const void *)w;

    snprintf(out, size, ", %.1f ms more", (double)(s->alarm.timer.when - now) / 1e6);
}

static const struct hkt__wait_kind sleep_kind = {
    .record = {move_sleep, sizeof(struct sleep)}, .abort = abort_sleep, .describe = describe_sleep};

/* Apart, so that giving up a turn needs no room for a timer. */
HKT__APART static int sleep_until(struct hkt_loop *loop, struct hkt_task *self, int64_t when)
{
    struct sleep s = {.wait = {.why = "sleep", .kind = &sleep_kind, .detail = -1},
                      .alarm = {.task = self}};

    hkt__alarm_set(loop, &s.alarm, when);
    return hkt__park(&s.wait);
}

int hkt__sleep(int64_t delay_ns)
{
    struct hkt_task *self = hkt__task_self();

    if (!self)
        return -EPERM;
    if (delay_ns <= 0)
        return hkt__turn();
    return sleep_until(hkt__loop, self, hkt__deadline(hkt__loop, delay_ns));
}
