/* SPDX-License-Identifier: MIT
 *
 * A sub-generator to which several delegate: it is linked to the first, and driven by the others.
 */
#include "gen/bodies.h"
#include "gen/chain.h"
#include "support/test.h"

struct pair {
    struct hkt_gen *sub, *a, *b;
};

static struct pair share(hkt_gen_fn *fn, void *arg)
{
    struct pair pair;

    pair.sub = hkt_gen_new(fn, arg);
    pair.a = hkt_gen_new(all_of, pair.sub);
    pair.b = hkt_gen_new(all_of, pair.sub);
    return pair;
}

static void free_pair(struct pair *pair)
{
    hkt_gen_free(pair->a);
    hkt_gen_free(pair->b);
    hkt_gen_free(pair->sub);
}

Test(shared, its_values_go_to_whoever_steps)
{
    int stop = 10, x;
    struct pair pair = share(count_up, &stop);

    for (int i = 0; i < 10; i++) {
        cr_assert_eq(ints_next(i % 3 == 0 ? pair.b : pair.a, &x), 1);
        cr_assert_eq(x, i);
        cr_assert(chain_is_sound(pair.a));
    }
    cr_assert_eq(ints_next(pair.a, &x), 0);
    cr_assert_eq(hkt_gen_state(pair.sub), HKT_FINISHED);
    cr_assert_eq(hkt_gen_state(pair.b), HKT_SUSPENDED);
    cr_assert_eq(ints_next(pair.b, &x), 0, "it learns of the end when it is stepped");
    free_pair(&pair);
}

static int yield_thrice(struct hkt_gen *self, void *result)
{
    for (int i = 0; i < 3; i++)
        HKT_TRY(hkt_yield(self, NULL, NULL));
    return hkt_gen_return(self, result);
}

Test(shared, its_result_goes_to_the_one_that_saw_it_end)
{
    for (int last = 0; last < 2; last++) {
        int x;
        struct pair pair = share(yield_thrice, &x);
        struct hkt_gen *other = last == 0 ? pair.b : pair.a, *winner = last == 0 ? pair.a : pair.b;
        cr_assert_eq(hkt_gen_next(pair.a, NULL), 1);
        cr_assert_eq(hkt_gen_next(pair.b, NULL), 1);
        cr_assert_eq(hkt_gen_next(pair.a, NULL), 1);
        cr_assert_eq(hkt_gen_next(winner, NULL), 0);
        cr_assert_eq(hkt_gen_result(winner), &x);
        cr_assert_eq(hkt_gen_next(other, NULL), 0);
        cr_assert_null(hkt_gen_result(other));
        free_pair(&pair);
    }
}

Test(shared, what_is_sent_and_thrown_through_either_reaches_it)
{
    int x, y;
    struct script script = {.swallow = 2};
    struct pair pair = share(follow, &script);
    void *value;

    cr_assert_eq(hkt_gen_next(pair.a, NULL), 1);
    cr_assert_eq(hkt_gen_next(pair.b, NULL), 1);
    cr_assert_eq(hkt_gen_send(pair.b, &x, &value), 1);
    cr_assert_eq(script.in[1], &x);
    cr_assert_eq(value, &script.seen[2]);
    cr_assert_eq(hkt_gen_send(pair.a, &y, NULL), 1);
    cr_assert_eq(script.in[2], &y);
    cr_assert_eq(hkt_gen_throw(pair.b, -EIO, &value), 1);
    cr_assert_eq(script.seen[3], -EIO);
    cr_assert_eq(value, &script.seen[4]);
    cr_assert_eq(hkt_gen_throw(pair.a, -EPIPE, NULL), 1);
    cr_assert_eq(script.seen[4], -EPIPE);
    cr_assert_eq(hkt_gen_throw(pair.b, -EINTR, NULL), -EINTR, "not caught: out through b");
    cr_assert_eq(hkt_gen_state(pair.b), HKT_FINISHED);
    cr_assert_eq(hkt_gen_next(pair.a, NULL), 0);
    free_pair(&pair);
}

Test(shared, closing_either_closes_it)
{
    for (int which = 0; which < 2; which++) {
        struct script script = {0};
        struct pair pair = share(follow, &script);
        struct hkt_gen *first = which ? pair.b : pair.a, *other = which ? pair.a : pair.b;
        cr_assert_eq(hkt_gen_next(pair.a, NULL), 1);
        cr_assert_eq(hkt_gen_next(pair.b, NULL), 1);
        cr_assert_eq(hkt_gen_close(first), 0);
        cr_assert_eq(script.seen[1], HKT_ECLOSE);
        cr_assert_eq(hkt_gen_state(pair.sub), HKT_FINISHED);
        cr_assert_eq(hkt_gen_state(other), HKT_SUSPENDED);
        cr_assert_eq(hkt_gen_next(other, NULL), 0);
        free_pair(&pair);
    }
}

Test(shared, an_error_while_being_closed_replaces_the_close_in_either)
{
    for (int which = 0; which < 2; which++) {
        struct script script = {.answer = -EIO};
        struct pair pair = share(follow, &script);
        cr_assert_eq(hkt_gen_next(pair.a, NULL), 1);
        cr_assert_eq(hkt_gen_next(pair.b, NULL), 1);
        cr_assert_eq(hkt_gen_close(which ? pair.b : pair.a), -EIO);
        free_pair(&pair);
    }
}

Test(shared, yielding_while_being_closed_is_eproto_through_either)
{
    for (int which = 0; which < 2; which++) {
        struct script script = {.swallow = 1};
        struct pair pair = share(follow, &script);
        struct hkt_gen *first = which ? pair.b : pair.a, *other = which ? pair.a : pair.b;
        cr_assert_eq(hkt_gen_next(pair.a, NULL), 1);
        cr_assert_eq(hkt_gen_next(pair.b, NULL), 1);
        cr_assert_eq(hkt_gen_close(first), -EPROTO);
        cr_assert_eq(hkt_gen_state(first), HKT_FINISHED);
        cr_assert_eq(hkt_gen_state(pair.sub), HKT_SUSPENDED);
        if (which) /* a is still linked to it */
            cr_assert_eq(hkt_gen_next(other, NULL), 1);
        free_pair(&pair);
    }
}

struct inside {
    struct pair pair;
    int seen;
};

static int step_b(struct hkt_gen *self, void *arg)
{
    struct inside *inside = arg;

    HKT_TRY(hkt_yield(self, NULL, NULL));
    HKT_TRY(hkt_yield(self, NULL, NULL));
    inside->seen = hkt_gen_next(inside->pair.b, NULL);
    return hkt_yield(self, arg, NULL);
}

Test(shared, while_it_runs_the_other_fails_with_ebusy)
{
    struct inside inside;
    void *value;

    inside.pair = share(step_b, &inside);
    cr_assert_eq(hkt_gen_next(inside.pair.a, NULL), 1);
    cr_assert_eq(hkt_gen_next(inside.pair.b, NULL), 1);
    cr_assert_eq(hkt_gen_next(inside.pair.a, &value), 1, "undisturbed");
    cr_assert_eq(value, (void *)&inside);
    cr_assert_eq(inside.seen, -EBUSY);
    free_pair(&inside.pair);
}

Test(shared, the_first_may_go_and_the_others_go_on)
{
    int stop = 5, x;
    struct pair pair = share(count_up, &stop);
    struct hkt_gen *late = hkt_gen_new(all_of, pair.sub);

    cr_assert_eq(ints_next(pair.a, &x), 1);
    cr_assert_eq(ints_next(pair.b, &x), 1);
    cr_assert_eq(ints_next(late, &x), 1);
    hkt_gen_free(pair.b);
    cr_assert_eq(hkt_gen_state(pair.sub), HKT_FINISHED, "freeing one closed it for all");
    cr_assert_eq(ints_next(pair.a, &x), 0);
    cr_assert_eq(ints_next(late, &x), 0);
    hkt_gen_free(pair.a);
    hkt_gen_free(late);
    hkt_gen_free(pair.sub);
}

Test(shared, in_the_middle_of_one_chain_and_at_the_end_of_another)
{
    int stop = 20, x;
    struct hkt_gen *in = hkt_gen_new(count_up, &stop);
    struct hkt_gen *mid = hkt_gen_new(all_of, in), *out = hkt_gen_new(all_of, mid);
    struct hkt_gen *second = hkt_gen_new(all_of, mid), *above = hkt_gen_new(all_of, second);
    struct hkt_gen *turn[] = {out, above, mid, second, in};

    for (int i = 0; i < 20; i++) {
        cr_assert_eq(ints_next(turn[i % 5], &x), 1);
        cr_assert_eq(x, i);
        cr_assert(chain_is_sound(out));
        cr_assert(chain_is_sound(above));
    }
    for (int i = 0; i < 5; i++)
        cr_assert_eq(ints_next(turn[i], &x), 0, "%d", i);
    for (int i = 0; i < 5; i++)
        hkt_gen_free(turn[i]);
}
