/* SPDX-License-Identifier: MIT
 *
 * The real doors to the system.
 */
#include "base/child.h"
#include "base/os.h"
#include "base/where.h"
#include "support/test.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

enum { PAGES = 8 };

static char *map_pages(void)
{
    char *p = hkt__os.map(PAGES * hkt__os_page_size());

    cr_assert_not_null(p);
    return p;
}

Test(os, memory_is_zeroed)
{
    size_t page = hkt__os_page_size();
    char *p = map_pages(), *q = hkt__os.alloc(1000);

    cr_assert_eq((uintptr_t)p % page, 0u);
    for (size_t i = 0; i < PAGES * page; i++)
        cr_assert_eq(p[i], 0);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(q[i], 0);
    hkt__os.unmap(p, PAGES * page);
    free(q);
}

Test(os, what_cannot_be_had_is_null)
{
    cr_assert_null(hkt__os.map(SIZE_MAX - 4 * hkt__os_page_size() + 1));
}

struct touch {
    char *at;
    bool writes;
};

static void touch(void *arg)
{
    struct touch *touch = arg;

    if (touch->writes)
        *(volatile char *)touch->at = 1;
    else
        (void)*(volatile char *)touch->at;
}

static bool faults(char *at, bool writes)
{
    struct touch touch_it = {at, writes};
    struct child child;

    cr_assert(child_run(&child, touch, &touch_it));
    return !child_ended_well(&child);
}

/* Also where an emulator says yes to an advice that it does not know. */
Test(os, a_guard_faults_on_reading_and_writing_and_its_neighbours_do_not)
{
    size_t page = hkt__os_page_size();
    char *p = map_pages();

    for (int round = 0; round < 2; round++) { /* the first use may be a trial */
        char *guard = p + (size_t)(2 + 3 * round) * page;
        cr_assert_eq(hkt__os.guard(guard, page), 0);
        for (int i = 0; i < 4; i++)
            cr_assert(faults(guard + (i & 2 ? page - 1 : 0), i & 1), "guard %d, touch %d", round,
                      i);
        memset(guard - page, 1, page);
        memset(guard + page, 1, page);
    }
}

Test(os, a_guard_where_nothing_is_mapped_is_an_error)
{
    size_t page = hkt__os_page_size();
    char *p = map_pages();

    if (where_emulator() && sizeof p == 4)
        cr_skip_test("this emulator reserves the address space, and all of it can be protected");
    cr_assert_eq(hkt__os.guard(p, page), 0);
    hkt__os.unmap(p, PAGES * page);
    cr_assert(hkt__os.guard(p, page) < 0);
}

Test(os, resident_pages_are_counted_from_the_top_and_release_gives_them_back)
{
    size_t page = hkt__os_page_size();
    char *p = map_pages();

    if (where_emulator() || where_valgrind())
        cr_skip_test("this is no kernel that tells or forgets pages");
    cr_assert_eq(hkt__os.resident(p, PAGES * page), 0u);
    p[0] = 1;
    cr_assert_eq(hkt__os.resident(p, PAGES * page), 0u, "not the topmost");
    p[7 * page] = p[6 * page + 5] = p[5 * page] = 1;
    cr_assert_eq(hkt__os.resident(p, PAGES * page), 3u);
    hkt__os.release(&(const struct iovec){p, PAGES * page}, 1);
    cr_assert_eq(hkt__os.resident(p, PAGES * page), 0u);
    p[7 * page] = 2;
    cr_assert_eq(p[7 * page], 2, "and can be used again");
    hkt__os.unmap(p, PAGES * page);
}

/* Where it is known already what guards the kernel can make. */
static char *map_after_guard(void)
{
    char *p = map_pages();

    cr_assert_eq(hkt__os.guard(p, hkt__os_page_size()), 0);
    hkt__os.unmap(p, PAGES * hkt__os_page_size());
    return map_pages();
}

/* Each of its pages a place, but for the one with that number, which is mapped no more. */
static char *map_places(struct iovec all[PAGES], size_t hole)
{
    size_t page = hkt__os_page_size();
    char *p = map_after_guard();

    for (size_t i = 0; i < PAGES; i++)
        all[i] = (struct iovec){p + i * page, page};
    hkt__os.unmap(p + hole * page, page);
    return p;
}

Test(os, many_places_are_released_at_once_and_what_lies_between_stays)
{
    size_t page = hkt__os_page_size();
    struct iovec odd[PAGES / 2];

    if (where_emulator() || where_valgrind())
        cr_skip_test("this is no kernel that tells or forgets pages");
    char *p = map_after_guard();
    for (size_t i = 0; i < PAGES; i++)
        p[i * page] = 'x';
    for (size_t i = 0; i < PAGES / 2; i++)
        odd[i] = (struct iovec){p + (2 * i + 1) * page, page};
    hkt__os.release(odd, PAGES / 2);
    for (size_t i = 0; i < PAGES; i++)
        cr_assert_eq(p[i * page], i % 2 ? 0 : 'x', "page %zu", i);
    hkt__os.unmap(p, PAGES * page);
}

Test(os, a_place_that_cannot_be_released_keeps_none_of_the_others)
{
    size_t page = hkt__os_page_size();
    struct iovec all[PAGES];

    if (where_emulator() || where_valgrind())
        cr_skip_test("this is no kernel that tells or forgets pages");
    char *p = map_places(all, 4);
    for (size_t i = 0; i < PAGES; i++)
        if (i != 4)
            p[i * page] = 'x';
    hkt__os.release(all, PAGES);
    for (size_t i = 0; i < PAGES; i++)
        if (i != 4)
            cr_assert_eq(p[i * page], 0, "page %zu", i);
    hkt__os.unmap(p, PAGES * page);
}

Test(os, of_many_places_it_is_told_how_many_were_hidden)
{
    size_t page = hkt__os_page_size();
    struct iovec all[PAGES];

    if (where_emulator() || where_valgrind())
        cr_skip_test("this is no kernel that tells or forgets pages");
    char *p = map_places(all, 4);
    p[page] = p[5 * page] = 'x';
    cr_assert_eq(hkt__os.hide(all, PAGES), 4);
    cr_assert(hkt__os.hide(&all[4], 4) < 0);
    cr_assert_eq(p[5 * page], 'x', "after that which could not be, nothing was");
    cr_assert_eq(hkt__os.hide(&all[5], 3), 3);
    for (size_t i = 0; i < PAGES; i++)
        if (i != 4) {
            cr_assert(faults(p + i * page, false), "page %zu", i);
            cr_assert_eq(hkt__os.show(p + i * page, page, HKT__ALL_ACCESS), 0);
            cr_assert_eq(p[i * page], 0);
        }
    hkt__os.unmap(p, PAGES * page);
}

Test(os, what_was_hidden_in_part_is_had_back)
{
    size_t page = hkt__os_page_size();

    if (where_emulator() || where_valgrind())
        cr_skip_test("this is no kernel that tells or forgets pages");
    char *p = map_after_guard();
    hkt__os.unmap(p + 4 * page, page);
    memset(p, 'x', 4 * page);
    cr_assert(hkt__os.hide(&(const struct iovec){p + page, 4 * page}, 1) < 0);
    cr_assert_eq(hkt__os.show(p + page, 3 * page, HKT__ALL_ACCESS), 0);
    for (size_t i = 1; i < 4; i++)
        p[i * page] = 'y';
    cr_assert_eq(p[0], 'x', "and its neighbour is as it was");
    hkt__os.unmap(p, PAGES * page);
}

Test(os, the_clock_does_not_go_back)
{
    int64_t last = hkt__os.now();

    for (int i = 0; i < 10000; i++) {
        int64_t now = hkt__os.now();
        cr_assert(now >= last);
        last = now;
    }
}

static int ended;

static void note_end(void *arg)
{
    ended += *(int *)arg;
}

static void *ask_for_note(void *arg)
{
    hkt__os_at_thread_exit(note_end, arg);
    return NULL;
}

Test(os, a_function_is_called_at_the_end_of_each_thread_that_asked)
{
    int weight[] = {1, 10, 100};
    pthread_t thread;

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pthread_create(&thread, NULL, ask_for_note, &weight[i]), 0);
        pthread_join(thread, NULL);
    }
    cr_assert_eq(ended, 111);
}
