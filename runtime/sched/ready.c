/* SPDX-License-Identifier: MIT */
#include "ready.h"

#include "base/os.h"

#include <errno.h>
#include <stdlib.h>

enum { FEWEST = 64 };

static int resize(struct hkt__ready *q, size_t slots)
{
    uintptr_t *to = hkt__os.alloc(slots * sizeof *to);

    if (!to)
        return -ENOMEM;
    for (size_t i = q->head; i != q->tail; i++)
        to[i & (slots - 1)] = hkt__ready_at(q, i);
    free(q->slots);
    q->slots = to;
    q->mask = slots - 1;
    return 0;
}

int hkt__ready_init(struct hkt__ready *q)
{
    return resize(q, FEWEST);
}

void hkt__ready_free(struct hkt__ready *q)
{
    free(q->slots);
    *q = (struct hkt__ready){0};
}

int hkt__ready_grow(struct hkt__ready *q, size_t tasks)
{
    size_t slots = q->mask + 1;

    while (slots < hkt__ready_slots_for(tasks))
        slots *= 2;
    return resize(q, slots);
}

void hkt__ready_trim(struct hkt__ready *q, size_t tasks)
{
    size_t slots = q->mask + 1;

    while (slots > FEWEST && slots / 8 > tasks)
        slots /= 2;
    if (slots <= q->mask)
        (void)resize(q, slots); /* without memory for less, the more stays */
}

static struct hkt__link *chain_of(uintptr_t slot)
{
    return (struct hkt__link *)(slot - HKT__CHAIN);
}

static struct hkt_handle *handle_of(struct hkt__link *l)
{
    return (struct hkt_handle *)(void *)((char *)l - offsetof(struct hkt_handle, ready));
}

/* The last slot, when that is a chain; else a new one, of an empty chain. */
static uintptr_t *last_chain(struct hkt__ready *q)
{
    uintptr_t *last = &q->slots[(q->tail - 1) & q->mask];

    if (hkt__ready_any(q) && *last & HKT__CHAIN)
        return last;
    last = &q->slots[q->tail++ & q->mask];
    *last = HKT__CHAIN;
    return last;
}

void hkt__ready_push_handle(struct hkt__ready *q, struct hkt_handle *h)
{
    uintptr_t *chain = last_chain(q);

    h->ready.next = NULL;
    if (*chain == HKT__CHAIN)
        *chain |= (uintptr_t)&h->ready;
    else
        *q->chain_end = &h->ready;
    q->chain_end = &h->ready.next;
}

struct hkt_handle *hkt__ready_pop_handle(struct hkt__ready *q)
{
    uintptr_t *slot = &q->slots[q->head & q->mask];
    struct hkt__link *first = chain_of(*slot);

    if (first && first->next)
        *slot = (uintptr_t)first->next | HKT__CHAIN;
    else
        q->head++;
    return first ? handle_of(first) : NULL;
}

/* Whether h was in the chain. */
static bool remove_from(struct hkt__ready *q, size_t position, struct hkt_handle *h)
{
    uintptr_t *slot = &q->slots[position & q->mask];
    struct hkt__link *first = chain_of(*slot), **at = &first;

    while (*at && *at != &h->ready)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = h->ready.next;
    if (!*at && first && position == q->tail - 1)
        q->chain_end = at;
    *slot = (uintptr_t)first | HKT__CHAIN;
    return true;
}

void hkt__ready_remove_handle(struct hkt__ready *q, struct hkt_handle *h)
{
    for (size_t i = q->head; i != q->tail; i++)
        if (hkt__ready_at(q, i) & HKT__CHAIN && remove_from(q, i, h))
            return;
}
