/* SPDX-License-Identifier: MIT
 *
 * vfork() where there is one: a process with much memory is not copied for a program that needs
 * none of it. The child shares our memory and this thread stands still until it has gone, so the
 * child only makes system calls, and no handler of a signal may run in it: all are blocked until
 * those that are caught have got their default actions. What fails is told through a pipe, which
 * works also where emulators make it a copy.
 */
#include "exec.h"

#include "base/os.h"
#include "base/sys.h"

#include <hocket/base.h>

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

enum { SIGNALS = 64, NOT_RUN = 127, FIRST_OTHER = 3 };

/* Paths to try, one after the other, each with its NUL, and an empty one at the end. */

static const char *path_of(const char *const *env)
{
    for (; *env; env++)
        if (strncmp(*env, "PATH=", 5) == 0)
            return *env + 5;
    return "/usr/local/bin:/bin:/usr/bin";
}

/* An empty place is the current directory. */
static char *add_place(char *to, const char *place, size_t size, const char *name)
{
    if (size > 0) {
        memcpy(to, place, size);
        to += size;
        *to++ = '/';
    }
    memcpy(to, name, strlen(name) + 1);
    return to + strlen(name) + 1;
}

static char *make_paths(const char *name, const char *const *env)
{
    const char *places = path_of(env);
    size_t count = 1;

    if (strchr(name, '/') || !*name)
        places = "";
    for (const char *c = places; *c; c++)
        count += *c == ':';
    char *paths = hkt__os.alloc(strlen(places) + count * (strlen(name) + 2) + 2);
    for (char *to = paths; to;) {
        size_t size = strcspn(places, ":");
        to = add_place(to, places, size, name);
        if (!places[size])
            break;
        places += size + 1;
    }
    return paths;
}

/* In the child */

static void default_signals(void)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};
    struct sigaction now;

    for (int signum = 1; signum <= SIGNALS; signum++) {
        if (sigaction(signum, NULL, &now) != 0 || now.sa_handler == SIG_DFL)
            continue;
        bool ignored = !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_IGN;
        if (!ignored || signum == SIGPIPE)
            (void)sigaction(signum, &action, NULL);
    }
}

static int set_streams(const struct hkt__exec *e)
{
    for (int i = 0; i < 3; i++)
        if (e->stdio[i] >= 0 && dup2(e->stdio[i], i) < 0)
            return -errno;
    return e->err_is_out && dup2(1, 2) < 0 ? -errno : 0;
}

static int set_place(const struct hkt__exec *e)
{
    if (e->session && setsid() < 0)
        return -errno;
    if (e->group && !e->session && setpgid(0, 0) < 0)
        return -errno;
    return e->cwd && chdir(e->cwd) != 0 ? -errno : 0;
}

/* Descriptors that the program is not to have. They are marked and not closed, because one of them
 * is for the report. Where no call does it for all, those that /proc lists; else as many as there
 * may be. */

static void mark(int fd)
{
    if (fd >= FIRST_OTHER)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

#if defined(__linux__)
/* As the kernel lays it out; a library's reader of directories would allocate. */
struct listed {
    uint64_t ino;
    int64_t off;
    unsigned short size;
    unsigned char type;
    char name[];
};

static int number_of(const char *name)
{
    int n = 0;

    for (; *name >= '0' && *name <= '9'; name++)
        n = n * 10 + (*name - '0');
    return *name ? -1 : n;
}

static bool mark_listed(void)
{
    _Alignas(struct listed) char buf[2048];
    int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long n = -1;

    while (dir >= 0 && (n = syscall(SYS_getdents64, dir, buf, sizeof buf)) > 0)
        for (long at = 0; at < n;) {
            const struct listed *entry = (const struct listed *)(const void *)(buf + at);
            mark(number_of(entry->name));
            at += entry->size;
        }
    if (dir >= 0)
        (void)close(dir);
    return n == 0;
}
#else
static bool mark_listed(void)
{
    return false;
}
#endif

static void mark_others(void)
{
    struct rlimit limit;

    if (hkt__sys.cloexec_from(FIRST_OTHER) == 0 || mark_listed())
        return;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        limit.rlim_cur = 65536;
    for (int fd = FIRST_OTHER; fd < (int)limit.rlim_cur; fd++)
        mark(fd);
}

/* Like execvp(): a file that may not be run is only told of when there is no other. */
static int try_paths(const struct hkt__exec *e, const char *paths)
{
    char *const *argv = (char *const *)(uintptr_t)e->argv;
    char *const *env = (char *const *)(uintptr_t)e->env;
    int rc = -ENOENT;

    do {
        (void)execve(paths, argv, env);
        if (errno == EACCES)
            rc = -EACCES;
        else if (errno != ENOENT && errno != ENOTDIR)
            return -errno;
        else if (rc != -EACCES)
            rc = -errno;
        paths += strlen(paths) + 1;
    } while (*paths);
    return rc;
}

static HKT_NORETURN void become(const struct hkt__exec *e, const char *paths, int report)
{
    int rc = set_streams(e);

    if (rc == 0)
        rc = set_place(e);
    if (rc == 0) {
        if (!e->keeps)
            mark_others();
        default_signals();
        (void)sigprocmask(SIG_SETMASK, &e->mask, NULL);
        rc = try_paths(e, paths);
    }
    while (write(report, &rc, sizeof rc) < 0 && errno == EINTR)
        ;
    _exit(NOT_RUN);
}

/* In the parent */

static pid_t begin(const struct hkt__exec *e, const char *paths, int report)
{
#if defined(__linux__)
    pid_t pid = vfork();
#else
    pid_t pid = fork();
#endif

    if (pid == 0)
        become(e, paths, report);
    return pid < 0 ? -errno : pid;
}

/* What the child had to say before it ran its program, or could not. */
static int read_report(int fd)
{
    int rc = 0;
    ssize_t n;

    do
        n = read(fd, &rc, sizeof rc);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof rc ? rc : 0;
}

static int start(struct hkt__exec *e, const char *paths)
{
    int report[2];
    int rc = hkt__exec_pipe(report);

    if (rc < 0)
        return rc;
    e->pid = begin(e, paths, report[1]);
    close(report[1]);
    rc = e->pid < 0 ? (int)e->pid : read_report(report[0]);
    close(report[0]);
    if (e->pid > 0 && rc < 0)
        while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    return rc;
}

int hkt__exec_run(void *exec)
{
    struct hkt__exec *e = exec;
    char *paths = make_paths(e->argv[0], e->env);

    if (!paths)
        return -ENOMEM;
    int rc = start(e, paths);
    free(paths);
    return rc;
}

#if defined(__APPLE__)
static int make_pipe(int fds[2])
{
    return pipe(fds);
}
#else
static int make_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC);
}
#endif

/* Where the standard streams are closed their numbers are given out, but not to us. */
int hkt__exec_pipe(int fds[2])
{
    if (make_pipe(fds) != 0)
        return -errno;
    int low[2] = {fds[0], fds[1]}, rc = 0;
    for (int i = 0; i < 2; i++) {
        fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
        rc = fds[i] < 0 ? -errno : rc;
    }
    close(low[0]);
    close(low[1]);
    for (int i = 0; rc < 0 && i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return rc;
}
