/* SPDX-License-Identifier: MIT
 *
 * Typed faces: no casts in user code, and a wrong one is caught in debug builds.
 */
#include "base/reports.h"
#include "gen/bodies.h"
#include "support/test.h"

#include <string.h>

struct point {
    double x, y;
    char name[24];
};

HKT_GEN_OF(strs, const char *);
HKT_GEN_OF(points, struct point);
HKT_GEN_OF(bytes, unsigned char);
HKT_GEN_OF(gens, struct hkt_gen *);

static int corners(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        struct point p = {i, i * 0.5, "corner"};
        HKT_TRY(points_yield(self, p));
    }
    return 0;
}

Test(face, a_struct_is_yielded_and_copied_out_whole)
{
    struct hkt_gen *g = hkt_gen_new(corners, NULL);
    struct point p;

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(points_next(g, &p), 1);
        cr_assert(p.x == i && p.y == i * 0.5);
        cr_assert_str_eq(p.name, "corner");
    }
    cr_assert_eq(points_next(g, &p), 0);
    hkt_gen_free(g);
}

/* What travels in a register has an address for whoever asks by the untyped calls, until the next
 * step; also when it comes from a delegate, and from one that is driven by steps. */
static void expect_addresses(struct hkt_gen *g, int first)
{
    void *a = NULL, *b = NULL;

    cr_assert_eq(hkt_gen_next(g, &a), 1);
    cr_assert_eq(*(int *)a, first);
    cr_assert_eq(hkt_gen_send(g, NULL, &b), 1);
    cr_assert_eq(*(int *)b, first + 1);
    cr_assert_eq(hkt_gen_next(g, NULL), 1, "a value that nobody asks for");
}

Test(face, the_untyped_calls_give_the_address_of_a_small_value)
{
    int stop = 10, x;
    struct hkt_gen *sub = hkt_gen_new(count_up, &stop);
    struct hkt_gen *first = hkt_gen_new(all_of, sub), *second = hkt_gen_new(all_of, sub);

    expect_addresses(sub, 0);
    expect_addresses(first, 3);
    expect_addresses(second, 6);
    cr_assert_eq(ints_next(second, &x), 1);
    cr_assert_eq(x, 9);
    hkt_gen_free(second);
    hkt_gen_free(first);
    hkt_gen_free(sub);
}

static int swallow_one(struct hkt_gen *self, void *arg)
{
    int rc = ints_yield(self, 1);

    *(int *)arg = rc;
    return ints_yield(self, 2);
}

Test(face, a_throw_gives_the_address_of_a_small_value)
{
    int answered = 0;
    void *value = NULL;
    struct hkt_gen *g = hkt_gen_new(swallow_one, &answered);

    cr_assert_eq(hkt_gen_next(g, &value), 1);
    cr_assert_eq(hkt_gen_throw(g, -EIO, &value), 1);
    cr_assert_eq(answered, -EIO);
    cr_assert_eq(*(int *)value, 2);
    hkt_gen_free(g);
}

static int yield_addresses(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (int i = 5; i < 8; i++)
        HKT_TRY(hkt_yield(self, &i, NULL));
    return 0;
}

Test(face, a_small_value_that_is_yielded_by_its_address_is_copied_out)
{
    struct hkt_gen *g = hkt_gen_new(yield_addresses, NULL);
    int sum = 0;

    for (int x; ints_next(g, &x) > 0;)
        sum += x;
    cr_assert_eq(sum, 18);
    hkt_gen_free(g);
}

struct pair {
    char letter;
    short number;
};

HKT_GEN_OF(pairs, struct pair);

static int some_pairs(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (short i = 0; i < 3; i++) {
        struct pair p = {(char)('a' + i), (short)-i};
        HKT_TRY(pairs_yield(self, p));
    }
    return 0;
}

Test(face, a_small_struct_is_yielded_whole)
{
    struct hkt_gen *g = hkt_gen_new(some_pairs, NULL);
    struct pair p;

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pairs_next(g, &p), 1);
        cr_assert(p.letter == 'a' + i && p.number == -i);
    }
    cr_assert_eq(pairs_next(g, &p), 0);
    hkt_gen_free(g);
}

static int hello(struct hkt_gen *self, void *arg)
{
    const char *answer = NULL;

    (void)arg;
    HKT_TRY(strs_yield_recv(self, "Hello", &answer));
    return strs_yield(self, answer);
}

Test(face, hello_is_yielded_and_world_is_sent_and_yielded_back)
{
    struct hkt_gen *g = hkt_gen_new(hello, NULL);
    const char *s;

    cr_assert_eq(strs_next(g, &s), 1);
    cr_assert_str_eq(s, "Hello");
    cr_assert_eq(strs_send(g, "World", &s), 1);
    cr_assert_str_eq(s, "World");
    cr_assert_eq(strs_next(g, &s), 0);
    hkt_gen_free(g);
}

/* Yields what yield_recv answered, then what it stored. */
static int say_received(struct hkt_gen *self, void *arg)
{
    for (;;) {
        int in = -77;
        int rc = ints_yield_recv(self, 0, &in);
        if (rc == HKT_ECLOSE)
            return rc;
        *(int *)arg = in;
        HKT_TRY(ints_yield(self, rc));
    }
}

Test(face, yield_recv_answers_1_for_a_value_and_0_for_a_plain_next)
{
    int in, x;
    struct hkt_gen *g = hkt_gen_new(say_received, &in);

    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_send(g, 5, &x), 1);
    cr_assert_eq(x, 1, "a value was sent");
    cr_assert_eq(in, 5);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 0, "none was sent");
    cr_assert_eq(in, -77, "untouched");
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_send(g, 0, &x), 1);
    cr_assert_eq(x, 1, "a value that is 0 is a value");
    cr_assert_eq(in, 0);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(ints_throw(g, -EIO, &x), 1);
    cr_assert_eq(x, -EIO, "an error is told");
    cr_assert_eq(in, -77);
    cr_assert_eq(ints_next(g, &x), 1);
    hkt_gen_free(g);
}

Test(face, the_variable_is_untouched_at_the_end_and_by_errors)
{
    int stop = 1, x = 0;
    struct hkt_gen *g = hkt_gen_new(count_up, &stop);

    cr_assert_eq(ints_send(g, 1, &x), -EINVAL);
    cr_assert_eq(ints_next(g, &x), 1);
    x = 1234;
    cr_assert_eq(ints_throw(g, 0, &x), -EINVAL);
    cr_assert_eq(ints_next(g, &x), 0);
    cr_assert_eq(ints_next(g, &x), 0);
    cr_assert_eq(ints_send(g, 1, &x), 0);
    cr_assert_eq(ints_throw(g, -EIO, &x), -EIO);
    cr_assert_eq(ints_next(NULL, &x), -ENOMEM);
    cr_assert_eq(x, 1234);
    hkt_gen_free(g);
}

static int count_bytes(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (unsigned char b = 250; b; b++)
        HKT_TRY(bytes_yield(self, b));
    return 0;
}

static int make_gens(struct hkt_gen *self, void *arg)
{
    for (int i = 0; i < 3; i++) {
        struct hkt_gen *g = hkt_gen_new(count_bytes, arg);
        int rc = gens_yield(self, g);
        hkt_gen_free(g);
        HKT_TRY(rc);
    }
    return 0;
}

Test(face, generators_of_generators)
{
    struct hkt_gen *outer = hkt_gen_new(make_gens, NULL);
    int count = 0;

    for (struct hkt_gen *g; gens_next(outer, &g) > 0;)
        for (unsigned char b; bytes_next(g, &b) > 0;)
            count += b >= 250;
    cr_assert_eq(count, 18);
    hkt_gen_free(outer);
}

Test(face, stepping_through_another_type_is_caught_in_debug_builds)
{
    struct reports reports;
    const struct hkt_coro_opts opts = {.name = "counter"};
    int stop = 3, x;
    struct point p = {.x = 5};
    struct hkt_gen *g = hkt_gen_new_opts(count_up, &stop, &opts);

    reports_to(&reports);
#ifdef HKT_DEBUG
    cr_assert_eq(points_next(g, &p), -EINVAL);
    cr_assert_eq(p.x, 5);
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "'counter'"), "%s", reports.last);
    cr_assert(reports_say(&reports, "ints"), "%s", reports.last);
    cr_assert(reports_say(&reports, "points"), "%s", reports.last);
    cr_assert_eq(points_send(g, p, &p), -EINVAL);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 1, "what is sent through another type is not delivered, and steps nothing");
    cr_assert_eq(points_throw(g, -EIO, &p), -EIO, "its end has no type");
#else
    cr_assert_eq(points_next(g, &p), -EINVAL, "a word is no struct of that size");
    cr_assert_eq(p.x, 5);
#endif
    hkt_gen_free(g);
    g = hkt_gen_new(count_up, &stop);
    while (ints_next(g, &x) > 0)
        continue;
    cr_assert(reports.count <= 2, "the right face is never a mismatch");
    hkt_gen_free(g);
}

static int through(struct hkt_gen *self, void *sub)
{
    return hkt_yield_from(self, sub, NULL);
}

#ifdef HKT_DEBUG
static void expect_caught(struct hkt_gen *g)
{
    struct reports reports;
    struct point p = {.x = 5};
    int x;

    reports_to(&reports);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 0);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    cr_assert_eq(points_send(g, p, &p), -EINVAL);
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "'counter'"), "%s", reports.last);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 1, "nothing was delivered");
    cr_assert_eq(points_next(g, &p), -EINVAL);
    cr_assert_eq(p.x, 5);
    cr_assert_eq(reports.count, 2);
}
#endif

/* Whose type it is that comes out: the innermost's. */
Test(face, another_type_is_caught_through_delegates_in_debug_builds)
{
    const struct hkt_coro_opts opts = {.name = "counter"};
    int stop = 10, x;
    struct hkt_gen *sub = hkt_gen_new_opts(count_up, &stop, &opts);
    struct hkt_gen *mid = hkt_gen_new(through, sub);
    struct hkt_gen *g = hkt_gen_new(through, mid);

#ifdef HKT_DEBUG
    expect_caught(g);
#endif
    while (ints_next(g, &x) > 0)
        continue;
    hkt_gen_free(g);
    hkt_gen_free(mid);
    hkt_gen_free(sub);
}

/* A second delegator of one generator drives it by steps, and yields its values itself. */
Test(face, another_type_is_caught_through_a_shared_delegate_in_debug_builds)
{
    int stop = 10, x;
    struct point p;
    struct reports reports;
    struct hkt_gen *sub = hkt_gen_new(count_up, &stop);
    struct hkt_gen *first = hkt_gen_new(through, sub), *second = hkt_gen_new(through, sub);

    reports_to(&reports);
    cr_assert_eq(ints_next(first, &x), 1);
    cr_assert_eq(ints_next(second, &x), 1);
    cr_assert_eq(x, 1);
#ifdef HKT_DEBUG
    cr_assert_eq(points_next(second, &p), -EINVAL);
    cr_assert_eq(reports.count, 1);
#endif
    (void)p;
    hkt_gen_free(second);
    hkt_gen_free(first);
    hkt_gen_free(sub);
}

static int next_int(void *ctx, void **value)
{
    int *n = ctx;

    ++*n;
    *value = n;
    return *n < 10;
}

static int word_then_numbers(struct hkt_gen *self, void *arg)
{
    HKT_TRY(strs_yield(self, "numbers"));
    return hkt_yield_from_iter(self, next_int, arg);
}

Test(face, values_of_an_iterator_have_no_type_of_their_own)
{
    struct reports reports;
    int n = 0, x;
    const char *s;
    struct hkt_gen *g = hkt_gen_new(word_then_numbers, &n);

    reports_to(&reports);
    cr_assert_eq(strs_next(g, &s), 1);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 1);
    cr_assert_eq(ints_next(g, &x), 1);
    cr_assert_eq(x, 2);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    hkt_gen_free(g);
}

Test(face, the_same_face_of_another_file_is_the_same)
{
    struct reports reports;
    struct hkt_gen *g = hkt_range(0, 3, 1); /* its face is in the library */
    int64_t x, sum = 0;
    int rc;

    reports_to(&reports);
    while ((rc = hkt_ints_next(g, &x)) > 0)
        sum += x;
    cr_assert_eq(rc, 0);
    cr_assert_eq(sum, 3);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    hkt_gen_free(g);
}
