/* SPDX-License-Identifier: MIT
 *
 * The heap moves a hole instead of exchanging elements, so that it needs no room for one more.
 */
#include "store.h"

#include "base/os.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

static void move(struct hkt__store *s, size_t to, size_t from)
{
    hkt__copy(hkt__store_at(s, to), hkt__store_at(s, from), s->size);
}

static bool before(const struct hkt__store *s, size_t i, const void *value)
{
    return s->compare(hkt__store_at(s, i), value) < 0;
}

void hkt__heap_push(struct hkt__store *s, const void *value)
{
    size_t hole = s->count++;

    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (s->compare(value, hkt__store_at(s, parent)) >= 0)
            break;
        move(s, hole, parent);
        hole = parent;
    }
    hkt__copy(hkt__store_at(s, hole), value, s->size);
}

void hkt__heap_pop(struct hkt__store *s, void *value)
{
    size_t hole = 0, child, last = --s->count;

    hkt__copy(value, hkt__store_at(s, 0), s->size);
    while ((child = 2 * hole + 1) < last) {
        if (child + 1 < last && before(s, child + 1, hkt__store_at(s, child)))
            child++;
        if (!before(s, child, hkt__store_at(s, last)))
            break;
        move(s, hole, child);
        hole = child;
    }
    if (hole != last)
        move(s, hole, last);
}

int hkt__store_grow(struct hkt__store *s)
{
    size_t capacity = s->capacity ? s->capacity * 2 : FIRST_CAPACITY;
    size_t until_end = s->capacity - s->first;
    char *items;

    if (capacity > SIZE_MAX / 2 / s->size)
        return -ENOMEM;
    items = hkt__os.alloc(capacity * s->size);
    if (!items)
        return -ENOMEM;
    if (s->items) { /* it is full: the ring begins in the middle */
        memcpy(items, hkt__store_at(s, s->first), until_end * s->size);
        memcpy(items + until_end * s->size, s->items, s->first * s->size);
    }
    free(s->items);
    s->items = items;
    s->capacity = capacity;
    s->first = 0;
    return 0;
}
