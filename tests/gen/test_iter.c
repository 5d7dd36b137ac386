/* SPDX-License-Identifier: MIT
 *
 * Iterators without a stack, generators made of them, and range.
 */
#include "base/reports.h"
#include "gen/bodies.h"
#include "support/test.h"

/* A source that counts its calls: 1, 2, 3, ...; ends after `most`, fails at `fails`. */
struct source {
    int calls, most, fails;
    struct hkt_iter *stepped; /* by the call itself */
};

static int produce(void *ctx, void *out)
{
    struct source *source = ctx;

    source->calls++;
    if (source->stepped) {
        int x;
        struct hkt_iter *it = source->stepped;
        source->stepped = NULL;
        while (hkt_iter_next(it, &x) > 0)
            continue;
    }
    if (source->calls == source->fails)
        return -EIO;
    if (source->most && source->calls > source->most)
        return 0;
    *(int *)out = source->calls;
    return 1;
}

Test(iter, it_ends_at_the_sentinel_and_stays_ended)
{
    struct source source = {0};
    const int nine = 9;
    struct hkt_iter it = hkt_iter(produce, &source, &nine, sizeof nine);
    int x, sum = 0;

    while (hkt_iter_next(&it, &x) > 0)
        sum += x;
    cr_assert_eq(sum, 36);
    cr_assert_eq(source.calls, 9);
    cr_assert_eq(hkt_iter_next(&it, &x), 0);
    cr_assert_eq(source.calls, 9, "it is not called again");
}

Test(iter, the_callables_own_end_is_the_end)
{
    struct source source = {.most = 3};
    const int never = -1;
    struct hkt_iter it = hkt_iter(produce, &source, &never, sizeof never);
    int x;

    for (int i = 1; i <= 3; i++) {
        cr_assert_eq(hkt_iter_next(&it, &x), 1);
        cr_assert_eq(x, i);
    }
    cr_assert_eq(hkt_iter_next(&it, &x), 0);
    cr_assert_eq(hkt_iter_next(&it, &x), 0);
    cr_assert_eq(source.calls, 4);
}

Test(iter, an_error_comes_out_and_does_not_finish_it)
{
    struct source source = {.fails = 2};
    const int four = 4;
    struct hkt_iter it = hkt_iter(produce, &source, &four, sizeof four);
    int x;

    cr_assert_eq(hkt_iter_next(&it, &x), 1);
    cr_assert_eq(hkt_iter_next(&it, &x), -EIO);
    cr_assert_eq(hkt_iter_next(&it, &x), 1);
    cr_assert_eq(x, 3);
    cr_assert_eq(hkt_iter_next(&it, &x), 0);
}

Test(iter, one_exhausted_by_its_own_callable_is_finished)
{
    const int five = 5;
    struct source source = {0};
    struct hkt_iter it = hkt_iter(produce, &source, &five, sizeof five);
    int x;

    source.stepped = &it;
    cr_assert_eq(hkt_iter_next(&it, &x), 0);
    cr_assert_eq(hkt_iter_next(&it, &x), 0);
    cr_assert_eq(source.calls, 5);
}

struct point {
    int x, y;
};

static int next_point(void *ctx, void *out)
{
    int *n = ctx;

    *(struct point *)out = (struct point){*n, *n * *n};
    ++*n;
    return 1;
}

Test(iter, a_sentinel_is_compared_in_all_its_bytes)
{
    const struct point near = {3, 8}, same = {3, 9};
    struct point p;
    int n = 0, count = 0;
    struct hkt_iter it = hkt_iter(next_point, &n, &near, sizeof near);

    while (count < 10 && hkt_iter_next(&it, &p) > 0)
        count++;
    cr_assert_eq(count, 10, "the near one was passed");
    n = count = 0;
    it = hkt_iter(next_point, &n, &same, sizeof same);
    while (hkt_iter_next(&it, &p) > 0)
        count++;
    cr_assert_eq(count, 3);
}

/* Of a generator: for x in iter(lambda: next(g), 4) */
static int next_of(void *g, void *out)
{
    return ints_next(g, out);
}

Test(iter, the_callable_may_step_a_generator)
{
    int stop = 100, x, sum = 0;
    const int four = 4;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);
    struct hkt_iter it = hkt_iter(next_of, g, &four, sizeof four);

    while (hkt_iter_next(&it, &x) > 0)
        sum += x;
    cr_assert_eq(sum, 6);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 5, "the generator goes on behind the sentinel");
    hkt_gen_free(g);
}

/* Delegation to a source without a stack */

struct numbers {
    int value[3];
    int at, rc, calls;
};

static int next_number(void *ctx, void **value)
{
    struct numbers *n = ctx;

    n->calls++;
    if (n->at == 3)
        return n->rc;
    *value = &n->value[n->at++];
    return 1;
}

struct relay {
    struct numbers numbers;
    int seen;
};

static int relay(struct hkt_gen *self, void *arg)
{
    struct relay *relay = arg;

    relay->seen = hkt_yield_from_iter(self, next_number, &relay->numbers);
    return ints_yield(self, relay->seen);
}

Test(iter, a_generator_may_yield_all_of_a_source)
{
    struct relay r = {.numbers = {.value = {5, 6, 7}}};
    struct hkt_gen *g = hkt_gen_new(relay, &r);
    int x;

    for (int i = 5; i < 8; i++) {
        cr_assert_eq(ints_next(g, &x), 1);
        cr_assert_eq(x, i);
    }
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 0, "what the delegation answered");
    cr_assert_eq(ints_next(g, &x), 0);
    hkt_gen_free(g);
}

Test(iter, the_sources_error_appears_at_the_delegation)
{
    struct relay r = {.numbers = {.at = 3, .rc = -EIO}};
    struct hkt_gen *g = hkt_gen_new(relay, &r);
    int x;

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, -EIO);
    hkt_gen_free(g);
}

Test(iter, a_source_has_no_send)
{
    struct relay r = {.numbers = {.value = {5, 6, 7}}};
    struct hkt_gen *g = hkt_gen_new(relay, &r);
    int x;

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_send(g, 1, &x), 1);
    cr_assert_eq(x, -EINVAL, "which is what the delegation answered");
    cr_assert_eq(r.numbers.calls, 1);
    hkt_gen_free(g);
}

Test(iter, what_is_thrown_comes_out_of_the_delegation)
{
    struct relay r = {.numbers = {.value = {5, 6, 7}}};
    struct hkt_gen *g = hkt_gen_new(relay, &r);
    int x;

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_throw(g, -EPIPE, &x), 1);
    cr_assert_eq(x, -EPIPE);
    hkt_gen_free(g);
}

static int relay_only(struct hkt_gen *self, void *arg)
{
    struct relay *relay = arg;

    return relay->seen = hkt_yield_from_iter(self, next_number, &relay->numbers);
}

Test(iter, close_comes_out_of_the_delegation_too)
{
    struct relay r = {.numbers = {.value = {5, 6, 7}}};
    struct hkt_gen *g = hkt_gen_new(relay_only, &r);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(r.seen, HKT_ECLOSE);
    cr_assert_eq(r.numbers.calls, 1);
    hkt_gen_free(g);
}
