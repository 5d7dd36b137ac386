/* SPDX-License-Identifier: MIT
 *
 * Options of coroutines, in and out of range.
 */
#include "base/os.h"
#include "base/reports.h"
#include "base/where.h"
#include "coro/bodies.h"
#include "coro/stack.h"
#include "support/test.h"

#include <stdalign.h>
#include <string.h>

static void refused(const struct hkt_coro_opts *opts, const char *value)
{
    struct reports reports;

    reports_to(&reports);
    cr_expect_null(hkt_coro_new_opts(must_not_run, NULL, opts), "%s", value);
    cr_expect_eq(reports.count, 1, "%s", value);
    cr_expect(reports_say(&reports, value), "its value, %s, in: %s", value, reports.last);
    cr_expect(reports_say(&reports, opts->name ? opts->name : "'coro'"), "%s", reports.last);
}

Test(opts, a_stack_below_the_least_is_reported_with_its_value)
{
    refused(&(struct hkt_coro_opts){.name = "tiny", .stack_size = 2047}, "2047");
    refused(&(struct hkt_coro_opts){.stack_size = 1}, " 1 ");
}

Test(opts, own_memory_below_the_least_is_reported_with_its_value)
{
    static char memory[HKT_STACK_MIN];

    refused(&(struct hkt_coro_opts){.name = "mine", .stack = memory, .stack_size = 2047}, "2047");
    refused(&(struct hkt_coro_opts){.name = "mine", .stack = memory}, " 0 ");
}

Test(opts, a_stack_larger_than_any_is_reported_with_its_value)
{
    char text[32];

    snprintf(text, sizeof text, "%zu", SIZE_MAX);
    refused(&(struct hkt_coro_opts){.name = "vast", .stack_size = SIZE_MAX}, text);
    snprintf(text, sizeof text, "%zu", SIZE_MAX / 2 + 2);
    refused(&(struct hkt_coro_opts){.stack_size = SIZE_MAX / 2 + 2}, text);
}

Test(opts, unknown_flags_are_reported_with_their_value)
{
    refused(&(struct hkt_coro_opts){.name = "odd", .flags = 0x40000000}, "0x40000000");
    refused(&(struct hkt_coro_opts){.flags = 0x85 | HKT_CORO_PAINT}, "0x87");
}

static size_t power_of_two_above(size_t size)
{
    size_t power = 1;

    while (power < size)
        power *= 2;
    return power;
}

static size_t usable(size_t stack_size)
{
    const struct hkt_coro_opts opts = {.stack_size = stack_size};
    struct hkt_coro *c = hkt_coro_new_opts(must_not_run, NULL, &opts);
    size_t size = hkt_coro_stack_size(c);

    cr_assert_not_null(c, "size %zu", stack_size);
    hkt_coro_free(c);
    return size;
}

Test(opts, large_stacks_are_rounded_up_to_a_power_of_two_with_their_guard_page)
{
    const size_t sizes[] = {0, 32769, 65536, 65537, 100000, 1 << 20, (1 << 22) + 1};
    size_t page = hkt__os_page_size();

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t want = sizes[i] ? sizes[i] : 65536;
        cr_expect_eq(usable(sizes[i]) + page, power_of_two_above(want), "size %zu", want);
    }
}

Test(opts, a_stack_that_is_not_large_has_at_least_the_bytes_that_were_asked_for)
{
    size_t page = hkt__os_page_size();

    cr_expect_eq(usable(2048), 2048u);
    cr_expect_eq(usable(4096), page);
    for (size_t size = 2048; size <= 32768; size += 256) {
        cr_expect(usable(size) >= size, "%zu of %zu", usable(size), size);
        cr_expect(usable(size) <= 4 * (size < page ? page : size), "%zu of %zu", usable(size),
                  size);
    }
}

Test(opts, what_is_needed_is_had_by_asking_for_what_is_said_to_have_it)
{
    for (size_t need = 1; need < 300000; need += 1 + need / 16) {
        size_t size = hkt__stack_for(need);
        cr_expect(usable(size) >= need, "%zu for %zu", size, need);
        cr_expect(size == HKT_STACK_MIN || size / 2 <= need + hkt__os_page_size(), "%zu for %zu",
                  size, need);
    }
    cr_expect_eq(hkt__stack_for(1968), 2048u);
    cr_expect_eq(hkt__stack_for(1969), 4096u, "64 bytes are a canary, 16 are not used");
    cr_expect_eq(hkt__stack_for(32768), 32768u);
    cr_expect_eq(hkt__stack_for(SIZE_MAX / 4), hkt__stack_most());
}

/* Uses about `bytes` of the stack and yields there. */
static __attribute__((noinline)) int use(struct hkt_coro *self, size_t bytes)
{
    volatile char block[1024];
    int rc;

    block[0] = 1;
    rc = bytes <= 2048 ? yield_here(self) : use(self, bytes - 1024 - 256);
    return rc - block[0] + 1;
}

static int use_most(struct hkt_coro *self, void *arg)
{
    (void)arg;
    return use(self, hkt_coro_stack_size(self) * 7 / 8);
}

Test(opts, a_stack_of_any_size_can_be_used)
{
    const size_t sizes[] = {32768, 65536, 1 << 20, 1 << 24};

    if (where_sanitizer())
        cr_skip_test("frames are larger under a sanitizer");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct hkt_coro_opts opts = {.stack_size = sizes[i]};
        struct hkt_coro *c = hkt_coro_new_opts(use_most, NULL, &opts);
        cr_assert_eq(resume(c), 1, "size %zu", sizes[i]);
        cr_assert_eq(hkt_coro_close(c), 0, "size %zu", sizes[i]);
        hkt_coro_free(c);
    }
}

Test(opts, the_least_stack_is_enough_for_a_plain_body)
{
    static alignas(64) char memory[HKT_STACK_MIN];
    const struct hkt_coro_opts opts[] = {{.stack_size = HKT_STACK_MIN},
                                         {.stack_size = HKT_STACK_MIN, .stack = memory}};

    for (int i = 0; i < 2; i++) {
        struct answer answer = {.rc = HKT_ECLOSE};
        struct hkt_coro *c = hkt_coro_new_opts(answer_close, &answer, &opts[i]);
        cr_assert(hkt_coro_stack_size(c) >= HKT_STACK_MIN / 2);
        if (!where_sanitizer()) { /* where frames need more */
            cr_assert_eq(resume(c), 1);
            cr_assert_eq(hkt_coro_close(c), 0);
        }
        hkt_coro_free(c);
    }
}

Test(opts, own_memory_is_used_and_nothing_around_it)
{
    static alignas(64) unsigned char memory[3 * 8192];

    for (size_t shift = 0; shift < 64; shift += 7) {
        const struct hkt_coro_opts opts = {.stack = memory + 8192 + shift,
                                           .stack_size = 8192 - 3 * shift / 2};
        struct answer answer = {.rc = HKT_ECLOSE};
        memset(memory, 0xa5, sizeof memory);
        struct hkt_coro *c = hkt_coro_new_opts(answer_close, &answer, &opts);
        cr_assert((unsigned char *)c >= memory + 8192 && (unsigned char *)c < memory + 2 * 8192,
                  "the control block is in it too");
        cr_assert(hkt_coro_stack_size(c) > opts.stack_size / 2);
        cr_assert(hkt_coro_stack_size(c) < opts.stack_size);
        if (!where_sanitizer()) { /* where frames need more */
            cr_assert_eq(resume(c), 1);
            cr_assert_eq(hkt_coro_close(c), 0);
        }
        hkt_coro_free(c);
        for (size_t i = 0; i < 8192 + shift; i++)
            cr_assert_eq(memory[i], 0xa5, "byte %zu below", i);
        for (size_t i = 8192 + shift + opts.stack_size; i < sizeof memory; i++)
            cr_assert_eq(memory[i], 0xa5, "byte %zu above", i);
    }
}

Test(opts, no_options_are_the_defaults)
{
    const struct hkt_coro_opts none = {0};
    struct hkt_coro *a = hkt_coro_new_opts(must_not_run, NULL, NULL);
    struct hkt_coro *b = hkt_coro_new_opts(must_not_run, NULL, &none);
    struct hkt_coro *c = hkt_coro_new(must_not_run, NULL);

    cr_assert_eq(hkt_coro_stack_size(a), hkt_coro_stack_size(c));
    cr_assert_eq(hkt_coro_stack_size(b), hkt_coro_stack_size(c));
    cr_assert_str_eq(hkt_coro_name(b), hkt_coro_name(c));
    hkt_coro_free(a);
    hkt_coro_free(b);
    hkt_coro_free(c);
}
