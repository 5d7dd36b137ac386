/* SPDX-License-Identifier: MIT */
#include "piece.h"

#include <pthread.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif

/* AddressSanitizer shall see who uses a stream after its end. */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { STREAMS_MOST = 0 };
#else
enum { STREAMS_MOST = 256 };
#endif
enum { BUFFERS_MOST = 64 };

HKT__THREAD struct hkt__shelves hkt__shelves HKT__TLS_FAST;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void empty(struct hkt__shelf *s)
{
    struct hkt__piece *p;

    while ((p = s->first) != NULL) {
        s->first = p->next;
        hkt_dealloc(p);
    }
    s->room = 0;
}

static void empty_all(void *arg)
{
    struct hkt__shelves *all = arg;

    empty(&all->buffers);
    empty(&all->streams);
    all->open = false;
}

static void make_key(void)
{
    (void)pthread_key_create(&key, empty_all);
}

bool hkt__shelves_open(void)
{
    struct hkt__shelves *all = &hkt__shelves;

    if (all->open)
        return false;
    pthread_once(&once, make_key);
    (void)pthread_setspecific(key, all);
    all->open = true;
    all->buffers.room = BUFFERS_MOST;
    all->streams.room = STREAMS_MOST;
    return true;
}
