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
#include "mailbox.h"

#include "base/os.h"

#include <stdlib.h>

/* A call that waits. */
struct call {
    struct hkt__wait wait;
    struct hkt__party party;
    struct hkt_mailbox *mailbox;
    struct hkt_loop *loop;
    struct hkt_handle handle;
    int rc;
    bool completed; /* it is out of the line */
    bool cancelled; /* too late */
};

static struct call *call_of(struct hkt__party *p)
{
    return (struct call *)(void *)((char *)p - offsetof(struct call, party));
}

/* Waiting and waking */

static void wake_caller(void *arg)
{
    struct call *c = arg;

    if (c->cancelled)
        c->party.task->coro.ctx.flags |= HKT__CANCEL;
    c->wait.keep = true;
    hkt__wake_on(c->loop, c->party.task, c->rc);
}

/* Under the lock. */
static void complete(struct call *c, int rc)
{
    hkt__line_unlink(&c->party.node);
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
        hkt__line_unlink(&c->party.node);
    pthread_mutex_unlock(&m->lock);
    c->cancelled = completed;
    return !completed;
}

static const struct hkt__wait_kind call_kind = {.abort = abort_call, .pinned = true};

/* Called with the lock, which is given back. */
static int wait_in(struct hkt_mailbox *m, struct hkt__line *line, void *value, const char *why)
{
    struct hkt_loop *loop = hkt__loop;
    struct call c = {.wait = {.why = why, .kind = &call_kind, .detail = -1},
                     .party = {.value = value, .task = loop->current},
                     .mailbox = m,
                     .loop = loop};

    hkt__line_append(line, &c.party.node);
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

static void serve_senders(struct hkt_mailbox *m)
{
    struct hkt__mail_side *side = &m->senders;

    while (side->line.first && m->store.count + side->told < m->store.capacity) {
        struct hkt__party *p = hkt__mail_party(side->line.first);
        if (p->of) {
            hkt__mailcase_tell(side, p);
            continue;
        }
        hkt__store_push(&m->store, p->value);
        complete(call_of(p), 0);
    }
}

static void serve_receivers(struct hkt_mailbox *m)
{
    struct hkt__mail_side *side = &m->receivers;

    while (side->line.first && m->store.count > side->told) {
        struct hkt__party *p = hkt__mail_party(side->line.first);
        if (p->of) {
            hkt__mailcase_tell(side, p);
            continue;
        }
        hkt__store_pop(&m->store, p->value);
        complete(call_of(p), 1);
    }
}

/* Those who wait when there is no more to come. */
static void end_all(struct hkt__mail_side *side, int rc)
{
    while (side->line.first) {
        struct hkt__party *p = hkt__mail_party(side->line.first);
        if (p->of)
            hkt__mailcase_tell(side, p);
        else
            complete(call_of(p), rc);
    }
}

void hkt__mailbox_serve(struct hkt_mailbox *m)
{
    serve_receivers(m);
    serve_senders(m);
    if (m->closed) {
        end_all(&m->receivers, 0);
        end_all(&m->senders, -ESHUTDOWN);
    }
}

int hkt__mailbox_send_now(struct hkt_mailbox *m, const void *value)
{
    struct hkt__party *p =
        m->receivers.line.first ? hkt__mail_party(m->receivers.line.first) : NULL;

    if (m->closed)
        return -ESHUTDOWN;
    if (p && !p->of && m->store.count == 0) {
        hkt__copy(p->value, value, m->store.size);
        complete(call_of(p), 1);
        return 0;
    }
    if (hkt__store_full(&m->store))
        return -EAGAIN;
    hkt__store_push(&m->store, value);
    serve_receivers(m);
    return 0;
}

int hkt__mailbox_recv_now(struct hkt_mailbox *m, void *value)
{
    if (m->store.count == 0)
        return m->closed ? 0 : -EAGAIN;
    hkt__store_pop(&m->store, value);
    serve_senders(m);
    return 1;
}

/* The calls */

int hkt__mailbox_check(const struct hkt_mailbox *m, size_t size)
{
    if (!m)
        return -ENOMEM;
    return size == m->store.size ? 0 : -EINVAL;
}

static int check_task(const struct hkt_mailbox *m, size_t size)
{
    int rc = hkt__mailbox_check(m, size);

    if (rc < 0)
        return rc;
    return hkt__task_self() ? 0 : -EPERM;
}

int hkt_mailbox_try_send(struct hkt_mailbox *m, const void *value, size_t size)
{
    int rc = hkt__mailbox_check(m, size);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = hkt__mailbox_send_now(m, value);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

int hkt_mailbox_try_recv(struct hkt_mailbox *m, void *value, size_t size)
{
    int rc = hkt__mailbox_check(m, size);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = hkt__mailbox_recv_now(m, value);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

int hkt_mailbox_send(struct hkt_mailbox *m, const void *value, size_t size)
{
    int rc = check_task(m, size);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = hkt__mailbox_send_now(m, value);
    if (rc == -EAGAIN)
        return wait_in(m, &m->senders.line, (void *)(uintptr_t)value, "send to a mailbox");
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
    rc = hkt__mailbox_recv_now(m, value);
    if (rc == -EAGAIN)
        return wait_in(m, &m->receivers.line, value, "receive from a mailbox");
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
    hkt__mailbox_serve(m);
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
