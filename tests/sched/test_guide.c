/* SPDX-License-Identifier: MIT
 *
 * The commands that docs/guide/debugging.md gives for a parked task, typed into gdb as they stand
 * there.
 */
#include "base/debugger.h"

#include <hocket/task.h>

#include <stdint.h>

__attribute__((used)) struct hkt_task *t; /* as the guide calls it */

static volatile int keep; /* what follows a call makes it no tail call */

static __attribute__((noinline)) int guide_inner(int64_t delay_ns)
{
    int rc = hkt_sleep(delay_ns);

    keep++;
    return rc;
}

static __attribute__((noinline)) int guide_sleeper(void *arg)
{
    (void)arg;
    int rc = guide_inner(HKT_SEC(1000));
    keep++;
    return rc;
}

static int park_and_wait(void *arg)
{
    (void)arg;
    t = hkt_spawn(guide_sleeper, NULL);
    HKT_TRY(hkt_sleep(0));
    gdb_wait_here();
    keep++;
    return 0;
}

static void run(void)
{
    (void)!hkt_run(park_and_wait, NULL);
}

/* Copies what stands behind "(gdb) ", and asks at the end where the process is. */
static size_t copy_commands(FILE *out)
{
    FILE *guide = fopen(GUIDE, "r");
    char line[256];
    size_t n = 0;

    cr_assert_not_null(guide, "%s", GUIDE);
    while (fgets(line, sizeof line, guide)) {
        if (strncmp(line, "(gdb) ", 6) != 0)
            continue;
        fputs(line + 6, out);
        n++;
    }
    fputs("bt\n", out);
    fclose(guide);
    return n;
}

Test(guide, gdb_shows_a_parked_task_and_goes_on)
{
    static const char *const names[] = {"hkt__park",     "sleep",   "guide_inner",
                                        "guide_sleeper", "ctx_end", "gdb_wait_here",
                                        "park_and_wait", NULL};
    char name[] = "/tmp/hocket-guide-XXXXXX", option[64];

    need_gdb();
#if !defined(__x86_64__)
    cr_skip_test("the names of registers are those of x86_64");
#endif
    FILE *commands = fdopen(mkstemp(name), "w");
    cr_assert_not_null(commands);
    size_t n = copy_commands(commands);
    fclose(commands);
    snprintf(option, sizeof option, "-x %s", name);
    ask_gdb(start(run), option);
    unlink(name);
    cr_assert_geq(n, 8, "too few commands in the guide");
    if (strstr(said, "No struct type named hkt_coro") || strstr(said, "has unknown type"))
        cr_skip_test("built without what a debugger reads");
    expect_frames(names);
    const char *end = strstr(said, "ctx_end");
    const char *sleeping = strstr(said, "guide_sleeper");
    cr_assert(sleeping < end, "%s", said);
}
