/* SPDX-License-Identifier: MIT
 *
 * The headers from C++17: everything that reads well in C reads well here.
 */
#include "base/reports.h"
#include "support/test.h"

#include <hocket/hocket.h>

#include <string>
#include <vector>

namespace
{

struct point {
    int x, y;
};

HKT_GEN_OF(ints, int);
HKT_GEN_OF(strs, const char *);
HKT_GEN_OF(points, point);

int count_up(struct hkt_gen *self, void *stop)
{
    for (int i = 0; i < *static_cast<int *>(stop); i++)
        HKT_TRY(ints_yield(self, i));
    return 0;
}

Test(cplusplus, a_typed_generator_needs_no_casts)
{
    int stop = 10, sum = 0;
    hkt_auto_gen g = hkt_gen_new(count_up, &stop);

    for (int x; ints_next(g, &x) > 0;)
        sum += x;
    cr_assert_eq(sum, 45);
}

Test(cplusplus, each_runs_a_loop_and_closes)
{
    int stop = 10, sum = 0, rc;

    HKT_EACH(ints, x, hkt_gen_new(count_up, &stop), &rc) {
        if (x == 5)
            break;
        sum += x;
    }
    cr_assert_eq(sum, 10);
    cr_assert_eq(rc, 0);
}

/* As small as a pointer, but not to be copied by its bytes. */
class counted
{
  public:
    explicit counted(int *count = nullptr) : count(count)
    {
        add(1);
    }
    counted(const counted &from) : count(from.count)
    {
        add(1);
    }
    counted &operator=(const counted &from)
    {
        add(-1);
        count = from.count;
        add(1);
        return *this;
    }
    ~counted()
    {
        add(-1);
    }

  private:
    void add(int n) const
    {
        if (count)
            *count += n;
    }
    int *count;
};

HKT_GEN_OF(counteds, counted);

int yield_counted(struct hkt_gen *self, void *count)
{
    return counteds_yield(self, counted(static_cast<int *>(count)));
}

Test(cplusplus, a_small_value_with_a_copy_constructor_is_copied_by_it)
{
    int count = 0;
    {
        hkt_auto_gen g = hkt_gen_new(yield_counted, &count);
        counted c;
        cr_assert_eq(counteds_next(g, &c), 1);
        cr_assert(count >= 2, "the yielder's and this one");
        while (counteds_next(g, &c) > 0)
            continue;
        cr_assert_eq(count, 1);
    }
    cr_assert_eq(count, 0);
}

int hello(struct hkt_gen *self, void *)
{
    const char *answer = nullptr;

    HKT_TRY(strs_yield_recv(self, "Hello", &answer));
    return strs_yield(self, answer);
}

Test(cplusplus, values_are_sent_and_thrown)
{
    hkt_auto_gen g = hkt_gen_new(hello, nullptr);
    const char *s;

    cr_assert_eq(strs_next(g, &s), 1);
    cr_assert_str_eq(s, "Hello");
    cr_assert_eq(strs_send(g, "World", &s), 1);
    cr_assert_str_eq(s, "World");
    cr_assert_eq(strs_throw(g, -EIO, &s), -EIO);
}

int corners(struct hkt_gen *self, void *)
{
    for (int i = 0; i < 3; i++)
        HKT_TRY(points_yield(self, point{i, i * i}));
    return 0;
}

int corners_twice(struct hkt_gen *self, void *)
{
    for (int i = 0; i < 2; i++) {
        hkt_auto_gen sub = hkt_gen_new(corners, nullptr);
        HKT_TRY(hkt_yield_from(self, sub, nullptr));
    }
    return 0;
}

Test(cplusplus, structs_and_delegation)
{
    hkt_auto_gen g = hkt_gen_new(corners_twice, nullptr);
    int sum = 0;

    for (point p; points_next(g, &p) > 0;)
        sum += p.x * 10 + p.y;
    cr_assert_eq(sum, 2 * (30 + 5));
}

int words(struct hkt_coro *self, void *arg)
{
    std::string text = "a long enough string to be on the heap, word ";
    auto *out = static_cast<std::vector<std::string> *>(arg);

    for (int i = 0;; i++) {
        out->push_back(text + std::to_string(i));
        HKT_TRY(hkt_coro_yield(self, nullptr, nullptr));
    }
}

Test(cplusplus, objects_live_on_a_coroutines_stack_and_are_destroyed_when_it_is_closed)
{
    std::vector<std::string> out;
    {
        hkt_auto_coro c = hkt_coro_new(words, &out);
        for (int i = 0; i < 5; i++)
            cr_assert_eq(hkt_coro_resume(c, nullptr, nullptr), 1);
    }
    cr_assert_eq(out.size(), 5u);
    cr_assert_str_eq(out[4].c_str(), "a long enough string to be on the heap, word 4");
}

void append(void *text)
{
    static_cast<std::string *>(text)->push_back('d');
}

Test(cplusplus, defer_runs_among_destructors)
{
    std::string text;
    {
        HKT_DEFER(append, &text);
        text = "x";
    }
    cr_assert_str_eq(text.c_str(), "xd");
}

Test(cplusplus, iter_and_range)
{
    struct hkt_gen *g = hkt_range(0, 100, 1);
    const int64_t four = 4;
    struct hkt_iter it = hkt_iter(
        [](void *ctx, void *out) {
            return hkt_ints_next(static_cast<struct hkt_gen *>(ctx), static_cast<int64_t *>(out));
        },
        g, &four, sizeof four);
    int64_t x, sum = 0;

    while (hkt_iter_next(&it, &x) > 0)
        sum += x;
    cr_assert_eq(sum, 6);
    hkt_gen_free(g);
}

} // namespace
