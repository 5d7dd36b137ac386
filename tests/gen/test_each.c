/* SPDX-License-Identifier: MIT
 *
 * Loops and scopes that close what they own, by whatever way they are left.
 */
#include "gen/bodies.h"
#include "support/test.h"

struct watched {
    int stop, fail_at;
    int closed; /* what ended it */
};

/* 0, 1, 2, ...; notes how it ends. */
static int watched_body(struct hkt_gen *self, void *arg)
{
    struct watched *w = arg;

    for (int i = 0; i < w->stop; i++) {
        if (w->fail_at && i == w->fail_at)
            return w->closed = -EIO;
        w->closed = ints_yield(self, i);
        HKT_TRY(w->closed);
    }
    return w->closed = 1;
}

Test(each, runs_the_block_for_each_value)
{
    struct watched w = {.stop = 5};
    int sum = 0, rc = 99;

    HKT_EACH(ints, x, hkt_gen_new(watched_body, &w), &rc)
        sum += x;
    cr_assert_eq(sum, 10);
    cr_assert_eq(rc, 0);
    cr_assert_eq(w.closed, 1);
}

Test(each, break_closes_and_leaves_rc_0)
{
    struct watched w = {.stop = 5};
    int sum = 0, rc = 99;

    HKT_EACH(ints, x, hkt_gen_new(watched_body, &w), &rc) {
        if (x == 3)
            break;
        sum += x;
    }
    cr_assert_eq(sum, 3);
    cr_assert_eq(rc, 0);
    cr_assert_eq(w.closed, HKT_ECLOSE);
}

Test(each, continue_takes_the_next_value)
{
    struct watched w = {.stop = 6};
    int sum = 0, rc;

    HKT_EACH(ints, x, hkt_gen_new(watched_body, &w), &rc) {
        if (x % 2)
            continue;
        sum += x;
    }
    cr_assert_eq(sum, 0 + 2 + 4);
}

static int find(struct watched *w, int wanted)
{
    int rc;

    HKT_EACH(ints, x, hkt_gen_new(watched_body, w), &rc)
        if (x == wanted)
            return x * 10;
    return -1;
}

Test(each, return_closes)
{
    struct watched w = {.stop = 5};

    cr_assert_eq(find(&w, 2), 20);
    cr_assert_eq(w.closed, HKT_ECLOSE);
    cr_assert_eq(find(&w, 9), -1);
    cr_assert_eq(w.closed, 1);
}

Test(each, goto_closes)
{
    struct watched outer = {.stop = 5}, inner = {.stop = 5};
    int rc, rc2, count = 0;

    HKT_EACH(ints, x, hkt_gen_new(watched_body, &outer), &rc)
        HKT_EACH(ints, y, hkt_gen_new(watched_body, &inner), &rc2) {
            count++;
            if (x == 1 && y == 2)
                goto out;
        }
out:
    cr_assert_eq(count, 5 + 3);
    cr_assert_eq(outer.closed, HKT_ECLOSE);
    cr_assert_eq(inner.closed, HKT_ECLOSE);
}

Test(each, an_error_ends_the_loop_and_is_in_rc)
{
    struct watched w = {.stop = 5, .fail_at = 2};
    int sum = 0, rc;

    HKT_EACH(ints, x, hkt_gen_new(watched_body, &w), &rc)
        sum += x;
    cr_assert_eq(sum, 1);
    cr_assert_eq(rc, -EIO);
}

Test(each, no_generator_is_enomem)
{
    int rc, count = 0;

    HKT_EACH(ints, x, (struct hkt_gen *)NULL, &rc)
        count += x + 1;
    cr_assert_eq(count, 0);
    cr_assert_eq(rc, -ENOMEM);
}

Test(each, the_generator_is_freed_each_time)
{
    struct watched w = {.stop = 2};
    struct hkt_gen *first = hkt_gen_new(watched_body, &w);
    int rc, count = 0;

    HKT_EACH(ints, x, first, &rc)
        count += x;
    for (int i = 0; i < 5; i++) {
        struct hkt_gen *again = hkt_gen_new(watched_body, &w);
        cr_assert_eq(again, first, "its block is free again");
        HKT_EACH(ints, x, again, &rc)
            break;
    }
    cr_assert_eq(count, 1);
}

static int sum_of_pairs(struct hkt_gen *self, void *arg)
{
    struct watched *w = arg;
    int rc;

    HKT_EACH(ints, x, hkt_gen_new(watched_body, w), &rc)
        HKT_TRY(ints_yield(self, x * 2));
    return rc;
}

Test(each, inside_a_body_a_close_closes_what_the_loop_owns)
{
    struct watched w = {.stop = 5};
    struct hkt_gen *g = hkt_gen_new(sum_of_pairs, &w);
    int x;

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 2);
    cr_assert_eq(hkt_gen_close(g), 0);
    cr_assert_eq(w.closed, HKT_ECLOSE);
    hkt_gen_free(g);
}

/* Scopes */

static struct trail trail;

static void put(void *letter)
{
    mark(&trail, *(const char *)letter);
}

#define LETTER(c) ((void *)(uintptr_t)(c))

static void leave_by(int way)
{
    HKT_DEFER(put, LETTER("a"));
    HKT_DEFER(put, LETTER("b"));
    for (int i = 0; i < 2; i++) {
        HKT_DEFER(put, LETTER("c"));
        if (way == 0)
            return;
        if (way == 1)
            break;
        if (way == 2)
            continue;
        if (way == 3)
            goto out;
        put(LETTER("n"));
    }
    put(LETTER("-"));
    return;
out:
    put(LETTER("g"));
}

Test(each, what_is_deferred_runs_when_its_scope_is_left_last_first)
{
    const char *const expected[] = {"cba", "c-ba", "cc-ba", "cgba", "ncnc-ba"};

    for (int way = 0; way < 5; way++) {
        memset(&trail, 0, sizeof trail);
        leave_by(way);
        cr_assert_str_eq(trail.text, expected[way], "way %d", way);
    }
}

static int try_it(int rc)
{
    HKT_DEFER(put, LETTER("t"));
    HKT_TRY(rc);
    put(LETTER("-"));
    return 0;
}

Test(each, what_is_deferred_runs_when_hkt_try_returns)
{
    cr_assert_eq(try_it(-EIO), -EIO);
    cr_assert_str_eq(trail.text, "t");
    cr_assert_eq(try_it(5), 0);
    cr_assert_str_eq(trail.text, "t-t");
}

Test(each, what_is_deferred_keeps_the_argument_of_its_time)
{
    const char *letter = "x";

    {
        HKT_DEFER(put, LETTER(letter));
        letter = "y";
        HKT_DEFER(put, LETTER(letter));
    }
    cr_assert_str_eq(trail.text, "yx");
}
