/* SPDX-License-Identifier: MIT */
#include "seats.h"

#include <string.h>

enum { FEWEST = 64 };

int hkt__seats_reserve(struct hkt__seats *s)
{
    size_t count = s->count ? 2 * s->count : FEWEST;

    if (HKT_LIKELY(s->free < s->count))
        return 0;
    union hkt__seat *all = hkt_alloc(count * sizeof *all);
    if (!all)
        return -ENOMEM;
    if (s->count > 0)
        memcpy(all, s->all, s->count * sizeof *all);
    for (size_t i = s->count; i < count; i++)
        all[i].next = 2 * (i + 1) + 1;
    hkt_dealloc(s->all);
    s->all = all;
    s->count = count;
    return 0;
}

void hkt__seats_free(struct hkt__seats *s)
{
    hkt_dealloc(s->all);
    *s = (struct hkt__seats){0};
}
