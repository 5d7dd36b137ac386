/* SPDX-License-Identifier: MIT
 *
 * Who waits for what, printed.
 */
#include "io/backends.h"

#include <signal.h>
#include <stdlib.h>

static int read_one(void *fd)
{
    char c;

    return (int)hkt_read(ARG_FD(fd), &c, 1);
}

static int sleep_one(void *arg)
{
    (void)arg;
    return hkt_sleep(HKT_SEC(100));
}

/* Standard error, from here on, is a file; its text so far. */
static char *stderr_text(FILE *file)
{
    static char text[4096];

    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    return text;
}

static int dump_all(void *by_signal)
{
    int pair[2];
    const struct hkt_task_opts named = {.name = "reader"};
    FILE *file = tmpfile();

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(hkt_dump_on_signal(hkt_loop_current(), SIGUSR1), 0);
    cr_assert_eq(hkt_dump_on_signal(hkt_loop_current(), SIGUSR1), -EBUSY);
    struct hkt_task *reader = hkt_spawn_opts(read_one, FD_ARG(pair[0]), &named);
    struct hkt_task *sleeper = hkt_spawn(sleep_one, NULL);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    int saved = dup(2);
    dup2(fileno(file), 2);
    if (by_signal) {
        raise(SIGUSR1);
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    } else {
        hkt_dump(NULL);
    }
    dup2(saved, 2);
    char expected[64];
    snprintf(expected, sizeof expected, "waits for read on fd %d since", pair[0]);
    const char *text = stderr_text(file);
    cr_assert_not_null(strstr(text, "3 tasks"), "%s", text);
    cr_assert_not_null(strstr(text, "reader"));
    cr_assert_not_null(strstr(text, expected), "%s", text);
    cr_assert_not_null(strstr(text, "waits for sleep since"));
    cr_assert_not_null(strstr(text, by_signal ? "main" : "running"));
    cr_assert(hkt_task_cancel(sleeper));
    cr_assert_eq(hkt_join(sleeper), -ECANCELED);
    (void)hkt_close(pair[0]);
    cr_assert_eq(hkt_join(reader), -ECANCELED);
    (void)hkt_close(pair[1]);
    close(saved);
    fclose(file);
    return 0;
}

Test(dump, every_task_says_what_it_waits_for)
{
    cr_assert_eq(hkt_run(dump_all, NULL), 0);
}

Test(dump, a_signal_prints_the_same)
{
    cr_assert_eq(hkt_run(dump_all, "by signal"), 0);
}
