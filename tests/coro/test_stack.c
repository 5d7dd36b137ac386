/* SPDX-License-Identifier: MIT
 *
 * Where stacks come from and where they go.
 */
#include "base/doors.h"
#include "base/reports.h"
#include "base/where.h"
#include "coro/bodies.h"
#include "coro/stack.h"
#include "support/test.h"

#include <stdio.h>
#include <sys/mman.h>

static int touch(struct hkt_coro *self, void *where)
{
    *(void **)where = __builtin_frame_address(0);
    return hkt_coro_yield(self, NULL, NULL);
}

Test(stack, what_was_freed_last_is_taken_first)
{
    void *first[3], *again[3];
    struct hkt_coro *c[3];

    for (int i = 0; i < 3; i++) {
        c[i] = hkt_coro_new(touch, &first[i]);
        cr_assert_eq(resume(c[i]), 1);
    }
    for (int i = 0; i < 3; i++)
        hkt_coro_free(c[i]);
    for (int i = 2; i >= 0; i--) {
        struct hkt_coro *next = hkt_coro_new(touch, &again[i]);
        cr_assert_eq(next, c[i]);
        cr_assert_eq(resume(next), 1);
        if (!where_sanitizer()) /* which may move frames elsewhere */
            cr_assert_eq(again[i], first[i], "the same stack");
    }
    for (int i = 0; i < 3; i++)
        hkt_coro_free(c[i]);
}

Test(stack, sizes_do_not_mix)
{
    const struct hkt_coro_opts small = {.stack_size = 16384}, large = {.stack_size = 262144};
    struct hkt_coro *c = hkt_coro_new_opts(must_not_run, NULL, &small), *d;

    hkt_coro_free(c);
    d = hkt_coro_new_opts(must_not_run, NULL, &large);
    cr_assert(d != c);
    cr_assert_eq(hkt_coro_stack_size(d) + hkt__os_page_size(), 262144u);
    cr_assert_eq(hkt_coro_new_opts(must_not_run, NULL, &small), c);
    hkt_coro_free(c);
    hkt_coro_free(d);
}

Test(stack, reuse_maps_and_guards_nothing_more)
{
    struct hkt_coro *c = hkt_coro_new(must_not_run, NULL);

    hkt_coro_free(c);
    doors_install();
    for (int i = 0; i < 10000; i++)
        hkt_coro_free(hkt_coro_new(must_not_run, NULL));
    cr_assert_eq(doors.allocs + doors.maps + doors.guards + doors.releases, 0);
}

enum { BEYOND = 3 * HKT__COOL_TOGETHER, MANY = HKT__WARM_MOST + BEYOND };
static struct hkt_coro *many[MANY];

static void make_many(void)
{
    static void *where;

    for (int i = 0; i < MANY; i++) {
        many[i] = hkt_coro_new(touch, &where);
        if (!where_sanitizer()) /* which takes milliseconds to find room for each one's frames */
            cr_assert_eq(resume(many[i]), 1);
    }
}

static void free_many_from(int first)
{
    for (int i = first; i < MANY; i++)
        hkt_coro_free(many[i]);
}

static void free_many(void)
{
    free_many_from(0);
}

static int count_resident(void)
{
    int resident = 0;

    for (int i = 0; i < MANY; i++)
        resident += hkt__os.resident(many[i]->cold->low, many[i]->cold->room) > 0;
    return resident;
}

Test(stack, beyond_a_bound_freed_stacks_give_their_pages_back)
{
    doors_install();
    make_many();
    free_many();
    cr_assert_eq(doors.releases, BEYOND / HKT__COOL_TOGETHER, "many at a time");
    cr_assert_eq(doors.released, BEYOND * many[0]->cold->room);
    if (where_emulator() || where_valgrind())
        cr_skip_test("this is no kernel that tells or forgets pages");
    if (!where_sanitizer())
        cr_assert_eq(count_resident(), HKT__WARM_MOST, "only those kept warm hold memory");
}

Test(stack, those_that_were_used_last_keep_their_pages)
{
    make_many();
    free_many();
    for (int i = MANY - 1; i >= BEYOND; i--)
        cr_assert_eq(hkt_coro_new(must_not_run, NULL), many[i]);
    free_many_from(BEYOND);
}

Test(stack, those_that_gave_their_pages_back_are_used_before_new_ones)
{
    int maps, guards;

    doors_install();
    make_many();
    free_many();
    maps = doors.maps;
    guards = doors.guards;
    make_many();
    cr_assert_eq(doors.maps, maps);
    cr_assert_eq(doors.guards, guards);
    free_many();
}

/* Memory that is refused: each in a process that has made no coroutine yet */

Test(stack, without_a_heap_the_answer_is_null_and_it_may_be_tried_again)
{
    void *where;

    doors_install();
    doors.fail_alloc = -1;
    cr_assert_null(hkt_coro_new(touch, &where));
    cr_assert_eq(doors.maps - (doors.mapped > 0), 0, "at most a signal stack was mapped");
    doors.fail_alloc = 0;
    struct hkt_coro *c = hkt_coro_new(touch, &where);
    cr_assert_not_null(c, "the next time there was some");
    cr_assert_eq(resume(c), 1);
    hkt_coro_free(c);
}

Test(stack, without_address_space_the_answer_is_null_and_it_may_be_tried_again)
{
    void *where;

    doors_install();
    doors.fail_map = -1;
    cr_assert_null(hkt_coro_new(touch, &where));
    cr_assert_eq(doors.guards, 0);
    doors.fail_map = 0;
    struct hkt_coro *c = hkt_coro_new(touch, &where);
    cr_assert_not_null(c);
    cr_assert_eq(resume(c), 1);
    hkt_coro_free(c);
}

Test(stack, when_the_next_slab_is_refused_the_others_live_on)
{
    static struct hkt_coro *c[100];
    void *where;
    int count = 0;

    doors_install();
    c[count++] = hkt_coro_new(touch, &where);
    doors.fail_map = -1;
    while ((c[count] = hkt_coro_new(touch, &where)) != NULL)
        cr_assert(++count < 100, "a slab of a bounded size");
    cr_assert_eq(hkt_coro_resume(c[count], NULL, NULL), -ENOMEM);
    for (int i = 0; i < count; i++)
        cr_assert_eq(resume(c[i]), 1);
    doors.fail_map = 0;
    c[count] = hkt_coro_new(touch, &where);
    cr_assert_eq(resume(c[count]), 1);
    for (int i = 0; i <= count; i++)
        hkt_coro_free(c[i]);
}

Test(stack, without_a_guard_page_there_is_no_stack_and_a_report)
{
    struct reports reports;
    struct hkt_coro *c[4];
    void *where;

    reports_to(&reports);
    doors_install();
    doors.fail_guard = 1;
    cr_assert_null(hkt_coro_new(touch, &where));
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "guard"), "%s", reports.last);
    cr_assert(reports_say(&reports, "65536"), "%s", reports.last);
    for (int i = 0; i < 4; i++)
        c[i] = hkt_coro_new(touch, &where);
    doors.fail_guard = -1;
    for (int i = 0; i < 3; i++)
        cr_assert_null(hkt_coro_new(touch, &where));
    cr_assert_eq(reports.count, 4, "each time");
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(resume(c[i]), 1);
        hkt_coro_free(c[i]);
    }
    for (int i = 0; i < 4; i++)
        c[i] = hkt_coro_new(touch, &where);
    cr_assert_not_null(c[3], "those that have theirs go on being used");
    for (int i = 0; i < 4; i++)
        hkt_coro_free(c[i]);
}

static bool yes(void)
{
    return true;
}

Test(stack, a_hardware_shadow_stack_is_refused_with_a_message)
{
    static char memory[16384];
    const struct hkt_coro_opts own = {.stack = memory, .stack_size = sizeof memory};
    struct reports reports;

    reports_to(&reports);
    hkt__os.shadow_stack = yes;
    cr_assert_null(hkt_coro_new(must_not_run, NULL));
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "shadow stack"), "%s", reports.last);
    cr_assert_null(hkt_coro_new_opts(must_not_run, NULL, &own), "not on own memory either");
    cr_assert_eq(reports.count, 2);
}

static void never_entered(struct hkt_ctx *self, struct hkt_msg msg)
{
    (void)self;
    (void)msg;
    cr_expect(false, "the function ran");
}

Test(stack, a_hardware_shadow_stack_is_refused_to_raw_contexts_too)
{
    static char memory[16384];
    struct hkt_ctx ctx = {.flags = 7};
    struct reports reports;

    reports_to(&reports);
    cr_assert_eq(hkt_ctx_init(&ctx, memory, sizeof memory, never_entered), 0);
    cr_assert_not_null(ctx.pc);
    hkt__os.shadow_stack = yes;
    cr_assert_eq(hkt_ctx_init(&ctx, memory, sizeof memory, never_entered), -ENOTSUP);
    cr_assert_null(ctx.pc, "nowhere to go");
    cr_assert_eq(reports.count, 1);
    cr_assert(reports_say(&reports, "shadow stack"), "%s", reports.last);
}

static bool has_light_guards(void)
{
    size_t page = hkt__os_page_size();
    void *probe = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int rc = madvise(probe, page, 102 /* MADV_GUARD_INSTALL */);

    munmap(probe, page);
    return rc == 0;
}

static int count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int lines = 0;

    for (int ch; maps && (ch = getc(maps)) != EOF;)
        lines += ch == '\n';
    if (maps)
        fclose(maps);
    return lines;
}

static long available_mib(void)
{
    FILE *info = fopen("/proc/meminfo", "r");
    char line[128];
    long kib = 0;

    while (info && fgets(line, sizeof line, info))
        if (sscanf(line, "MemAvailable: %ld", &kib) == 1)
            break;
    if (info)
        fclose(info);
    return kib / 1024;
}

Test(stack, a_million_guarded_stacks_exist_at_once)
{
    enum { MILLION = 1000000 };
    static struct hkt_coro *c[MILLION];
    void *where;
    int before;

    if (where_sanitizer())
        cr_skip_test("a sanitizer's own memory for each stack is too much");
    if (where_valgrind() || where_emulator())
        cr_skip_test("too slow under Valgrind or an emulator");
    if (sizeof(void *) < 8)
        cr_skip_test("64 GiB of address space are needed");
    if (!has_light_guards())
        cr_skip_test("this kernel's guard pages take a mapping each");
    if (available_mib() < 2048)
        cr_skip_test("2 GiB of memory are needed");
    before = count_mappings();
    for (int i = 0; i < MILLION; i++) {
        c[i] = hkt_coro_new(touch, &where);
        cr_assert_not_null(c[i], "number %d", i);
        if (i % 1000 == 0)
            cr_assert_eq(resume(c[i]), 1);
    }
    cr_assert(count_mappings() - before < 2000, "%d mappings", count_mappings() - before);
    for (int i = 0; i < MILLION; i++) {
        if (i % 1000 == 0)
            cr_assert_eq(resume(c[i]), 0, "number %d", i);
        hkt_coro_free(c[i]);
    }
}
