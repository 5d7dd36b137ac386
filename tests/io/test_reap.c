/* SPDX-License-Identifier: MIT
 *
 * Processes where the kernel gives no descriptor for them, and where it gives nothing at all.
 */
#include "base/os.h"
#include "base/reports.h"
#include "base/sys.h"
#include "io/pooled.h"

#include <fcntl.h>
#include <hocket/process.h>
#include <sys/wait.h>

static int no_pidfd(pid_t pid)
{
    (void)pid;
    return -ENOSYS;
}

static void set_up(void)
{
    hkt__sys.pidfd_open = no_pidfd;
}

TestSuite(reap, .init = set_up);

static int start(const char *script, int in, struct hkt_process **p)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    const struct hkt_process_opts opts = {.in = {in < 0 ? HKT_INHERIT : HKT_FD, in}};

    return hkt_process_spawn(argv, &opts, p);
}

static int by_threads(void *arg)
{
    struct hkt_process *p[8];
    int status;

    (void)arg;
    for (int i = 0; i < 8; i++)
        cr_assert_eq(start(i % 2 ? "exit 3" : "exec sleep 1000", -1, &p[i]), 0);
    for (int i = 0; i < 8; i += 2)
        cr_assert_eq(hkt_process_terminate(p[i]), 0);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(hkt_process_wait(p[i], &status), 0);
        cr_assert_eq(status, i % 2 ? 3 : -SIGTERM);
        cr_assert_eq(hkt_process_kill(p[i]), -ESRCH);
        hkt_process_free(p[i]);
    }
    return 0;
}

Test(reap, by_threads)
{
    on_each_backend(by_threads, NULL);
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

static int freed_first(void *arg)
{
    struct hkt_process *p;

    (void)arg;
    cr_assert_eq(start("exit 0", -1, &p), 0);
    pid_t pid = hkt_process_pid(p);
    hkt_process_free(p);
    while (!is_gone(pid))
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    return 0;
}

Test(reap, a_process_whose_handle_was_freed)
{
    on_each_backend(freed_first, NULL);
}

struct left {
    struct hkt_process *p;
    int gate[2];
    bool over; /* before the loop is */
};

static int leaves(void *arg)
{
    struct left *l = arg;
    siginfo_t info;

    cr_assert_eq(start(l->over ? "exit 0" : "read x", l->gate[0], &l->p), 0);
    if (l->over)
        cr_assert_eq(waitid(P_PID, (id_t)hkt_process_pid(l->p), &info, WEXITED | WNOWAIT), 0);
    return 0;
}

Test(reap, a_process_that_outlives_the_loop)
{
    for (int over = 0; over < 2; over++) {
        struct left l = {.over = over};
        cr_assert_eq(pipe2(l.gate, O_CLOEXEC), 0);
        cr_assert_eq(hkt_run_opts(leaves, &l, &(struct hkt_loop_opts){.poller = "epoll"}), 0);
        pid_t pid = hkt_process_pid(l.p);
        hkt_process_free(l.p);
        cr_assert_eq(write(l.gate[1], "\n", 1), 1);
        while (!is_gone(pid))
            usleep(1000);
        close(l.gate[0]);
        close(l.gate[1]);
    }
}

static int (*real_thread)(void *(*fn)(void *), void *arg);
static int threads_left;

static int few_threads(void *(*fn)(void *), void *arg)
{
    return threads_left-- > 0 ? real_thread(fn, arg) : -EAGAIN;
}

/* One thread starts it, and none is left to wait for it. */
static int not_to_be_watched(void *arg)
{
    struct hkt_process *p;
    struct reports reports;

    (void)arg;
    reports_to(&reports);
    real_thread = hkt__sys.thread;
    hkt__sys.thread = few_threads;
    threads_left = 0;
    cr_assert_eq(start("exit 0", -1, &p), -EAGAIN, "not even started");
    cr_assert_null(p);
    threads_left = 1;
    cr_assert_eq(start("exec sleep 1000", -1, &p), -EAGAIN);
    cr_assert_null(p);
    hkt__sys.thread = real_thread;
    hkt_on_report(NULL, NULL);
    cr_assert(wait(NULL) < 0 && errno == ECHILD, "killed and reaped");
    cr_assert_eq(reports.count, 0);
    return 0;
}

Test(reap, a_process_that_cannot_be_watched_is_killed)
{
    cr_assert_eq(hkt_run_opts(not_to_be_watched, NULL, &(struct hkt_loop_opts){.poller = "epoll"}),
                 0);
}

/* Descriptors are kept from it where no call does that for all of them. */

static int no_range(int first)
{
    (void)first;
    return -ENOSYS;
}

static int has_another(void *arg)
{
    struct hkt_process *p;
    int status, fd = fcntl(1, F_DUPFD, 50);

    (void)arg;
    cr_assert_eq(fd, 50);
    cr_assert_eq(start("[ -e /dev/fd/50 ] && exit 5; exit 4", -1, &p), 0);
    cr_assert_eq(hkt_process_wait(p, &status), 0);
    cr_assert_eq(status, 4);
    hkt_process_free(p);
    close(fd);
    return 0;
}

Test(reap, descriptors_are_kept_one_by_one)
{
    hkt__sys.cloexec_from = no_range;
    on_each_backend(has_another, NULL);
}
