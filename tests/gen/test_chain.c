/* SPDX-License-Identifier: MIT
 *
 * Chains of delegation: long ones, cyclic ones, shared ones, and steps into their middle.
 */
#include "base/reports.h"
#include "base/where.h"
#include "gen/bodies.h"
#include "gen/chain.h"
#include "support/test.h"

/* AddressSanitizer takes milliseconds to find room for each one's frames. */
enum { DEPTH = WHERE_ASAN ? 100 : 1000 };

static struct hkt_gen *deep[DEPTH + 1]; /* [0] is the innermost */

static struct hkt_gen *make_deep(hkt_gen_fn *innermost, void *arg)
{
    deep[0] = hkt_gen_new(innermost, arg);
    for (int i = 1; i <= DEPTH; i++)
        deep[i] = hkt_gen_new(all_of, deep[i - 1]);
    return deep[DEPTH];
}

static void free_deep(void)
{
    for (int i = DEPTH; i >= 0; i--)
        hkt_gen_free(deep[i]);
}

Test(chain, a_thousand_deep_the_ends_are_linked_and_a_step_touches_nothing_between)
{
    int stop = 1000, x;
    struct hkt_gen *g = make_deep(count_up, &stop);

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert(chain_is_sound(g));
    cr_assert_eq(hkt__gen_innermost(g), deep[0]);
    /* Were these followed or changed by a step, it would not survive. */
    struct hkt_coro between[DEPTH - 1];
    for (int i = 1; i < DEPTH; i++) {
        between[i - 1] = deep[i]->coro;
        memset(&deep[i]->coro, 0xee, sizeof deep[i]->coro);
    }
    for (int i = 1; i < 999; i++) {
        cr_assert_eq(ints_next(g, &x), 1);
        cr_assert_eq(x, i);
    }
    for (int i = 1; i < DEPTH; i++)
        deep[i]->coro = between[i - 1];
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_next(g, &x), 0);
    for (int i = 0; i <= DEPTH; i++)
        cr_assert_eq(hkt_gen_state(deep[i]), HKT_FINISHED, "depth %d", i);
    free_deep();
}

Test(chain, a_thousand_deep_values_and_errors_go_straight_to_the_innermost)
{
    struct script script = {.swallow = 1};
    struct hkt_gen *g = make_deep(follow, &script);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_send(g, &script, NULL), 1);
    cr_assert_eq(script.in[0], &script);
    cr_assert_eq(hkt_gen_throw(g, -EIO, NULL), 1);
    cr_assert_eq(script.seen[1], -EIO);
    cr_assert_eq(hkt_gen_throw(g, -EPIPE, NULL), -EPIPE, "up through all of them");
    for (int i = 0; i <= DEPTH; i++)
        cr_assert_eq(hkt_gen_state(deep[i]), HKT_FINISHED, "depth %d", i);
    free_deep();
}

Test(chain, a_thousand_deep_close_closes_all)
{
    struct script script = {0};
    struct hkt_gen *g = make_deep(follow, &script);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(script.seen[0], HKT_ECLOSE);
    for (int i = 0; i <= DEPTH; i++)
        cr_assert_eq(hkt_gen_state(deep[i]), HKT_FINISHED, "depth %d", i);
    free_deep();
}

/* Cycles */

struct cycle {
    struct hkt_gen *g[3];
    int seen[3];
    int length;
};

static int around_the_cycle(struct hkt_gen *self, void *arg)
{
    struct cycle *cycle = arg;
    int me = 0;

    while (cycle->g[me] != self)
        me++;
    HKT_TRY(ints_yield(self, me));
    cycle->seen[me] = hkt_yield_from(self, cycle->g[(me + 1) % cycle->length], NULL);
    return cycle->seen[me];
}

Test(chain, a_cycle_is_ebusy_where_it_would_close)
{
    for (int length = 1; length <= 3; length++) {
        struct cycle cycle = {.length = length};
        int x;
        for (int i = 0; i < length; i++)
            cycle.g[i] = hkt_gen_new(around_the_cycle, &cycle);
        for (int i = 0; i < length; i++) {
            cr_assert_eq(ints_next(cycle.g[0], &x), 1);
            cr_assert_eq(x, i);
        }
        cr_assert_eq(ints_next(cycle.g[0], &x), -EBUSY, "length %d", length);
        for (int i = 0; i < length; i++) {
            cr_assert_eq(cycle.seen[i], -EBUSY);
            cr_assert_eq(hkt_gen_state(cycle.g[i]), HKT_FINISHED);
            hkt_gen_free(cycle.g[i]);
        }
    }
}

/* Re-entrancy: from inside the innermost all of its chain is running */

static int try_the_chain(struct hkt_gen *self, void *arg)
{
    struct reports reports;
    struct hkt_gen *const *chain = arg;

    reports_to(&reports);
    HKT_TRY(hkt_yield(self, NULL, NULL));
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(hkt_gen_state(chain[i]), HKT_RUNNING, "%d", i);
        cr_expect_eq(hkt_gen_next(chain[i], NULL), -EBUSY, "%d", i);
        cr_expect_eq(hkt_gen_throw(chain[i], -EIO, NULL), -EBUSY, "%d", i);
        cr_expect_eq(hkt_gen_throw(chain[i], HKT_ECLOSE, NULL), -EBUSY, "%d", i);
        cr_expect_eq(hkt_gen_close(chain[i]), -EBUSY, "%d", i);
        hkt_gen_free(chain[i]);
        cr_expect_eq(reports.count, i + 1, "%d: the free was refused", i);
    }
    hkt_on_report(NULL, NULL);
    return hkt_yield(self, arg, NULL);
}

Test(chain, none_of_it_can_be_stepped_from_inside_the_innermost)
{
    struct hkt_gen *chain[3];
    void *value;

    chain[0] = hkt_gen_new(try_the_chain, chain);
    chain[1] = hkt_gen_new(all_of, chain[0]);
    chain[2] = hkt_gen_new(all_of, chain[1]);
    cr_assert_eq(hkt_gen_next(chain[2], NULL), 1);
    cr_assert_eq(hkt_gen_next(chain[2], &value), 1);
    cr_assert_eq(value, (void *)chain);
    cr_assert_eq(hkt_gen_next(chain[1], NULL), 0, "through the middle");
    cr_assert_eq(hkt_gen_next(chain[2], NULL), 0);
    for (int i = 2; i >= 0; i--)
        hkt_gen_free(chain[i]);
}

/* Steps into the middle */

struct line {
    struct hkt_gen *in, *mid, *out;
};

static struct line make_line(hkt_gen_fn *fn, void *arg)
{
    struct line line;

    line.in = hkt_gen_new(fn, arg);
    line.mid = hkt_gen_new(all_of, line.in);
    line.out = hkt_gen_new(all_of, line.mid);
    cr_assert_eq(hkt_gen_next(line.out, NULL), 1);
    return line;
}

static void free_line(struct line *line)
{
    hkt_gen_free(line->out);
    hkt_gen_free(line->mid);
    hkt_gen_free(line->in);
}

Test(chain, any_of_it_can_be_stepped_from_outside_and_drives_the_innermost)
{
    int stop = 10, x;
    struct line line = make_line(count_up, &stop);
    struct hkt_gen *turn[] = {line.in, line.mid, line.out};

    for (int i = 1; i < 10; i++) {
        cr_assert_eq(ints_next(turn[i % 3], &x), 1);
        cr_assert_eq(x, i);
        cr_assert(chain_is_sound(line.mid));
    }
    free_line(&line);
}

static int yield_then_result(struct hkt_gen *self, void *result)
{
    HKT_TRY(hkt_yield(self, NULL, NULL));
    return hkt_gen_return(self, result);
}

Test(chain, the_innermost_finished_by_a_step_of_its_own_is_noticed_by_the_next_step_of_the_others)
{
    int x;
    struct line line = make_line(yield_then_result, &x);

    cr_assert_eq(hkt_gen_next(line.in, NULL), 0);
    cr_assert_eq(hkt_gen_result(line.in), &x);
    cr_assert_eq(hkt_gen_state(line.mid), HKT_SUSPENDED);
    cr_assert_null(hkt_gen_delegate(line.mid));
    cr_assert_eq(hkt_gen_delegate(line.out), line.mid);
    cr_assert(chain_is_sound(line.out));
    cr_assert_eq(hkt_gen_next(line.out, NULL), 0);
    cr_assert_null(hkt_gen_result(line.out), "the result went to who stepped it");
    free_line(&line);
}

Test(chain, the_middle_finished_by_a_step_of_its_own_is_noticed_by_the_next_step_of_the_outer)
{
    int x;
    struct line line = make_line(yield_then_result, &x);

    cr_assert_eq(hkt_gen_next(line.mid, NULL), 0);
    cr_assert_eq(hkt_gen_result(line.mid), &x, "through the innermost");
    cr_assert_eq(hkt_gen_state(line.out), HKT_SUSPENDED);
    cr_assert_null(hkt_gen_delegate(line.out));
    cr_assert_eq(hkt_gen_next(line.out, NULL), 0);
    cr_assert_null(hkt_gen_result(line.out));
    free_line(&line);
}

Test(chain, an_error_thrown_into_the_middle_comes_out_of_the_middle)
{
    struct script script = {0};
    struct line line = make_line(follow, &script);

    cr_assert_eq(hkt_gen_throw(line.mid, -EIO, NULL), -EIO);
    cr_assert_eq(hkt_gen_state(line.in), HKT_FINISHED);
    cr_assert_eq(hkt_gen_state(line.mid), HKT_FINISHED);
    cr_assert_eq(hkt_gen_state(line.out), HKT_SUSPENDED);
    cr_assert_eq(hkt_gen_throw(line.out, -EPIPE, NULL), -EPIPE, "at the delegation");
    free_line(&line);
}

Test(chain, closing_the_middle_leaves_the_outer_suspended_after_its_delegation)
{
    struct script script = {0};
    struct line line = make_line(follow, &script);

    cr_assert_eq(hkt_gen_close(line.mid), 0);
    cr_assert_eq(script.seen[0], HKT_ECLOSE);
    cr_assert_eq(hkt_gen_state(line.in), HKT_FINISHED);
    cr_assert_eq(hkt_gen_state(line.mid), HKT_FINISHED);
    cr_assert_eq(hkt_gen_state(line.out), HKT_SUSPENDED);
    cr_assert_eq(hkt_gen_next(line.out, NULL), 0);
    free_line(&line);
}

Test(chain, the_middle_or_the_innermost_may_be_freed)
{
    for (int which = 0; which < 2; which++) {
        struct script script = {0};
        struct line line = make_line(follow, &script);
        if (which == 0) {
            hkt_gen_free(line.mid);
        } else {
            hkt_gen_free(line.in);
            cr_assert_eq(hkt_gen_delegate(line.out), line.mid);
            hkt_gen_free(line.mid);
        }
        cr_assert_eq(script.seen[0], HKT_ECLOSE);
        cr_assert_null(hkt_gen_delegate(line.out));
        cr_assert_eq(hkt_gen_next(line.out, NULL), 0);
        hkt_gen_free(line.out);
        if (which == 0)
            hkt_gen_free(line.in);
    }
}

Test(chain, one_that_ignores_its_close_may_be_freed_out_of_the_middle)
{
    struct reports reports;
    struct script script = {.swallow = 9};
    struct line line = make_line(follow, &script);

    reports_to(&reports);
    hkt_gen_free(line.in);
    cr_assert_eq(reports.count, 1);
    cr_assert_null(hkt_gen_delegate(line.mid));
    cr_assert(chain_is_sound(line.out));
    cr_assert_eq(hkt_gen_next(line.out, NULL), 0);
    hkt_gen_free(line.out);
    hkt_gen_free(line.mid);
    cr_assert_eq(reports.count, 1);
}

Test(chain, the_innermost_may_be_freed_and_its_block_used_by_one_that_nobody_delegates_to)
{
    struct script script = {0};
    struct line line = make_line(follow, &script);
    struct script again = {0};

    cr_assert_eq(hkt_gen_close(line.in), 0);
    cr_assert_null(hkt_gen_delegate(line.mid));
    hkt_gen_free(line.in);
    line.in = hkt_gen_new(follow, &again); /* the same block, to which nobody delegates */
    cr_assert_eq(hkt_gen_next(line.in, NULL), 1);
    cr_assert_eq(hkt_gen_next(line.out, NULL), 0);
    cr_assert_eq(again.count, 1);
    free_line(&line);
}
