/* SPDX-License-Identifier: MIT
 *
 * State Threads: sleeping threads; there are no timers apart from them.
 */
#include "timer.h"

#include <st.h>

enum { STACK = 65536 };

const char *const timer_impl = "st";

static void *sleeper(void *arg)
{
    uint64_t at = timer_now();

    for (;;) {
        unsigned delay = timer_delay();
        st_usleep(delay);
        at = timer_woke(at, delay);
    }
    return arg;
}

void timer_sleep(size_t n)
{
    if (st_set_eventsys(ST_EVENTSYS_POLL) < 0 || st_init() < 0)
        timer_fail("st_init() failed");
    for (size_t i = 0; i < n; i++)
        if (!st_thread_create(sleeper, NULL, 0, STACK))
            timer_fail("st_thread_create() failed");
    st_thread_exit(NULL);
}

timer_arm_fn *const timer_arm = NULL;
