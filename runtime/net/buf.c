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
static _Thread_local struct {
    struct piece *first;
    int count;
    bool registered;
} pool;

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
    pool.count = 0;
}

static void make_key(void)
{
    (void)pthread_key_create(&key, empty_pool);
}

static char *take(void)
{
    struct piece *p = pool.first;

    if (!p)
        return hkt_alloc(HKT_BUF_SIZE);
    pool.first = p->next;
    pool.count--;
    return (char *)p;
}

static void give(char *data)
{
    struct piece *p = (struct piece *)(void *)data;

    if (pool.count >= POOL_MOST) {
        hkt_dealloc(data);
        return;
    }
    if (!pool.registered) {
        pthread_once(&once, make_key);
        (void)pthread_setspecific(key, &pool);
        pool.registered = true;
    }
    p->next = pool.first;
    pool.first = p;
    pool.count++;
}

static void drop(char *data, size_t size)
{
    if (size == HKT_BUF_SIZE)
        give(data);
    else
        hkt_dealloc(data);
}

void hkt_buf_release(struct hkt_buf *b)
{
    if (b->data)
        drop(b->data, b->size);
    *b = (struct hkt_buf){0};
}

static int grow(struct hkt_buf *b, size_t need)
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

int hkt_buf_reserve(struct hkt_buf *b, size_t size)
{
    size_t len = hkt_buf_len(b);

    if (HKT_LIKELY(b->size - b->end >= size && b->data))
        return 0;
    if (size > UINT32_MAX / 2)
        return -ENOMEM;
    if (len + size > b->size || !b->data)
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

void hkt_buf_consume(struct hkt_buf *b, size_t size)
{
    size_t len = hkt_buf_len(b);

    b->start += (uint32_t)(size < len ? size : len);
}
