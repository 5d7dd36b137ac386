/* SPDX-License-Identifier: MIT
 *
 * The end of a process, of which the loop learns by a descriptor of the kernel's, or, where there
 * is none, from a thread that waits for this process alone. Neither of the two takes the end away:
 * the loop does, so that until then, as far as the loop knows, the number is that of this process.
 */
#include "process.h"

#include "sched/fork.h"

#include "base/sys.h"

#include <hocket/io.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

struct hkt__watcher {
    struct hkt__work work;
    struct hkt_handle handle;
    struct hkt_process *p;
    pid_t pid;
};

#if defined(__linux__) && defined(SYS_pidfd_send_signal)
static int signal_pidfd(int pidfd, int signum)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signum, NULL, 0) == 0 ? 0 : -errno;
}
#else
static int signal_pidfd(int pidfd, int signum)
{
    (void)pidfd;
    (void)signum;
    return -ENOSYS;
}
#endif

static int code_of(int status)
{
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Takes the end away. 1; 0: it has not ended; -ECHILD. */
static int reap(pid_t pid, int options, int *status)
{
    pid_t rc;

    do
        rc = waitpid(pid, status, options);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : rc > 0;
}

/* Threads */

static int wait_for(void *arg)
{
    const struct hkt__watcher *w = arg;
    siginfo_t info;

    while (waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    return 0;
}

/* Nobody is there any more to be told. */
static void reap_dropped(struct hkt__work *work)
{
    struct hkt__watcher *w = (struct hkt__watcher *)(void *)work;

    (void)reap(w->pid, 0, NULL);
    hkt_dealloc(w);
}

static void on_end(struct hkt_process *p);

static void on_told(void *arg)
{
    struct hkt__watcher *w = arg;
    struct hkt_process *p = w->p;

    hkt__pool_settle();
    hkt_loop_release(p->loop);
    hkt_dealloc(w);
    p->watcher = NULL;
    on_end(p);
}

static void tell(struct hkt__work *work)
{
    struct hkt__watcher *w = (struct hkt__watcher *)(void *)work;

    (void)hkt_call_threadsafe(w->p->loop, &w->handle, on_told, w);
}

static struct hkt__watcher *make_watcher(pid_t pid)
{
    struct hkt__watcher *w = hkt_alloc(sizeof *w);

    if (!w)
        return NULL;
    w->pid = pid;
    w->work.fn = wait_for;
    w->work.arg = w;
    w->work.ended = tell;
    w->work.dropped = reap_dropped;
    return w;
}

static int watch_by_thread(struct hkt_process *p)
{
    struct hkt__watcher *w = make_watcher(p->pid);

    if (!w)
        return -ENOMEM;
    w->p = p;
    hkt_loop_hold(p->loop);
    int rc = hkt__pool_submit_alone(&w->work);
    if (rc == 0) {
        p->watcher = w;
        return 0;
    }
    hkt_loop_release(p->loop);
    hkt_dealloc(w);
    return rc;
}

/* Has a thread wait for a process that nobody else will. */
static void reap_alone(pid_t pid)
{
    struct hkt__watcher *w = make_watcher(pid);

    if (w) {
        w->work.drop = true;
        if (hkt__pool_submit_alone(&w->work) == 0)
            return;
        hkt_dealloc(w);
    }
    if (reap(pid, WNOHANG, NULL) == 0)
        hkt_report("nobody waits for process %ld, which will be a zombie", (long)pid);
}

/* In the loop */

static void close_pidfd(struct hkt_process *p)
{
    if (p->pidfd < 0)
        return;
    (void)hkt_remove_reader(p->loop, p->pidfd);
    (void)hkt_close(p->pidfd);
    p->pidfd = -1;
}

static void on_end(struct hkt_process *p)
{
    int status = 0;
    int rc = reap(p->pid, WNOHANG, &status);

    if (rc == 0)
        return; /* it has not; it will be told again */
    close_pidfd(p);
    hkt__loop_end_unlink(p->loop, &p->end);
    p->status = code_of(status);
    (void)hkt_future_set(&p->ended, rc < 0 ? rc : 0, NULL);
    if (p->freed)
        hkt__process_drop(p);
}

static void on_readable(void *p)
{
    on_end(p);
}

/* The loop is being freed. In the child of a fork it is the parent's process. */
static void on_loop_end(struct hkt__loop_end *e)
{
    struct hkt_process *p = (struct hkt_process *)((char *)e - offsetof(struct hkt_process, end));
    struct hkt__watcher *w = p->watcher;

    if (!hkt__forked(p->loop)) {
        if (p->loop->debug)
            hkt_report("the loop ends, and process %ld runs on", (long)p->pid);
        bool left = !w;
        if (w && hkt__pool_cancel(&w->work, true) == HKT__WORK_OVER) {
            hkt_dealloc(w); /* it has told the loop, which will not come to it */
            left = true;
        }
        close_pidfd(p);
        if (left)
            reap_alone(p->pid);
        (void)hkt_future_set(&p->ended, -ECHILD, NULL);
    }
    p->watcher = NULL;
    p->loop = NULL;
    if (p->freed)
        hkt__process_drop(p);
}

static int watch_by_pidfd(struct hkt_process *p)
{
    p->pidfd = hkt__sys.pidfd_open(p->pid);
    if (p->pidfd < 0)
        return p->pidfd;
    int rc = hkt_add_reader(p->loop, p->pidfd, on_readable, p);
    if (rc < 0)
        close_pidfd(p);
    return rc;
}

int hkt__reap_begin(struct hkt_process *p)
{
    int rc = watch_by_pidfd(p);

    if (rc < 0)
        rc = watch_by_thread(p);
    if (rc < 0)
        return rc;
    p->end.fn = on_loop_end;
    hkt__loop_end_link(p->loop, &p->end);
    return 0;
}

int hkt__process_signal(const struct hkt_process *p, int signum)
{
    if (hkt__reaped(p) || !p->loop)
        return -ESRCH;
    if (p->pidfd >= 0)
        return signal_pidfd(p->pidfd, signum);
    return kill(p->pid, signum) == 0 ? 0 : -errno;
}
