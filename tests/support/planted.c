/* SPDX-License-Identifier: MIT
 *
 * Tests whose fate is known, for tests/runner: their names say what must become of them.
 */
#include "support/test.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int prepared, suite_prepared;

static void prepare(void)
{
    prepared = 1;
}

static void prepare_suite(void)
{
    suite_prepared = 1;
}

TestSuite(planted, .init = prepare_suite);

Test(planted, ok_plain)
{
    cr_assert(suite_prepared);
    cr_assert(1);
    cr_assert_eq(1, 1, "with %s", "a message");
    cr_assert_str_eq("a", "a");
    cr_assert_null(NULL);
    cr_expect_neq(1, 2);
}

Test(planted, ok_init, .init = prepare)
{
    cr_assert(prepared && suite_prepared);
}

Test(planted, ok_signal, .signal = SIGABRT)
{
    abort();
}

Test(planted, ok_exit_code, .exit_code = 3)
{
    exit(3);
}

Test(planted, skip_disabled, .disabled = true)
{
    cr_assert_fail("reached");
}

Test(planted, skip_by_itself)
{
    cr_skip_test("the reason");
    abort();
}

Test(planted, fail_assert)
{
    cr_assert_eq(1, 2, "one is not %d", 2);
    exit(0);
}

Test(planted, fail_expect)
{
    cr_expect_lt(2, 1);
    cr_expect_str_eq("a", "b");
}

Test(planted, fail_and_skip)
{
    cr_expect(0, "two\nlines");
    cr_skip_test("too late");
}

Test(planted, fail_crash)
{
    abort();
}

Test(planted, fail_other_signal, .signal = SIGUSR1)
{
    abort();
}

Test(planted, fail_no_signal, .signal = SIGABRT)
{
}

Test(planted, fail_exit)
{
    exit(1);
}

Test(planted, fail_timeout, .timeout = 0.5)
{
    sleep(60);
}
