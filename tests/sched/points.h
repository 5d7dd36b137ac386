/* SPDX-License-Identifier: MIT
 *
 * Every function that may suspend, cancelled: before the call, while it waits, and when it has been
 * woken and has not run yet. tests/async demands a POINT() for each that a public header declares.
 *
 * Whatever the call answers, one request is told of once: by the call, or else by the next one that
 * suspends. After a call that was cancelled the same call must do what it does otherwise.
 */
#ifndef TESTS_SCHED_POINTS_H
#define TESTS_SCHED_POINTS_H

#include "io/pooled.h"

#include "base/sys.h"
#include "sched/sched.h"

#include <hocket/hocket.h>

#include <fcntl.h>
#include <stdlib.h>

/* What a call works on; each file has its own. Zeroed, then made by begin(). */
struct scene;

enum {
    ONCE = 1,      /* cancelling it takes away what it works on */
    BY_ITSELF = 2, /* it may be over before it is cancelled */
    TURN = 4,      /* it does not park */
    WAITS = 8,     /* a cancellation does not end it, but only wake() */
    QUIET = 16,    /* it answers as if nothing had been requested */
    REWAKE = 32,   /* what woke it does not stay when it was cancelled */
};

struct point {
    const char *name;
    void (*begin)(struct scene *s);
    /* Gives back at once what it was given. */
    ssize_t (*call)(struct scene *s);
    void (*wake)(struct scene *s); /* NULL: nothing ever does, unless it is BY_ITSELF */
    void (*end)(struct scene *s);
    unsigned how;
};

#define AT(begin_, call_, wake_, end_, ...)                                                        \
    .begin = (begin_), .call = (call_), .wake = (wake_), .end = (end_), __VA_ARGS__
#define POINT(name_, ...)                                                                          \
    {                                                                                              \
        .name = #name_, __VA_ARGS__                                                                \
    }

enum when { BEFORE, WHILE, WOKEN, NEVER };

struct visit {
    const struct point *point;
    struct scene *scene;
    enum when when;
    ssize_t rc;
    int later, last; /* what the next calls answer */
    bool requested, over;
};

static int visit(void *arg)
{
    struct visit *v = arg;

    if (v->when == BEFORE)
        v->requested = hkt_task_cancel(hkt_task_current());
    v->rc = v->point->call(v->scene);
    v->over = true;
    v->later = hkt_sleep(0);
    v->last = hkt_sleep(0);
    return 0;
}

static bool is_parked(const struct hkt_task *t)
{
    return t->coro.data != NULL;
}

/* Until it waits, or is over. */
static void settle(const struct visit *v, const struct hkt_task *t)
{
    do
        cr_assert_eq(hkt_sleep(0), 0);
    while (!v->over && !is_parked(t) && !(v->point->how & TURN));
}

static void wake(const struct visit *v)
{
    if (v->point->wake)
        v->point->wake(v->scene);
}

/* Until it has been woken. This task is in the queue when that happens, and so before it. */
static void wake_up(const struct visit *v, const struct hkt_task *t)
{
    wake(v);
    while (!v->over && is_parked(t))
        cr_assert_eq(hkt_sleep(0), 0);
}

static void request(struct visit *v, struct hkt_task *t)
{
    if (!v->over)
        v->requested = hkt_task_cancel(t);
    if (v->when == WHILE && v->point->how & WAITS)
        wake(v);
}

static void check(const struct visit *v)
{
    const char *name = v->point->name;
    int told = (v->rc == -ECANCELED) + (v->later == -ECANCELED), when = v->when;

    cr_assert_eq(told, v->requested && !(v->point->how & QUIET), "%s, %d: %d, then %d", name, when,
                 (int)v->rc, v->later);
    cr_assert(v->rc >= 0 || v->rc == -ECANCELED, "%s, %d: %d", name, when, (int)v->rc);
    cr_assert_eq(v->last, 0, "%s, %d", name, when);
}

static void visit_again(const struct visit *before)
{
    struct visit v = {.point = before->point, .scene = before->scene, .when = NEVER};
    struct hkt_task *t = hkt_spawn(visit, &v);

    if (before->when != WOKEN || v.point->how & REWAKE) {
        settle(&v, t);
        if (!v.over)
            wake(&v);
    }
    cr_assert_eq(hkt_join(t), 0);
    check(&v);
}

static void try_point(const struct point *p, struct scene *scene, enum when when)
{
    struct visit v = {.point = p, .scene = scene, .when = when};

    if (p->begin)
        p->begin(scene);
    struct hkt_task *t = hkt_spawn(visit, &v);
    if (when == BEFORE && p->how & WAITS) {
        settle(&v, t);
        wake(&v);
    } else if (when != BEFORE) {
        settle(&v, t);
        cr_assert(!v.over || p->how & BY_ITSELF, "%s did not wait: %d", p->name, (int)v.rc);
        if (when == WOKEN)
            wake_up(&v, t);
        request(&v, t);
    }
    cr_assert_eq(hkt_join(t), 0);
    check(&v);
    if (v.rc == -ECANCELED && !(p->how & (ONCE | TURN)) && (p->wake || p->how & BY_ITSELF))
        visit_again(&v);
    if (p->end)
        p->end(scene);
}

struct points {
    const struct point *all;
    size_t n;
    struct scene *scene;
    size_t size; /* of the scene */
};

static int try_each(void *arg)
{
    const struct points *points = arg;

    for (const struct point *p = points->all; p < points->all + points->n; p++) {
        for (enum when when = BEFORE; when <= WOKEN; when++) {
            if (when == WOKEN && !p->wake && !(p->how & BY_ITSELF))
                continue;
            memset(points->scene, 0, points->size);
            try_point(p, points->scene, when);
        }
    }
    return 0;
}

static void try_points(const struct point *all, size_t n, struct scene *scene, size_t size)
{
    struct points points = {all, n, scene, size};

    on_each_backend(try_each, &points);
}

/* What scenes have in common */

/* Sends until the system takes no more. */
static inline void fill_socket(int fd)
{
    static char bytes[1 << 20];

    fcntl(fd, F_SETFL, O_NONBLOCK);
    do
        while (send(fd, bytes, sizeof bytes, 0) > 0)
            ;
    while (usleep(1000) == 0 && send(fd, bytes, 1, 0) > 0);
}

/* At the other end, which does not wait either: takes all of that. */
static inline void empty_socket(int fd)
{
    static char bytes[1 << 20];

    while (recv(fd, bytes, sizeof bytes, 0) > 0 || usleep(1000) != 0 ||
           recv(fd, bytes, sizeof bytes, 0) > 0)
        ;
}

/* Whatever has a name is here: no name leaves this machine. */
static inline int here(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    return getaddrinfo(hints->ai_flags & AI_NUMERICHOST ? host : "127.0.0.1", service, hints, list);
}

static inline void keep_names_here(void)
{
    cr_assert_eq(setenv("HKT_RESOLVER", "pool", 1), 0);
    hkt__sys.getaddrinfo = here;
}

#endif
