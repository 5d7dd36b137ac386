/* SPDX-License-Identifier: MIT
 *
 * Mailboxes: messages between threads, with loops and without.
 */
#include "support/test.h"

#include <hocket/mailbox.h>
#include <hocket/task.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

HKT_MAILBOX_OF(ints, int);

enum { THREADS = 3, EACH = 500 };

struct side {
    struct hkt_mailbox *m;
    int id, rc, value, count;
    pthread_t thread;
    hkt_task_fn *fn;
};

static void *run_side(void *arg)
{
    struct side *s = arg;

    s->rc = hkt_run(s->fn, s);
    return NULL;
}

static void start(struct side *s, struct hkt_mailbox *m, hkt_task_fn *fn, int id)
{
    *s = (struct side){.m = m, .id = id, .fn = fn};
    cr_assert_eq(pthread_create(&s->thread, NULL, run_side, s), 0);
}

static int end(struct side *s)
{
    pthread_join(s->thread, NULL);
    return s->rc;
}

/* Between loops */

static int send_many(void *arg)
{
    struct side *s = arg;

    for (int i = 0; i < EACH; i++)
        HKT_TRY(ints_send(s->m, s->id * EACH + i));
    return 0;
}

static int receive_all(void *arg)
{
    struct side *s = arg;
    int last[THREADS], x, rc;

    memset(last, -1, sizeof last);
    while ((rc = ints_recv(s->m, &x)) > 0) {
        cr_assert_eq(x % EACH, last[x / EACH] + 1, "each sender's come in order");
        last[x / EACH] = x % EACH;
        s->count++;
    }
    return rc;
}

static void between_loops(size_t capacity)
{
    struct hkt_mailbox *m = ints_mailbox_new(capacity);
    struct side from[THREADS], to;

    start(&to, m, receive_all, 0);
    for (int i = 0; i < THREADS; i++)
        start(&from[i], m, send_many, i);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(end(&from[i]), 0);
    cr_assert_eq(hkt_mailbox_close(m), 0);
    cr_assert_eq(end(&to), 0);
    cr_assert_eq(to.count, THREADS * EACH);
    cr_assert_eq(hkt_mailbox_free(m), 0);
}

Test(mailbox, tasks_of_several_loops_send_to_one)
{
    between_loops(1);
    between_loops(16);
}

static int count_all(void *arg)
{
    struct side *s = arg;
    int x, rc;

    while ((rc = ints_recv(s->m, &x)) > 0)
        s->count++;
    return rc;
}

Test(mailbox, and_several_may_receive)
{
    struct hkt_mailbox *m = ints_mailbox_new(2);
    struct side from[2], to[2];
    int count = 0;

    for (int i = 0; i < 2; i++) {
        start(&to[i], m, count_all, 0);
        start(&from[i], m, send_many, i);
    }
    for (int i = 0; i < 2; i++)
        cr_assert_eq(end(&from[i]), 0);
    cr_assert_eq(hkt_mailbox_close(m), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(end(&to[i]), 0);
        count += to[i].count;
    }
    cr_assert_eq(count, 2 * EACH);
    cr_assert_eq(hkt_mailbox_free(m), 0);
}

static int echo(void *arg)
{
    struct side *s = arg;
    struct side *back = s + 1;
    int x, rc;

    while ((rc = ints_recv(s->m, &x)) > 0)
        HKT_TRY(ints_send(back->m, x + 1));
    return rc;
}

static int ask(void *arg)
{
    struct side *s = arg;
    int x = 0;

    for (int i = 0; i < 200; i++) {
        HKT_TRY(ints_send(s[0].m, x));
        HKT_TRY(ints_recv(s[1].m, &x));
    }
    return x;
}

Test(mailbox, there_and_back)
{
    struct side s[2];
    struct hkt_mailbox *m[2] = {ints_mailbox_new(1), ints_mailbox_new(1)};

    s[1].m = m[1];
    start(&s[0], m[0], echo, 0);
    cr_assert_eq(hkt_run(ask, s), 200);
    cr_assert_eq(hkt_mailbox_close(m[0]), 0);
    cr_assert_eq(end(&s[0]), 0);
    cr_assert_eq(hkt_mailbox_free(m[0]), 0);
    cr_assert_eq(hkt_mailbox_free(m[1]), 0);
}

static int send_until_closed(void *arg)
{
    struct side *s = arg;
    int rc;

    while ((rc = ints_send(s->m, 1)) == 0)
        s->count++;
    return rc;
}

static int receive_some(void *arg)
{
    struct side *s = arg;
    int x;

    for (int i = 0; i < 20; i++)
        cr_assert_eq(ints_recv(s->m, &x), 1);
    return hkt_mailbox_close(s->m);
}

Test(mailbox, the_receiver_may_close_it)
{
    struct hkt_mailbox *m = ints_mailbox_new(2);
    struct side from, to;
    int x, left = 0;

    start(&from, m, send_until_closed, 0);
    start(&to, m, receive_some, 0);
    cr_assert_eq(end(&to), 0);
    cr_assert_eq(end(&from), -ESHUTDOWN);
    while (ints_try_recv(m, &x) > 0)
        left++;
    cr_assert_eq(from.count, 20 + left, "what was said to be sent is there");
    cr_assert_eq(hkt_mailbox_free(m), 0);
}

/* Threads without a loop */

static void *try_many(void *arg)
{
    struct side *s = arg;

    for (int i = 0; i < EACH; i++) {
        while ((s->rc = ints_try_send(s->m, i)) == -EAGAIN)
            sched_yield();
        cr_assert_eq(s->rc, 0);
    }
    return NULL;
}

Test(mailbox, a_plain_thread_sends)
{
    struct hkt_mailbox *m = ints_mailbox_new(8);
    struct side from = {.m = m}, to;

    start(&to, m, receive_all, 0);
    cr_assert_eq(pthread_create(&from.thread, NULL, try_many, &from), 0);
    cr_assert_eq(end(&from), 0);
    cr_assert_eq(hkt_mailbox_close(m), 0);
    cr_assert_eq(end(&to), 0);
    cr_assert_eq(to.count, EACH);
    cr_assert_eq(hkt_mailbox_free(m), 0);
}

Test(mailbox, without_any_loop)
{
    struct hkt_mailbox *m = ints_mailbox_new(2);
    char c = 0;
    int x = 0;

    cr_assert_eq(ints_try_recv(m, &x), -EAGAIN);
    cr_assert_eq(ints_try_send(m, 1), 0);
    cr_assert_eq(ints_try_send(m, 2), 0);
    cr_assert_eq(ints_try_send(m, 3), -EAGAIN);
    cr_assert_eq(hkt_mailbox_count(m), 2);
    cr_assert_eq(ints_send(m, 1), -EPERM);
    cr_assert_eq(ints_recv(m, &x), -EPERM);
    cr_assert_eq(hkt_mailbox_try_send(m, &c, 1), -EINVAL);
    cr_assert_eq(hkt_mailbox_close(m), 0);
    cr_assert_eq(hkt_mailbox_close(m), -EALREADY);
    cr_assert_eq(ints_try_send(m, 3), -ESHUTDOWN);
    for (int i = 1; i <= 2; i++) {
        cr_assert_eq(ints_try_recv(m, &x), 1);
        cr_assert_eq(x, i);
    }
    cr_assert_eq(ints_try_recv(m, &x), 0);
    cr_assert_eq(hkt_mailbox_free(m), 0);

    cr_assert_null(ints_mailbox_new(0));
    cr_assert_null(hkt_mailbox_new(SIZE_MAX / 2, 4));
    cr_assert_eq(ints_try_send(NULL, 1), -ENOMEM);
    cr_assert_eq(ints_recv(NULL, &x), -ENOMEM);
    cr_assert_eq(hkt_mailbox_close(NULL), -ENOMEM);
    cr_assert_eq(hkt_mailbox_count(NULL), 0);
    cr_assert_eq(hkt_mailbox_free(NULL), 0);
}

/* Within one loop, and cancellation */

static int recv_one(void *arg)
{
    struct side *s = arg;

    s->rc = ints_recv(s->m, &s->value);
    return hkt_sleep(0);
}

static int send_one(void *arg)
{
    struct side *s = arg;

    s->rc = ints_send(s->m, s->value);
    return hkt_sleep(0);
}

static int one_loop(void *arg)
{
    struct hkt_mailbox *m = arg;
    struct side a = {.m = m, .rc = 99}, b = {.m = m, .rc = 99, .value = 8};
    int x = 0;

    struct hkt_task *t = hkt_spawn(recv_one, &a);
    HKT_TRY(hkt_sleep(0));
    cr_assert_eq(hkt_mailbox_free(m), -EBUSY);
    HKT_TRY(ints_send(m, 7));
    HKT_TRY(hkt_join(t));
    cr_assert_eq(a.rc, 1);
    cr_assert_eq(a.value, 7);

    HKT_TRY(ints_send(m, 7)); /* full */
    t = hkt_spawn(send_one, &b);
    HKT_TRY(hkt_sleep(0));
    cr_assert_eq(ints_recv(m, &x), 1);
    HKT_TRY(hkt_join(t));
    cr_assert_eq(b.rc, 0);
    cr_assert_eq(ints_recv(m, &x), 1);
    return x;
}

Test(mailbox, both_ends_in_one_loop)
{
    struct hkt_mailbox *m = ints_mailbox_new(1);

    cr_assert_eq(hkt_run(one_loop, m), 8);
    cr_assert_eq(hkt_mailbox_free(m), 0);
}

static int cancel_waiting(void *arg)
{
    struct hkt_mailbox *m = arg;
    struct side a = {.m = m, .rc = 99}, b = {.m = m, .rc = 99, .value = 8};
    struct hkt_task *t = hkt_spawn(recv_one, &a);
    int x = 0;

    HKT_TRY(hkt_sleep(0));
    cr_assert(hkt_task_cancel(t));
    HKT_TRY(hkt_join(t));
    cr_assert_eq(a.rc, -ECANCELED);
    HKT_TRY(ints_send(m, 5));
    t = hkt_spawn(send_one, &b);
    HKT_TRY(hkt_sleep(0));
    cr_assert(hkt_task_cancel(t));
    HKT_TRY(hkt_join(t));
    cr_assert_eq(b.rc, -ECANCELED);
    cr_assert_eq(ints_recv(m, &x), 1);
    cr_assert_eq(x, 5);
    cr_assert_eq(ints_try_recv(m, &x), -EAGAIN, "nothing of the cancelled one");
    return 0;
}

Test(mailbox, a_cancelled_call_has_not_happened)
{
    struct hkt_mailbox *m = ints_mailbox_new(1);

    cr_assert_eq(hkt_run(cancel_waiting, m), 0);
    cr_assert_eq(hkt_mailbox_free(m), 0);
}

static void *send_there(void *m)
{
    cr_assert_eq(ints_try_send(m, 6), 0);
    return NULL;
}

static void *recv_there(void *m)
{
    int x;

    cr_assert_eq(ints_try_recv(m, &x), 1);
    return NULL;
}

static void in_thread(void *(*fn)(void *), struct hkt_mailbox *m)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, fn, m), 0);
    pthread_join(thread, NULL);
}

/* Another thread completes the call, and the loop has not been told when the task is cancelled. */
static int cancel_late(void *arg)
{
    struct hkt_mailbox *m = arg;
    struct side a = {.m = m, .rc = 99}, b = {.m = m, .rc = 99, .value = 8};
    struct hkt_task *t = hkt_spawn(recv_one, &a);
    int x = 0;

    HKT_TRY(hkt_sleep(0));
    in_thread(send_there, m);
    cr_assert(hkt_task_cancel(t));
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED, "the sleep behind it");
    cr_assert_eq(a.rc, 1);
    cr_assert_eq(a.value, 6);

    HKT_TRY(ints_send(m, 5));
    t = hkt_spawn(send_one, &b);
    HKT_TRY(hkt_sleep(0));
    in_thread(recv_there, m);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(b.rc, 0, "it was sent, and says so");
    cr_assert_eq(ints_recv(m, &x), 1);
    return x;
}

Test(mailbox, a_call_that_has_happened_is_not_cancelled)
{
    struct hkt_mailbox *m = ints_mailbox_new(1);

    cr_assert_eq(hkt_run(cancel_late, m), 8);
    cr_assert_eq(hkt_mailbox_free(m), 0);
}

static int leave_behind(void *arg)
{
    static struct side a;

    a = (struct side){.m = arg, .rc = 99};
    hkt_detach(hkt_spawn(recv_one, &a));
    HKT_TRY(hkt_sleep(0));
    in_thread(send_there, arg);
    return 0;
}

Test(mailbox, a_loop_that_ends_takes_what_was_handed_over)
{
    struct hkt_mailbox *m = ints_mailbox_new(1);

    cr_assert_eq(hkt_run(leave_behind, m), 0);
    cr_assert_eq(hkt_mailbox_count(m), 0);
    cr_assert_eq(hkt_mailbox_free(m), 0, "nobody waits any more");
}

/* As cases of a select */

static int select_recv(void *arg)
{
    struct side *s = arg;
    struct hkt_case cases[2] = {ints_mailbox_recv_case(s->m, &s->value),
                                hkt_case_after(HKT_SEC(1000))};
    int chosen = hkt_select(cases, 2);

    s->rc = chosen == 0 ? cases[0].rc : 100 + chosen;
    return chosen < 0 ? chosen : 0;
}

static int select_send(void *arg)
{
    struct side *s = arg;
    struct hkt_case one = ints_mailbox_send_case(s->m, &s->value);
    int chosen = hkt_select(&one, 1);

    s->rc = chosen == 0 ? one.rc : chosen;
    return chosen;
}

static int cases_in_one_loop(void *arg)
{
    struct hkt_mailbox *m = arg;
    struct side a = {.m = m, .rc = 99}, b = {.m = m, .rc = 99, .value = 8};
    char c;
    struct hkt_case wrong = hkt_mailbox_recv_case(m, &c, 1);
    int x = 0;

    cr_assert_eq(hkt_select(&wrong, 1), 0);
    cr_assert_eq(wrong.rc, -EINVAL);
    struct hkt_task *t = hkt_spawn(select_recv, &a);
    HKT_TRY(hkt_sleep(0));
    cr_assert_eq(hkt_mailbox_free(m), -EBUSY);
    HKT_TRY(ints_send(m, 7));
    HKT_TRY(hkt_join(t));
    cr_assert_eq(a.rc, 1);
    cr_assert_eq(a.value, 7);
    HKT_TRY(ints_send(m, 6)); /* full */
    t = hkt_spawn(select_send, &b);
    HKT_TRY(hkt_sleep(0));
    cr_assert_eq(ints_recv(m, &x), 1);
    cr_assert_eq(x, 6);
    HKT_TRY(hkt_join(t));
    cr_assert_eq(b.rc, 0);
    return ints_recv(m, &x) == 1 ? x : -EPROTO;
}

Test(mailbox, is_a_case_of_a_select)
{
    struct hkt_mailbox *m = ints_mailbox_new(1);

    cr_assert_eq(hkt_run(cases_in_one_loop, m), 8);
    cr_assert_eq(hkt_mailbox_free(m), 0);
}

/* Told of an element, and cancelled before it looks: the element is for the next. */
static int told_and_cancelled(void *arg)
{
    struct hkt_mailbox *m = arg;
    struct side a = {.m = m, .rc = 99}, b = {.m = m, .rc = 99};
    struct hkt_task *t = hkt_spawn(select_recv, &a), *u = hkt_spawn(recv_one, &b);

    HKT_TRY(hkt_sleep(0));
    in_thread(send_there, m);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    HKT_TRY(hkt_join(u));
    cr_assert_eq(b.rc, 1);
    cr_assert_eq(b.value, 6);
    return 0;
}

/* Told, and somebody who did not wait is quicker: it waits on. */
static int told_too_late(void *arg)
{
    struct hkt_mailbox *m = arg;
    struct side a = {.m = m, .rc = 99};
    struct hkt_task *t = hkt_spawn(select_recv, &a);
    int x = 0;

    HKT_TRY(hkt_sleep(0));
    in_thread(send_there, m);
    cr_assert_eq(ints_try_recv(m, &x), 1);
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    cr_assert_eq(a.rc, 99);
    cr_assert_eq(ints_try_send(m, 5), 0);
    HKT_TRY(hkt_join(t));
    cr_assert_eq(a.value, 5);
    t = hkt_spawn(select_recv, &a);
    HKT_TRY(hkt_sleep(0));
    cr_assert_eq(hkt_mailbox_close(m), 0);
    HKT_TRY(hkt_join(t));
    return a.rc;
}

Test(mailbox, a_case_passes_on_what_it_does_not_take)
{
    struct hkt_mailbox *m = ints_mailbox_new(1);

    cr_assert_eq(hkt_run(told_and_cancelled, m), 0);
    cr_assert_eq(hkt_run(told_too_late, m), 0);
    cr_assert_eq(hkt_mailbox_free(m), 0);
}

/* Between loops: those who receive select from two mailboxes, one of which plain receivers share.
 */

static int select_many(void *arg)
{
    struct side *s = arg;
    int x, y, rc = 1;

    while (rc > 0) {
        struct hkt_case cases[2] = {ints_mailbox_recv_case(s[0].m, &x),
                                    ints_mailbox_recv_case(s[1].m, &y)};
        int chosen = hkt_select(cases, 2);
        HKT_TRY(chosen);
        rc = cases[chosen].rc;
        s->count += rc > 0;
    }
    return rc;
}

static int send_by_cases(void *arg)
{
    struct side *s = arg;

    for (int i = 0; i < EACH; i++) {
        struct hkt_case one = ints_mailbox_send_case(s->m, &i);
        HKT_TRY(hkt_select(&one, 1));
        HKT_TRY(one.rc);
    }
    return 0;
}

Test(mailbox, selects_of_many_threads)
{
    struct hkt_mailbox *m = ints_mailbox_new(2), *never = ints_mailbox_new(1);
    struct side from[THREADS], to[2][2], plain;
    int count = 0;

    start(&plain, m, count_all, 0);
    for (int i = 0; i < 2; i++) {
        to[i][1].m = never;
        start(&to[i][0], m, select_many, 0);
    }
    for (int i = 0; i < THREADS; i++)
        start(&from[i], m, i % 2 ? send_many : send_by_cases, i);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(end(&from[i]), 0);
    cr_assert_eq(hkt_mailbox_close(m), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(end(&to[i][0]), 0);
        count += to[i][0].count;
    }
    cr_assert_eq(end(&plain), 0);
    cr_assert_eq(count + plain.count, THREADS * EACH, "each once");
    cr_assert_eq(hkt_mailbox_free(m), 0);
    cr_assert_eq(hkt_mailbox_free(never), 0);
}
