/* SPDX-License-Identifier: MIT
 *
 * The making of a process, which blocks until its program runs.
 */
#ifndef HOCKET_IO_EXEC_H
#define HOCKET_IO_EXEC_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct hkt__exec {
    const char *const *argv;
    const char *const *env;
    const char *cwd; /* or NULL */
    int stdio[3];    /* what becomes the standard streams, above 2; -1: they stay */
    bool err_is_out;
    bool group, session;
    bool keeps;    /* descriptors that are not close-on-exec */
    sigset_t mask; /* of the new process */
    pid_t pid;     /* of what was made */
};

/* For the pool. 0, or what failed on either side, and then there is no process. */
int hkt__exec_run(void *exec);

/* A pipe, close-on-exec, with both ends above the standard streams. 0 or -errno. */
int hkt__exec_pipe(int fds[2]);

#endif
