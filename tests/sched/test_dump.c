/* SPDX-License-Identifier: MIT
 *
 * Who waits for what, printed.
 */
#include "io/backends.h"

#include <hocket/signal.h>
#include <hocket/sync.h>

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

/* What fn writes to standard error. */
static const char *said_by(void (*fn)(void *), void *arg)
{
    FILE *file = tmpfile();
    int saved = dup(2);

    cr_assert_not_null(file);
    dup2(fileno(file), 2);
    fn(arg);
    dup2(saved, 2);
    const char *text = stderr_text(file);
    close(saved);
    fclose(file);
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

static void dump_here(void *arg)
{
    (void)arg;
    hkt_dump(NULL);
}

static void expect(const char *text, const char *words)
{
    cr_assert_not_null(strstr(text, words), "no '%s' in:\n%s", words, text);
}

struct held {
    struct hkt_lock lock;
    struct hkt_rwlock rwlock;
    struct hkt_task *keeper;
};

static int keep(void *arg)
{
    struct held *h = arg;

    HKT_TRY(hkt_lock_acquire(&h->lock));
    HKT_TRY(hkt_rwlock_acquire_write(&h->rwlock));
    HKT_TRY(hkt_sleep(HKT_SEC(100)));
    return 0;
}

static int ask_lock(void *arg)
{
    return hkt_lock_acquire(&((struct held *)arg)->lock);
}

static int ask_rwlock(void *arg)
{
    return hkt_rwlock_acquire_read(&((struct held *)arg)->rwlock);
}

static int join_keeper(void *arg)
{
    return hkt_join(((struct held *)arg)->keeper);
}

static int dump_targets(void *arg)
{
    struct held h = {HKT_LOCK_INIT, HKT_RWLOCK_INIT, NULL};
    const struct hkt_task_opts named = {.name = "keeper"};
    struct hkt_task *asking[2], *joiner;
    struct hkt_timeout limit = {0};

    (void)arg;
    h.keeper = hkt_spawn_opts(keep, &h, &named);
    asking[0] = hkt_spawn(ask_lock, &h);
    asking[1] = hkt_spawn(ask_rwlock, &h);
    joiner = hkt_spawn(join_keeper, &h);
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_SEC(50)), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    const char *text = said_by(dump_here, NULL);
    const char *sleep = strstr(text, "waits for sleep since"), *left = NULL;
    double ms = sleep && (left = strstr(sleep, ", ")) ? strtod(left + 2, NULL) : 0;
    cr_assert(ms > 0 && ms <= 100000, "%s", text);
    expect(left, " ms more, stack");
    expect(text, "waits for join since");
    expect(text, ", of keeper, stack");
    expect(strstr(text, "waits for lock since"), ", held by keeper, stack");
    expect(strstr(text, "waits for read lock since"), ", held by keeper, stack");
    expect(text, "\n  time limit of main: ");
    cr_assert_eq(hkt_timeout_exit(&limit, 0), 0);
    cr_assert(hkt_task_cancel(joiner));
    cr_assert_eq(hkt_join(joiner), -ECANCELED);
    cr_assert_eq(hkt_lock_release(&h.lock), 0);
    cr_assert_eq(hkt_rwlock_release(&h.rwlock), 0);
    cr_assert_eq(hkt_join(asking[0]), 0);
    cr_assert_eq(hkt_join(asking[1]), 0);
    return 0;
}

Test(dump, a_wait_says_for_whom_and_how_long)
{
    cr_assert_eq(hkt_run(dump_targets, NULL), 0);
}

static int take_and_go(void *arg)
{
    return hkt_lock_acquire(&((struct held *)arg)->lock);
}

static int dump_left(void *arg)
{
    struct held h = {HKT_LOCK_INIT, HKT_RWLOCK_INIT, NULL};

    (void)arg;
    cr_assert_eq(hkt_join(hkt_spawn(take_and_go, &h)), 0);
    struct hkt_task *asking = hkt_spawn(ask_lock, &h);
    cr_assert_eq(hkt_sleep(0), 0);
    expect(said_by(dump_here, NULL), ", held by a task that has ended, stack");
    cr_assert_eq(hkt_lock_release(&h.lock), 0);
    cr_assert_eq(hkt_join(asking), 0);
    return 0;
}

Test(dump, a_lock_may_be_held_by_a_task_that_has_ended)
{
    cr_assert_eq(hkt_run(dump_left, NULL), 0);
}

static void raise_here(void *signum)
{
    raise((int)(intptr_t)signum);
}

static int hog(void *arg)
{
    (void)arg;
    const char *text = said_by(raise_here, (void *)(intptr_t)SIGUSR1);
    cr_assert_str_eq(text, "hocket: task 'hog' runs while the dump waits for its turn\n");
    text = said_by(raise_here, (void *)(intptr_t)SIGUSR2);
    cr_assert_str_eq(text, "", "that was another signal");
    return 0;
}

static void nothing(void *arg)
{
    (void)arg;
}

static int dump_hog(void *arg)
{
    const struct hkt_task_opts named = {.name = "hog"};
    struct hkt_signal_watch other = {0};

    (void)arg;
    cr_assert_eq(hkt_dump_on_signal(hkt_loop_current(), SIGUSR1), 0);
    cr_assert_eq(hkt_call_on_signal(hkt_loop_current(), &other, SIGUSR2, nothing, NULL), 0);
    cr_assert_eq(hkt_join(hkt_spawn_opts(hog, NULL, &named)), 0);
    cr_assert_eq(hkt_remove_signal(&other), 1);
    return 0;
}

Test(dump, a_signal_names_at_once_who_holds_the_loop)
{
    cr_assert_eq(hkt_run(dump_hog, NULL), 0);
}
