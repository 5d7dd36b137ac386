/* SPDX-License-Identifier: MIT
 *
 * How much of its stack a coroutine has used.
 */
#include "base/os.h"
#include "base/where.h"
#include "coro/bodies.h"
#include "support/test.h"

#include <alloca.h>
#include <stdalign.h>
#include <string.h>

static const struct hkt_coro_opts painted = {.flags = HKT_CORO_PAINT};

/* Touches the lowest of `bytes` below its frame, and says where that is. */
static __attribute__((noinline)) uintptr_t touch_below(size_t bytes)
{
    volatile char *block = alloca(bytes);

    block[0] = 1;
    return (uintptr_t)block;
}

struct use {
    size_t bytes;
    uintptr_t lowest;
};

static int use_stack(struct hkt_coro *self, void *arg)
{
    struct use *use = arg;

    do
        use->lowest = touch_below(use->bytes);
    while (hkt_coro_yield(self, NULL, NULL) == 0);
    return 0;
}

static size_t used_by(const struct hkt_coro_opts *opts, size_t bytes)
{
    struct use use = {bytes, 0};
    struct hkt_coro *c = hkt_coro_new_opts(use_stack, &use, opts);
    size_t used;

    cr_assert_eq(resume(c), 1);
    used = hkt_coro_stack_used(c);
    hkt_coro_free(c);
    return used;
}

Test(used, a_painted_one_that_has_not_begun_has_used_nothing)
{
    struct hkt_coro *c = hkt_coro_new_opts(must_not_run, NULL, &painted);

    cr_assert_eq(hkt_coro_stack_used(c), 0u);
    hkt_coro_free(c);
}

Test(used, painted_it_is_exact)
{
    static alignas(64) char memory[65536];
    const struct hkt_coro_opts own = {
        .flags = HKT_CORO_PAINT, .stack = memory, .stack_size = sizeof memory};

    if (where_sanitizer())
        cr_skip_test("calls of the sanitizer go deeper");
    for (int i = 0; i < 2; i++) {
        const struct hkt_coro_opts *opts = i ? &own : &painted;
        size_t base = used_by(opts, 4096);
        for (size_t more = 64; more < 30000; more += 1088)
            cr_assert_eq(used_by(opts, 4096 + more), base + more, "%zu bytes more", more);
    }
}

Test(used, painted_it_reaches_down_to_the_last_byte_touched)
{
    struct use use = {20000, 0};
    struct hkt_coro *c = hkt_coro_new_opts(use_stack, &use, &painted);
    uintptr_t top;

    if (where_sanitizer())
        cr_skip_test("calls of the sanitizer go deeper");
    cr_assert_eq(resume(c), 1);
    top = use.lowest + hkt_coro_stack_used(c);
    use.bytes = 40000;
    cr_assert_eq(resume(c), 1);
    cr_assert_eq(use.lowest + hkt_coro_stack_used(c), top, "counted from the same top");
    hkt_coro_free(c);
}

Test(used, it_is_the_most_and_does_not_shrink)
{
    struct use use = {30000, 0};
    struct hkt_coro *c = hkt_coro_new_opts(use_stack, &use, &painted);
    size_t most;

    cr_assert_eq(resume(c), 1);
    most = hkt_coro_stack_used(c);
    use.bytes = 64;
    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_stack_used(c), most);
    cr_assert_eq(hkt_coro_close(c), 0);
    cr_assert_eq(hkt_coro_stack_used(c), most, "also when it has finished");
    hkt_coro_free(c);
}

Test(used, painted_it_starts_anew_with_each_life)
{
    struct use use = {30000, 0};
    struct hkt_coro *c = hkt_coro_new_opts(use_stack, &use, &painted), *next;

    cr_assert_eq(resume(c), 1);
    cr_assert_eq(hkt_coro_reset(c, use_stack, &use), 0);
    cr_assert_eq(hkt_coro_stack_used(c), 0u, "after a reset");
    cr_assert_eq(resume(c), 1);
    hkt_coro_free(c);
    next = hkt_coro_new_opts(use_stack, &use, &painted);
    cr_assert_eq(next, c);
    cr_assert_eq(hkt_coro_stack_used(next), 0u, "after another owner");
    hkt_coro_free(next);
}

static __attribute__((noinline)) int touch_pages(size_t pages)
{
    size_t size = pages * hkt__os_page_size();
    char *block = alloca(size);

    memset(block, 1, size);
    return *(volatile char *)block;
}

static int use_pages(struct hkt_coro *self, void *pages)
{
    (void)!touch_pages(*(size_t *)pages);
    return hkt_coro_yield(self, NULL, NULL);
}

Test(used, otherwise_it_is_counted_in_pages)
{
    size_t page = hkt__os_page_size();
    const struct hkt_coro_opts opts = {.stack_size = 64 * page};

    if (where_emulator() || where_valgrind())
        cr_skip_test("this is no kernel that tells which pages are resident");
    for (size_t pages = 1; pages < 60; pages += 7) {
        struct hkt_coro *c = hkt_coro_new_opts(use_pages, &pages, &opts);
        cr_assert_eq(resume(c), 1);
        size_t used = hkt_coro_stack_used(c);
        cr_assert_eq(used % page, 0u);
        cr_assert(used >= pages * page, "%zu of %zu pages", used / page, pages);
        cr_assert(used <= (pages + 3) * page, "%zu of %zu pages", used / page, pages);
        hkt_coro_free(c);
    }
}
