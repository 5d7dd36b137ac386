/* SPDX-License-Identifier: MIT
 *
 * Byte buffers. Pieces of the usual size are kept by the thread; larger ones go back at once.
 */
#include <hocket/net.h>

#include "piece.h"

#include <string.h>

static char *take(void)
{
    return hkt__piece_take(&hkt__shelves.buffers, HKT_BUF_SIZE);
}

static inline void drop(char *data, size_t size)
{
    if (HKT_LIKELY(size == HKT_BUF_SIZE))
        hkt__piece_give(&hkt__shelves.buffers, data);
    else
        hkt_dealloc(data);
}

void hkt__buf_drop(struct hkt_buf *b)
{
    drop(b->data, b->size);
    *b = (struct hkt_buf){0};
}

HKT__APART static int grow(struct hkt_buf *b, size_t need)
{
    size_t len = hkt_buf_len(b);
    size_t size = HKT_BUF_SIZE;

    while (size < need)
        size *= 2;
    if (size > UINT32_MAX)
        return -ENOMEM;
    char *data = size == HKT_BUF_SIZE ? take() : hkt_alloc(size);
    if (!data)
        return -ENOMEM;
    if (b->data) {
        memcpy(data, b->data + b->start, len);
        drop(b->data, b->size);
    }
    *b = (struct hkt_buf){data, 0, (uint32_t)len, (uint32_t)size};
    return 0;
}

static int take_first(struct hkt_buf *b)
{
    char *data = take();

    if (HKT_UNLIKELY(!data))
        return -ENOMEM;
    *b = (struct hkt_buf){data, 0, 0, HKT_BUF_SIZE};
    return 0;
}

int hkt__buf_make_room(struct hkt_buf *b, size_t size)
{
    size_t len = hkt_buf_len(b);

    if (HKT_LIKELY(!b->data && size <= HKT_BUF_SIZE))
        return take_first(b);
    if (size > UINT32_MAX / 2)
        return -ENOMEM;
    if (len + size > b->size)
        return grow(b, len + size);
    memmove(b->data, b->data + b->start, len);
    b->start = 0;
    b->end = (uint32_t)len;
    return 0;
}

int hkt_buf_add(struct hkt_buf *b, const void *data, size_t size)
{
    if (size == 0)
        return 0;
    int rc = hkt_buf_reserve(b, size);
    if (rc < 0)
        return rc;
    memcpy(b->data + b->end, data, size);
    b->end += (uint32_t)size;
    return 0;
}
