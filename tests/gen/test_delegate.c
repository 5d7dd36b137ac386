/* SPDX-License-Identifier: MIT
 *
 * Delegation between generators (`yield from`): what passes through, and what comes back.
 */
#include "base/reports.h"
#include "gen/bodies.h"
#include "gen/chain.h"
#include "support/test.h"

#include <stdalign.h>

Test(delegate, values_come_from_the_sub_generator_until_it_is_finished)
{
    int stop = 5, x, expected = 0;
    struct hkt_gen *sub = hkt_gen_new(count_up, &stop), *g = hkt_gen_new(all_of, sub);

    while (ints_next(g, &x) > 0)
        cr_assert_eq(x, expected++);
    cr_assert_eq(expected, 5);
    cr_assert_eq(hkt_gen_state(sub), HKT_FINISHED);
    cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

static int around(struct hkt_gen *self, void *sub)
{
    HKT_TRY(ints_yield(self, -1));
    HKT_TRY(hkt_yield_from(self, sub, NULL));
    return ints_yield(self, -2);
}

Test(delegate, the_delegator_yields_before_and_after)
{
    const int expected[] = {-1, 0, 1, -2};
    int stop = 2, x;
    struct hkt_gen *sub = hkt_gen_new(count_up, &stop), *g = hkt_gen_new(around, sub);

    for (int i = 0; i < 4; i++) {
        cr_assert_eq(ints_next(g, &x), 1);
        cr_assert_eq(x, expected[i]);
        cr_assert(chain_is_sound(g));
    }
    cr_assert_eq(ints_next(g, &x), 0);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

static int yield_then_return(struct hkt_gen *self, void *result)
{
    HKT_TRY(hkt_yield(self, NULL, NULL));
    return hkt_gen_return(self, result);
}

Test(delegate, the_result_of_the_sub_generator_is_delivered_and_passed_up)
{
    int x;
    struct hkt_gen *sub = hkt_gen_new(yield_then_return, &x);
    struct hkt_gen *mid = hkt_gen_new(all_of, sub), *g = hkt_gen_new(all_of, mid);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    cr_assert_eq(hkt_gen_result(g), &x);
    hkt_gen_free(g);
    hkt_gen_free(mid);
    hkt_gen_free(sub);
}

static int return_at_once(struct hkt_gen *self, void *result)
{
    return hkt_gen_return(self, result);
}

Test(delegate, one_that_yields_nothing_delivers_its_result_at_once)
{
    int x;
    struct hkt_gen *sub = hkt_gen_new(return_at_once, &x), *g = hkt_gen_new(all_of, sub);

    cr_assert_eq(hkt_gen_next(g, NULL), 0);
    cr_assert_eq(hkt_gen_result(g), &x);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

Test(delegate, a_finished_one_delivers_nothing_and_the_delegator_goes_on)
{
    int x;
    struct hkt_gen *sub = hkt_gen_new(return_at_once, &x), *g = hkt_gen_new(around, sub);

    cr_assert_eq(hkt_gen_next(sub, NULL), 0);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, -2);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

Test(delegate, one_that_has_begun_goes_on_where_it_was)
{
    int stop = 5, x;
    struct hkt_gen *sub = hkt_gen_new(count_up, &stop), *g = hkt_gen_new(all_of, sub);

    cr_assert_eq(ints_next(sub, &x), 1);
    cr_assert_eq(ints_next(sub, &x), 1);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 2);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

Test(delegate, what_is_sent_reaches_the_innermost)
{
    int x, y;
    struct script script = {0};
    struct hkt_gen *sub = hkt_gen_new(follow, &script);
    struct hkt_gen *mid = hkt_gen_new(all_of, sub), *g = hkt_gen_new(all_of, mid);
    void *value;

    cr_assert_eq(hkt_gen_send(g, &x, NULL), -EINVAL, "none of them has begun");
    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_send(g, &x, &value), 1);
    cr_assert_eq(script.in[0], &x);
    cr_assert_eq(value, &script.seen[1]);
    cr_assert_eq(hkt_gen_send(mid, &y, NULL), 1);
    cr_assert_eq(script.in[1], &y);
    hkt_gen_free(g);
    hkt_gen_free(mid);
    hkt_gen_free(sub);
}

Test(delegate, what_is_thrown_and_caught_by_the_innermost_yields_its_next_value)
{
    struct script script = {.swallow = 1};
    struct hkt_gen *sub = hkt_gen_new(follow, &script);
    struct hkt_gen *mid = hkt_gen_new(all_of, sub), *g = hkt_gen_new(all_of, mid);
    void *value;

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_throw(g, -EIO, &value), 1);
    cr_assert_eq(value, &script.seen[1]);
    cr_assert_eq(script.seen[0], -EIO);
    cr_assert(chain_is_sound(g));
    cr_assert_eq(hkt_gen_throw(g, -EPIPE, &value), -EPIPE, "not caught by anyone");
    cr_assert_eq(hkt_gen_state(g), HKT_FINISHED);
    cr_assert_eq(hkt_gen_state(mid), HKT_FINISHED);
    cr_assert_eq(hkt_gen_state(sub), HKT_FINISHED);
    hkt_gen_free(g);
    hkt_gen_free(mid);
    hkt_gen_free(sub);
}

struct rescue {
    struct hkt_gen *sub;
    int seen;
    void *result;
};

/* Catches what comes out of its delegation, and goes on. */
static int rescue(struct hkt_gen *self, void *arg)
{
    struct rescue *rescue = arg;

    rescue->result = rescue;
    rescue->seen = hkt_yield_from(self, rescue->sub, &rescue->result);
    return ints_yield(self, 77);
}

Test(delegate, an_error_of_the_sub_generator_appears_at_the_delegation)
{
    struct script script = {.answer = -EPIPE};
    struct rescue r = {.sub = hkt_gen_new(follow, &script)};
    struct hkt_gen *g = hkt_gen_new(rescue, &r);
    int x;

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(ints_throw(g, -EIO, &x), 1);
    cr_assert_eq(x, 77, "the delegator went on");
    cr_assert_eq(script.seen[0], -EIO);
    cr_assert_eq(r.seen, -EPIPE);
    cr_assert_null(r.result);
    cr_assert(chain_is_sound(g));
    hkt_gen_free(g);
    hkt_gen_free(r.sub);
}

static int fail_at_once(struct hkt_gen *self, void *arg)
{
    (void)self;
    (void)arg;
    return -EIO;
}

Test(delegate, an_error_at_the_first_step_appears_there_too)
{
    struct rescue r = {.sub = hkt_gen_new(fail_at_once, NULL)};
    struct hkt_gen *g = hkt_gen_new(rescue, &r);
    int x;

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 77);
    cr_assert_eq(r.seen, -EIO);
    hkt_gen_free(g);
    hkt_gen_free(r.sub);
}

Test(delegate, to_nothing_is_enomem)
{
    struct rescue r = {.sub = NULL};
    struct hkt_gen *g = hkt_gen_new(rescue, &r);
    int x;

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(r.seen, -ENOMEM);
    cr_assert_null(r.result);
    hkt_gen_free(g);
}

Test(delegate, from_one_that_does_not_run_is_eperm)
{
    int stop = 1;
    struct hkt_gen *sub = hkt_gen_new(count_up, &stop), *g = hkt_gen_new(all_of, sub);

    cr_assert_eq(hkt_yield_from(g, sub, NULL), -EPERM);
    cr_assert_eq(hkt_gen_state(sub), HKT_CREATED);
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

Test(delegate, it_is_suspended_and_names_its_delegate)
{
    int stop = 1, x;
    struct hkt_gen *sub = hkt_gen_new(count_up, &stop);
    struct hkt_gen *mid = hkt_gen_new(all_of, sub), *g = hkt_gen_new(all_of, mid);

    cr_assert_null(hkt_gen_delegate(g));
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(hkt_gen_state(g), HKT_SUSPENDED);
    cr_assert_eq(hkt_gen_state(mid), HKT_SUSPENDED);
    cr_assert_eq(hkt_gen_state(sub), HKT_SUSPENDED);
    cr_assert_eq(hkt_gen_delegate(g), mid);
    cr_assert_eq(hkt_gen_delegate(mid), sub);
    cr_assert_null(hkt_gen_delegate(sub));
    cr_assert_eq(ints_next(g, &x), 0);
    cr_assert_null(hkt_gen_delegate(g));
    cr_assert_null(hkt_gen_delegate(mid));
    hkt_gen_free(g);
    hkt_gen_free(mid);
    hkt_gen_free(sub);
}

/* Classics */

struct node {
    int key;
    struct node *left, *right;
};

static int in_order(struct hkt_gen *self, void *arg)
{
    const struct node *node = arg;

    if (!node)
        return 0;
    hkt_auto_gen left = hkt_gen_new(in_order, node->left);
    HKT_TRY(hkt_yield_from(self, left, NULL));
    HKT_TRY(ints_yield(self, node->key));
    hkt_auto_gen right = hkt_gen_new(in_order, node->right);
    return hkt_yield_from(self, right, NULL);
}

static struct node *insert(struct node *root, struct node *node)
{
    if (!root)
        return node;
    if (node->key < root->key)
        root->left = insert(root->left, node);
    else
        root->right = insert(root->right, node);
    return root;
}

Test(delegate, a_tree_is_walked_in_order)
{
    enum { NODES = 200 };
    static struct node nodes[NODES];
    struct node *root = NULL;
    int x, expected = 0;

    for (int i = 0; i < NODES; i++) {
        nodes[i].key = i * 67 % NODES;
        root = insert(root, &nodes[i]);
    }
    struct hkt_gen *g = hkt_gen_new(in_order, root);
    while (ints_next(g, &x) > 0) {
        cr_assert_eq(x, expected++);
        cr_assert(chain_is_sound(g));
    }
    cr_assert_eq(expected, NODES);
    hkt_gen_free(g);
}

Test(delegate, a_walk_given_up_closes_all_its_levels)
{
    static struct node nodes[50];
    int x;

    for (int i = 0; i < 49; i++)
        nodes[i].left = &nodes[i + 1];
    struct hkt_gen *g = hkt_gen_new(in_order, &nodes[0]);
    cr_assert_eq(ints_next(g, &x), 1);
    hkt_gen_free(g);
}

static int alternate(struct hkt_gen *self, void *arg)
{
    struct hkt_gen **subs = arg;

    for (int i = 0; i < 3; i++) {
        HKT_TRY(hkt_yield_from(self, subs[i], NULL));
        HKT_TRY(ints_yield(self, 100 + i));
    }
    return 0;
}

Test(delegate, one_after_another_on_all_kinds_of_stacks)
{
    static alignas(64) char memory[32768];
    const int expected[] = {0, 1, 100, 0, 1, 101, 0, 1, 102};
    const struct hkt_coro_opts opts[] = {{.stack = memory, .stack_size = sizeof memory},
                                         {.flags = HKT_CORO_FPENV},
                                         {.flags = HKT_CORO_PAINT}};
    struct hkt_gen *subs[3], *g = hkt_gen_new(alternate, subs);
    int stop = 2, x;

    for (int i = 0; i < 3; i++)
        subs[i] = hkt_gen_new_opts(count_up, &stop, &opts[i]);
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(ints_next(g, &x), 1);
        cr_assert_eq(x, expected[i], "step %d", i);
    }
    cr_assert_eq(ints_next(g, &x), 0);
    hkt_gen_free(g);
    for (int i = 0; i < 3; i++)
        hkt_gen_free(subs[i]);
}
