/* SPDX-License-Identifier: MIT
 *
 * Symmetric transfer: one coroutine hands over to another, which runs for the same resumer.
 */
#include "coro/bodies.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <stdalign.h>

struct pair {
    struct hkt_coro *a, *b;
    int x, y, z;
};

static int hand_to_b(struct hkt_coro *self, void *arg)
{
    struct pair *pair = arg;
    void *back;

    cr_expect_eq(hkt_coro_transfer(self, pair->b, NULL, &back), 0);
    cr_expect_eq(back, &pair->y, "what the next resume of a brings");
    cr_expect_eq(hkt_coro_transfer(self, pair->b, &pair->z, &back), 0);
    cr_expect_null(back);
    return 21;
}

static int yield_in_its_place(struct hkt_coro *self, void *arg)
{
    struct pair *pair = arg;
    void *in;

    cr_expect_eq(hkt_coro_state(pair->a), HKT_SUSPENDED);
    cr_expect_eq(hkt_coro_state(self), HKT_RUNNING);
    HKT_TRY(hkt_coro_yield(self, &pair->x, &in));
    cr_expect_eq(in, &pair->z, "what the transfer brings to a pending yield");
    return 22;
}

Test(transfer, what_the_other_yields_and_its_end_go_to_the_resumer_of_the_first)
{
    struct pair pair;
    void *value;

    pair.a = hkt_coro_new(hand_to_b, &pair);
    pair.b = hkt_coro_new(yield_in_its_place, &pair);
    cr_assert_eq(hkt_coro_resume(pair.a, NULL, &value), 1);
    cr_assert_eq(value, &pair.x, "from b");
    cr_assert_eq(hkt_coro_state(pair.a), HKT_SUSPENDED);
    cr_assert_eq(hkt_coro_state(pair.b), HKT_SUSPENDED);
    cr_assert_eq(hkt_coro_resume(pair.a, &pair.y, &value), 0, "b ended");
    cr_assert_null(value);
    cr_assert_eq(hkt_coro_state(pair.b), HKT_FINISHED);
    cr_assert_eq(hkt_coro_result(pair.b), 22);
    cr_assert_eq(hkt_coro_state(pair.a), HKT_SUSPENDED);
    cr_assert_eq(resume(pair.a), 0, "a ended");
    cr_assert_eq(hkt_coro_result(pair.a), 21);
    hkt_coro_free(pair.a);
    hkt_coro_free(pair.b);
}

struct ring {
    struct hkt_coro *member[10];
    long turns;
};

static int ring_body(struct hkt_coro *self, void *arg)
{
    struct ring *ring = arg;
    int me = 0;

    while (ring->member[me] != self)
        me++;
    struct hkt_coro *next = ring->member[(me + 1) % 10];
    while (ring->turns-- > 0) {
        void *back;
        /* Nothing can be sent to one that has not begun. */
        void *in = hkt_coro_state(next) == HKT_CREATED ? NULL : (void *)ring;
        HKT_TRY(hkt_coro_transfer(self, next, in, &back));
        cr_expect(back == ring || ring->turns < 0, "only at the end another resumes");
    }
    return me;
}

static void run_ring(const struct hkt_coro_opts opts[10], long turns)
{
    struct ring ring = {.turns = turns};
    int running = 0;

    for (int i = 0; i < 10; i++)
        ring.member[i] = hkt_coro_new_opts(ring_body, &ring, &opts[i]);
    cr_assert_eq(resume(ring.member[0]), 0);
    for (int i = 0; i < 10; i++) {
        bool finished = hkt_coro_state(ring.member[i]) == HKT_FINISHED;
        running += !finished;
        cr_assert_eq(resume(ring.member[i]), finished ? -ESHUTDOWN : 0, "member %d", i);
        cr_assert_eq(hkt_coro_result(ring.member[i]), i);
        hkt_coro_free(ring.member[i]);
    }
    cr_assert_eq(running, 9, "one finished, the others were suspended");
}

Test(transfer, a_ring_of_ten_goes_round_and_round)
{
    const struct hkt_coro_opts opts[10] = {{0}};

    run_ring(opts, 200000);
}

Test(transfer, a_ring_of_all_kinds_of_coroutines)
{
    static alignas(64) char memory[3][32768];
    struct hkt_coro_opts opts[10] = {{0}};

    for (int i = 0; i < 10; i++) {
        if (i % 3 == 0 && i < 9)
            opts[i] = (struct hkt_coro_opts){.stack = memory[i / 3], .stack_size = 32768};
        opts[i].flags = (i & 1 ? HKT_CORO_FPENV : 0u) | (i == 4 ? HKT_CORO_PAINT : 0u);
    }
    run_ring(opts, 20000);
}

struct targets {
    struct hkt_coro *outer, *finished, *fresh;
};

static int try_targets(struct hkt_coro *self, void *arg)
{
    struct targets *to = arg;
    int x;
    void *back = &x;

    cr_expect_eq(hkt_coro_transfer(self, NULL, NULL, &back), -ENOMEM);
    cr_expect_eq(hkt_coro_transfer(NULL, self, NULL, &back), -ENOMEM);
    cr_expect_null(back);
    cr_expect_eq(hkt_coro_transfer(self, self, NULL, NULL), -EBUSY, "itself");
    cr_expect_eq(hkt_coro_transfer(self, to->outer, NULL, NULL), -EBUSY, "its resumer");
    cr_expect_eq(hkt_coro_transfer(self, to->finished, NULL, NULL), -ESHUTDOWN);
    cr_expect_eq(hkt_coro_transfer(self, to->fresh, &x, NULL), -EINVAL, "no pending yield");
    cr_expect_eq(hkt_coro_state(self), HKT_RUNNING);
    return hkt_coro_yield(self, NULL, NULL);
}

static int resume_to_the_end(struct hkt_coro *self, void *inner)
{
    (void)self;
    while (resume(inner) > 0)
        continue;
    return hkt_coro_result(inner);
}

Test(transfer, what_cannot_go_on_is_refused_and_the_caller_runs_on)
{
    struct targets to;
    struct hkt_coro *inner = hkt_coro_new(try_targets, &to);

    to.outer = hkt_coro_new(resume_to_the_end, inner);
    to.fresh = hkt_coro_new(try_targets, &to);
    to.finished = hkt_coro_new(try_targets, &to);
    cr_assert_eq(hkt_coro_close(to.finished), 0);
    cr_assert_eq(resume(to.outer), 0);
    cr_assert_eq(hkt_coro_result(inner), 0);
    cr_assert_eq(hkt_coro_state(to.fresh), HKT_CREATED);
    hkt_coro_free(to.outer);
    hkt_coro_free(to.fresh);
    hkt_coro_free(to.finished);
    hkt_coro_free(inner);
}

Test(transfer, from_one_that_does_not_run_is_eperm)
{
    struct pair pair;

    pair.a = hkt_coro_new(hand_to_b, &pair);
    pair.b = hkt_coro_new(yield_in_its_place, &pair);
    cr_assert_eq(hkt_coro_transfer(pair.a, pair.b, NULL, NULL), -EPERM);
    cr_assert_eq(hkt_coro_state(pair.b), HKT_CREATED);
    hkt_coro_free(pair.a);
    hkt_coro_free(pair.b);
}

static int hand_over_and_report(struct hkt_coro *self, void *arg)
{
    struct pair *pair = arg;

    pair->x = hkt_coro_transfer(self, pair->b, NULL, NULL);
    return pair->x;
}

static int yield_for_ever(struct hkt_coro *self, void *arg)
{
    for (;;)
        HKT_TRY(hkt_coro_yield(self, arg, NULL));
}

Test(transfer, one_that_transferred_away_can_be_closed_there)
{
    struct pair pair;

    pair.a = hkt_coro_new(hand_over_and_report, &pair);
    pair.b = hkt_coro_new(yield_for_ever, NULL);
    cr_assert_eq(resume(pair.a), 1);
    cr_assert_eq(hkt_coro_close(pair.a), 0);
    cr_assert_eq(pair.x, HKT_ECLOSE);
    cr_assert_eq(resume(pair.b), 1, "the other does not mind");
    hkt_coro_free(pair.a);
    hkt_coro_free(pair.b);
}

/* Answers its close by handing over to another, which runs for the closer. */
static int flee(struct hkt_coro *self, void *arg)
{
    struct pair *pair = arg;

    (void)!hkt_coro_yield(self, NULL, NULL);
    return hkt_coro_transfer(self, pair->b, NULL, NULL);
}

static int end_with(struct hkt_coro *self, void *rc)
{
    (void)self;
    return *(int *)rc;
}

Test(transfer, one_that_answers_its_close_so_has_not_been_closed)
{
    int ends[] = {0, -EIO, HKT_ECLOSE, -EBUSY};

    for (int i = 0; i < 5; i++) {
        struct pair pair;
        pair.a = hkt_coro_new(flee, &pair);
        pair.b = i < 4 ? hkt_coro_new(end_with, &ends[i]) : hkt_coro_new(yield_for_ever, NULL);
        cr_assert_eq(resume(pair.a), 1);
        cr_assert_eq(i & 1 ? hkt_coro_close(pair.a) : hkt_coro_reset(pair.a, flee, &pair), -EPROTO,
                     "whatever became of the other, %d", i);
        cr_assert_eq(hkt_coro_state(pair.a), HKT_SUSPENDED);
        cr_assert_eq(hkt_coro_close(pair.a), 0);
        hkt_coro_free(pair.a);
        hkt_coro_free(pair.b);
    }
}

/* The inner one hands over its resumer, the outer one, not the thread. */
static int resume_a(struct hkt_coro *self, void *arg)
{
    struct pair *pair = arg;
    void *value;

    cr_expect_eq(hkt_coro_resume(pair->a, NULL, &value), 1);
    cr_expect_eq(value, &pair->z, "b yielded to me");
    HKT_TRY(hkt_coro_yield(self, &pair->y, NULL));
    cr_expect_eq(hkt_coro_resume(pair->b, NULL, &value), 1);
    return 0;
}

Test(transfer, inside_another_the_resumer_is_that_other)
{
    struct pair pair;
    void *value;
    struct hkt_coro *outer = hkt_coro_new(resume_a, &pair);

    pair.a = hkt_coro_new(hand_over_and_report, &pair);
    pair.b = hkt_coro_new(yield_for_ever, &pair.z);
    cr_assert_eq(hkt_coro_resume(outer, NULL, &value), 1);
    cr_assert_eq(value, &pair.y);
    cr_assert_eq(resume(outer), 0);
    hkt_coro_free(pair.a);
    hkt_coro_free(pair.b);
    hkt_coro_free(outer);
}

/* The outer one hands over from the stack of the inner one, which stays waiting for it. */
static int hand_over_the_outer(struct hkt_coro *self, void *arg)
{
    struct pair *pair = arg;

    (void)self;
    cr_expect_eq(hkt_coro_transfer(pair->a, pair->b, NULL, NULL), 0);
    return 31;
}

static int resume_inner(struct hkt_coro *self, void *arg)
{
    struct hkt_coro *inner = hkt_coro_new(hand_over_the_outer, arg);

    (void)self;
    cr_expect_eq(resume(inner), 0);
    int rc = hkt_coro_result(inner);
    hkt_coro_free(inner);
    return rc;
}

Test(transfer, an_outer_one_can_be_handed_over_from_inside_those_it_resumed)
{
    struct pair pair;
    void *value;

    pair.a = hkt_coro_new(resume_inner, &pair);
    pair.b = hkt_coro_new(yield_for_ever, &pair.z);
    cr_assert_eq(hkt_coro_resume(pair.a, NULL, &value), 1);
    cr_assert_eq(value, &pair.z, "from b");
    cr_assert_eq(hkt_coro_state(pair.a), HKT_SUSPENDED);
    cr_assert_eq(resume(pair.a), 0);
    cr_assert_eq(hkt_coro_result(pair.a), 31);
    hkt_coro_free(pair.a);
    hkt_coro_free(pair.b);
}

static int gen_transfer(struct hkt_gen *self, void *to)
{
    return hkt_coro_transfer(HKT__CORO_OF(self), to, NULL, NULL);
}

static int gen_yield_for_ever(struct hkt_gen *self, void *arg)
{
    for (;;)
        HKT_TRY(hkt_yield(self, arg, NULL));
}

static int gen_delegate(struct hkt_gen *self, void *sub)
{
    return hkt_yield_from(self, sub, NULL);
}

Test(transfer, out_of_or_into_a_chain_of_generators_is_ebusy)
{
    struct hkt_coro *b = hkt_coro_new(yield_for_ever, NULL);
    struct hkt_gen *sub = hkt_gen_new(gen_transfer, b);
    struct hkt_gen *out = hkt_gen_new(gen_delegate, sub);
    struct hkt_gen *sub2 = hkt_gen_new(gen_yield_for_ever, NULL);
    struct hkt_gen *out2 = hkt_gen_new(gen_delegate, sub2);
    struct hkt_gen *into_sub = hkt_gen_new(gen_transfer, sub2);
    struct hkt_gen *into_out = hkt_gen_new(gen_transfer, out2);

    cr_assert_eq(hkt_gen_next(out, NULL), -EBUSY);
    cr_assert_eq(hkt_gen_next(out2, NULL), 1);
    cr_assert_eq(hkt_gen_next(into_sub, NULL), -EBUSY);
    cr_assert_eq(hkt_gen_next(into_out, NULL), -EBUSY);
    cr_assert_eq(hkt_gen_next(out2, NULL), 1, "undisturbed");
    hkt_gen_free(into_out);
    hkt_gen_free(into_sub);
    hkt_gen_free(out2);
    hkt_gen_free(sub2);
    hkt_gen_free(out);
    hkt_gen_free(sub);
    hkt_coro_free(b);
}
