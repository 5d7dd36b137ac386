/* SPDX-License-Identifier: MIT
 *
 * gdb, attached to a process that waits to be looked at.
 */
#ifndef TESTS_BASE_DEBUGGER_H
#define TESTS_BASE_DEBUGGER_H

#include "base/where.h"
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int ready[2]; /* a pipe from the process that is looked at */

static __attribute__((noinline, unused)) void gdb_wait_here(void)
{
    (void)!write(ready[1], "", 1);
    for (;;)
        pause();
}

static inline void need_gdb(void)
{
    if (where_sanitizer() || where_valgrind())
        cr_skip_test("the plain builds show it");
    if (where_emulator())
        cr_skip_test("a debugger would look at the emulator");
    if (system("command -v gdb >/dev/null 2>&1") != 0)
        cr_skip_test("no gdb here");
    unsetenv("DEBUGINFOD_URLS");
}

/* Runs fn in a process of its own until it waits, and attaches gdb to it. */
static inline pid_t start(void (*fn)(void))
{
    char byte;
    pid_t pid;

    cr_assert_eq(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
        fn();
        _exit(1);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    return pid;
}

static char said[65536];

static inline void ask_gdb(pid_t pid, const char *commands)
{
    char line[1024];
    size_t have = 0, n;
    FILE *gdb;

    snprintf(line, sizeof line,
             "gdb -nx -batch -p %d -ex 'set width 0' -ex 'set print frame-arguments none' "
             "-ex 'set backtrace past-main on' %s 2>&1",
             (int)pid, commands);
    gdb = popen(line, "r");
    cr_assert_not_null(gdb);
    while ((n = fread(said + have, 1, sizeof said - 1 - have, gdb)) > 0)
        have += n;
    said[have] = '\0';
    pclose(gdb);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    if (strstr(said, "not permitted") || strstr(said, "ould not attach"))
        cr_skip_test("this process may not be traced");
}

/* The names in this order, each a frame of the last backtrace. */
static inline void expect_frames(const char *const *names)
{
    const char *at = strstr(said, "#0 ");

    cr_assert_not_null(at, "%s", said);
    for (; *names; names++) {
        const char *found = strstr(at, *names);
        cr_assert_not_null(found, "%s missing, or out of order, in: %s", *names, said);
        at = found + 1;
    }
    cr_assert_null(strstr(said, "corrupt"), "%s", said);
    cr_assert_null(strstr(said, "Backtrace stopped"), "%s", said);
    cr_assert_null(strstr(said, "Cannot access"), "%s", said);
}

#endif
