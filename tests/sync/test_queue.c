/* SPDX-License-Identifier: MIT
 *
 * Queues, as asyncio has them.
 */
#include "sched/simulated.h"

#include <hocket/queue.h>

#include <pthread.h>
#include <stdlib.h>

HKT_QUEUE_OF(ints, int);

struct pair {
    struct hkt_queue *q;
    int value; /* to put; or what was got */
    int rc;
};

static int get_one(void *arg)
{
    struct pair *p = arg;

    p->rc = ints_get(p->q, &p->value);
    return p->rc;
}

static int put_one(void *arg)
{
    struct pair *p = arg;

    p->rc = ints_put(p->q, p->value);
    return p->rc;
}

/* Lets all that is ready run. */
static void settle(void)
{
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_sleep(0), 0);
}

/* Basics */

static int one_task(void *arg)
{
    int room[3], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);

    (void)arg;
    cr_assert(hkt_queue_empty(&q));
    cr_assert_not(hkt_queue_full(&q));
    cr_assert_eq(hkt_queue_capacity(&q), 3);
    cr_assert_eq(ints_get_nowait(&q, &x), -EAGAIN);
    for (int round = 0; round < 5; round++) { /* round the ring */
        for (int i = 0; i < 3; i++)
            cr_assert_eq(ints_put(&q, 10 * round + i), 0);
        cr_assert(hkt_queue_full(&q));
        cr_assert_eq(hkt_queue_count(&q), 3);
        cr_assert_eq(ints_put_nowait(&q, 99), -EAGAIN);
        for (int i = 0; i < 2 + (round == 4); i++) {
            cr_assert_eq(ints_get(&q, &x), 0);
            cr_assert_eq(x, 10 * round + i);
        }
        cr_assert_eq((int)hkt_queue_count(&q), 1 - (round == 4));
        if (round < 4)
            cr_assert_eq(ints_get_nowait(&q, &x), 0);
        cr_assert(x == 10 * round + 2);
    }
    return 0;
}

Test(queue, elements_come_out_in_the_order_in_which_they_went_in)
{
    cr_assert_eq(run_simulated(one_task, NULL), 0);
}

struct wide {
    char text[40];
    double number;
};
HKT_QUEUE_OF(wides, struct wide);

Test(queue, elements_of_any_type_are_copied)
{
    struct wide room[2], w = {"first", 1.5};
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    int x = 0;

    cr_assert_eq(wides_put_nowait(&q, w), 0);
    strcpy(w.text, "second");
    cr_assert_eq(wides_put_nowait(&q, w), 0);
    cr_assert_eq(wides_get_nowait(&q, &w), 0);
    cr_assert_str_eq(w.text, "first");
    cr_assert_eq(wides_get_nowait(&q, &w), 0);
    cr_assert_str_eq(w.text, "second");
    cr_assert_eq(ints_put_nowait(&q, x), -EINVAL, "another type's face");
    cr_assert_eq(ints_get_nowait(&q, &x), -EINVAL);
}

Test(queue, misuse_is_answered)
{
    int room[2], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    const struct hkt_queue_opts no_compare = {.order = HKT_PRIORITY};

    cr_assert_eq(ints_put(&q, 1), -EPERM, "not in a task");
    cr_assert_eq(ints_get(&q, &x), -EPERM);
    cr_assert_eq(hkt_queue_join(&q), -EPERM);
    cr_assert_eq(ints_put(NULL, 1), -ENOMEM);
    cr_assert_eq(ints_get_nowait(NULL, &x), -ENOMEM);
    cr_assert_eq(hkt_queue_join(NULL), -ENOMEM);
    cr_assert_eq(hkt_queue_task_done(NULL), -ENOMEM);
    cr_assert_eq(hkt_queue_init(NULL, room, 2, 4, NULL), -ENOMEM);
    cr_assert_eq(hkt_queue_init(&q, room, 0, 4, NULL), -EINVAL);
    cr_assert_eq(hkt_queue_init(&q, room, 2, 0, NULL), -EINVAL);
    cr_assert_eq(hkt_queue_init(&q, room, 2, 4, &no_compare), -EINVAL);
    cr_assert_eq(hkt_queue_free(NULL), 0);
    cr_assert_eq(hkt_queue_shutdown(NULL, true), -ENOMEM);
    cr_assert_eq(hkt_queue_count(NULL), 0);
    cr_assert_eq(hkt_queue_capacity(NULL), 0);
}

/* Waiting */

static int blocking(void *arg)
{
    int room[1], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair got = {.q = &q}, put = {&q, 8, 1};

    (void)arg;
    struct hkt_task *t = hkt_spawn(get_one, &got);
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    cr_assert_not(hkt_task_done(t));
    cr_assert_eq(ints_put(&q, 7), 0);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(got.value, 7);

    cr_assert_eq(ints_put(&q, 7), 0);
    t = hkt_spawn(put_one, &put);
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0);
    cr_assert_not(hkt_task_done(t), "full");
    cr_assert_eq(hkt_queue_free(&q), -EBUSY);
    cr_assert_eq(ints_get(&q, &x), 0);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(ints_get_nowait(&q, &x), 0);
    cr_assert_eq(x, 8);
    return hkt_queue_free(&q);
}

Test(queue, get_waits_for_an_element_and_put_for_a_place)
{
    cr_assert_eq(run_simulated(blocking, NULL), 0);
}

enum { MANY = 5 };

static int in_line(void *arg)
{
    int room[1], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair p[MANY];
    struct hkt_task *t[MANY];

    (void)arg;
    for (int i = 0; i < MANY; i++) {
        p[i] = (struct pair){.q = &q, .value = -1, .rc = 1};
        t[i] = hkt_spawn(get_one, &p[i]);
    }
    settle();
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(ints_put(&q, i), 0);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(hkt_join(t[i]), 0);
        cr_assert_eq(p[i].value, i);
        t[i] = hkt_spawn(put_one, &p[i]);
    }
    settle();
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(ints_get(&q, &x), 0);
        cr_assert_eq(x, i, "putters in line too");
        cr_assert_eq(hkt_join(t[i]), 0);
    }
    return 0;
}

Test(queue, those_who_wait_are_served_in_order)
{
    cr_assert_eq(run_simulated(in_line, NULL), 0);
}

static int newcomers(void *arg)
{
    int room[1], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair first = {.q = &q}, second = {.q = &q}, third = {&q, 3, 1};

    (void)arg;
    struct hkt_task *a = hkt_spawn(get_one, &first);
    settle();
    cr_assert_eq(ints_put_nowait(&q, 1), 0); /* a is woken, and has not run */
    struct hkt_task *b =
        hkt_spawn_opts(get_one, &second, &(struct hkt_task_opts){.flags = HKT_EAGER});
    cr_assert_not(hkt_task_done(b), "it is a's");
    cr_assert_eq(hkt_join(a), 0);
    cr_assert_eq(first.value, 1);
    cr_assert_eq(ints_put(&q, 2), 0);
    cr_assert_eq(hkt_join(b), 0);
    cr_assert_eq(second.value, 2);

    cr_assert_eq(ints_put_nowait(&q, 2), 0);
    a = hkt_spawn(put_one, &third);
    settle();
    cr_assert_eq(ints_get_nowait(&q, &x), 0); /* the place is a's */
    second.value = 4;
    b = hkt_spawn_opts(put_one, &second, &(struct hkt_task_opts){.flags = HKT_EAGER});
    cr_assert_not(hkt_task_done(b));
    for (int i = 3; i <= 4; i++) {
        cr_assert_eq(ints_get(&q, &x), 0);
        cr_assert_eq(x, i);
    }
    cr_assert_eq(hkt_join(a), 0);
    return hkt_join(b);
}

Test(queue, a_newcomer_does_not_pass_one_who_was_woken)
{
    cr_assert_eq(run_simulated(newcomers, NULL), 0);
}

static int stolen(void *arg)
{
    int room[2], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair p[3] = {{.q = &q}, {.q = &q}, {.q = &q}};
    struct hkt_task *t[3];

    (void)arg;
    for (int i = 0; i < 3; i++)
        t[i] = hkt_spawn(get_one, &p[i]);
    settle();
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(ints_put_nowait(&q, 1), 0);
        cr_assert_eq(ints_put_nowait(&q, 2), 0);
        cr_assert_eq(ints_get_nowait(&q, &x), 0, "what is there can be taken");
        cr_assert_eq(ints_get_nowait(&q, &x), 0);
        settle();
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_not(hkt_task_done(t[i]));
        cr_assert_eq(ints_put(&q, i), 0);
        cr_assert_eq(hkt_join(t[i]), 0);
        cr_assert_eq(p[i].value, i, "the order is as it was");
    }
    return 0;
}

Test(queue, whoever_was_woken_in_vain_keeps_its_place)
{
    cr_assert_eq(run_simulated(stolen, NULL), 0);
}

static int place_taken(void *arg)
{
    int room[1], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair p[2] = {{&q, 1, 0}, {&q, 2, 0}};
    struct hkt_task *t[2];

    (void)arg;
    cr_assert_eq(ints_put(&q, 0), 0);
    for (int i = 0; i < 2; i++)
        t[i] = hkt_spawn(put_one, &p[i]);
    settle();
    cr_assert_eq(ints_get_nowait(&q, &x), 0);
    cr_assert_eq(ints_put_nowait(&q, 9), 0, "the place of one who was woken");
    settle();
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ints_get(&q, &x), 0);
        cr_assert_eq(x, i == 0 ? 9 : i);
    }
    cr_assert_eq(hkt_join(t[0]), 0);
    return hkt_join(t[1]);
}

Test(queue, a_putter_that_was_woken_in_vain_keeps_its_place)
{
    cr_assert_eq(run_simulated(place_taken, NULL), 0);
}

static int consume(void *arg)
{
    struct hkt_queue *q = arg;

    for (int i = 0, x; i < 300; i++) {
        HKT_TRY(ints_get(q, &x));
        cr_assert_eq(x, i);
    }
    return 0;
}

static int produce(void *arg)
{
    for (int i = 0; i < 300; i++)
        HKT_TRY(ints_put(arg, i));
    return 0;
}

static int through_one_place(void *arg)
{
    int room[1];
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct hkt_task *tasks[] = {hkt_spawn(produce, &q), hkt_spawn(consume, &q)};

    (void)arg;
    HKT_TRY(hkt_gather(tasks, 2, NULL));
    HKT_TRY(hkt_join(tasks[0]));
    return hkt_join(tasks[1]);
}

Test(queue, a_producer_and_a_consumer_go_on_through_one_place)
{
    cr_assert_eq(run_simulated(through_one_place, NULL), 0);
}

static int set_flag(void *flag)
{
    *(bool *)flag = true;
    return 0;
}

static int fair(void *arg)
{
    struct hkt_queue q;
    bool ran = false;
    int x;

    (void)arg;
    HKT_TRY(ints_init_unbounded(&q, NULL));
    struct hkt_task *t = hkt_spawn(set_flag, &ran);
    for (int i = 0; i < 1000 && !ran; i++) {
        HKT_TRY(ints_put(&q, i));
        HKT_TRY(ints_get(&q, &x));
    }
    cr_assert(ran);
    HKT_TRY(hkt_queue_free(&q));
    return hkt_join(t);
}

Test(queue, calls_that_need_not_wait_give_others_a_turn_now_and_then)
{
    cr_assert_eq(run_simulated(fair, NULL), 0);
}

/* Cancelling */

static int cancel_waiting(void *arg)
{
    int room[1], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair p = {.q = &q}, next = {.q = &q};

    (void)arg;
    struct hkt_task *t = hkt_spawn(get_one, &p), *u = hkt_spawn(get_one, &next);
    settle();
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(ints_put_nowait(&q, 5), 0);
    cr_assert_eq(hkt_join(u), 0);
    cr_assert_eq(next.value, 5);

    cr_assert_eq(ints_put_nowait(&q, 1), 0);
    p.value = 2, next.value = 3;
    t = hkt_spawn(put_one, &p), u = hkt_spawn(put_one, &next);
    settle();
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(ints_get(&q, &x), 0);
    cr_assert_eq(hkt_join(u), 0);
    cr_assert_eq(ints_get(&q, &x), 0);
    cr_assert_eq(x, 3, "nothing of the cancelled put");
    return 0;
}

Test(queue, cancelling_one_who_waits_leaves_the_others_in_line)
{
    cr_assert_eq(run_simulated(cancel_waiting, NULL), 0);
}

static int cancel_chosen(void *arg)
{
    int room[1], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair p = {.q = &q}, next = {.q = &q};

    (void)arg;
    struct hkt_task *t = hkt_spawn(get_one, &p), *u = hkt_spawn(get_one, &next);
    settle();
    cr_assert_eq(ints_put_nowait(&q, 5), 0);
    cr_assert(hkt_task_cancel(t), "chosen already");
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(hkt_join(u), 0, "the next one was woken in its place");
    cr_assert_eq(next.value, 5);

    cr_assert_eq(ints_put_nowait(&q, 1), 0);
    p.value = 2, next.value = 3;
    t = hkt_spawn(put_one, &p), u = hkt_spawn(put_one, &next);
    settle();
    cr_assert_eq(ints_get_nowait(&q, &x), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(hkt_join(u), 0);
    cr_assert_eq(ints_get(&q, &x), 0);
    cr_assert_eq(x, 3);

    t = hkt_spawn(get_one, &p); /* and with nobody behind it */
    settle();
    cr_assert_eq(ints_put_nowait(&q, 6), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(ints_get_nowait(&q, &x), 0);
    cr_assert_eq(x, 6, "it stays in the queue");
    return 0;
}

Test(queue, one_who_is_cancelled_after_it_was_chosen_passes_its_turn_on)
{
    cr_assert_eq(run_simulated(cancel_chosen, NULL), 0);
}

static int cancel_before(void *arg)
{
    struct pair *p = arg;
    int before = (int)hkt_queue_count(p->q);

    cr_assert(hkt_task_cancel(hkt_task_current()));
    cr_assert_eq(ints_get(p->q, &p->value), before ? 0 : -ECANCELED);
    if (before) /* it did not suspend, so it was not cancelled */
        cr_assert_eq(hkt_sleep(0), -ECANCELED);
    return 0;
}

static int requested_before(void *arg)
{
    int room[1];
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair p = {.q = &q};

    (void)arg;
    HKT_TRY(hkt_join(hkt_spawn(cancel_before, &p)));
    HKT_TRY(ints_put_nowait(&q, 3));
    HKT_TRY(hkt_join(hkt_spawn(cancel_before, &p)));
    return p.value;
}

Test(queue, a_request_that_came_before_is_answered_only_by_a_call_that_suspends)
{
    cr_assert_eq(run_simulated(requested_before, NULL), 3);
}

static int late_get(void *arg)
{
    struct pair *p = arg;
    struct hkt_timeout limit = {0};

    HKT_TRY(hkt_timeout_enter(&limit, HKT_MS(10)));
    return (int)hkt_timeout_exit(&limit, ints_get(p->q, &p->value));
}

static int with_limit(void *arg)
{
    int room[1];
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair p = {.q = &q};

    (void)arg;
    cr_assert_eq(hkt_join(hkt_spawn(late_get, &p)), -ETIMEDOUT);
    cr_assert_eq(simulated_now, HKT_MS(10));
    return hkt_queue_free(&q);
}

Test(queue, a_time_limit_ends_the_waiting)
{
    cr_assert_eq(run_simulated(with_limit, NULL), 0);
}

/* Orders */

static int by_value(const void *a, const void *b)
{
    const int *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

Test(queue, last_in_first_out)
{
    int room[4], x = 0;
    struct hkt_queue q = HKT_LIFO_QUEUE_INIT(room);

    for (int i = 0; i < 4; i++)
        cr_assert_eq(ints_put_nowait(&q, i), 0);
    cr_assert_eq(ints_put_nowait(&q, 4), -EAGAIN);
    for (int i = 3; i >= 0; i--) {
        cr_assert_eq(ints_get_nowait(&q, &x), 0);
        cr_assert_eq(x, i);
    }
    cr_assert_eq(ints_get_nowait(&q, &x), -EAGAIN);
}

static void drain_sorted(struct hkt_queue *q, size_t n)
{
    int x = 0, last = INT32_MIN;

    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(ints_get_nowait(q, &x), 0);
        cr_assert(x >= last);
        last = x;
    }
    cr_assert_eq(ints_get_nowait(q, &x), -EAGAIN);
}

Test(queue, by_priority)
{
    enum { N = 100 };
    int room[N];
    struct hkt_queue q = HKT_PRIORITY_QUEUE_INIT(room, by_value);
    uint32_t seed = 7;

    for (size_t n = 1; n <= N; n += n < 10 ? 1 : 9) {
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            cr_assert_eq(ints_put_nowait(&q, (int)(seed >> 25)), 0);
        }
        drain_sorted(&q, n);
    }
}

static int priority_waits(void *arg)
{
    int room[4];
    struct hkt_queue q = HKT_PRIORITY_QUEUE_INIT(room, by_value);
    struct pair p = {.q = &q};

    (void)arg;
    struct hkt_task *t = hkt_spawn(get_one, &p);
    settle();
    HKT_TRY(ints_put_nowait(&q, 5));
    HKT_TRY(ints_put_nowait(&q, 1));
    HKT_TRY(hkt_join(t));
    return p.value;
}

Test(queue, a_getter_takes_what_is_first_when_it_runs)
{
    cr_assert_eq(run_simulated(priority_waits, NULL), 1);
}

Test(queue, without_a_bound_in_each_order)
{
    const struct hkt_queue_opts opts[] = {
        {.order = HKT_FIFO}, {.order = HKT_LIFO}, {HKT_PRIORITY, by_value}};
    struct hkt_queue q;
    int x = 0;

    for (int order = 0; order < 3; order++) {
        cr_assert_eq(ints_init_unbounded(&q, &opts[order]), 0);
        cr_assert_eq(hkt_queue_capacity(&q), SIZE_MAX);
        for (int i = 0; i < 5; i++) { /* so that the ring grows from its middle */
            cr_assert_eq(ints_put_nowait(&q, i), 0);
            cr_assert_eq(ints_get_nowait(&q, &x), 0);
        }
        for (int i = 0; i < 100; i++)
            cr_assert_eq(ints_put_nowait(&q, i), 0);
        cr_assert_not(hkt_queue_full(&q));
        for (int i = 0; i < 100; i++) {
            cr_assert_eq(ints_get_nowait(&q, &x), 0);
            cr_assert_eq(x, order == HKT_LIFO ? 99 - i : i);
        }
        cr_assert_eq(hkt_queue_free(&q), 0);
    }
}

/* join() and task_done() */

static int work_off(void *arg)
{
    struct hkt_queue *q = arg;

    for (int x;;) {
        HKT_TRY(ints_get(q, &x));
        HKT_TRY(hkt_sleep(HKT_MS(x)));
        HKT_TRY(hkt_queue_task_done(q));
    }
}

static int joined(void *arg)
{
    int room[20];
    struct hkt_queue q = HKT_QUEUE_INIT(room);

    (void)arg;
    cr_assert_eq(hkt_queue_task_done(&q), -EOVERFLOW);
    cr_assert_eq(hkt_queue_join(&q), 0, "nothing was put");
    for (int i = 0; i < 10; i++)
        HKT_TRY(ints_put(&q, i));
    struct hkt_task *a = hkt_spawn(work_off, &q), *b = hkt_spawn(work_off, &q);
    HKT_TRY(hkt_queue_join(&q));
    cr_assert_eq(simulated_now, HKT_MS(25));
    cr_assert_eq(hkt_queue_task_done(&q), -EOVERFLOW);
    HKT_TRY(hkt_queue_join(&q));
    hkt_task_cancel(a);
    hkt_task_cancel(b);
    cr_assert_eq(hkt_join(a), -ECANCELED);
    cr_assert_eq(hkt_join(b), -ECANCELED);
    return 0;
}

Test(queue, join_waits_until_all_was_dealt_with)
{
    cr_assert_eq(run_simulated(joined, NULL), 0);
}

static int join_queue(void *q)
{
    return hkt_queue_join(q);
}

static int joiners(void *arg)
{
    int room[2];
    struct hkt_queue q = HKT_QUEUE_INIT(room);

    (void)arg;
    HKT_TRY(ints_put(&q, 1));
    struct hkt_task *t[] = {hkt_spawn(join_queue, &q), hkt_spawn(join_queue, &q),
                            hkt_spawn(join_queue, &q)};
    settle();
    cr_assert(hkt_task_cancel(t[1]));
    cr_assert_eq(hkt_join(t[1]), -ECANCELED);
    HKT_TRY(hkt_queue_task_done(&q));
    HKT_TRY(ints_put_nowait(&q, 2)); /* as with an event: they were woken all the same */
    HKT_TRY(hkt_join(t[0]));
    HKT_TRY(hkt_join(t[2]));
    return 0;
}

Test(queue, all_who_join_are_woken)
{
    cr_assert_eq(run_simulated(joiners, NULL), 0);
}

/* Shutting down */

static int shut_with_elements(void *arg)
{
    int room[3], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);

    (void)arg;
    HKT_TRY(ints_put(&q, 1));
    HKT_TRY(ints_put(&q, 2));
    cr_assert_eq(hkt_queue_shutdown(&q, false), 0);
    cr_assert_eq(ints_put(&q, 3), -ESHUTDOWN);
    cr_assert_eq(ints_put_nowait(&q, 3), -ESHUTDOWN);
    cr_assert_eq(ints_get(&q, &x), 0);
    cr_assert_eq(x, 1);
    cr_assert_eq(ints_get_nowait(&q, &x), 0);
    cr_assert_eq(x, 2);
    cr_assert_eq(ints_get(&q, &x), -ESHUTDOWN);
    cr_assert_eq(ints_get_nowait(&q, &x), -ESHUTDOWN);
    struct hkt_task *t = hkt_spawn(join_queue, &q);
    settle();
    cr_assert_not(hkt_task_done(t));
    HKT_TRY(hkt_queue_task_done(&q));
    HKT_TRY(hkt_queue_task_done(&q));
    return hkt_join(t);
}

Test(queue, after_a_shutdown_what_is_there_can_be_taken)
{
    cr_assert_eq(run_simulated(shut_with_elements, NULL), 0);
}

static int shut_waiters(void *arg)
{
    int room[1], x = 0;
    struct hkt_queue empty = HKT_QUEUE_INIT(room);
    struct pair p[2] = {{.q = &empty}, {.q = &empty}};

    (void)arg;
    struct hkt_task *a = hkt_spawn(get_one, &p[0]), *b = hkt_spawn(get_one, &p[1]);
    settle();
    cr_assert_eq(hkt_queue_shutdown(&empty, false), 0);
    cr_assert_eq(hkt_join(a), -ESHUTDOWN);
    cr_assert_eq(hkt_join(b), -ESHUTDOWN);

    struct hkt_queue full = HKT_QUEUE_INIT(room);
    p[0] = (struct pair){&full, 2, 0}, p[1] = (struct pair){&full, 3, 0};
    HKT_TRY(ints_put(&full, 1));
    a = hkt_spawn(put_one, &p[0]), b = hkt_spawn(put_one, &p[1]);
    settle();
    cr_assert_eq(ints_get_nowait(&full, &x), 0); /* a has been woken */
    cr_assert_eq(hkt_queue_shutdown(&full, false), 0);
    cr_assert_eq(hkt_join(a), -ESHUTDOWN);
    cr_assert_eq(hkt_join(b), -ESHUTDOWN);
    cr_assert_eq(ints_get(&full, &x), -ESHUTDOWN);
    return hkt_queue_free(&full);
}

Test(queue, a_shutdown_wakes_those_who_would_wait_in_vain)
{
    cr_assert_eq(run_simulated(shut_waiters, NULL), 0);
}

static int shut_and_drop(void *arg)
{
    int room[3], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);

    (void)arg;
    HKT_TRY(ints_put(&q, 1));
    HKT_TRY(ints_put(&q, 2));
    HKT_TRY(ints_get(&q, &x));
    struct hkt_task *t = hkt_spawn(join_queue, &q);
    settle();
    cr_assert_eq(hkt_queue_shutdown(&q, true), 0);
    cr_assert(hkt_queue_empty(&q));
    cr_assert_eq(ints_get(&q, &x), -ESHUTDOWN);
    cr_assert_not(hkt_task_done(t), "the one that was taken is being dealt with");
    HKT_TRY(hkt_queue_task_done(&q));
    cr_assert_eq(hkt_queue_shutdown(&q, true), 0);
    return hkt_join(t);
}

Test(queue, a_shutdown_may_drop_what_is_there)
{
    cr_assert_eq(run_simulated(shut_and_drop, NULL), 0);
}

static int shut_with_joiners(void *arg)
{
    int room[3];
    struct hkt_queue q = HKT_QUEUE_INIT(room);

    (void)arg;
    HKT_TRY(ints_put(&q, 1));
    HKT_TRY(ints_put(&q, 2));
    struct hkt_task *a = hkt_spawn(join_queue, &q), *b = hkt_spawn(join_queue, &q);
    settle();
    cr_assert_eq(hkt_queue_shutdown(&q, true), 0, "what is dropped counts as dealt with");
    cr_assert_eq(hkt_join(a), 0);
    cr_assert_eq(hkt_join(b), 0);
    cr_assert_eq(hkt_queue_task_done(&q), -EOVERFLOW);
    cr_assert_eq(hkt_queue_join(&q), 0);
    struct hkt_queue empty = HKT_QUEUE_INIT(room);
    cr_assert_eq(hkt_queue_shutdown(&empty, false), 0);
    return hkt_queue_join(&empty);
}

Test(queue, a_shutdown_that_drops_lets_those_who_join_go_on)
{
    cr_assert_eq(run_simulated(shut_with_joiners, NULL), 0);
}

static int many_then_shut(void *arg)
{
    int room[2], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair p[MANY];
    struct hkt_task *t[MANY];
    int refused = 0;

    (void)arg;
    for (int i = 0; i < MANY; i++) {
        p[i] = (struct pair){&q, i, 0};
        t[i] = hkt_spawn(put_one, &p[i]);
    }
    settle();
    cr_assert_eq(hkt_queue_shutdown(&q, false), 0);
    for (int i = 0; i < MANY; i++)
        refused += hkt_join(t[i]) == -ESHUTDOWN;
    cr_assert_eq(refused, MANY - 2);
    cr_assert_eq(ints_get(&q, &x), 0);
    cr_assert_eq(hkt_queue_shutdown(&q, true), 0, "graceful first, then not");
    cr_assert_eq(ints_get(&q, &x), -ESHUTDOWN);
    cr_assert_eq(hkt_queue_task_done(&q), 0);
    cr_assert_eq(hkt_queue_task_done(&q), -EOVERFLOW);
    return hkt_queue_join(&q);
}

Test(queue, a_shutdown_refuses_all_putters_that_wait)
{
    cr_assert_eq(run_simulated(many_then_shut, NULL), 0);
}

static int chosen_then_shut(void *arg)
{
    int room[1];
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair p = {.q = &q};

    (void)arg;
    struct hkt_task *t = hkt_spawn(get_one, &p);
    settle();
    HKT_TRY(ints_put_nowait(&q, 4));
    cr_assert_eq(hkt_queue_shutdown(&q, arg != NULL), 0);
    cr_assert_eq(hkt_join(t), arg ? -ESHUTDOWN : 0);
    cr_assert_eq(p.value, arg ? 0 : 4);
    return 0;
}

Test(queue, a_shutdown_between_the_wake_up_and_the_taking)
{
    cr_assert_eq(run_simulated(chosen_then_shut, NULL), 0);
    cr_assert_eq(run_simulated(chosen_then_shut, "drop"), 0);
}

static void *use_elsewhere(void *arg)
{
    struct pair *p = arg;

    p->rc = p->value < 0 ? ints_get_nowait(p->q, &p->value) : ints_put_nowait(p->q, p->value);
    p->value = hkt_queue_shutdown(p->q, false);
    return NULL;
}

static int another_thread(void *arg)
{
    int room[1], x = 0;
    struct hkt_queue q = HKT_QUEUE_INIT(room);
    struct pair mine = {.q = &q}, other = {&q, 4, 0};
    struct hkt_task *t = hkt_spawn(get_one, &mine);
    pthread_t thread;

    (void)arg;
    settle();
    cr_assert_eq(pthread_create(&thread, NULL, use_elsewhere, &other), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(other.rc, -EXDEV);
    cr_assert_eq(other.value, -EXDEV);
    cr_assert_eq(ints_get_nowait(&q, &x), -EAGAIN, "nothing was done");
    HKT_TRY(ints_put(&q, 5));
    HKT_TRY(hkt_join(t));
    return mine.value;
}

Test(queue, another_thread_is_refused_while_tasks_wait)
{
    cr_assert_eq(run_simulated(another_thread, NULL), 5);
}
