/* SPDX-License-Identifier: MIT
 *
 * Which poller a loop gets when the one that was asked for is not to be had: another one, and a
 * notice.
 */
#include "base/refuse.h"
#include "base/reports.h"
#include "io/backends.h"

#include <errno.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

static struct reports reports;

static int sleeps(void *arg)
{
    (void)arg;
    return hkt_sleep(HKT_US(1));
}

/* That there is a loop, over that (NULL: any), which works; and how many notices there were. */
static int expect_loop(const struct hkt_loop_opts *opts, const char *name)
{
    reports_to(&reports);
    struct hkt_loop *loop = hkt_loop_new(opts);

    cr_assert(loop);
    if (name)
        cr_assert_str_eq(hkt_loop_poller(loop), name);
    cr_assert_eq(hkt_loop_run(loop, sleeps, NULL), 0);
    cr_assert_eq(hkt_loop_free(loop), 0);
    return reports.count;
}

static const char *usual(void)
{
    struct hkt_loop *loop = hkt_loop_new(NULL);
    const char *name = hkt_loop_poller(loop);

    cr_assert_eq(hkt_loop_free(loop), 0);
    return name;
}

Test(choose, a_name_that_no_poller_has)
{
    const struct hkt_loop_opts opts = {.poller = "nonsense"};
    unsetenv("HKT_POLLER");
    const char *name = usual();

    cr_assert_eq(expect_loop(NULL, name), 0);
    cr_assert_eq(expect_loop(&opts, name), 1);
    cr_assert(reports_say(&reports, "no poller 'nonsense'"));
    setenv("HKT_POLLER", "rubbish", 1);
    cr_assert_eq(expect_loop(NULL, name), 1);
    cr_assert(reports_say(&reports, "no poller 'rubbish'"));
    setenv("HKT_POLLER", "", 1);
    cr_assert_eq(expect_loop(NULL, name), 0);
    setenv("HKT_POLLER", name, 1);
    cr_assert_eq(expect_loop(NULL, name), 0);
}

#if defined(__linux__)
static void refused(const char *name, unsigned call, const char *instead)
{
    if (!have_backend(name) || !have_backend(instead))
        cr_skip_test("not both are here");
    if (!refuse_call(call, EPERM))
        cr_skip_test("system calls cannot be filtered here");
    setenv("HKT_POLLER", name, 1);
    cr_assert_eq(expect_loop(NULL, instead), 1, "%d, the last: %s", reports.count, reports.last);
    cr_assert(reports_say(&reports, name));
    cr_assert(reports_say(&reports, "refused"));
    unsetenv("HKT_POLLER");
}

#if defined(SYS_io_uring_setup)
Test(choose, io_uring_that_a_sandbox_refuses)
{
    refused("io_uring", SYS_io_uring_setup, "epoll");
    cr_assert_eq(expect_loop(NULL, "epoll"), 0, "it was not asked for");
}
#endif

Test(choose, epoll_that_a_sandbox_refuses)
{
    refused("epoll", SYS_epoll_create1, "io_uring");
}

#if defined(SYS_io_uring_setup)
Test(choose, no_poller_at_all)
{
    if (!refuse_call(SYS_epoll_create1, EPERM) || !refuse_call(SYS_io_uring_setup, EPERM))
        cr_skip_test("system calls cannot be filtered here");
#ifdef TEST_KQUEUE
    cr_skip_test("there is one that needs neither");
#endif
    reports_to(&reports);
    cr_assert_null(hkt_loop_new(NULL));
    cr_assert_geq(reports.count, 1);
    cr_assert_eq(hkt_run(sleeps, NULL), -ENOMEM);
}
#endif
#endif
