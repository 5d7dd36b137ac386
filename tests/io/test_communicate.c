/* SPDX-License-Identifier: MIT
 *
 * Speaking with processes that end early, late, or while nobody waits: the scenarios of CPython's
 * test_subprocess that test_process.c does not have.
 */
#include "io/pooled.h"

#include <hocket/process.h>

static const struct hkt_process_opts piped = {
    .in = {.how = HKT_PIPE}, .out = {.how = HKT_PIPE}, .err = {.how = HKT_PIPE}};

static struct hkt_process *start(const char *script, const struct hkt_process_opts *opts)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct hkt_process *p;
    int rc = hkt_process_spawn(argv, opts, &p);

    cr_assert_eq(rc, 0, "%s: %d", script, rc);
    return p;
}

static void end(struct hkt_process *p, int expected)
{
    int status = 1000;

    cr_assert_eq(hkt_process_wait(p, &status), 0);
    cr_assert_eq(status, expected);
    hkt_process_free(p);
}

struct talk {
    struct hkt_process *p;
    struct hkt_output out;
    int status;
};

static int communicate(void *arg)
{
    struct talk *t = arg;

    return hkt_process_communicate(t->p, "input", 5, &t->out, NULL, 0, &t->status);
}

static int cancelled(void *arg)
{
    /* It says something, whoever hears it, and goes on until its input ends: which is when the
     * pipes are closed. */
    struct talk t = {.p = start("trap '' PIPE; echo some; cat >/dev/null; exit 6", &piped),
                     .out = {.data = "none"}};
    struct hkt_task *task = hkt_spawn(communicate, &t);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    bool asked = hkt_task_cancel(task);
    int rc = hkt_join(task);
    cr_assert_eq(rc, asked ? -ECANCELED : 0);
    if (rc < 0)
        cr_assert_null(t.out.data, "what was read is dropped");
    hkt_dealloc(t.out.data);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hkt_process_fd(t.p, i), -EBADF, "its pipes are gone");
    end(t.p, 6);
    return 0;
}

Test(communicate, that_is_cancelled_drops_what_it_read_and_closes_the_pipes)
{
    on_each_backend(cancelled, NULL);
}

static int wait_for(void *p)
{
    return hkt_process_wait(p, NULL);
}

static int waits_again(void *arg)
{
    struct hkt_process *p = start("exec sleep 1000", NULL);

    (void)arg;
    for (int i = 0; i < 2; i++) {
        struct hkt_task *task = hkt_spawn(wait_for, p);
        cr_assert_eq(hkt_sleep(0), 0);
        cr_assert(hkt_task_cancel(task));
        cr_assert_eq(hkt_join(task), -ECANCELED);
    }
    cr_assert_eq(hkt_process_status(p, NULL), 0, "it runs");
    cr_assert_eq(hkt_process_kill(p), 0);
    end(p, -SIGKILL);
    return 0;
}

Test(communicate, after_a_cancelled_wait_it_can_be_waited_for_again)
{
    on_each_backend(waits_again, NULL);
}

static int ended_unnoticed(void *arg)
{
    struct hkt_process *p = start("exit 4", NULL);
    int rc = 0;

    (void)arg;
    for (int i = 0; i < 10000 && rc == 0; i++) {
        rc = hkt_process_kill(p);
        cr_assert_eq(hkt_sleep(HKT_US(100)), 0);
    }
    cr_assert_eq(rc, -ESRCH, "it was reaped, though nobody waited");
    int status;
    cr_assert_eq(hkt_process_wait(p, &status), 0);
    cr_assert(status == 4 || status == -SIGKILL);
    cr_assert_eq(hkt_process_kill(p), -ESRCH);
    cr_assert_eq(hkt_process_terminate(p), -ESRCH);
    cr_assert_eq(hkt_process_signal(p, SIGHUP), -ESRCH);
    hkt_process_free(p);
    return 0;
}

Test(communicate, a_signal_to_one_that_has_ended_is_refused)
{
    on_each_backend(ended_unnoticed, NULL);
}

static int broken_pipe(void *arg)
{
    static const char data[1 << 20];
    struct hkt_process *p = start("read x; exit 3", &piped);

    (void)arg;
    cr_assert_eq(hkt_write_all(hkt_process_fd(p, 0), "\n", 1, NULL), 0);
    cr_assert_eq(hkt_write_all(hkt_process_fd(p, 0), data, sizeof data, NULL), -EPIPE);
    end(p, 3);
    p = start("exit 2", &piped);
    int status = 1000;
    cr_assert_eq(hkt_process_communicate(p, data, sizeof data, NULL, NULL, 0, &status), 0,
                 "that is no error there");
    cr_assert_eq(status, 2);
    hkt_process_free(p);
    return 0;
}

Test(communicate, an_input_that_nobody_reads)
{
    on_each_backend(broken_pipe, NULL);
}

/* A grandchild that ends when its input does, which is its parent's. */
static const char grandchild[] = "exec 3<&0; cat <&3 >/dev/null & exit 5";

static int held_pipe(void *arg)
{
    struct hkt_process *p = start(grandchild, &piped);
    int status = 1000;
    char c;

    (void)arg;
    cr_assert_eq(hkt_process_wait(p, &status), 0, "whoever holds its pipes");
    cr_assert_eq(status, 5);
    cr_assert_eq(hkt_close(hkt_process_take_fd(p, 0)), 0);
    cr_assert_eq(hkt_read(hkt_process_fd(p, 2), &c, 1), 0, "the end comes with the grandchild's");
    hkt_process_free(p);

    struct talk t = {.p = start(grandchild, &piped)};
    cr_assert_eq(communicate(&t), 0);
    cr_assert_eq(t.status, 5);
    cr_assert_eq(t.out.size, 0u);
    hkt_dealloc(t.out.data);
    hkt_process_free(t.p);
    return 0;
}

Test(communicate, a_grandchild_that_holds_the_pipes)
{
    on_each_backend(held_pipe, NULL);
}

static int reads_after_the_end(void *arg)
{
    struct hkt_process *p = start("echo left; exit 1", &piped);
    char buf[8] = "";
    int status;

    (void)arg;
    cr_assert_eq(hkt_process_wait(p, &status), 0);
    cr_assert_eq(status, 1);
    cr_assert_eq(hkt_read_full(hkt_process_fd(p, 1), buf, 5), 5);
    cr_assert_str_eq(buf, "left\n");
    cr_assert_eq(hkt_read(hkt_process_fd(p, 1), buf, 1), 0);
    cr_assert_eq(hkt_process_communicate(p, NULL, 0, NULL, NULL, 0, &status), 0, "nothing is left");
    cr_assert_eq(status, 1);
    hkt_process_free(p);
    return 0;
}

Test(communicate, what_one_that_has_ended_had_said_can_be_read)
{
    on_each_backend(reads_after_the_end, NULL);
}

static int says_when_asked(void *arg)
{
    struct hkt_process *p = start("echo ready; exec sleep 1000", &piped);
    char buf[8];

    (void)arg;
    cr_assert_eq(hkt_read_full(hkt_process_fd(p, 1), buf, 6), 6);
    cr_assert_eq(hkt_process_signal(p, SIGUSR1), 0);
    end(p, -SIGUSR1);
    return 0;
}

Test(communicate, a_signal_ends_one_that_has_begun)
{
    on_each_backend(says_when_asked, NULL);
}

struct starting {
    struct hkt_process *p;
    int rc; /* of the call: a task that is cancelled as it ends loses its own */
};

static int spawn_sleeper(void *arg)
{
    static const char *const argv[] = {"/bin/sh", "-c", "exec sleep 1000", NULL};
    struct starting *x = arg;

    return x->rc = hkt_process_spawn(argv, &piped, &x->p);
}

static int cancelled_spawn(void *arg)
{
    for (int turns = 0; turns < 3; turns++) {
        struct starting x = {.rc = -ECANCELED};
        struct hkt_task *task = hkt_spawn(spawn_sleeper, &x);

        for (int i = 0; i < turns; i++)
            cr_assert_eq(hkt_sleep(0), 0);
        (void)hkt_task_cancel(task);
        int rc = hkt_join(task);
        cr_assert(rc == 0 || rc == -ECANCELED, "%d", rc);
        cr_assert(x.rc == 0 || x.rc == -ECANCELED, "%d", x.rc);
        cr_assert_eq(x.p == NULL, x.rc < 0, "a process, or the cancellation");
        if (!x.p)
            continue;
        cr_assert_eq(hkt_process_kill(x.p), 0);
        end(x.p, -SIGKILL);
    }
    (void)arg;
    return 0;
}

Test(communicate, a_start_that_is_cancelled_leaves_no_process)
{
    on_each_backend(cancelled_spawn, NULL);
}

static int read_out(void *p)
{
    char c;

    return (int)hkt_read(hkt_process_fd(p, 1), &c, 1);
}

static int write_in(void *p)
{
    static const char data[1 << 20];

    return hkt_write_all(hkt_process_fd(p, 0), data, sizeof data, NULL);
}

static int cancelled_pipes(void *arg)
{
    struct hkt_process *p = start("exec sleep 1000", &piped);
    struct hkt_task *reader = hkt_spawn(read_out, p), *writer = hkt_spawn(write_in, p);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert(hkt_task_cancel(reader));
    cr_assert(hkt_task_cancel(writer));
    cr_assert_eq(hkt_join(reader), -ECANCELED);
    cr_assert_eq(hkt_join(writer), -ECANCELED);
    cr_assert_eq(hkt_process_kill(p), 0);
    end(p, -SIGKILL);
    return 0;
}

Test(communicate, reads_and_writes_of_pipes_may_be_cancelled)
{
    on_each_backend(cancelled_pipes, NULL);
}

static int a_device(void *arg)
{
    static const char *const scripts[] = {"cat /dev/stdin", "cat; true"};
    struct hkt_process_opts nothing = piped;

    (void)arg;
    nothing.out.how = HKT_NULL;
    nothing.in.how = HKT_INHERIT;
    for (int i = 0; i < 2; i++) {
        struct talk t = {.p = start(scripts[i], &piped)};
        cr_assert_eq(communicate(&t), 0);
        cr_assert_str_eq(t.out.data, "input");
        hkt_dealloc(t.out.data);
        hkt_process_free(t.p);
    }
    struct talk t = {.p = start("echo lost", &nothing), .out = {.data = "none"}};
    cr_assert_eq(communicate(&t), 0, "without a pipe for the input");
    cr_assert_null(t.out.data, "none for the output");
    hkt_process_free(t.p);
    return 0;
}

Test(communicate, with_the_streams_that_are_pipes)
{
    on_each_backend(a_device, NULL);
}
