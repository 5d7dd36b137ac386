/* SPDX-License-Identifier: MIT
 *
 * Other programs.
 */
#include "base/reports.h"
#include "io/pooled.h"

#include <fcntl.h>
#include <hocket/process.h>
#include <stdlib.h>
#include <sys/wait.h>

static const struct hkt_process_opts piped = {
    .in = {.how = HKT_PIPE}, .out = {.how = HKT_PIPE}, .err = {.how = HKT_PIPE}};

static struct hkt_process *start(const char *script, const struct hkt_process_opts *opts)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct hkt_process *p;
    int rc = hkt_process_spawn(argv, opts, &p);

    cr_assert_eq(rc, 0, "%s: %d", script, rc);
    cr_assert(hkt_process_pid(p) > 0);
    return p;
}

/* What the script exits with, or minus its signal. */
static int run_script(const char *script, const struct hkt_process_opts *opts)
{
    struct hkt_process *p = start(script, opts);
    int status = 1000, again = 1000;

    cr_assert_eq(hkt_process_wait(p, &status), 0);
    cr_assert_eq(hkt_process_wait(p, NULL), 0, "again");
    cr_assert_eq(hkt_process_status(p, &again), 1);
    cr_assert_eq(again, status);
    cr_assert(kill(hkt_process_pid(p), 0) < 0 && errno == ESRCH, "it was reaped");
    cr_assert_eq(hkt_process_signal(p, SIGTERM), -ESRCH);
    hkt_process_free(p);
    return status;
}

static void expect_output(const char *script, const struct hkt_process_opts *opts,
                          const char *input, const char *expected_out, const char *expected_err)
{
    struct hkt_output out, err;
    int status = 1000;
    struct hkt_process *p = start(script, opts);
    int rc = hkt_process_communicate(p, input, strlen(input), &out, &err, 0, &status);

    cr_assert_eq(rc, 0, "%s: %d", script, rc);
    cr_assert_eq(status, 0, "%s: %d", script, status);
    cr_assert_str_eq(out.data, expected_out);
    cr_assert(!expected_err == !err.data, "%s", script);
    if (expected_err)
        cr_assert_str_eq(err.data, expected_err);
    cr_assert_eq(out.size, strlen(expected_out));
    hkt_dealloc(out.data);
    hkt_dealloc(err.data);
    hkt_process_free(p);
}

static int ends(void *arg)
{
    (void)arg;
    cr_assert_eq(run_script("exit 0", NULL), 0);
    cr_assert_eq(run_script("exit 47", NULL), 47);
    cr_assert_eq(run_script("kill -9 $$", NULL), -9);
    cr_assert_eq(run_script("kill -TERM $$", NULL), -SIGTERM);
    return 0;
}

Test(process, is_waited_for_and_says_how_it_ended)
{
    on_each_backend(ends, NULL);
}

/* Starting */

static int not_to_be_run(void *arg)
{
    const char *const none[] = {"/no/such/program", NULL};
    const char *const nowhere[] = {"no-such-program-anywhere", NULL};
    const char *const no_program[] = {"/etc/passwd", NULL};
    const char *const directory[] = {"/tmp", NULL};
    const char *const empty[] = {"", NULL};
    const char *const good[] = {"true", NULL};
    const struct hkt_process_opts lost = {.cwd = "/no/such/directory"};
    const struct hkt_process_opts bad_fd = {.out = {.how = HKT_FD, .fd = -1}};
    const struct hkt_process_opts bad_out = {.in = {.how = HKT_PIPE}, .out = {.how = HKT_STDOUT}};
    struct hkt_process *p = (struct hkt_process *)(uintptr_t)1;

    (void)arg;
    cr_assert_eq(hkt_process_spawn(none, &piped, &p), -ENOENT);
    cr_assert_null(p);
    cr_assert_eq(hkt_process_spawn(nowhere, NULL, &p), -ENOENT);
    cr_assert_eq(hkt_process_spawn(no_program, NULL, &p), -EACCES);
    cr_assert_eq(hkt_process_spawn(directory, NULL, &p), -EACCES);
    cr_assert_eq(hkt_process_spawn(empty, NULL, &p), -ENOENT);
    cr_assert_eq(hkt_process_spawn(good, &lost, &p), -ENOENT);
    cr_assert_eq(hkt_process_spawn(good, &bad_fd, &p), -EBADF);
    cr_assert_eq(hkt_process_spawn(good, &bad_out, &p), -EINVAL);
    cr_assert_eq(hkt_process_spawn(NULL, NULL, &p), -EINVAL);
    cr_assert_eq(hkt_process_wait(p, NULL), -ENOMEM, "no handle");
    cr_assert_eq(hkt_process_kill(p), -ENOMEM);
    hkt_process_free(p);
    cr_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "nothing is left over");
    return 0;
}

Test(process, that_cannot_be_started_says_why)
{
    const char *const good[] = {"true", NULL};
    struct hkt_process *p;

    on_each_backend(not_to_be_run, NULL);
    cr_assert_eq(hkt_process_spawn(good, NULL, &p), -EPERM, "not in a task");
}

static int surroundings(void *arg)
{
    const char *const env[] = {"PATH=/nowhere:/bin:/usr/bin", "GREETING=hello", NULL};
    const char *const wrong_env[] = {"PATH=/nowhere", NULL};
    const char *const argv[] = {"sh", "-c", "echo $GREETING; pwd", NULL};
    struct hkt_process_opts opts = {.env = env, .cwd = "/", .out = {.how = HKT_PIPE}};
    struct hkt_process *p;
    struct hkt_output out;

    (void)arg;
    cr_assert_eq(hkt_process_spawn(argv, &opts, &p), 0, "found in its PATH");
    cr_assert_eq(hkt_process_communicate(p, NULL, 0, &out, NULL, 0, NULL), 0);
    cr_assert_str_eq(out.data, "hello\n/\n");
    hkt_dealloc(out.data);
    hkt_process_free(p);
    opts.env = wrong_env;
    cr_assert_eq(hkt_process_spawn(argv, &opts, &p), -ENOENT);
    return 0;
}

Test(process, has_the_environment_and_directory_it_is_given)
{
    on_each_backend(surroundings, NULL);
}

/* Streams */

static int streams(void *arg)
{
    struct hkt_process_opts merged = piped, file = piped, nothing = piped;
    char path[] = "/tmp/hocket-test-XXXXXX", text[8] = "";

    (void)arg;
    expect_output("cat; echo error >&2", &piped, "input", "input", "error\n");
    expect_output("true", &piped, "", "", "");
    merged.err.how = HKT_STDOUT;
    expect_output("echo a; echo b >&2", &merged, "", "a\nb\n", NULL);
    nothing.in.how = HKT_NULL;
    nothing.err.how = HKT_NULL;
    expect_output("cat; echo lost >&2; echo out", &nothing, "", "out\n", NULL);
    int fd = mkstemp(path);
    cr_assert_eq(unlink(path), 0);
    file.err = (struct hkt_stdio){HKT_FD, fd};
    expect_output("echo to >&2", &file, "", "", NULL);
    cr_assert_eq(pread(fd, text, 7, 0), 3);
    cr_assert_str_eq(text, "to\n");
    close(fd);
    return 0;
}

Test(process, has_the_streams_it_is_given)
{
    on_each_backend(streams, NULL);
}

static int dialogue(void *arg)
{
    struct hkt_process *p = start("while read x; do echo got $x; done", &piped);
    char buf[16] = "";
    int status;

    (void)arg;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(hkt_write_all(hkt_process_fd(p, 0), "x\n", 2, NULL), 0);
        cr_assert_eq(hkt_read_full(hkt_process_fd(p, 1), buf, 6), 6);
        cr_assert_str_eq(buf, "got x\n");
    }
    cr_assert_eq(hkt_process_status(p, &status), 0, "it runs");
    cr_assert_eq(hkt_close(hkt_process_take_fd(p, 0)), 0);
    cr_assert_eq(hkt_process_fd(p, 0), -EBADF);
    cr_assert_eq(hkt_process_fd(p, 3), -EBADF);
    cr_assert_eq(hkt_read(hkt_process_fd(p, 1), buf, 1), 0);
    cr_assert_eq(hkt_process_wait(p, &status), 0);
    cr_assert_eq(status, 0);
    hkt_process_free(p);
    return 0;
}

Test(process, is_spoken_with_through_its_pipes)
{
    on_each_backend(dialogue, NULL);
}

/* More in all directions than pipes hold. */
static int much(void *arg)
{
    enum { SIZE = 1000000 };
    char *data = malloc(SIZE);
    struct hkt_output out, err;

    (void)arg;
    for (int i = 0; i < SIZE; i++)
        data[i] = (char)('a' + i % 26);
    struct hkt_process *p = start("head -c 300000 /dev/zero >&2; cat", &piped);
    cr_assert_eq(hkt_process_communicate(p, data, SIZE, &out, &err, 0, NULL), 0);
    cr_assert(out.size == SIZE && memcmp(out.data, data, SIZE) == 0);
    cr_assert_eq(err.size, 300000u);
    hkt_dealloc(out.data);
    hkt_dealloc(err.data);
    hkt_process_free(p);
    /* One that does not read. */
    p = start("exec <&-; echo done", &piped);
    cr_assert_eq(hkt_process_communicate(p, data, SIZE, &out, NULL, 0, NULL), 0);
    cr_assert_str_eq(out.data, "done\n");
    hkt_dealloc(out.data);
    hkt_process_free(p);
    free(data);
    return 0;
}

Test(process, gets_and_gives_more_than_pipes_hold)
{
    on_each_backend(much, NULL);
}

static int too_much(void *arg)
{
    struct hkt_process *p = start("while :; do echo yes; done", &piped);
    struct hkt_output out = {"", 1};
    int status;

    (void)arg;
    cr_assert_eq(hkt_process_communicate(p, NULL, 0, &out, NULL, 100000, NULL), -EMSGSIZE);
    cr_assert_null(out.data);
    (void)hkt_process_kill(p);
    cr_assert_eq(hkt_process_wait(p, &status), 0);
    hkt_process_free(p);
    return 0;
}

Test(process, that_says_more_than_the_limit)
{
    on_each_backend(too_much, NULL);
}

static int keeps_nothing_open(void *arg)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct hkt_process *other = start("cat", &piped);
    char script[128];

    (void)arg;
    snprintf(script, sizeof script,
             "for i in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$i ] && exit 1; "
             "done; exit 0");
    cr_assert_eq(run_script(script, &piped), 0);
    hkt_process_free(other); /* whose pipe no other child holds, so that it ends */
    close(fd);
    return 0;
}

Test(process, has_no_other_descriptors)
{
    for (int fd = 3; fd < 256; fd++) /* those that the runner left open */
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    on_each_backend(keeps_nothing_open, NULL);
}

static int without_standard_streams(void *arg)
{
    int saved[3];

    for (int i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        close(i);
    }
    struct hkt_output out = {NULL, 0};
    struct hkt_process *p;
    const char *argv[] = {"/bin/sh", "-c", "cat; echo error >&2", NULL};
    struct hkt_process_opts opts = piped;
    opts.err.how = HKT_STDOUT;
    int rc = hkt_process_spawn(argv, &opts, &p);
    if (rc == 0)
        rc = hkt_process_communicate(p, "in", 2, &out, NULL, 0, NULL);
    for (int i = 0; i < 3; i++) {
        if (saved[i] >= 0)
            dup2(saved[i], i);
        close(saved[i]);
    }
    (void)arg;
    cr_assert_eq(rc, 0, "%d", rc);
    cr_assert_str_eq(out.data, "inerror\n");
    hkt_dealloc(out.data);
    hkt_process_free(p);
    return 0;
}

Test(process, is_started_by_one_without_standard_streams)
{
    on_each_backend(without_standard_streams, NULL);
}

/* Signals */

static void ignore(int signum)
{
    (void)signum;
}

static int signals_are_as_before(void *arg)
{
    sigset_t usr2, before;

    (void)arg;
    signal(SIGUSR1, ignore);
    cr_assert_eq(run_script("kill -USR1 $$; exit 3", NULL), -SIGUSR1, "default, not caught");
    cr_assert_eq(run_script("kill -PIPE $$; exit 3", NULL), -SIGPIPE, "which hkt_run() ignores");
    cr_assert_eq(run_script("kill -INT $$; exit 3", NULL), -SIGINT, "which the pool blocks");
    signal(SIGUSR1, SIG_IGN);
    cr_assert_eq(run_script("kill -USR1 $$; exit 3", NULL), 3, "ignored stays");
    signal(SIGUSR1, SIG_DFL);
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr2, &before);
    cr_assert_eq(run_script("kill -USR2 $$; exit 3", NULL), 3, "blocked stays");
    sigprocmask(SIG_SETMASK, &before, NULL);
    return 0;
}

Test(process, has_signals_as_they_were)
{
    signal(SIGINT, SIG_DFL);
    on_each_backend(signals_are_as_before, NULL);
}

static int kills(void *arg)
{
    struct hkt_process *p = start("exec sleep 1000", NULL), *q = start("exec sleep 1000", NULL);
    int status;

    (void)arg;
    cr_assert_eq(hkt_process_signal(p, 1000), -EINVAL);
    cr_assert_eq(hkt_process_signal(p, 0), 0, "it is there");
    cr_assert_eq(hkt_process_terminate(p), 0);
    cr_assert_eq(hkt_process_kill(q), 0);
    cr_assert_eq(hkt_process_wait(p, &status), 0);
    cr_assert_eq(status, -SIGTERM);
    cr_assert_eq(hkt_process_wait(q, &status), 0);
    cr_assert_eq(status, -SIGKILL);
    cr_assert_eq(hkt_process_kill(q), -ESRCH);
    hkt_process_free(p);
    hkt_process_free(q);
    return 0;
}

Test(process, is_killed)
{
    on_each_backend(kills, NULL);
}

static int groups(void *arg)
{
    struct hkt_process_opts opts = {.out = {.how = HKT_PIPE}, .flags = HKT_OWN_GROUP};
    char c;

    for (int i = 0; i < 2; i++, opts.flags = HKT_OWN_SESSION) {
        struct hkt_process *p = start("sleep 1000 & echo; wait", &opts);
        cr_assert_eq(hkt_read(hkt_process_fd(p, 1), &c, 1), 1);
        cr_assert_eq(getpgid(hkt_process_pid(p)), hkt_process_pid(p));
        cr_assert_eq(getsid(hkt_process_pid(p)) == hkt_process_pid(p), i == 1);
        cr_assert_eq(hkt_process_signal_group(p, SIGKILL), 0);
        cr_assert_eq(hkt_read(hkt_process_fd(p, 1), &c, 1), 0, "the grandchild is gone as well");
        cr_assert_eq(hkt_process_wait(p, NULL), 0);
        cr_assert_eq(hkt_process_signal_group(p, SIGKILL), -ESRCH);
        hkt_process_free(p);
    }
    struct hkt_process *plain = start("exit 0", NULL);
    cr_assert_eq(hkt_process_signal_group(plain, SIGKILL), -EINVAL);
    cr_assert_eq(hkt_process_wait(plain, NULL), 0);
    hkt_process_free(plain);
    (void)arg;
    return 0;
}

Test(process, leads_a_group)
{
    on_each_backend(groups, NULL);
}

/* Waiting */

static int wait_for(void *p)
{
    int status = 1000;

    HKT_TRY(hkt_process_wait(p, &status));
    return status;
}

static int several_wait(void *arg)
{
    struct hkt_process *p = start("read x; exit 5", &piped);
    struct hkt_task *waiting[4];
    struct hkt_timeout limit = {0};

    (void)arg;
    for (int i = 0; i < 4; i++)
        waiting[i] = hkt_spawn(wait_for, p);
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(1)), 0);
    int64_t rc = hkt_process_wait(p, NULL);
    cr_assert_eq(hkt_timeout_exit(&limit, rc), -ETIMEDOUT);
    cr_assert(hkt_task_cancel(waiting[1]));
    cr_assert_eq(hkt_join(waiting[1]), -ECANCELED);
    cr_assert_eq(hkt_process_status(p, NULL), 0, "that changed nothing");
    cr_assert_eq(hkt_write(hkt_process_fd(p, 0), "\n", 1), 1);
    for (int i = 0; i < 4; i++)
        cr_assert(i == 1 || hkt_join(waiting[i]) == 5);
    hkt_process_free(p);
    return 0;
}

Test(process, is_waited_for_by_several)
{
    on_each_backend(several_wait, NULL);
}

static int communication_ends(void *arg)
{
    struct hkt_process *p = start("exec sleep 1000", &piped);
    struct hkt_timeout limit = {0};
    struct hkt_output out;
    int status;

    (void)arg;
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(2)), 0);
    int rc = hkt_process_communicate(p, "x", 1, &out, NULL, 0, NULL);
    cr_assert_eq(hkt_timeout_exit(&limit, rc), -ETIMEDOUT);
    cr_assert_null(out.data);
    cr_assert_eq(hkt_process_kill(p), 0);
    cr_assert_eq(hkt_process_wait(p, &status), 0);
    cr_assert_eq(status, -SIGKILL);
    hkt_process_free(p);
    return 0;
}

Test(process, that_takes_too_long_can_be_killed)
{
    on_each_backend(communication_ends, NULL);
}

/* Handles that go first */

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

static int freed_first(void *arg)
{
    struct hkt_process *p = start("cat", &piped);
    pid_t pid = hkt_process_pid(p);

    (void)arg;
    hkt_process_free(p); /* it gets the end of its input, and ends */
    while (!is_gone(pid))
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    return 0;
}

Test(process, whose_handle_was_freed_is_reaped)
{
    on_each_backend(freed_first, NULL);
}

struct kept {
    struct hkt_process *p;
    pid_t pid;
    int gate[2];
};

static int leaves(void *arg)
{
    struct kept *k = arg;
    struct hkt_process_opts opts = {.in = {HKT_FD, k->gate[0]}};
    struct hkt_process *p = start("read x", &opts);

    k->pid = hkt_process_pid(p);
    if (k->p)
        k->p = p;
    else
        hkt_process_free(p);
    return 0;
}

/* The loop ends before the process; with its handle freed, and not. */
static int outlives(const char *poller, bool keep)
{
    struct kept k = {.p = keep ? (struct hkt_process *)(uintptr_t)1 : NULL};

    cr_assert_eq(pipe2(k.gate, O_CLOEXEC), 0);
    cr_assert_eq(hkt_run_opts(leaves, &k, &(struct hkt_loop_opts){.poller = poller}), 0);
    cr_assert_not(is_gone(k.pid));
    if (keep) {
        cr_assert_eq(hkt_process_status(k.p, NULL), -ECHILD);
        cr_assert_eq(hkt_process_kill(k.p), -ESRCH);
        hkt_process_free(k.p);
    }
    cr_assert_eq(write(k.gate[1], "\n", 1), 1);
    while (!is_gone(k.pid))
        usleep(1000);
    close(k.gate[0]);
    close(k.gate[1]);
    return 0;
}

Test(process, that_outlives_the_loop_is_reaped)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        if (!have_backend(backends[i]))
            continue;
        outlives(backends[i], false);
        outlives(backends[i], true);
    }
}

static int taken_away(void *arg)
{
    struct hkt_process *p = start("exit 3", NULL);
    int status = 1000;

    (void)arg;
    cr_assert_eq(waitpid(hkt_process_pid(p), NULL, 0), hkt_process_pid(p));
    cr_assert_eq(hkt_process_wait(p, &status), -ECHILD);
    cr_assert_eq(hkt_process_status(p, &status), -ECHILD);
    hkt_process_free(p);
    return 0;
}

Test(process, whose_end_another_took)
{
    on_each_backend(taken_away, NULL);
}

static int many_at_once(void *arg)
{
    struct hkt_process *p[20];
    int status;

    (void)arg;
    for (int i = 0; i < 20; i++) {
        char script[32];
        snprintf(script, sizeof script, "exit %d", i);
        p[i] = start(script, NULL);
    }
    for (int i = 19; i >= 0; i--) {
        cr_assert_eq(hkt_process_wait(p[i], &status), 0);
        cr_assert_eq(status, i);
        hkt_process_free(p[i]);
    }
    return 0;
}

Test(process, of_many_each_says_its_own)
{
    on_each_backend(many_at_once, NULL);
}

/* What it has of this process's descriptors: 50 is not close-on-exec. */

static int descriptors(void *arg)
{
    struct hkt_process_opts opts = {.flags = 0};
    int fd = fcntl(1, F_DUPFD, 50), status;

    (void)arg;
    cr_assert_eq(fd, 50);
    status = run_script("[ -e /dev/fd/50 ]", &opts);
    cr_assert_eq(status, 1, "%d", status);
    opts.flags = HKT_KEEP_FDS;
    status = run_script("[ -e /dev/fd/50 ]", &opts);
    cr_assert_eq(status, 0, "%d", status);
    cr_assert_eq(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    status = run_script("[ -e /dev/fd/50 ]", &opts);
    cr_assert_eq(status, 1, "%d", status);
    close(fd);
    return 0;
}

Test(process, has_the_standard_descriptors_only)
{
    on_each_backend(descriptors, NULL);
}

/* What runs on at the end is said, where the loop is made for debugging. */

static int leave_running(void *pid)
{
    struct hkt_process *p = start("exec sleep 1000", NULL);

    *(pid_t *)pid = hkt_process_pid(p);
    hkt_process_free(p);
    return 0;
}

Test(process, that_runs_on_at_the_end_is_said)
{
    const struct hkt_loop_opts opts = {.debug = true};
    struct reports reports;
    char expected[80];
    pid_t pid = 0;

    reports_to(&reports);
    cr_assert_eq(hkt_run_opts(leave_running, &pid, &opts), 0);
    snprintf(expected, sizeof expected, "the loop ends, and process %ld runs on", (long)pid);
    cr_assert(reports_say(&reports, expected), "%s", reports.last);
    cr_assert_eq(kill(pid, SIGKILL), 0); /* a thread reaps it */
}
