/* SPDX-License-Identifier: MIT
 *
 * Uses what the headers offer as macros, in C and in C++, for tests/headers.
 */
#include <hocket/channel.h>
#include <hocket/gen.h>
#include <hocket/mailbox.h>
#include <hocket/queue.h>
#include <hocket/sync.h>

#include <stdio.h>
#include <stdlib.h>

struct point {
    double x, y;
};

HKT_GEN_OF(ints, int);
HKT_GEN_OF(points, struct point);
HKT_QUEUE_OF(jobs, struct point);
HKT_CHANNEL_OF(numbers, int);
HKT_MAILBOX_OF(letters, char);

int sum_to(int n);
int first_point(struct hkt_gen *g, struct point *p);
int pass_on(int n);
int use_all(void *arg);

static struct point room[4];
static struct hkt_queue jobs = HKT_QUEUE_INIT(room);
static struct hkt_queue last_first = HKT_LIFO_QUEUE_INIT(room);
static struct hkt_queue least_first = HKT_PRIORITY_QUEUE_INIT(room, NULL);
static struct hkt_channel numbers = HKT_CHANNEL_INIT(int);
static struct hkt_channel points = HKT_BUFFERED_CHANNEL_INIT(room);

static struct hkt_lock lock = HKT_LOCK_INIT;
static struct hkt_event event = HKT_EVENT_INIT;
static struct hkt_cond own = HKT_COND_INIT;
static struct hkt_cond sharing = HKT_COND_WITH(&lock);
static struct hkt_semaphore slots[] = {HKT_SEMAPHORE_INIT(1), HKT_BOUNDED_SEMAPHORE_INIT(1)};
static struct hkt_barrier barrier = HKT_BARRIER_INIT(1);
static struct hkt_rwlock rwlock = HKT_RWLOCK_INIT;
static struct hkt_once once = HKT_ONCE_INIT;
static struct hkt_waitgroup group = HKT_WAITGROUP_INIT;

static int count(struct hkt_gen *self, void *stop)
{
    void *held = malloc(16);
    HKT_DEFER(free, held);
    HKT_DEFER(free, malloc(16));

    for (int i = 0; i < *(int *)stop; i++) {
        int sent = 0;
        HKT_TRY(ints_yield(self, i));
        HKT_TRY(ints_yield_recv(self, i, &sent));
    }
    return 0;
}

int sum_to(int n)
{
    int sum = 0, rc = 0;

    HKT_EACH(ints, x, hkt_gen_new(count, &n), &rc)
        sum += x;
    HKT_EACH(ints, x, hkt_gen_new(count, &n), &rc) {
        HKT_EACH(ints, y, hkt_gen_new(count, &n), &rc)
            printf("%d %d\n", x, y);
        if (x > 1)
            break;
    }
    return rc < 0 ? rc : sum;
}

int first_point(struct hkt_gen *g, struct point *p)
{
    hkt_auto_gen numbers = hkt_range(0, 10, 1);
    hkt_auto_coro none = NULL;
    int64_t i;

    if (hkt_ints_next(numbers, &i) < 0 || hkt_coro_resume(none, NULL, NULL) > 0)
        return -EINVAL;
    HKT_TRY(points_send(g, *p, p));
    return points_throw(g, HKT_ECLOSE, p);
}

int pass_on(int n)
{
    struct point p = {0, 0};
    struct hkt_case cases[] = {numbers_recv_case(&numbers, &n), numbers_send_case(&numbers, &n),
                               hkt_case_after(HKT_MS(1))};

    HKT_TRY(jobs_put(&jobs, p));
    HKT_TRY(jobs_put_nowait(&last_first, p));
    HKT_TRY(jobs_get(&least_first, &p));
    HKT_TRY(jobs_get_nowait(&jobs, &p));
    HKT_TRY(jobs_init_unbounded(&jobs, NULL));
    HKT_TRY(numbers_send(&numbers, n));
    HKT_TRY(numbers_try_send(&points, n));
    HKT_TRY(numbers_try_recv(&points, &n));
    HKT_TRY(hkt_select(cases, 3));
    HKT_TRY(letters_send(letters_mailbox_new(1), 'x'));
    return numbers_recv(&numbers, &n);
}

int use_all(void *arg)
{
    HKT_TRY(hkt_once_run(&once, use_all, arg));
    HKT_TRY(hkt_lock_acquire(&lock));
    HKT_DEFER(hkt_lock_leave, &lock);
    HKT_TRY(hkt_cond_wait(&sharing));
    HKT_TRY(hkt_cond_acquire(&own));
    HKT_DEFER(hkt_cond_leave, &own);
    HKT_TRY(hkt_semaphore_acquire(&slots[0]));
    HKT_DEFER(hkt_semaphore_leave, &slots[0]);
    HKT_TRY(hkt_rwlock_acquire_read(&rwlock));
    HKT_DEFER(hkt_rwlock_leave, &rwlock);
    HKT_TRY(hkt_waitgroup_add(&group, 1));
    HKT_DEFER(hkt_waitgroup_leave, &group);
    HKT_TRY(hkt_event_wait(&event));
    return hkt_barrier_wait(&barrier);
}
