/* SPDX-License-Identifier: MIT
 *
 * Memory that connections take and give back all the time. What is given back is kept by the
 * thread, last in first out, so that a busy server works in few pieces, all in the cache.
 */
#ifndef HOCKET_NET_PIECE_H
#define HOCKET_NET_PIECE_H

#include <hocket/base.h>

#include <stdbool.h>

/* A piece that nobody uses. */
struct hkt__piece {
    struct hkt__piece *next;
};

/* Those of one size. */
struct hkt__shelf {
    struct hkt__piece *first;
    int room; /* for so many more */
};

struct hkt__shelves {
    struct hkt__shelf buffers, streams;
    bool open;
};

/* A task never moves to another thread, so what is looked up here stays right. */
extern HKT__THREAD struct hkt__shelves hkt__shelves HKT__TLS_FAST;

/* Has the thread's end empty them, which begin with the first piece that is given. False: that was
 * done before. */
bool hkt__shelves_open(void);

/* A piece, of undefined contents; NULL: out of memory. */
static inline void *hkt__piece_take(struct hkt__shelf *s, size_t size)
{
    struct hkt__piece *p = s->first;

    if (HKT_UNLIKELY(!p))
        return hkt_alloc(size);
    s->first = p->next;
    s->room++;
    return p;
}

static inline void hkt__piece_give(struct hkt__shelf *s, void *piece)
{
    struct hkt__piece *p = piece;

    if (HKT_UNLIKELY(s->room == 0) && (!hkt__shelves_open() || s->room == 0)) {
        hkt_dealloc(piece);
        return;
    }
    s->room--;
    p->next = s->first;
    s->first = p;
}

#endif
