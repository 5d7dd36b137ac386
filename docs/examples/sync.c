/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait for each other: a till with a lock, two lines at the counter, a kitchen that says
 * when there is enough, and a guest who does not wait for ever.
 */
#include <hocket/sync.h>
#include <hocket/task.h>

#include <stdint.h>
#include <stdio.h>

struct till {
    struct hkt_lock lock;
    int money;
};

static int deposit(struct till *t, int amount)
{
    HKT_TRY(hkt_lock_acquire(&t->lock));
    HKT_DEFER(hkt_lock_leave, &t->lock); /* async with lock: */

    int money = t->money;
    HKT_TRY(hkt_sleep(HKT_MS(1))); /* counting takes time, and may be cancelled */
    t->money = money + amount;
    return 0;
}

static struct hkt_semaphore counter = HKT_SEMAPHORE_INIT(2);
static struct till till;

static int guest(void *number)
{
    HKT_TRY(hkt_semaphore_acquire(&counter));
    HKT_DEFER(hkt_semaphore_leave, &counter);
    printf("guest %d orders\n", (int)(intptr_t)number);
    HKT_TRY(hkt_sleep(HKT_MS(5)));
    return deposit(&till, 10);
}

static int four_guests(void)
{
    struct hkt_group g = {0};
    int rc = hkt_group_enter(&g);

    for (intptr_t i = 1; i <= 4 && rc == 0; i++)
        rc = hkt_group_spawn(&g, guest, (void *)i);
    rc = hkt_group_exit(&g, rc);
    printf("in the till: %d\n", till.money);
    return rc;
}

struct kitchen {
    struct hkt_cond changed;
    int plates;
};

static int enough(void *k)
{
    return ((struct kitchen *)k)->plates >= 3;
}

static int waiter(void *arg)
{
    struct kitchen *k = arg;

    HKT_TRY(hkt_cond_acquire(&k->changed));
    HKT_DEFER(hkt_cond_leave, &k->changed);
    HKT_TRY(hkt_cond_wait_for(&k->changed, enough, k));
    printf("the waiter takes %d plates\n", k->plates);
    k->plates = 0;
    return 0;
}

static int cook(struct kitchen *k)
{
    HKT_TRY(hkt_cond_acquire(&k->changed));
    HKT_DEFER(hkt_cond_leave, &k->changed);
    k->plates++;
    printf("plate %d\n", k->plates);
    return hkt_cond_notify(&k->changed, 1);
}

static int dinner(void)
{
    struct kitchen k = {.changed = HKT_COND_INIT};
    struct hkt_group g = {0};
    int rc = hkt_group_enter(&g);

    if (rc == 0)
        rc = hkt_group_spawn(&g, waiter, &k);
    for (int i = 0; i < 3 && rc == 0; i++)
        if ((rc = hkt_sleep(HKT_MS(1))) == 0)
            rc = cook(&k);
    return hkt_group_exit(&g, rc);
}

static int wait_for_dessert(struct hkt_event *served)
{
    struct hkt_timeout limit = {0};

    HKT_TRY(hkt_timeout_enter(&limit, HKT_MS(10)));
    return (int)hkt_timeout_exit(&limit, hkt_event_wait(served));
}

static int evening(void *arg)
{
    struct hkt_event served = HKT_EVENT_INIT;

    (void)arg;
    HKT_TRY(four_guests());
    HKT_TRY(dinner());
    printf("dessert: %s\n", wait_for_dessert(&served) == -ETIMEDOUT ? "not today" : "served");
    return 0;
}

int main(void)
{
    int rc = hkt_run(evening, NULL);

    if (rc < 0)
        fprintf(stderr, "sync: %s\n", hkt_strerror(rc));
    return rc < 0;
}
