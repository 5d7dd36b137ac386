/* SPDX-License-Identifier: MIT
 *
 * Queues that grow, when there is no memory.
 */
#include "base/os.h"
#include "sched/simulated.h"

#include <hocket/queue.h>

HKT_QUEUE_OF(ints, int);

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Puts until it fails, with the next elements being 0, 1, ... */
static int fill(struct hkt_queue *q, int from)
{
    int rc, next = from;

    while ((rc = ints_put_nowait(q, next)) == 0)
        next++;
    cr_assert_eq(rc, -ENOMEM);
    return next;
}

Test(store, when_a_queue_cannot_grow_nothing_is_lost)
{
    const struct hkt_queue_opts opts[] = {{.order = HKT_FIFO}, {HKT_PRIORITY, by_value}};
    const struct hkt__os real = hkt__os;
    int x = -1;

    for (int i = 0; i < 2; i++) {
        struct hkt_queue q;
        cr_assert_eq(ints_init_unbounded(&q, &opts[i]), 0);
        hkt__os.alloc = no_memory;
        cr_assert_eq(ints_put_nowait(&q, 0), -ENOMEM);
        hkt__os.alloc = real.alloc;
        cr_assert_eq(ints_put_nowait(&q, -1), 0);
        cr_assert_eq(ints_put_nowait(&q, 0), 0);
        cr_assert_eq(ints_get_nowait(&q, &x), 0);
        hkt__os.alloc = no_memory;
        int end = fill(&q, 1);
        cr_assert_gt(end, 2);
        cr_assert_eq(hkt_queue_count(&q), (size_t)end);
        hkt__os.alloc = real.alloc;
        cr_assert_eq(ints_put_nowait(&q, end), 0, "there is memory again");
        for (int j = 0; j <= end; j++) {
            cr_assert_eq(ints_get_nowait(&q, &x), 0);
            cr_assert_eq(x, j);
        }
        cr_assert_eq(hkt_queue_free(&q), 0);
    }
}

static int put_without_memory(void *arg)
{
    const struct hkt__os real = hkt__os;
    struct hkt_queue q;
    int x;

    (void)arg;
    HKT_TRY(ints_init_unbounded(&q, NULL));
    hkt__os.alloc = no_memory;
    int rc = ints_put(&q, 1);
    hkt__os.alloc = real.alloc;
    cr_assert_eq(rc, -ENOMEM);
    cr_assert_eq(ints_get_nowait(&q, &x), -EAGAIN);
    cr_assert_eq(hkt_queue_task_done(&q), -EOVERFLOW, "it does not count as put");
    return hkt_queue_free(&q);
}

Test(store, put_answers_that_there_is_no_memory)
{
    cr_assert_eq(run_simulated(put_without_memory, NULL), 0);
}

Test(store, an_element_too_large_to_grow_for)
{
    struct hkt_queue q;
    char x = 0;

    cr_assert_eq(hkt_queue_init_unbounded(&q, SIZE_MAX / 8, NULL), 0);
    cr_assert_eq(hkt_queue_put_nowait(&q, &x, SIZE_MAX / 8), -ENOMEM);
    cr_assert_eq(hkt_queue_free(&q), 0);
}
