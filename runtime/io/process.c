/* SPDX-License-Identifier: MIT
 *
 * Processes: starting them, and their handles.
 */
#include "process.h"
#include "exec.h"

#include "sched/fork.h"

#include "base/sys.h"

#include <hocket/io.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A shared library of Apple's has no such variable. */
#if defined(__APPLE__)
#include <crt_externs.h>
#define environ (*_NSGetEnviron())
#else
extern char **environ;
#endif

/* Standard streams: ours[i] is this process's end of a pipe, e->stdio[i] what the child gets. */

static int make_pipe(struct hkt__exec *e, int i, int ours[3])
{
    int fds[2];
    int rc = hkt__exec_pipe(fds);

    if (rc < 0)
        return rc;
    e->stdio[i] = fds[i == 0 ? 0 : 1];
    ours[i] = fds[i == 0 ? 1 : 0];
    return 0;
}

static int duplicate(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    return copy < 0 ? -errno : copy;
}

static int open_null(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    int copy = duplicate(fd);
    (void)close(fd);
    return copy;
}

static int make_stream(struct hkt__exec *e, int i, const struct hkt_stdio *s, int ours[3])
{
    switch (s->how) {
    case HKT_INHERIT:
        return 0;
    case HKT_PIPE:
        return make_pipe(e, i, ours);
    case HKT_NULL:
        e->stdio[i] = open_null();
        break;
    case HKT_FD:
        e->stdio[i] = duplicate(s->fd);
        break;
    case HKT_STDOUT:
        e->err_is_out = i == 2;
        return i == 2 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
    return e->stdio[i] < 0 ? e->stdio[i] : 0;
}

static void close_all(const int fds[3])
{
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            (void)hkt__sys.close(fds[i]);
}

static int make_streams(struct hkt__exec *e, const struct hkt_process_opts *opts, int ours[3])
{
    const struct hkt_stdio *streams[] = {&opts->in, &opts->out, &opts->err};
    int rc = 0;

    for (int i = 0; i < 3; i++)
        e->stdio[i] = ours[i] = -1;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = make_stream(e, i, streams[i], ours);
    return rc;
}

/* Starting */

/* The thread that does it blocks all signals, the process is to be like its maker. */
static void describe(struct hkt__exec *e, const char *const *argv,
                     const struct hkt_process_opts *opts)
{
    e->argv = argv;
    e->env = opts->env ? opts->env : (const char *const *)(uintptr_t)environ;
    e->cwd = opts->cwd;
    e->group = opts->flags & HKT_OWN_GROUP;
    e->session = opts->flags & HKT_OWN_SESSION;
    e->keeps = opts->flags & HKT_KEEP_FDS;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &e->mask);
}

/* Of a process that was made but cannot be watched: it must not be left alone. Killed it ends at
 * once, so this does not wait for long. */
static int give_up(pid_t pid, int rc)
{
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

static int start(struct hkt_process *p, struct hkt__exec *e)
{
    int rc = hkt__run_blocking(hkt__exec_run, e, "process start");

    close_all(e->stdio);
    if (rc < 0)
        return rc;
    p->pid = e->pid;
    p->leads = e->group || e->session;
    rc = hkt__reap_begin(p);
    return rc < 0 ? give_up(p->pid, rc) : 0;
}

static int spawn(struct hkt_process *p, const char *const *argv,
                 const struct hkt_process_opts *opts)
{
    struct hkt__exec e = {.argv = NULL};

    describe(&e, argv, opts);
    int rc = make_streams(&e, opts, p->fds);
    if (rc == 0)
        return start(p, &e);
    close_all(e.stdio);
    return rc;
}

int hkt_process_spawn(const char *const *argv, const struct hkt_process_opts *opts,
                      struct hkt_process **p)
{
    static const struct hkt_process_opts none;

    *p = NULL;
    if (!hkt__task_self())
        return -EPERM;
    if (!argv || !argv[0])
        return -EINVAL;
    struct hkt_process *made = hkt_alloc(sizeof *made);
    if (!made)
        return -ENOMEM;
    made->loop = made->ended.loop = hkt__loop;
    made->pidfd = -1;
    int rc = spawn(made, argv, opts ? opts : &none);
    if (rc < 0) {
        close_all(made->fds);
        hkt_dealloc(made);
        return rc;
    }
    *p = made;
    return 0;
}

/* Waiting */

int hkt_process_wait(struct hkt_process *p, int *status)
{
    if (!p)
        return -ENOMEM;
    if (!hkt__task_self())
        return -EPERM;
    int rc = hkt__future_wait(&p->ended, "process");
    if (rc == 0 && status)
        *status = p->status;
    return rc;
}

int hkt_process_status(const struct hkt_process *p, int *status)
{
    if (!p)
        return -ENOMEM;
    if (!hkt__reaped(p))
        return 0;
    int rc = hkt_future_result(&p->ended);
    if (rc == 0)
        *status = p->status;
    return rc < 0 ? rc : 1;
}

/* Signals */

int hkt_process_signal(struct hkt_process *p, int signum)
{
    return p ? hkt__process_signal(p, signum) : -ENOMEM;
}

int hkt_process_terminate(struct hkt_process *p)
{
    return hkt_process_signal(p, SIGTERM);
}

int hkt_process_kill(struct hkt_process *p)
{
    return hkt_process_signal(p, SIGKILL);
}

int hkt_process_signal_group(struct hkt_process *p, int signum)
{
    if (!p)
        return -ENOMEM;
    if (!p->leads)
        return -EINVAL;
    if (hkt__reaped(p) || !p->loop)
        return -ESRCH;
    return kill(-p->pid, signum) == 0 ? 0 : -errno;
}

/* The handle */

pid_t hkt_process_pid(const struct hkt_process *p)
{
    return p ? p->pid : -ENOMEM;
}

int hkt_process_fd(const struct hkt_process *p, int i)
{
    if (!p)
        return -ENOMEM;
    return i < 0 || i > 2 || p->fds[i] < 0 ? -EBADF : p->fds[i];
}

int hkt_process_take_fd(struct hkt_process *p, int i)
{
    int fd = hkt_process_fd(p, i);

    if (fd >= 0)
        p->fds[i] = -1;
    return fd;
}

void hkt__process_drop(struct hkt_process *p)
{
    hkt_dealloc(p);
}

void hkt_process_free(struct hkt_process *p)
{
    if (!p)
        return;
    for (int i = 0; i < 3; i++)
        if (p->fds[i] >= 0)
            (void)hkt_close(p->fds[i]);
    p->freed = true;
    if (hkt__reaped(p) || !p->loop)
        hkt__process_drop(p);
}
