/* SPDX-License-Identifier: MIT
 *
 * Cancellation at every point: tasks, what they share, and the pool.
 */
#include "sched/points.h"

struct scene {
    struct hkt_event event;
    struct hkt_lock lock;
    struct hkt_cond cond;
    struct hkt_semaphore semaphore;
    struct hkt_barrier barrier;
    struct hkt_rwlock rwlock;
    struct hkt_once once;
    struct hkt_waitgroup waitgroup;
    struct hkt_queue queue;
    struct hkt_channel channel;
    struct hkt_mailbox *mailbox;
    struct hkt_future future;
    struct hkt_context *context;
    struct hkt_task *task;
    struct gate gate;
    int number, room[1];
    bool holds;
};

/* What waits in turn: for the event */

static int await_event(void *scene)
{
    return hkt_event_wait(&((struct scene *)scene)->event);
}

static void set_event(struct scene *s)
{
    cr_assert_eq(hkt_event_set(&s->event), 0);
}

/* Another task, which waits for it */

static void spawn_one(struct scene *s)
{
    s->task = hkt_spawn(await_event, s);
}

static void drop_it(struct scene *s)
{
    set_event(s);
    hkt_detach(s->task);
    s->task = NULL;
}

static ssize_t call_join(struct scene *s)
{
    return hkt_join(s->task);
}

static ssize_t call_task_wait(struct scene *s)
{
    int rc;

    return hkt_task_wait(s->task, &rc);
}

static ssize_t call_await_shielded(struct scene *s)
{
    return hkt_await_shielded(s->task);
}

static ssize_t call_wait_for(struct scene *s)
{
    return hkt_wait_for(s->task, HKT_SEC(100));
}

static ssize_t call_wait(struct scene *s)
{
    return hkt_wait(&s->task, 1, HKT_ALL, HKT_SEC(100));
}

static ssize_t call_gather(struct scene *s)
{
    return hkt_gather(&s->task, 1, NULL);
}

static ssize_t call_wait_next(struct scene *s)
{
    struct hkt_task *tasks[] = {s->task}, *t;
    struct hkt_wait_set set = {.tasks = tasks, .n = 1};

    return hkt_wait_next(&set, &t, -1);
}

static ssize_t call_await_task(struct scene *s)
{
    return hkt_await(hkt_task_future(s->task));
}

static ssize_t call_group_exit(struct scene *s)
{
    struct hkt_group g = {.on_error = NULL};

    cr_assert_eq(hkt_group_enter(&g), 0);
    cr_assert_eq(hkt_group_spawn(&g, await_event, s), 0);
    return hkt_group_exit(&g, 0);
}

/* Time and turns */

static ssize_t call_sleep(struct scene *s)
{
    (void)s;
    return hkt_sleep(HKT_MS(1));
}

static ssize_t call_sleep_out_of_line(struct scene *s)
{
    (void)s;
    return hkt__sleep(HKT_MS(1));
}

static ssize_t call_turn(struct scene *s)
{
    (void)s;
    return hkt_sleep(0);
}

static ssize_t call_turn_polled(struct scene *s)
{
    (void)s;
    return hkt__turn_polled();
}

/* Futures and generators */

static void set_future(struct scene *s)
{
    cr_assert_eq(hkt_future_set(&s->future, 0, NULL), 0);
}

static ssize_t call_await(struct scene *s)
{
    return hkt_await(&s->future);
}

static int body_calls(struct hkt_gen *self, void *scene)
{
    return hkt_gen_call(self, await_event, scene);
}

static int body_awaits(struct hkt_gen *self, void *scene)
{
    return hkt_gen_await(self, &((struct scene *)scene)->future);
}

static int body_yields(struct hkt_gen *self, void *scene)
{
    return hkt_yield(self, &((struct scene *)scene)->future, NULL);
}

static ssize_t next_of(hkt_gen_fn *body, struct scene *s)
{
    hkt_auto_gen g = hkt_gen_new(body, s);
    void *value;

    return hkt_gen_next(g, &value);
}

static ssize_t call_gen_call(struct scene *s)
{
    return next_of(body_calls, s);
}

static ssize_t call_gen_await(struct scene *s)
{
    return next_of(body_awaits, s);
}

static ssize_t call_await_gen(struct scene *s)
{
    hkt_auto_gen g = hkt_gen_new(body_yields, s);

    return hkt_await_gen(g);
}

static void copy_context(struct scene *s)
{
    s->context = hkt_context_copy();
}

static void free_context(struct scene *s)
{
    cr_assert_eq(hkt_context_free(s->context), 0);
}

static ssize_t call_context_run(struct scene *s)
{
    return hkt_context_run(s->context, await_event, s);
}

/* Locks and the like. What is taken is given back at once, and by begin() it is this task's. */

static void take_lock(struct scene *s)
{
    cr_assert_eq(hkt_lock_acquire(&s->lock), 0);
}

static void give_lock(struct scene *s)
{
    cr_assert_eq(hkt_lock_release(&s->lock), 0);
}

static void free_lock(struct scene *s)
{
    if (hkt_lock_owner(&s->lock) == hkt_task_current())
        give_lock(s);
    cr_assert_not(hkt_lock_locked(&s->lock));
}

static ssize_t call_lock(struct scene *s)
{
    HKT_TRY(hkt_lock_acquire(&s->lock));
    return hkt_lock_release(&s->lock);
}

static void take_cond(struct scene *s)
{
    s->cond = (struct hkt_cond)HKT_COND_INIT;
    cr_assert_eq(hkt_cond_acquire(&s->cond), 0);
}

static void give_cond(struct scene *s)
{
    if (hkt_lock_owner(hkt_cond_lock(&s->cond)) == hkt_task_current())
        cr_assert_eq(hkt_cond_release(&s->cond), 0);
}

static ssize_t call_cond_acquire(struct scene *s)
{
    HKT_TRY(hkt_cond_acquire(&s->cond));
    return hkt_cond_release(&s->cond);
}

static void make_cond(struct scene *s)
{
    s->cond = (struct hkt_cond)HKT_COND_INIT;
}

static void notify(struct scene *s)
{
    cr_assert_eq(hkt_cond_acquire(&s->cond), 0);
    s->holds = true;
    cr_assert_eq(hkt_cond_notify(&s->cond, 1), 0);
    cr_assert_eq(hkt_cond_release(&s->cond), 0);
}

static ssize_t call_cond_wait(struct scene *s)
{
    HKT_TRY(hkt_cond_acquire(&s->cond));
    int rc = hkt_cond_wait(&s->cond);
    cr_assert_eq(hkt_cond_release(&s->cond), 0, "it has the lock in any case");
    return rc;
}

static int holds(void *scene)
{
    return ((struct scene *)scene)->holds;
}

static ssize_t call_cond_wait_for(struct scene *s)
{
    HKT_TRY(hkt_cond_acquire(&s->cond));
    int rc = hkt_cond_wait_for(&s->cond, holds, s);
    cr_assert_eq(hkt_cond_release(&s->cond), 0, "it has the lock in any case");
    return rc;
}

static void empty_semaphore(struct scene *s)
{
    cr_assert_eq(hkt_semaphore_init(&s->semaphore, 0, 1), 0);
}

static void raise_semaphore(struct scene *s)
{
    cr_assert_eq(hkt_semaphore_release(&s->semaphore), 0);
}

static ssize_t call_semaphore(struct scene *s)
{
    HKT_TRY(hkt_semaphore_acquire(&s->semaphore));
    return hkt_semaphore_release(&s->semaphore);
}

static void make_barrier(struct scene *s)
{
    cr_assert_eq(hkt_barrier_init(&s->barrier, 2), 0);
}

static int wait_at_barrier(void *scene)
{
    return hkt_barrier_wait(&((struct scene *)scene)->barrier);
}

static void come_to_barrier(struct scene *s)
{
    s->task = hkt_spawn(wait_at_barrier, s);
}

static void leave_barrier(struct scene *s)
{
    if (s->task)
        cr_assert_geq(hkt_join(s->task), 0);
    s->task = NULL;
}

static ssize_t call_barrier(struct scene *s)
{
    return hkt_barrier_wait(&s->barrier);
}

static void take_write(struct scene *s)
{
    cr_assert_eq(hkt_rwlock_acquire_write(&s->rwlock), 0);
    s->holds = true;
}

static void take_read(struct scene *s)
{
    cr_assert_eq(hkt_rwlock_acquire_read(&s->rwlock), 0);
    s->holds = true;
}

static void give_rwlock(struct scene *s)
{
    cr_assert_eq(hkt_rwlock_release(&s->rwlock), 0);
    s->holds = false;
}

static void free_rwlock(struct scene *s)
{
    if (s->holds)
        give_rwlock(s);
    cr_assert_eq(hkt_rwlock_try_write(&s->rwlock), 0);
    give_rwlock(s);
}

static ssize_t call_acquire_read(struct scene *s)
{
    HKT_TRY(hkt_rwlock_acquire_read(&s->rwlock));
    return hkt_rwlock_release(&s->rwlock);
}

static ssize_t call_acquire_write(struct scene *s)
{
    HKT_TRY(hkt_rwlock_acquire_write(&s->rwlock));
    return hkt_rwlock_release(&s->rwlock);
}

static ssize_t call_event(struct scene *s)
{
    return hkt_event_wait(&s->event);
}

static ssize_t call_once(struct scene *s)
{
    return hkt_once_run(&s->once, await_event, s);
}

static void add_to_waitgroup(struct scene *s)
{
    cr_assert_eq(hkt_waitgroup_add(&s->waitgroup, 1), 0);
}

static void end_waitgroup(struct scene *s)
{
    cr_assert_eq(hkt_waitgroup_done(&s->waitgroup), 0);
}

static ssize_t call_waitgroup(struct scene *s)
{
    return hkt_waitgroup_wait(&s->waitgroup);
}

/* Queues, channels, mailboxes. A value that was on its way is not lost. */

static void make_queue(struct scene *s)
{
    cr_assert_eq(hkt_queue_init(&s->queue, s->room, 1, sizeof s->number, NULL), 0);
}

static void put_one(struct scene *s)
{
    cr_assert_eq(hkt_queue_put_nowait(&s->queue, &s->number, sizeof s->number), 0);
}

static void get_one(struct scene *s)
{
    int n;

    cr_assert_eq(hkt_queue_get_nowait(&s->queue, &n, sizeof n), 0);
}

static void make_full_queue(struct scene *s)
{
    make_queue(s);
    put_one(s);
}

static ssize_t call_put(struct scene *s)
{
    return hkt_queue_put(&s->queue, &s->number, sizeof s->number);
}

static ssize_t call_get(struct scene *s)
{
    int n;

    return hkt_queue_get(&s->queue, &n, sizeof n);
}

static void finish_one(struct scene *s)
{
    cr_assert_eq(hkt_queue_task_done(&s->queue), 0);
}

static ssize_t call_queue_join(struct scene *s)
{
    return hkt_queue_join(&s->queue);
}

static void make_channel(struct scene *s)
{
    cr_assert_eq(hkt_channel_init(&s->channel, s->room, 1, sizeof s->number), 0);
}

static void send_one(struct scene *s)
{
    cr_assert_eq(hkt_channel_try_send(&s->channel, &s->number, sizeof s->number), 0);
}

static void receive_one(struct scene *s)
{
    int n;

    cr_assert_eq(hkt_channel_try_recv(&s->channel, &n, sizeof n), 1);
}

static void make_full_channel(struct scene *s)
{
    make_channel(s);
    send_one(s);
}

static ssize_t call_channel_send(struct scene *s)
{
    return hkt_channel_send(&s->channel, &s->number, sizeof s->number);
}

static ssize_t call_channel_recv(struct scene *s)
{
    int n;

    return hkt_channel_recv(&s->channel, &n, sizeof n);
}

static ssize_t call_select(struct scene *s)
{
    int n;
    struct hkt_case cases[] = {hkt_channel_recv_case(&s->channel, &n, sizeof n),
                               hkt_case_after(HKT_SEC(100)), hkt_case_future(&s->future)};

    return hkt_select(cases, 3);
}

static void make_mailbox(struct scene *s)
{
    s->mailbox = hkt_mailbox_new(1, sizeof s->number);
}

static void mail_one(struct scene *s)
{
    cr_assert_eq(hkt_mailbox_try_send(s->mailbox, &s->number, sizeof s->number), 0);
}

static void take_mail(struct scene *s)
{
    int n;

    cr_assert_eq(hkt_mailbox_try_recv(s->mailbox, &n, sizeof n), 1);
}

static void make_full_mailbox(struct scene *s)
{
    make_mailbox(s);
    mail_one(s);
}

static void free_mailbox(struct scene *s)
{
    cr_assert_eq(hkt_mailbox_free(s->mailbox), 0);
}

static ssize_t call_mailbox_send(struct scene *s)
{
    return hkt_mailbox_send(s->mailbox, &s->number, sizeof s->number);
}

static ssize_t call_mailbox_recv(struct scene *s)
{
    int n;

    return hkt_mailbox_recv(s->mailbox, &n, sizeof n);
}

/* The pool, and signals */

static void close_gate(struct scene *s)
{
    s->gate = (struct gate)GATE_INIT;
}

static void let_through(struct scene *s)
{
    open_gate(&s->gate);
}

static ssize_t call_run_blocking(struct scene *s)
{
    return hkt_run_blocking(pass_gate, &s->gate);
}

static void release_gate(void *gate)
{
    struct gate *g = gate;

    pthread_mutex_lock(&g->lock);
    g->most++; /* counts the releases from now on */
    pthread_mutex_unlock(&g->lock);
}

static ssize_t call_run_blocking_owned(struct scene *s)
{
    s->number++;
    ssize_t rc = hkt_run_blocking_owned(pass_gate, &s->gate, release_gate);
    s->number -= rc >= 0;
    return rc;
}

static void await_release(struct scene *s)
{
    open_gate(&s->gate);
    while (gate_count(&s->gate, &s->gate.inside) > 0)
        cr_assert_eq(hkt_sleep(HKT_US(100)), 0);
    hkt_work_configure(NULL);
    while (s->number > 0 && gate_count(&s->gate, &s->gate.most) < s->number)
        cr_assert_eq(hkt_sleep(HKT_US(100)), 0);
}

static void send_signal(struct scene *s)
{
    (void)s;
    raise(SIGUSR1);
}

static ssize_t call_signal_wait(struct scene *s)
{
    (void)s;
    return hkt_signal_wait(HKT_SIG(SIGUSR1));
}

static const struct point points[] = {
    POINT(hkt_sleep, AT(NULL, call_sleep, NULL, NULL, .how = BY_ITSELF)),
    POINT(hkt__sleep, AT(NULL, call_sleep_out_of_line, NULL, NULL, .how = BY_ITSELF)),
    POINT(hkt_sleep, AT(NULL, call_turn, NULL, NULL, .how = TURN)),
    POINT(hkt__turn_polled, AT(NULL, call_turn_polled, NULL, NULL, .how = TURN)),
    POINT(hkt_join, AT(spawn_one, call_join, set_event, NULL, .how = ONCE)),
    POINT(hkt_task_wait, AT(spawn_one, call_task_wait, set_event, drop_it, .how = 0)),
    POINT(hkt_await_shielded, AT(spawn_one, call_await_shielded, set_event, drop_it, .how = 0)),
    POINT(hkt_wait_for, AT(spawn_one, call_wait_for, set_event, drop_it, .how = ONCE)),
    POINT(hkt_wait, AT(spawn_one, call_wait, set_event, drop_it, .how = 0)),
    POINT(hkt_gather, AT(spawn_one, call_gather, set_event, drop_it, .how = ONCE)),
    POINT(hkt_wait_next, AT(spawn_one, call_wait_next, set_event, drop_it, .how = 0)),
    POINT(hkt_await, AT(spawn_one, call_await_task, set_event, drop_it, .how = ONCE)),
    POINT(hkt_await, AT(NULL, call_await, set_future, NULL, .how = ONCE)),
    POINT(hkt_group_exit, AT(NULL, call_group_exit, set_event, NULL, .how = 0)),
    POINT(hkt_gen_call, AT(NULL, call_gen_call, set_event, NULL, .how = 0)),
    POINT(hkt_gen_await, AT(NULL, call_gen_await, set_future, NULL, .how = ONCE)),
    POINT(hkt_await_gen, AT(NULL, call_await_gen, set_future, NULL, .how = ONCE)),
    POINT(hkt_context_run, AT(copy_context, call_context_run, set_event, free_context, .how = 0)),
    POINT(hkt_event_wait, AT(NULL, call_event, set_event, NULL, .how = 0)),
    POINT(hkt_lock_acquire, AT(take_lock, call_lock, give_lock, free_lock, .how = 0)),
    POINT(hkt_cond_acquire, AT(take_cond, call_cond_acquire, give_cond, give_cond, .how = 0)),
    POINT(hkt_cond_wait, AT(make_cond, call_cond_wait, notify, NULL, .how = REWAKE)),
    POINT(hkt_cond_wait_for, AT(make_cond, call_cond_wait_for, notify, NULL, .how = 0)),
    POINT(hkt_semaphore_acquire,
          AT(empty_semaphore, call_semaphore, raise_semaphore, NULL, .how = 0)),
    POINT(hkt_barrier_wait,
          AT(make_barrier, call_barrier, come_to_barrier, leave_barrier, .how = ONCE)),
    POINT(hkt_rwlock_acquire_read,
          AT(take_write, call_acquire_read, give_rwlock, free_rwlock, .how = 0)),
    POINT(hkt_rwlock_acquire_write,
          AT(take_read, call_acquire_write, give_rwlock, free_rwlock, .how = 0)),
    POINT(hkt_once_run, AT(NULL, call_once, set_event, NULL, .how = 0)),
    POINT(hkt_waitgroup_wait, AT(add_to_waitgroup, call_waitgroup, end_waitgroup, NULL, .how = 0)),
    POINT(hkt_queue_put, AT(make_full_queue, call_put, get_one, NULL, .how = 0)),
    POINT(hkt_queue_get, AT(make_queue, call_get, put_one, NULL, .how = 0)),
    POINT(hkt_queue_join, AT(make_full_queue, call_queue_join, finish_one, NULL, .how = 0)),
    POINT(hkt_channel_send, AT(make_full_channel, call_channel_send, receive_one, NULL, .how = 0)),
    POINT(hkt_channel_recv, AT(make_channel, call_channel_recv, send_one, NULL, .how = 0)),
    POINT(hkt_select, AT(make_channel, call_select, send_one, NULL, .how = 0)),
    POINT(hkt_mailbox_send,
          AT(make_full_mailbox, call_mailbox_send, take_mail, free_mailbox, .how = 0)),
    POINT(hkt_mailbox_recv, AT(make_mailbox, call_mailbox_recv, mail_one, free_mailbox, .how = 0)),
    POINT(hkt_run_blocking, AT(close_gate, call_run_blocking, let_through, NULL, .how = WAITS)),
    POINT(hkt_run_blocking_owned,
          AT(close_gate, call_run_blocking_owned, let_through, await_release, .how = 0)),
    POINT(hkt_signal_wait, AT(NULL, call_signal_wait, send_signal, NULL, .how = REWAKE)),
};

Test(points, each_is_cancelled_before_while_and_after, .timeout = 60)
{
    static struct scene scene;

    try_points(points, sizeof points / sizeof *points, &scene, sizeof scene);
}
