/* SPDX-License-Identifier: MIT
 *
 * A sweep goes on where the last one ended, over the dense array of control blocks, and puts a
 * bounded number of stacks aside; so a loop with a million idle tasks is never held up for long.
 * When a round has met nobody who is only waiting for his time, the loop sleeps until something
 * happens.
 */
#include "hibernate.h"

#include "base/os.h"
#include "base/report.h"
#include "coro/overflow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    USUAL_MOST = 256,
    LOOKS = 16, /* tasks looked at for each that may be put aside */
    RANDOM_LOOKS = 64,
};

/* Between the sweeps of a round. */
#define PAUSE HKT_MS(5)

static bool may_rest(const struct hkt_loop *loop, const struct hkt_coro *c)
{
    uint32_t flags = c->ctx.flags;
    const struct hkt__wait *w = c->data;

    return (flags & (HKT__TASK | HKT__HIBERNATES | HKT__RESIDENT)) == HKT__TASK && w &&
           hkt__job((const struct hkt_task *)(const void *)c)->loop == loop && !w->kind->pinned;
}

/* Whether a fault would bring a stack back. If not, all come back now, for good. */
static bool safe(struct hkt_loop *loop)
{
    if (HKT_LIKELY(hkt__faults_come()))
        return true;
    (void)hkt__rouse_all();
    hkt_report("hibernation ends: the program has installed a handler of its own for SIGSEGV or "
               "SIGBUS after hocket's");
    hkt__hibernation_end(loop);
    return false;
}

/* Those that are put aside together. */
struct some {
    unsigned n, done, refused;
    int why; /* the last was refused */
    struct hkt_coro *those[HKT__REST_TOGETHER];
};

static void put_aside(struct some *s)
{
    if (s->n == 0)
        return;
    struct hkt__rested rested = hkt__hibernate(s->those, s->n);
    s->done += rested.done;
    s->refused += rested.refused;
    s->why = rested.refused > 0 ? rested.why : s->why;
    s->n = 0;
}

static void add(struct some *s, struct hkt_coro *c)
{
    s->those[s->n++] = c;
    if (s->n == HKT__REST_TOGETHER)
        put_aside(s);
}

static unsigned tried(const struct some *s)
{
    return s->n + s->done + s->refused;
}

static int64_t waits_since(const struct hkt_coro *c)
{
    return ((const struct hkt__wait *)c->data)->since;
}

static void sweep(struct hkt_loop *loop, struct hkt__hibernation *h)
{
    struct some some = {0};
    struct hkt_coro *c = NULL;

    hkt__rouse_opened();
    for (unsigned looks = h->most * LOOKS; looks > 0 && tried(&some) < h->most; looks--) {
        if (!(c = hkt__stack_walk(&h->walk)))
            break;
        if (!may_rest(loop, c))
            continue;
        if (loop->now - waits_since(c) < h->after)
            h->too_young = true;
        else
            add(&some, c);
    }
    put_aside(&some);
    if (c) { /* to be refused takes time, too */
        h->next = loop->now + PAUSE + (some.refused > some.done ? h->after / 2 : 0);
    } else {
        h->next = h->too_young ? loop->now + h->after / 2 + PAUSE : INT64_MAX;
        h->too_young = false;
    }
}

/* Of its own, so that nothing else is decided otherwise than without it. */
static uint32_t random_bits(struct hkt__hibernation *h)
{
    h->random = h->random * 1664525 + 1013904223;
    return h->random >> 16;
}

static void sweep_at_random(struct hkt_loop *loop, struct hkt__hibernation *h)
{
    struct some some = {0};
    struct hkt_coro *c;

    hkt__rouse_opened();
    for (int looks = 0; looks < RANDOM_LOOKS && (c = hkt__stack_walk(&h->walk)) != NULL; looks++)
        if (may_rest(loop, c) && random_bits(h) % 4 == 0)
            add(&some, c);
    put_aside(&some);
}

void hkt__hibernation_sweep(struct hkt_loop *loop)
{
    struct hkt__hibernation *h = loop->hibernation;

    if (h->next == INT64_MAX && !h->at_random)
        h->next = loop->now + h->after;
    if ((loop->now < h->next && !h->at_random) || !safe(loop))
        return;
    if (h->at_random)
        sweep_at_random(loop, h);
    else if (h->above && hkt__os.resident_set() <= h->above)
        h->next = loop->now + h->after / 2 + PAUSE;
    else
        sweep(loop, h);
}

/* Options, and HKT_HIBERNATE: a number of milliseconds, or "random". */

static int64_t after_of(const struct hkt_loop_opts *opts, const char *wish)
{
    if (opts->hibernate_after_ns != 0 || !wish)
        return opts->hibernate_after_ns;
    return strcmp(wish, "random") == 0 ? HKT_MS(1) : HKT_MS(strtol(wish, NULL, 10));
}

int hkt__hibernation_begin(struct hkt_loop *loop, const struct hkt_loop_opts *opts)
{
    const char *wish = getenv("HKT_HIBERNATE");
    int64_t after = after_of(opts, wish);

    if (after <= 0)
        return 0;
    struct hkt__hibernation *h = hkt__os.alloc(sizeof *h);
    if (!h)
        return -ENOMEM;
    *h = (struct hkt__hibernation){
        .after = after,
        .next = INT64_MAX,
        .most = opts->hibernate_most ? opts->hibernate_most : USUAL_MOST,
        .above = opts->hibernate_above,
        .at_random = opts->hibernate_after_ns == 0 && strcmp(wish, "random") == 0,
    };
    loop->hibernation = h;
    return 0;
}

void hkt__hibernation_end(struct hkt_loop *loop)
{
    free(loop->hibernation);
    loop->hibernation = NULL;
}

/* By hand */

int hkt_task_hibernate(struct hkt_task *t)
{
    struct hkt_coro *c = (struct hkt_coro *)t;
    int rc = hkt__coro_check(c, "hibernate");

    if (rc < 0)
        return rc == -EXDEV ? hkt__foreign(hkt__job(t)->loop, "hibernate") : rc;
    if (!hkt__rouse_if_opened(c) && hkt__hibernates(c))
        return -EALREADY;
    if (!may_rest(hkt__job(t)->loop, c))
        return -EBUSY;
    if (!hkt__faults_come())
        return -ENOTSUP;
    return hkt__hibernate(&c, 1).why;
}

ssize_t hkt_hibernate_all(int64_t after_ns)
{
    struct hkt_loop *loop = hkt__loop;
    struct hkt__walk walk = {0};
    struct some some = {0};

    if (!loop)
        return -EPERM;
    if (!hkt__faults_come() || hkt__os_on_valgrind())
        return -ENOTSUP;
    hkt__rouse_opened();
    int64_t now = hkt__loop_clock(loop);
    for (struct hkt_coro *c; (c = hkt__stack_walk(&walk)) != NULL;)
        if (may_rest(loop, c) && now - waits_since(c) >= after_ns)
            add(&some, c);
    put_aside(&some);
    return some.done > 0 ? (ssize_t)some.done : some.why;
}

int hkt_task_rouse(struct hkt_task *t)
{
    int rc = hkt__coro_check((const struct hkt_coro *)t, "rouse");

    if (rc < 0)
        return rc == -EXDEV ? hkt__foreign(hkt__job(t)->loop, "rouse") : rc;
    if (!hkt__hibernates(&t->coro))
        return 0;
    hkt__rouse(&t->coro);
    return 1;
}

bool hkt_task_hibernates(const struct hkt_task *t)
{
    return t && hkt__hibernates(&t->coro);
}

size_t hkt_hibernating(void)
{
    return hkt__hibernating();
}
