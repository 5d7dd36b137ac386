/* SPDX-License-Identifier: MIT
 *
 * Two worlds of the same generators, driven by the same random choices. In one, delegation is
 * hkt_yield_from; in the other it is spelled out in plain steps, as PEP 380 defines it. All that
 * bodies see, in what order, and all that their drivers are answered, must be the same.
 *
 * HKT_TEST_SEED in the environment replays one seed; HKT_TEST_STEPS runs longer.
 */
#include "base/reports.h"
#include "base/where.h"
#include "gen/chain.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <stdlib.h>

enum { NODES = 10, MARKS = 5, LOG = 100000 };

struct world;

struct node {
    struct world *world;
    struct hkt_gen *gen;
    int life; /* counts the generators that were here */
    /* Kept in both worlds, but asked in the plain one only: */
    int sub;       /* to whom it delegates, -1: none */
    int sub_life;  /* which one that was */
    bool linked;   /* as the first who delegates to it, */
    int delegator; /* who that is, of a sub */
    int drivers;   /* how many delegate to it besides */
};

struct world {
    bool native;
    uint64_t state;
    struct node node[NODES];
    struct reports reports;
    int budget; /* of decisions until all bodies just end */
    int log[LOG], logged;
};

static struct world worlds[2];
static int marks[MARKS];

static uint32_t draw(struct world *w, uint32_t below)
{
    w->state ^= w->state << 13;
    w->state ^= w->state >> 7;
    w->state ^= w->state << 17;
    return (uint32_t)((w->state >> 32) * below >> 32);
}

static void *draw_mark(struct world *w)
{
    uint32_t i = draw(w, 2 * MARKS);

    return i < MARKS ? &marks[i] : NULL;
}

static void note(struct world *w, int what, int who, int rc, const void *value)
{
    int entry[] = {what, who, rc, value ? (int)((const int *)value - marks) + 1 : 0};

    for (int i = 0; i < 4 && w->logged < LOG; i++)
        w->log[w->logged++] = entry[i];
}

/* Whether it, or the innermost of its chain, is running. */
static bool is_busy(const struct world *w, int k)
{
    if (w->native)
        return hkt_gen_state(w->node[k].gen) == HKT_RUNNING;
    while (hkt_gen_state(w->node[k].gen) != HKT_RUNNING && w->node[k].sub >= 0 && w->node[k].linked)
        k = w->node[k].sub;
    return hkt_gen_state(w->node[k].gen) == HKT_RUNNING;
}

/* Next, send and throw; and close. The plain world refuses by the chain what it refuses by itself.
 */
static int step(struct world *w, int k, int err, void *in, void **value)
{
    *value = NULL;
    if (!w->native && is_busy(w, k))
        return -EBUSY;
    if (err < 0)
        return hkt_gen_throw(w->node[k].gen, err, value);
    return hkt_gen_send(w->node[k].gen, in, value);
}

static int close_it(struct world *w, int k)
{
    return !w->native && is_busy(w, k) ? -EBUSY : hkt_gen_close(w->node[k].gen);
}

static void end_delegation(struct world *w, struct node *n)
{
    if (n->sub < 0)
        return;
    struct node *sub = &w->node[n->sub];
    if (sub->life == n->sub_life && n->linked)
        sub->delegator = -1;
    if (sub->life == n->sub_life && !n->linked)
        sub->drivers--;
    n->sub = -1;
}

/* PEP 380's expansion. */
static int plain_yield_from(struct hkt_gen *self, struct node *n, int k, void **result)
{
    struct world *w = n->world;
    struct node *sub = &w->node[k];
    int life = sub->life, rc;
    void *value, *in = NULL;
    int err = 0;

    for (;;) {
        if (sub->life != life)
            return err;
        bool finished = hkt_gen_state(sub->gen) == HKT_FINISHED;
        rc = step(w, k, err, in, &value);
        if (rc <= 0) {
            if (rc == 0 && !finished)
                *result = hkt_gen_result(sub->gen);
            return rc;
        }
        err = hkt_yield(self, value, &in);
        if (err == HKT_ECLOSE) {
            end_delegation(w, n);
            rc = sub->life == life ? close_it(w, k) : 0;
            return rc < 0 ? rc : HKT_ECLOSE;
        }
    }
}

static int delegate(struct hkt_gen *self, struct node *n, int k, void **result)
{
    struct world *w = n->world;
    struct node *sub = &w->node[k];
    int rc;

    *result = NULL;
    if (is_busy(w, k))
        return w->native ? hkt_yield_from(self, sub->gen, result) : -EBUSY;
    if (hkt_gen_state(sub->gen) == HKT_FINISHED)
        return w->native ? hkt_yield_from(self, sub->gen, result) : 0;
    n->sub = k;
    n->sub_life = sub->life;
    n->linked = sub->delegator < 0;
    if (n->linked)
        sub->delegator = (int)(n - w->node);
    else
        sub->drivers++;
    rc = w->native ? hkt_yield_from(self, sub->gen, result) : plain_yield_from(self, n, k, result);
    end_delegation(w, n);
    return rc;
}

static int body(struct hkt_gen *self, void *arg);

static void make(struct world *w, int k)
{
    struct node *n = &w->node[k];

    n->world = w;
    n->life++;
    n->sub = n->delegator = -1;
    n->drivers = 0;
    n->gen = hkt_gen_new(body, n);
}

/* One that others drive step by step may not be freed: they would go on with it. */
static void free_it(struct world *w, int k)
{
    struct node *n = &w->node[k];

    if (is_busy(w, k) || n->drivers > 0) {
        note(w, 'f', k, -EBUSY, NULL);
        return;
    }
    hkt_gen_free(n->gen);
    end_delegation(w, n); /* if it ignored its close so */
    for (int i = 0; i < NODES; i++)
        if (w->node[i].sub == k)
            w->node[i].linked = false; /* there is nothing more to follow */
    make(w, k);
    note(w, 'f', k, 0, NULL);
}

static void use(struct world *w)
{
    static const int errors[] = {-EIO, -ECANCELED, HKT_ECLOSE, -EBUSY};
    int k = (int)draw(w, NODES), rc, kind = (int)draw(w, 10);
    void *in = draw_mark(w), *value = NULL;
    int err = errors[draw(w, 4)];

    if (kind < 6)
        rc = step(w, k, 0, kind < 4 ? NULL : in, &value);
    else if (kind < 8)
        rc = step(w, k, err, NULL, &value);
    else if (kind < 9)
        rc = close_it(w, k);
    else {
        free_it(w, k);
        return;
    }
    note(w, 'u', k, rc, value);
}

static int end(struct world *w, struct hkt_gen *self)
{
    static const int ends[] = {0, 7, HKT_ECLOSE, -EIO, -EBUSY, -EPROTO};
    int which = (int)draw(w, 8);

    return which < 6 ? ends[which] : hkt_gen_return(self, &marks[which - 6]);
}

static int body(struct hkt_gen *self, void *arg)
{
    struct node *n = arg;
    struct world *w = n->world;
    int me = (int)(n - w->node), rc = 0;
    void *got = NULL;

    note(w, 'b', me, 0, NULL);
    while (w->budget-- > 0) {
        int which = (int)draw(w, 20);
        if (which < 9)
            rc = hkt_yield(self, draw_mark(w), &got);
        else if (which < 16)
            rc = delegate(self, n, (int)draw(w, NODES), &got);
        else if (which < 18)
            use(w);
        else
            return end(w, self);
        note(w, which < 9 ? 'y' : 'd', me, rc, got);
        if (rc < 0 && draw(w, 3) != 0)
            return draw(w, 2) ? rc : end(w, self);
        rc = 0;
        got = NULL;
    }
    return -ETIME;
}

/* One use in both worlds; whether they are still the same. */
static bool same_step(void)
{
    for (int i = 0; i < 2; i++) {
        struct world *w = &worlds[i];
        w->logged = 0;
        w->budget = 60;
        hkt_on_report(reports_take, &w->reports);
        use(w);
    }
    struct world *a = &worlds[0], *b = &worlds[1];
    if (a->logged != b->logged || memcmp(a->log, b->log, sizeof(int) * (size_t)a->logged) != 0 ||
        a->reports.count != b->reports.count || a->state != b->state)
        return false;
    for (int k = 0; k < NODES; k++) {
        const struct hkt_gen *g = a->node[k].gen, *h = b->node[k].gen;
        if (hkt_gen_state(g) != hkt_gen_state(h) || hkt_gen_result(g) != hkt_gen_result(h) ||
            !chain_is_sound(g))
            return false;
    }
    return true;
}

static void show(const struct world *w)
{
    fprintf(stderr, "%s:", w->native ? "native" : "plain ");
    for (int i = 0; i < w->logged && i < 400; i += 4)
        fprintf(stderr, " %c%d=%d/%d", w->log[i], w->log[i + 1], w->log[i + 2], w->log[i + 3]);
    fprintf(stderr, "\n");
}

static void run(uint64_t seed, long steps)
{
    for (int i = 0; i < 2; i++) {
        struct world *w = &worlds[i];
        memset(w, 0, sizeof *w);
        w->native = i == 0;
        w->state = seed * 0x9e3779b97f4a7c15u + 1;
        for (int k = 0; k < NODES; k++)
            make(w, k);
    }
    for (long step = 0; step < steps; step++)
        if (!same_step()) {
            show(&worlds[0]);
            show(&worlds[1]);
            cr_assert(false, "seed %llu, step %ld", (unsigned long long)seed, step);
        }
    for (int i = 0; i < 2; i++) {
        worlds[i].budget = 0;
        for (int k = NODES - 1; k >= 0; k--)
            (void)close_it(&worlds[i], k);
        for (int k = NODES - 1; k >= 0; k--)
            hkt_gen_free(worlds[i].node[k].gen);
    }
}

Test(twins, delegation_is_what_pep_380_says)
{
    const char *wanted = getenv("HKT_TEST_SEED"), *longer = getenv("HKT_TEST_STEPS");
    bool slow = where_sanitizer() || where_valgrind();
    long steps = longer ? atol(longer) : 1000;

    if (wanted)
        run(strtoull(wanted, NULL, 10), steps);
    for (uint64_t seed = 1; !wanted && seed <= (slow ? 5 : 300); seed++)
        run(seed, steps);
}
