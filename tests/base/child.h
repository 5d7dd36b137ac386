/* SPDX-License-Identifier: MIT
 *
 * Runs a function in a child process that is expected to die, and catches its standard error.
 */
#ifndef TESTS_BASE_CHILD_H
#define TESTS_BASE_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    int status;
    char err[16384];
};

static inline void child_read(int fd, struct child *child)
{
    size_t have = 0;
    char drop[512];
    ssize_t n;

    while (have < sizeof child->err - 1 &&
           (n = read(fd, child->err + have, sizeof child->err - 1 - have)) > 0)
        have += (size_t)n;
    child->err[have] = '\0';
    while (read(fd, drop, sizeof drop) > 0)
        continue;
}

/* The signals that a test runner may have taken go back to their default, and no core is left. */
static inline void child_prepare(int err)
{
    const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    const struct rlimit none = {0, 0};

    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &none);
    dup2(err, STDERR_FILENO);
}

/* Runs fn(arg) in a child. Returns false when no child could be made. */
static inline bool child_run(struct child *child, void (*fn)(void *), void *arg)
{
    int fds[2];

    if (pipe(fds) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        child_prepare(fds[1]);
        fn(arg);
        _exit(0);
    }
    close(fds[1]);
    if (pid > 0)
        child_read(fds[0], child);
    close(fds[0]);
    return pid > 0 && waitpid(pid, &child->status, 0) == pid;
}

static inline bool child_said(const struct child *child, const char *text)
{
    return strstr(child->err, text) != NULL;
}

static inline bool child_died_of(const struct child *child, int sig)
{
    return WIFSIGNALED(child->status) && WTERMSIG(child->status) == sig;
}

static inline bool child_ended_well(const struct child *child)
{
    return WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0;
}

#endif
