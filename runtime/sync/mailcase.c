/* SPDX-License-Identifier: MIT
 *
 * Mailboxes as cases of a select. A case that is told to look is put into a list of its loop, and
 * the loop is called once for all that are in it; so nothing that lies on a task's stack is posted,
 * and a case can be withdrawn at any time.
 *
 * The lock of a mailbox is taken before that of a list.
 */
#include "mailbox.h"

#include "base/os.h"

#include <stdlib.h>

/* A loop's list of cases that are to look. */
struct hkt__mail_list {
    struct hkt__loop_end end;
    struct hkt_loop *loop;
    pthread_mutex_t lock;
    struct hkt__line line;
    struct hkt_handle handle;
    bool posted;
};

enum { IN_LINE, TOLD };

static struct hkt__mail_side *side_of(const struct hkt_case *c);

/* The list */

static void look_all(void *arg);

static void list_end(struct hkt__loop_end *e)
{
    struct hkt__mail_list *list = (struct hkt__mail_list *)(void *)e;

    list->loop->mail = NULL;
    pthread_mutex_destroy(&list->lock);
    free(list);
}

static int list_make(struct hkt_loop *loop)
{
    struct hkt__mail_list *list = loop->mail ? loop->mail : hkt__os.alloc(sizeof *list);

    if (!list)
        return -ENOMEM;
    if (loop->mail)
        return 0;
    list->end.fn = list_end;
    list->loop = loop;
    pthread_mutex_init(&list->lock, NULL);
    loop->mail = list;
    hkt__loop_end_link(loop, &list->end);
    return 0;
}

void hkt__mailcase_tell(struct hkt__mail_side *side, struct hkt__party *p)
{
    struct hkt__mail_list *list = p->of->select->loop->mail;

    hkt__line_unlink(&p->node);
    side->told++;
    p->of->when = TOLD;
    pthread_mutex_lock(&list->lock);
    hkt__line_append(&list->line, &p->node);
    if (!list->posted)
        (void)hkt_call_threadsafe(list->loop, &list->handle, look_all, list);
    list->posted = true;
    pthread_mutex_unlock(&list->lock);
}

static struct hkt_case *list_take(struct hkt__mail_list *list)
{
    pthread_mutex_lock(&list->lock);
    struct hkt__node *n = list->line.first;
    if (n)
        hkt__line_unlink(n);
    else
        list->posted = false;
    pthread_mutex_unlock(&list->lock);
    return n ? hkt__mail_party(n)->of : NULL;
}

/* The case */

static bool is_send(const struct hkt_case *c);

static int perform_locked(struct hkt_case *c)
{
    return is_send(c) ? hkt__mailbox_send_now(c->on, c->value)
                      : hkt__mailbox_recv_now(c->on, c->value);
}

/* Somebody who did not wait may have been quicker: then back to the head of the line. */
static void look(struct hkt_case *c)
{
    struct hkt_mailbox *m = c->on;

    pthread_mutex_lock(&m->lock);
    side_of(c)->told--;
    int rc = perform_locked(c);
    if (rc == -EAGAIN) {
        c->when = IN_LINE;
        hkt__line_insert(&side_of(c)->line, &c->wait.party.node, NULL);
    } else {
        m->calls--;
    }
    pthread_mutex_unlock(&m->lock);
    if (rc == -EAGAIN)
        return;
    hkt_loop_release(c->select->loop);
    hkt__case_happens(c, rc, rc == 1 || (rc == 0 && is_send(c)));
}

static void look_all(void *arg)
{
    struct hkt_case *c;

    while ((c = list_take(arg)) != NULL)
        look(c);
}

static bool ready(struct hkt_case *c)
{
    struct hkt_mailbox *m = c->on;

    pthread_mutex_lock(&m->lock);
    bool can = m->closed || (is_send(c) ? !hkt__store_full(&m->store) : m->store.count > 0);
    pthread_mutex_unlock(&m->lock);
    return can;
}

static int perform(struct hkt_case *c)
{
    struct hkt_mailbox *m = c->on;

    pthread_mutex_lock(&m->lock);
    int rc = perform_locked(c);
    pthread_mutex_unlock(&m->lock);
    return rc == -EAGAIN ? HKT__CASE_GONE : rc;
}

static int enlist(struct hkt_case *c)
{
    struct hkt_mailbox *m = c->on;
    int rc = list_make(c->select->loop);

    if (rc < 0)
        return rc;
    c->when = IN_LINE;
    c->wait.party.of = c;
    hkt_loop_hold(c->select->loop);
    pthread_mutex_lock(&m->lock);
    m->calls++;
    hkt__line_append(&side_of(c)->line, &c->wait.party.node);
    hkt__mailbox_serve(m); /* for what came since it was looked at */
    pthread_mutex_unlock(&m->lock);
    return 0;
}

/* What it was told of is for the next one. */
static void pass_on(struct hkt_case *c)
{
    struct hkt__mail_list *list = c->select->loop->mail;

    pthread_mutex_lock(&list->lock);
    hkt__line_unlink(&c->wait.party.node);
    pthread_mutex_unlock(&list->lock);
    side_of(c)->told--;
    hkt__mailbox_serve(c->on);
}

static void withdraw(struct hkt_case *c)
{
    struct hkt_mailbox *m = c->on;

    pthread_mutex_lock(&m->lock);
    if (c->when == TOLD)
        pass_on(c);
    else
        hkt__line_unlink(&c->wait.party.node);
    m->calls--;
    pthread_mutex_unlock(&m->lock);
    hkt_loop_release(c->select->loop);
}

/* They differ in their address. */
static const struct hkt__case_ops send_ops = {ready, perform, enlist, withdraw, true};
static const struct hkt__case_ops recv_ops = {ready, perform, enlist, withdraw, true};

static bool is_send(const struct hkt_case *c)
{
    return c->ops == &send_ops;
}

static struct hkt__mail_side *side_of(const struct hkt_case *c)
{
    struct hkt_mailbox *m = c->on;

    return is_send(c) ? &m->senders : &m->receivers;
}

static struct hkt_case make_case(struct hkt_mailbox *m, void *value, size_t size,
                                 const struct hkt__case_ops *ops)
{
    int rc = hkt__mailbox_check(m, size);

    return rc < 0 ? hkt__case_failed(rc) : (struct hkt_case){.ops = ops, .on = m, .value = value};
}

struct hkt_case hkt_mailbox_send_case(struct hkt_mailbox *m, const void *value, size_t size)
{
    return make_case(m, (void *)(uintptr_t)value, size, &send_ops);
}

struct hkt_case hkt_mailbox_recv_case(struct hkt_mailbox *m, void *value, size_t size)
{
    return make_case(m, value, size, &recv_ops);
}
