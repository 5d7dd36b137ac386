/* SPDX-License-Identifier: MIT
 *
 * Reports, and what base.h offers everywhere: codes, times, HKT_TRY.
 */
#include "base/child.h"
#include "base/heard.h"
#include "base/report.h"
#include "base/reports.h"
#include "support/test.h"

#include <errno.h>
#include <limits.h>

Test(report, by_default_a_line_goes_to_standard_error)
{
    hear_stderr();
    hkt_report("%d of %s", 3, "four");
    cr_assert_str_eq(said, "hocket: 3 of four\n");
}

Test(report, a_hook_gets_the_bare_line_and_its_context_and_null_restores_the_default)
{
    struct reports reports;

    hear_stderr();
    reports_to(&reports);
    hkt_report("to the %s", "hook");
    cr_assert_eq(reports.count, 1);
    cr_assert_str_eq(reports.last, "to the hook");
    cr_assert_str_eq(said, "");
    hkt_on_report(NULL, NULL);
    hkt_report("back");
    cr_assert_eq(reports.count, 1);
    cr_assert_str_eq(said, "hocket: back\n");
}

Test(report, a_line_too_long_is_cut_and_still_a_line)
{
    static char long_text[2000];

    memset(long_text, 'x', sizeof long_text - 1);
    hear_stderr();
    hkt_report("%s", long_text);
    cr_assert(strlen(said) > 100 && strlen(said) < 1000);
    cr_assert_eq(said[strlen(said) - 1], '\n');
    cr_assert(strncmp(said, "hocket: xxx", 11) == 0);
}

static void be_fatal(void *hook)
{
    if (hook)
        reports_to(hook);
    hkt__fatal("cannot go on: %d", 7);
}

Test(report, what_is_fatal_goes_to_standard_error_and_aborts_whatever_the_hook)
{
    static const char line[] = "hocket: cannot go on: 7\n";
    struct reports reports;

    for (int i = 0; i < 2; i++) {
        struct child child;
        cr_assert(child_run(&child, be_fatal, i ? &reports : NULL));
        cr_assert(child_died_of(&child, SIGABRT), "status 0x%x", child.status);
        /* An emulator may add a line of its own. */
        cr_assert(strncmp(child.err, line, strlen(line)) == 0, "%s", child.err);
    }
}

Test(report, each_code_has_a_text)
{
    const int codes[] = {0, 1, INT_MAX, -1, -EBUSY, -4095, -5000, HKT_ECLOSE, HKT_EBROKEN, INT_MIN};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const char *text = hkt_strerror(codes[i]);
        cr_assert_not_null(text, "code %d", codes[i]);
        cr_assert(text[0] != '\0', "code %d", codes[i]);
    }
    cr_assert_str_eq(hkt_strerror(-EBUSY), strerror(EBUSY));
    cr_assert_str_eq(hkt_strerror(0), hkt_strerror(17), "all success is one");
    cr_assert(strcmp(hkt_strerror(HKT_ECLOSE), hkt_strerror(-ECANCELED)) != 0);
}

Test(report, codes_of_our_own_are_no_errno)
{
    cr_assert(HKT_ECLOSE < -4095);
    cr_assert(HKT_EBROKEN < -4095);
    cr_assert(HKT_ECLOSE != HKT_EBROKEN);
}

Test(report, units_of_time_are_nanoseconds_in_64_bits)
{
    cr_assert_eq(HKT_NS(7), INT64_C(7));
    cr_assert_eq(HKT_US(7), INT64_C(7000));
    cr_assert_eq(HKT_MS(7), INT64_C(7000000));
    cr_assert_eq(HKT_SEC(7), INT64_C(7000000000));
    cr_assert_eq(HKT_SEC(3600 * 24 * 365), INT64_C(31536000000000000));
}

static int evaluations;

static int64_t count_and_answer(int64_t rc)
{
    evaluations++;
    return rc;
}

static int try_it(int64_t rc)
{
    HKT_TRY(count_and_answer(rc));
    return 42;
}

Test(report, hkt_try_returns_what_is_negative_and_nothing_else)
{
    cr_assert_eq(try_it(0), 42);
    cr_assert_eq(try_it(INT64_C(1) << 40), 42, "a large count is no error");
    cr_assert_eq(try_it(-EIO), -EIO);
    cr_assert_eq(try_it(HKT_ECLOSE), HKT_ECLOSE);
    cr_assert_eq(evaluations, 4, "each evaluated once");
}
