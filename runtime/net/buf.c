/* SPDX-License-Identifier: MIT
 *
 * Byte buffers. Pieces of the usual size go round in a pool of the thread's, last in first out, so
 * that a busy server works in few of them, all in the cache; larger ones go back at once.
 */
#include <hocket/net.h>

#include <pthread.h>
#include <string.h>

enum { POOL_MOST = 64 };

/* A piece that nobody uses. */
struct piece {
    struct piece *next;
};

/* A task never moves to another thread, so what is looked up here stays right. */
static HKT__THREAD struct {
    struct piece *first;
    int room; /* for so many more */
    bool open;
} pool HKT__TLS_FAST;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void empty_pool(void *arg)
{
    struct piece *p;

    (void)arg;
    while ((p = pool.first) != NULL) {
        pool.first = p->next;
        hkt_dealloc(p);
    }
    pool.room = 0;
    pool.open = false;
}

static void make_key(void)
{
    (void)pthread_key_create(&key, empty_pool);
}

static char *take(void)
{
    struct piece *p = pool.first;

    if (HKT_UNLIKELY(!p))
        return hkt_alloc(HKT_BUF_SIZE);
    pool.first = p->next;
    pool.room++;
    return (char *)p;
}

/* Has the thread's end empty the pool, which begins with the first piece that is given. */
static bool open_pool(void)
{
    if (pool.open)
        return false;
    pthread_once(&once, make_key);
    (void)pthread_setspecific(key, &pool);
    pool.open = true;
    pool.room = POOL_MOST;
    return true;
}

static inline void give(char *data)
{
    struct piece *p = (struct piece *)(void *)data;

    if (HKT_UNLIKELY(pool.room == 0) && !open_pool()) {
        hkt_dealloc(data);
        return;
    }
    pool.room--;
    p->next = pool.first;
    pool.first = p;
}

static inline void drop(char *data, size_t size)
{
    if (HKT_LIKELY(size == HKT_BUF_SIZE))
        give(data);
    else
        hkt_dealloc(data);
}

void hkt_buf_release(struct hkt_buf *b)
{
    if (!b->data)
        return;
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
