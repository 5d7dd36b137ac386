/* SPDX-License-Identifier: MIT
 *
 * A thousand tasks that wait, and cost little while they do.
 */
#include <hocket/hocket.h>

#include <stdio.h>

static int wait_for_a_signal(void *event)
{
    char name[32];

    snprintf(name, sizeof name, "somebody"); /* it is still there afterwards */
    HKT_TRY(hkt_event_wait(event));
    return name[0] == 's' ? 0 : -EIO;
}

static int many(void *arg)
{
    struct hkt_event event = HKT_EVENT_INIT;
    struct hkt_group group = {0};

    (void)arg;
    HKT_TRY(hkt_group_enter(&group));
    for (int i = 0; i < 1000; i++)
        HKT_TRY(hkt_group_spawn(&group, wait_for_a_signal, &event));
    for (int i = 0; i < 100 && hkt_hibernating() < 1000; i++)
        HKT_TRY(hkt_sleep(HKT_MS(100)));
    printf("%zu tasks hibernate\n", hkt_hibernating());
    hkt_event_set(&event);
    return hkt_group_exit(&group, 0);
}

int main(void)
{
    const struct hkt_loop_opts opts = {.hibernate_after_ns = HKT_SEC(1)};

    int rc = hkt_run_opts(many, NULL, &opts);
    printf("%s\n", rc < 0 ? hkt_strerror(rc) : "all went on");
    return rc < 0;
}
