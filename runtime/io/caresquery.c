/* SPDX-License-Identifier: MIT
 *
 * Questions to c-ares. It cannot withdraw one alone, so that a cancelled task leaves its own
 * behind, with the record that belongs to it.
 */
#include "cares.h"
#include "names.h"

static void free_query(struct hkt__cares_query *q)
{
    hkt_freeaddrinfo(q->kinds);
    hkt_dealloc(q);
}

static void free_with_record(struct hkt__cares_query *q)
{
    if (q->lookup)
        hkt__lookup_free(q->lookup);
    else
        hkt_dealloc(q->naming);
    free_query(q);
}

void hkt__cares_answer(struct hkt__cares_query *q, int rc)
{
    if (q->waiter)
        hkt__wake(q->waiter, rc);
    else
        free_with_record(q);
}

struct waiting {
    struct hkt__wait wait;
    struct hkt__cares_query *query;
};

static bool abandon(struct hkt__wait *w)
{
    struct waiting *self = (struct waiting *)(void *)w;
    struct hkt__cares_query *q = self->query;

    self->query = NULL;
    q->waiter = NULL;
    if (hkt_handle_cancel(&q->start))
        free_with_record(q);
    return true;
}

static const struct hkt__wait_kind abandon_kind = {.abort = abandon};

int hkt__cares_ask(struct hkt__cares_query *q, hkt_call_fn *start)
{
    struct waiting w = {.wait = {.why = "name", .kind = &abandon_kind, .detail = -1}, .query = q};
    int rc = hkt__cares_get(&q->cares);

    if (rc == 0)
        rc = hkt_call_soon(hkt__loop, &q->start, start, q);
    if (rc < 0) {
        free_query(q);
        return rc;
    }
    q->waiter = hkt__task_self();
    rc = hkt__park(&w.wait);
    if (!w.query)
        return rc; /* it was abandoned */
    if (rc == -ECANCELED)
        free_with_record(q); /* after the answer */
    else
        free_query(q);
    return rc;
}

struct hkt__cares_query *hkt__cares_query_new(struct hkt__lookup *l, struct hkt__naming *n)
{
    struct hkt__cares_query *q = hkt_alloc(sizeof *q);

    if (q)
        *q = (struct hkt__cares_query){.lookup = l, .naming = n};
    return q;
}
