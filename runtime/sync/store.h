/* SPDX-License-Identifier: MIT
 *
 * Elements in memory: a ring, a stack or a heap. Who uses it looks first whether there is room.
 */
#ifndef HOCKET_SYNC_STORE_H
#define HOCKET_SYNC_STORE_H

#include <hocket/queue.h>

#include <string.h>

/* Most elements are a word or two, and a call for these would cost more than the copy. */
static inline void hkt__copy(void *to, const void *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8);
    else if (size == 4)
        memcpy(to, from, 4);
    else
        memcpy(to, from, size);
}

static inline bool hkt__store_full(const struct hkt__store *s)
{
    return s->count == s->capacity;
}

static inline char *hkt__store_at(const struct hkt__store *s, size_t i)
{
    return s->items + i * s->size;
}

void hkt__heap_push(struct hkt__store *s, const void *value);
void hkt__heap_pop(struct hkt__store *s, void *value);

/* Makes room for one more. 0; -ENOMEM, and nothing is changed. */
int hkt__store_grow(struct hkt__store *s);

static inline void hkt__store_push(struct hkt__store *s, const void *value)
{
    if (HKT_UNLIKELY(s->order == HKT_PRIORITY)) {
        hkt__heap_push(s, value);
        return;
    }
    size_t at = s->first + s->count++;
    if (at >= s->capacity)
        at -= s->capacity;
    hkt__copy(hkt__store_at(s, at), value, s->size);
}

static inline void hkt__store_pop(struct hkt__store *s, void *value)
{
    if (HKT_UNLIKELY(s->order == HKT_PRIORITY)) {
        hkt__heap_pop(s, value);
        return;
    }
    s->count--;
    if (HKT_UNLIKELY(s->order == HKT_LIFO)) { /* then first is 0 */
        hkt__copy(value, hkt__store_at(s, s->count), s->size);
        return;
    }
    hkt__copy(value, hkt__store_at(s, s->first), s->size);
    if (++s->first == s->capacity)
        s->first = 0;
}

#endif
