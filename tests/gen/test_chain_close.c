/* SPDX-License-Identifier: MIT
 *
 * Closing what delegates: the delegates first, innermost first, and what each may do about it.
 */
#include "base/reports.h"
#include "gen/bodies.h"
#include "gen/chain.h"
#include "support/test.h"

/* One level: delegates to sub (or, without, yields), notes what that answered, then does as told.
 */
struct level {
    struct hkt_gen *gen, *sub;
    struct trail *trail;
    char letter;
    int seen;
    int answer;  /* returned instead of what was seen, if not 0 */
    bool yields; /* once more, before returning */
    bool ends;   /* returns 0 */
};

static int level_body(struct hkt_gen *self, void *arg)
{
    struct level *level = arg;

    level->seen = level->sub ? hkt_yield_from(self, level->sub, NULL) : hkt_yield(self, arg, NULL);
    mark(level->trail, level->letter);
    if (level->yields)
        HKT_TRY(hkt_yield(self, &level->seen, NULL));
    if (level->ends)
        return 0;
    return level->answer ? level->answer : level->seen;
}

struct tower {
    struct level level[3]; /* [0] is the innermost, letters a, b, c */
    struct trail trail;
};

static void build(struct tower *tower)
{
    for (int i = 0; i < 3; i++) {
        struct level *level = &tower->level[i];
        level->trail = &tower->trail;
        level->letter = (char)('a' + i);
        level->sub = i > 0 ? tower->level[i - 1].gen : NULL;
        level->gen = hkt_gen_new(level_body, level);
    }
    cr_assert_eq(hkt_gen_next(tower->level[2].gen, NULL), 1);
}

static void tear_down(struct tower *tower)
{
    for (int i = 2; i >= 0; i--)
        hkt_gen_free(tower->level[i].gen);
}

static struct hkt_gen *outer(struct tower *tower)
{
    return tower->level[2].gen;
}

Test(chain_close, innermost_first_and_each_delegator_is_told_even_if_its_delegate_just_ended)
{
    struct tower tower = {.level = {{.ends = true}, {.ends = true}, {.ends = false}}};

    build(&tower);
    cr_assert_eq(hkt_gen_close(outer(&tower)), 0);
    cr_assert_str_eq(tower.trail.text, "abc");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tower.level[i].seen, HKT_ECLOSE, "level %d", i);
        cr_assert_eq(hkt_gen_state(tower.level[i].gen), HKT_FINISHED);
    }
    tear_down(&tower);
}

Test(chain_close, an_error_of_a_delegate_replaces_the_close)
{
    struct tower tower = {.level = {{.answer = -EIO}}};

    build(&tower);
    cr_assert_eq(hkt_gen_close(outer(&tower)), -EIO, "and comes out, if nobody minds");
    cr_assert_eq(tower.level[0].seen, HKT_ECLOSE);
    cr_assert_eq(tower.level[1].seen, -EIO);
    cr_assert_eq(tower.level[2].seen, -EIO);
    tear_down(&tower);
}

Test(chain_close, an_error_caught_on_the_way_up_becomes_a_close_again)
{
    struct tower tower = {.level = {{.answer = -EIO}, {.ends = true}}};

    build(&tower);
    cr_assert_eq(hkt_gen_close(outer(&tower)), 0);
    cr_assert_eq(tower.level[1].seen, -EIO);
    cr_assert_eq(tower.level[2].seen, HKT_ECLOSE);
    tear_down(&tower);
}

/* Codes that the library itself answers must pass as a delegate's own error, too. */
Test(chain_close, any_error_of_a_delegate_is_raised_in_its_delegator_and_all_are_finished)
{
    const int errors[] = {-EBUSY, -EPROTO, -ENOMEM, -EXDEV, -EPERM, -EINVAL, -ECANCELED, -9999};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        for (int which = 0; which < 2; which++) {
            struct tower tower = {.level = {{.answer = which == 0 ? errors[i] : 0},
                                            {.answer = which == 1 ? errors[i] : 0}}};
            build(&tower);
            cr_assert_eq(hkt_gen_close(outer(&tower)), errors[i], "error %d", errors[i]);
            cr_assert_str_eq(tower.trail.text, "abc");
            cr_assert_eq(tower.level[2].seen, errors[i]);
            cr_assert_eq(hkt_gen_state(outer(&tower)), HKT_FINISHED);
            tear_down(&tower);
        }
}

Test(chain_close, a_delegate_that_yields_is_eproto_in_its_delegator_and_stays_suspended)
{
    struct tower tower = {.level = {{.yields = true}}};
    void *value;

    build(&tower);
    cr_assert_eq(hkt_gen_close(outer(&tower)), -EPROTO, "the delegators let it out");
    cr_assert_eq(tower.level[1].seen, -EPROTO);
    cr_assert_eq(tower.level[2].seen, -EPROTO);
    cr_assert_eq(hkt_gen_state(outer(&tower)), HKT_FINISHED);
    cr_assert_eq(hkt_gen_state(tower.level[0].gen), HKT_SUSPENDED);
    cr_assert(chain_is_sound(tower.level[0].gen));
    cr_assert_eq(hkt_gen_throw(tower.level[0].gen, -EIO, &value), -EIO, "on its own now");
    tear_down(&tower);
}

Test(chain_close, a_delegator_may_catch_that_and_end)
{
    struct tower tower = {.level = {{.yields = true}, {.ends = true}}};

    build(&tower);
    cr_assert_eq(hkt_gen_close(outer(&tower)), 0);
    cr_assert_eq(tower.level[1].seen, -EPROTO);
    cr_assert_eq(tower.level[2].seen, HKT_ECLOSE);
    tear_down(&tower);
}

Test(chain_close, a_middle_one_that_yields_is_eproto_in_the_outer)
{
    struct tower tower = {.level = {{.ends = true}, {.yields = true}}};

    build(&tower);
    cr_assert_eq(hkt_gen_close(outer(&tower)), -EPROTO);
    cr_assert_eq(tower.level[2].seen, -EPROTO);
    cr_assert_eq(hkt_gen_state(tower.level[1].gen), HKT_SUSPENDED);
    cr_assert_null(hkt_gen_delegate(tower.level[1].gen));
    tear_down(&tower);
}

Test(chain_close, an_outer_one_that_yields_is_eproto_for_the_closer_and_its_delegates_are_gone)
{
    struct tower tower = {.level = {{.ends = true}, {.ends = true}, {.yields = true}}};
    void *value;

    build(&tower);
    cr_assert_eq(hkt_gen_close(outer(&tower)), -EPROTO);
    cr_assert_eq(hkt_gen_state(outer(&tower)), HKT_SUSPENDED);
    cr_assert_null(hkt_gen_delegate(outer(&tower)));
    cr_assert_eq(hkt_gen_state(tower.level[1].gen), HKT_FINISHED);
    cr_assert_eq(hkt_gen_next(outer(&tower), &value), HKT_ECLOSE, "its answer at last");
    tear_down(&tower);
}

Test(chain_close, throwing_hkt_eclose_closes_the_delegates_and_may_be_caught_by_the_outer)
{
    struct tower tower = {.level = {{.ends = true}, {.ends = true}, {.yields = true}}};
    void *value;

    build(&tower);
    cr_assert_eq(hkt_gen_throw(outer(&tower), HKT_ECLOSE, &value), 1);
    cr_assert_eq(value, &tower.level[2].seen);
    cr_assert_eq(tower.level[2].seen, HKT_ECLOSE);
    cr_assert_str_eq(tower.trail.text, "abc");
    tear_down(&tower);
}

Test(chain_close, throwing_hkt_eclose_where_a_delegate_fails_with_ebusy_raises_that)
{
    struct tower tower = {.level = {{.answer = -EBUSY}, {.ends = false}, {.yields = true}}};
    void *value;

    build(&tower);
    cr_assert_eq(hkt_gen_throw(outer(&tower), HKT_ECLOSE, &value), 1);
    cr_assert_eq(tower.level[2].seen, -EBUSY);
    tear_down(&tower);
}

Test(chain_close, throwing_anything_else_closes_nobody)
{
    struct tower tower = {.level = {{.yields = true}}};
    void *value;

    build(&tower);
    cr_assert_eq(hkt_gen_throw(outer(&tower), -ECANCELED, &value), 1);
    cr_assert_eq(value, &tower.level[0].seen, "caught by the innermost");
    cr_assert_eq(tower.level[0].seen, -ECANCELED);
    cr_assert_eq(hkt_gen_delegate(outer(&tower)), tower.level[1].gen);
    tear_down(&tower);
}

/* Cleanup in a delegate that tries to use the chain above it. */
struct meddler {
    struct hkt_gen *mid, *out;
    struct reports reports;
    int tried;
};

static int meddle(struct hkt_gen *self, void *arg)
{
    struct meddler *m = arg;
    struct hkt_gen *const above[] = {m->mid, m->out};
    int rc = hkt_yield(self, NULL, NULL);

    for (int i = 0; i < 2; i++) {
        cr_expect_eq(hkt_gen_next(above[i], NULL), -EBUSY, "%d", i);
        cr_expect_eq(hkt_gen_throw(above[i], -EIO, NULL), -EBUSY, "%d", i);
        cr_expect_eq(hkt_gen_close(above[i]), -EBUSY, "%d", i);
        hkt_gen_free(above[i]);
        cr_expect_eq(m->reports.count, ++m->tried, "%d: the free was refused", i);
    }
    return rc;
}

Test(chain_close, those_above_are_as_good_as_running_while_a_delegate_cleans_up)
{
    struct meddler m = {.tried = 0};
    struct hkt_gen *in = hkt_gen_new(meddle, &m);

    m.mid = hkt_gen_new(all_of, in);
    m.out = hkt_gen_new(all_of, m.mid);
    reports_to(&m.reports);
    cr_assert_eq(hkt_gen_next(m.out, NULL), 1);
    cr_assert_eq(hkt_gen_close(m.out), 0);
    cr_assert_eq(m.tried, 2);
    cr_assert_eq(hkt_gen_state(m.out), HKT_FINISHED);
    hkt_gen_free(m.out);
    hkt_gen_free(m.mid);
    hkt_gen_free(in);
    cr_assert_eq(m.reports.count, 2, "these were not refused");
}

Test(chain_close, free_of_the_outer_closes_all_and_leaves_the_delegates_to_their_owner)
{
    struct tower tower = {.level = {{.ends = false}}};

    build(&tower);
    hkt_gen_free(outer(&tower));
    cr_assert_str_eq(tower.trail.text, "abc");
    cr_assert_eq(hkt_gen_state(tower.level[0].gen), HKT_FINISHED);
    hkt_gen_free(tower.level[1].gen);
    hkt_gen_free(tower.level[0].gen);
}

Test(chain_close, free_of_an_outer_that_ignores_it_is_reported_once)
{
    struct tower tower = {.level = {{.ends = true}, {.ends = true}, {.yields = true}}};
    struct reports reports;

    build(&tower);
    reports_to(&reports);
    hkt_gen_free(outer(&tower));
    cr_assert_eq(reports.count, 1);
    hkt_gen_free(tower.level[1].gen);
    hkt_gen_free(tower.level[0].gen);
    cr_assert_eq(reports.count, 1);
}

Test(chain_close, a_failing_delegate_does_not_keep_the_outer_from_being_freed)
{
    struct tower tower = {.level = {{.answer = -EBUSY}}};
    struct reports reports;

    build(&tower);
    reports_to(&reports);
    hkt_gen_free(outer(&tower));
    cr_assert_eq(reports.count, 1, "its error is told");
    cr_assert(reports_say(&reports, hkt_strerror(-EBUSY)), "%s", reports.last);
    cr_assert_eq(tower.level[2].seen, -EBUSY);
    hkt_gen_free(tower.level[1].gen);
    hkt_gen_free(tower.level[0].gen);
}
