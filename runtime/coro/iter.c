/* SPDX-License-Identifier: MIT
 *
 * Iterators without a stack, and the generators made of them.
 */
#include "base/report.h"

#include <hocket/gen.h>

#include <string.h>

int hkt_iter_next(struct hkt_iter *it, void *out)
{
    if (it->done)
        return 0;
    int rc = it->fn(it->ctx, out);
    if (it->done) /* fn itself stepped the iterator to its end */
        return 0;
    if (rc == 0 || (rc > 0 && memcmp(out, it->sentinel, it->size) == 0))
        it->done = 1;
    return it->done ? 0 : rc;
}

int hkt_yield_from_iter(struct hkt_gen *self, hkt_iter_fn *fn, void *ctx)
{
    void *value;
    int rc;

    if (self)
        self->coro.face = NULL; /* of fn's values nobody knows the type */
    while ((rc = fn(ctx, &value)) > 0) {
        void *in;
        HKT_TRY(hkt_yield(self, value, &in));
        if (in)
            return -EINVAL;
    }
    return rc;
}

struct range {
    int64_t start, stop, step;
};

static int range_up(struct hkt_gen *self, struct range r)
{
    for (int64_t i = r.start; i < r.stop;) {
        HKT_TRY(hkt_ints_yield(self, i));
        if (__builtin_add_overflow(i, r.step, &i))
            break;
    }
    return 0;
}

static int range_down(struct hkt_gen *self, struct range r)
{
    for (int64_t i = r.start; i > r.stop;) {
        HKT_TRY(hkt_ints_yield(self, i));
        if (__builtin_add_overflow(i, r.step, &i))
            break;
    }
    return 0;
}

static int range_body(struct hkt_gen *self, void *arg)
{
    const struct range *r = arg;

    return r->step > 0 ? range_up(self, *r) : range_down(self, *r);
}

struct hkt_gen *hkt_range(int64_t start, int64_t stop, int64_t step)
{
    struct range r = {start, stop, step};

    if (step == 0) {
        hkt_report("hkt_range: step must not be 0");
        return NULL;
    }
    return hkt_gen_new_copy(range_body, &r, sizeof r);
}
