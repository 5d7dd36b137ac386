/* SPDX-License-Identifier: MIT
 *
 * Generators are coroutines with Python's manners. next, send, throw and close are doors to the
 * one funnel, hkt__coro_step.
 */
#include "base/report.h"
#include "cold.h"
#include "side.h"

#include <stdalign.h>
#include <string.h>

enum { COPY_MOST = 1024 };

static struct hkt_gen *make(hkt_gen_fn *fn, void *arg, const struct hkt_coro_opts *opts, void *site)
{
    struct hkt_coro *c = hkt__coro_make(arg, opts, HKT__IS_GEN, site);

    if (!c)
        return NULL;
    c->cold->fn.gen = fn;
    return (struct hkt_gen *)c;
}

HKT__APART struct hkt_gen *hkt_gen_new(hkt_gen_fn *fn, void *arg)
{
    return make(fn, arg, NULL, HKT__SITE);
}

HKT__APART struct hkt_gen *hkt_gen_new_opts(hkt_gen_fn *fn, void *arg,
                                            const struct hkt_coro_opts *opts)
{
    return make(fn, arg, opts, HKT__SITE);
}

HKT__APART struct hkt_gen *hkt_gen_new_copy(hkt_gen_fn *fn, const void *arg, size_t size)
{
    struct hkt_gen *g;

    if (size > COPY_MOST) {
        hkt_report("generator arguments of %zu bytes are more than %d", size, COPY_MOST);
        return NULL;
    }
    g = make(fn, NULL, NULL, HKT__SITE);
    if (!g)
        return NULL;
    struct hkt__cold *cold = g->coro.cold;
    cold->top -= (size + 15) & ~(size_t)15;
    cold->arg = cold->top;
    if (size > 0) {
        hkt__side_open(cold->top, size);
        memcpy(cold->top, arg, size);
    }
    return g;
}

int hkt_gen_throw(struct hkt_gen *g, int err, void **value)
{
    struct hkt_msg msg = {NULL, err};

    if (value)
        *value = NULL;
    if (err >= 0)
        return -EINVAL;
    int rc = hkt__coro_check(HKT__CORO_OF(g), "throw");
    if (rc < 0)
        return rc;
    if (err == HKT_ECLOSE && g->coro.ctx.flags & HKT__DELEGATING) {
        msg.code = hkt__gen_close_delegates(g);
        if (msg.code == 0)
            return -EBUSY;
    }
    return hkt__by_address(g, hkt__coro_step(&g->coro, msg, value), value);
}

int hkt__gen_keep_word(struct hkt_gen *g, void **value)
{
    struct hkt__cold *cold = g->coro.cold;

    if (value) {
        cold->word = *value;
        *value = &cold->word;
    }
    return HKT__YIELDED;
}

int hkt_gen_close(struct hkt_gen *g)
{
    return hkt_coro_close(HKT__CORO_OF(g));
}

void hkt_gen_free(struct hkt_gen *g)
{
    hkt_coro_free(HKT__CORO_OF(g));
}

int hkt_gen_return(struct hkt_gen *self, void *result)
{
    if (!self)
        return -ENOMEM;
    self->coro.cold->result = result;
    return 0;
}

void *hkt_gen_result(const struct hkt_gen *g)
{
    return g && g->coro.ctx.flags & HKT__FINISHED ? g->coro.cold->result : NULL;
}

enum hkt_coro_state hkt_gen_state(const struct hkt_gen *g)
{
    return hkt_coro_state((const struct hkt_coro *)g);
}

struct hkt_gen *hkt_gen_delegate(const struct hkt_gen *g)
{
    return g ? g->coro.cold->delegate : NULL;
}

/* The tags are different objects. That they say the same in two files is no mismatch. Whose step is
 * refused for another reason is not asked. */
int hkt__gen_face_mismatch(const struct hkt_gen *g, const char *face)
{
    if (hkt__coro_check(HKT__CORO_OF(g), "step") < 0)
        return 0;
    const struct hkt_gen *in = hkt__gen_innermost(g);
    const char *yields = in->coro.face;
    if (!yields || hkt__busy(&in->coro) || strcmp(yields, face) == 0)
        return 0;
    hkt_report("generator '%s' yields '%s' and was stepped as '%s'", in->coro.cold->name, yields,
               face);
    return -EINVAL;
}
