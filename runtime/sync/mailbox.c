/* SPDX-License-Identifier: MIT
 *
 * Mailboxes: a channel's rules under a lock. Whoever finds the other side waiting hands the element
 * over itself, to or from the other's stack, and has its loop wake it by a call from outside: one
 * for each task that waits, none for an element that finds nobody waiting.
 *
 * From when a call was completed until its loop has made that call it can no longer be withdrawn,
 * and its record must stay: a cancellation that comes then is left for the task's next suspension.
 *
 * The other's loop is called under the lock, through which the woken task goes before it returns.
 * So no thread is still busy with a loop, or with the mailbox, when that task ends both.
 */
#include "line.h"
#include "store.h"

#include "base/os.h"

#include <hocket/mailbox.h>

#include <stdlib.h>

struct hkt_mailbox {
    pthread_mutex_t lock;
    struct hkt__store store;
    struct hkt__line senders, receivers;
    size_t calls; /* that wait or have not returned yet */
    bool closed;
};

/* A call that waits. */
struct call {
    struct hkt__wait wait;
    struct hkt__node node;
    struct hkt_mailbox *mailbox;
    void *value;
    struct hkt_loop *loop;
    struct hkt_task *task;
    struct hkt_handle handle;
    int rc;
    bool completed; /* it is out of the line */
    bool cancelled; /* too late */
};

static struct call *call_of(struct hkt__node *n)
{
    return (struct call *)(void *)((char *)n - offsetof(struct call, node));
}

/* Waiting and waking */

static void wake_caller(void *arg)
{
    struct call *c = arg;

    if (c->cancelled)
        c->task->coro.ctx.flags |= HKT__CANCEL;
    c->wait.keep = true;
    hkt__wake_on(c->loop, c->task, c->rc);
}

/* Under the lock. */
static void complete(struct call *c, int rc)
{
    hkt__line_unlink(&c->node);
    c->completed = true;
    c->rc = rc;
    if (c->loop == hkt__loop)
        wake_caller(c);
    else
        (void)hkt_call_threadsafe(c->loop, &c->handle, wake_caller, c);
}

static bool abort_call(struct hkt__wait *wait)
{
    struct call *c = (struct call *)(void *)wait;
    struct hkt_mailbox *m = c->mailbox;

    pthread_mutex_lock(&m->lock);
    bool completed = c->completed;
    if (!completed)
        hkt__line_unlink(&c->node);
    pthread_mutex_unlock(&m->lock);
    c->cancelled = completed;
    return !completed;
}

/* Called with the lock, which is given back. */
static int wait_in(struct hkt_mailbox *m, struct hkt__line *line, void *value, const char *why)
{
    struct hkt_loop *loop = hkt__loop;
    struct call c = {.wait = {.why = why, .abort = abort_call, .detail = -1},
                     .mailbox = m,
                     .value = value,
                     .loop = loop,
                     .task = loop->current};

    hkt__line_append(line, &c.node);
    m->calls++;
    pthread_mutex_unlock(&m->lock);
    hkt_loop_hold(loop);
    int rc = hkt__park(&c.wait);
    hkt_loop_release(loop);
    pthread_mutex_lock(&m->lock);
    m->calls--;
    pthread_mutex_unlock(&m->lock);
    return rc;
}

/* Sending and receiving, under the lock */

static int send_now(struct hkt_mailbox *m, const void *value)
{
    if (m->closed)
        return -ESHUTDOWN;
    if (m->receivers.first) {
        struct call *c = call_of(m->receivers.first);
        hkt__copy(c->value, value, m->store.size);
        complete(c, 1);
        return 0;
    }
    if (hkt__store_full(&m->store))
        return -EAGAIN;
    hkt__store_push(&m->store, value);
    return 0;
}

static int recv_now(struct hkt_mailbox *m, void *value)
{
    if (m->store.count == 0)
        return m->closed ? 0 : -EAGAIN;
    hkt__store_pop(&m->store, value);
    if (m->senders.first) {
        struct call *c = call_of(m->senders.first);
        hkt__store_push(&m->store, c->value);
        complete(c, 0);
    }
    return 1;
}

/* The calls */

static int check(const struct hkt_mailbox *m, size_t size)
{
    if (!m)
        return -ENOMEM;
    return size == m->store.size ? 0 : -EINVAL;
}

static int check_task(const struct hkt_mailbox *m, size_t size)
{
    int rc = check(m, size);

    if (rc < 0)
        return rc;
    return hkt__task_self() ? 0 : -EPERM;
}

int hkt_mailbox_try_send(struct hkt_mailbox *m, const void *value, size_t size)
{
    int rc = check(m, size);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = send_now(m, value);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

int hkt_mailbox_try_recv(struct hkt_mailbox *m, void *value, size_t size)
{
    int rc = check(m, size);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = recv_now(m, value);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

int hkt_mailbox_send(struct hkt_mailbox *m, const void *value, size_t size)
{
    int rc = check_task(m, size);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = send_now(m, value);
    if (rc == -EAGAIN)
        return wait_in(m, &m->senders, (void *)(uintptr_t)value, "send to a mailbox");
    pthread_mutex_unlock(&m->lock);
    hkt__op_done(hkt__loop);
    return rc;
}

int hkt_mailbox_recv(struct hkt_mailbox *m, void *value, size_t size)
{
    int rc = check_task(m, size);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = recv_now(m, value);
    if (rc == -EAGAIN)
        return wait_in(m, &m->receivers, value, "receive from a mailbox");
    pthread_mutex_unlock(&m->lock);
    hkt__op_done(hkt__loop);
    return rc;
}

/* Making and ending */

struct hkt_mailbox *hkt_mailbox_new(size_t capacity, size_t size)
{
    struct hkt_mailbox *m;

    if (capacity == 0 || size == 0 || capacity > SIZE_MAX / 2 / size)
        return NULL;
    m = hkt__os.alloc(sizeof *m);
    if (!m)
        return NULL;
    m->store = (struct hkt__store){
        .items = hkt__os.alloc(capacity * size), .size = size, .capacity = capacity};
    if (!m->store.items) {
        free(m);
        return NULL;
    }
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

int hkt_mailbox_free(struct hkt_mailbox *m)
{
    if (!m)
        return 0;
    pthread_mutex_lock(&m->lock);
    bool busy = m->calls > 0;
    pthread_mutex_unlock(&m->lock);
    if (busy)
        return -EBUSY;
    pthread_mutex_destroy(&m->lock);
    free(m->store.items);
    free(m);
    return 0;
}

int hkt_mailbox_close(struct hkt_mailbox *m)
{
    if (!m)
        return -ENOMEM;
    pthread_mutex_lock(&m->lock);
    int rc = m->closed ? -EALREADY : 0;
    m->closed = true;
    while (m->receivers.first)
        complete(call_of(m->receivers.first), 0);
    while (m->senders.first)
        complete(call_of(m->senders.first), -ESHUTDOWN);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

size_t hkt_mailbox_count(struct hkt_mailbox *m)
{
    if (!m)
        return 0;
    pthread_mutex_lock(&m->lock);
    size_t count = m->store.count;
    pthread_mutex_unlock(&m->lock);
    return count;
}
