/* SPDX-License-Identifier: MIT
 *
 * Where a server finds the tasks of its connections: a table, apart from the connections, so that
 * when one comes or goes nothing of another's is touched, which has long left the cache.
 */
#ifndef HOCKET_NET_SEATS_H
#define HOCKET_NET_SEATS_H

#include <hocket/base.h>

struct hkt_task;

union hkt__seat {
    struct hkt_task *task;
    uintptr_t next; /* of a free one: twice the number of the next free one, and one */
};

/* Zeroed is ready for use and holds no memory. */
struct hkt__seats {
    union hkt__seat *all;
    size_t count;
    size_t free; /* the number of the first free one; count: there is none */
};

/* Has the next hkt__seat_take() find one. 0 or -ENOMEM. */
int hkt__seats_reserve(struct hkt__seats *s);
void hkt__seats_free(struct hkt__seats *s);

/* The number of the seat. */
static inline size_t hkt__seat_take(struct hkt__seats *s, struct hkt_task *t)
{
    size_t i = s->free;

    s->free = s->all[i].next / 2;
    s->all[i].task = t;
    return i;
}

static inline void hkt__seat_give(struct hkt__seats *s, size_t i)
{
    s->all[i].next = 2 * s->free + 1;
    s->free = i;
}

/* The task of a seat, NULL: it is free. */
static inline struct hkt_task *hkt__seat_task(const struct hkt__seats *s, size_t i)
{
    return s->all[i].next & 1 ? NULL : s->all[i].task;
}

#endif
