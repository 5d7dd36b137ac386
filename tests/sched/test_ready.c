/* SPDX-License-Identifier: MIT
 *
 * The ready queue: order, chains of handles, what is cancelled in the middle, room.
 */
#include "base/doors.h"
#include "sched/ready.h"
#include "support/test.h"

#include <stdlib.h>

enum { TASKS = 1000, HANDLES = 4 };

static struct hkt__ready q;
static struct hkt_handle handles[HANDLES];

/* Only their addresses matter here. */
static uint64_t blocks[TASKS];

static struct hkt_task *task(int i)
{
    return (struct hkt_task *)(void *)&blocks[i];
}

static void push(int i)
{
    hkt__ready_push(&q, task(i));
}

static void push_handle(int i)
{
    hkt__ready_push_handle(&q, &handles[i]);
}

static void expect_task(int i)
{
    cr_assert(hkt__ready_any(&q));
    cr_assert(hkt__ready_is_task(&q));
    cr_assert_eq(hkt__ready_first_task(&q), task(i), "task %d", i);
    q.head++;
}

static void expect_handle(int i)
{
    cr_assert(hkt__ready_any(&q));
    cr_assert(!hkt__ready_is_task(&q));
    cr_assert_eq(hkt__ready_pop_handle(&q), i < 0 ? NULL : &handles[i], "handle %d", i);
}

static void begin(void)
{
    cr_assert_eq(hkt__ready_init(&q), 0);
    cr_assert_eq(hkt__ready_reserve(&q, TASKS), 0);
}

static void end(void)
{
    cr_assert(!hkt__ready_any(&q));
    hkt__ready_free(&q);
}

Test(ready, tasks_and_handles_keep_their_order)
{
    begin();
    push(0);
    push_handle(0);
    push_handle(1);
    push(1);
    push_handle(2);
    hkt__ready_push_first(&q, task(2));
    expect_task(2);
    expect_task(0);
    expect_handle(0);
    push_handle(3);
    expect_handle(1);
    expect_task(1);
    expect_handle(2);
    expect_handle(3);
    end();
}

Test(ready, a_handle_is_taken_out_of_the_middle)
{
    for (int out = 0; out < 3; out++) {
        begin();
        push_handle(0);
        push_handle(1);
        push_handle(2);
        hkt__ready_remove_handle(&q, &handles[out]);
        push_handle(3);
        for (int i = 0; i < 4; i++)
            if (i != out)
                expect_handle(i);
        end();
    }
}

Test(ready, a_chain_that_was_emptied_is_passed_over)
{
    begin();
    push_handle(0);
    push(0);
    push_handle(1);
    hkt__ready_remove_handle(&q, &handles[0]);
    hkt__ready_remove_handle(&q, &handles[1]);
    push_handle(2);
    expect_handle(-1);
    expect_task(0);
    expect_handle(2);
    end();
}

Test(ready, queueing_and_cancelling_takes_no_more_than_a_slot)
{
    begin();
    for (int i = 0; i < 100 * TASKS; i++) {
        push_handle(0);
        hkt__ready_remove_handle(&q, &handles[0]);
    }
    cr_assert_eq(hkt__ready_count(&q), 1);
    expect_handle(-1);
    end();
}

Test(ready, growing_and_shrinking_keep_what_is_queued)
{
    cr_assert_eq(hkt__ready_init(&q), 0);
    size_t fewest = q.mask;
    for (int i = 0; i < 40; i++) { /* so that it begins in the middle of the ring */
        push(i);
        q.head++;
    }
    for (int i = 0; i < TASKS; i++) {
        cr_assert_eq(hkt__ready_reserve(&q, (size_t)i + 1), 0);
        push(i);
    }
    for (int i = 0; i < TASKS - 3; i++)
        expect_task(i);
    hkt__ready_trim(&q, 3);
    cr_assert_eq(q.mask, fewest);
    for (int i = TASKS - 3; i < TASKS; i++)
        expect_task(i);
    end();
}

Test(ready, without_memory_it_stays_as_it_is)
{
    cr_assert_eq(hkt__ready_init(&q), 0);
    push(0);
    doors_install();
    doors.fail_alloc = -1;
    cr_assert_eq(hkt__ready_reserve(&q, TASKS), -ENOMEM);
    doors.fail_alloc = 0;
    expect_task(0);
    end();
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int spawn_without_room(void *arg)
{
    struct hkt_task *t[64];
    int made = 0;

    (void)arg;
    doors_install();
    doors.fail_alloc = -1;
    while (made < 64 && (t[made] = hkt_spawn(nothing, NULL)) != NULL)
        made++;
    doors.fail_alloc = 0;
    cr_assert_lt(made, 64, "the queue had room for %d", made);
    for (int i = 0; i < made; i++)
        cr_assert_eq(hkt_join(t[i]), 0);
    return hkt_join(hkt_spawn(nothing, NULL));
}

Test(ready, a_task_that_could_not_be_woken_is_not_made)
{
    cr_assert_eq(hkt_run(spawn_without_room, NULL), 0);
}
