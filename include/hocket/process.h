/* SPDX-License-Identifier: MIT
 *
 * hocket/process.h: other programs: started, fed, read, waited for and ended by tasks.
 *
 * A process that has ended is reaped by its loop as soon as that notices, also when nobody waits
 * for it, also after its handle was freed; when the loop is freed first, by a thread. So there are
 * no zombies, and no signal goes to a stranger that was given the number later. Do not call wait()
 * for all children in such a program: what it takes away is answered with -ECHILD here.
 *
 * All on the loop's own thread. A NULL handle is answered with -ENOMEM.
 */
#ifndef HOCKET_PROCESS_H
#define HOCKET_PROCESS_H

#include <hocket/base.h>

#include <stddef.h>
#include <sys/types.h>

struct hkt_process;

/* What a standard stream of the new process is. */
enum hkt_stdio_how {
    HKT_INHERIT, /* this process's */
    HKT_PIPE,    /* a pipe, whose other end is hkt_process_fd() */
    HKT_NULL,    /* /dev/null */
    HKT_FD,      /* a duplicate of fd */
    HKT_STDOUT,  /* for err: whatever out is */
};

struct hkt_stdio {
    enum hkt_stdio_how how;
    int fd;
};

/* Flags of struct hkt_process_opts. */
enum {
    HKT_OWN_GROUP = 1,   /* it leads a process group: see hkt_process_signal_group() */
    HKT_OWN_SESSION = 2, /* it leads a session, without a terminal, and a process group */
    HKT_KEEP_FDS = 4,    /* it also has those of this process's descriptors that are not
                            close-on-exec */
};

/* Zero fields are the defaults. */
struct hkt_process_opts {
    const char *const *env; /* "NAME=value" and a NULL at the end; NULL: this process's */
    const char *cwd;        /* NULL: this process's */
    struct hkt_stdio in, out, err;
    unsigned flags;
};

HKT_BEGIN_DECLS

/* What: starts a program. argv: its arguments, the first of which is its path, or a name without a
 * slash to be looked for in the PATH of its environment; NULL at the end. opts may be NULL. Signals
 * that are caught here, and SIGPIPE, have their default actions there, and those that this thread
 * blocks are blocked; of descriptors it has the standard ones only, unless HKT_KEEP_FDS is given:
 * all of hocket's are close-on-exec even then.
 * Returns: 0 with *p; what starting it failed with, as -ENOENT (also for cwd) or -EACCES, and then
 * there is no process; -ECANCELED: neither; -EPERM: not in a task; -ENOMEM; -EINVAL: no argv.
 * Suspends: until the program runs. Owner: the caller, by hkt_process_free().
 * asyncio: create_subprocess_exec(). */
HKT_API hkt_async int hkt_process_spawn(const char *const *argv,
                                        const struct hkt_process_opts *opts,
                                        struct hkt_process **p);

/* What: waits until it has ended. Any number of tasks may; cancelling one changes nothing else.
 * Returns: 0 with *status (which may be NULL): what it exited with, or minus the signal that ended
 * it; -ECHILD: somebody else has taken that away; -ECANCELED; -EPERM.
 * Suspends: if it has not ended. asyncio: Process.wait(). */
HKT_API hkt_async int hkt_process_wait(struct hkt_process *p, int *status);

/* What: its status as of hkt_process_wait(), without waiting.
 * Returns: 1 with *status; 0: it runs; -ECHILD. Suspends: never. asyncio: Process.returncode. */
HKT_API int hkt_process_status(const struct hkt_process *p, int *status);

/* What: sends it a signal; SIGTERM; SIGKILL. Returns: 0; -ESRCH: it has ended; -EINVAL; -EPERM.
 * Suspends: never. asyncio: send_signal(), terminate(), kill(). */
HKT_API int hkt_process_signal(struct hkt_process *p, int signum);
HKT_API int hkt_process_terminate(struct hkt_process *p);
HKT_API int hkt_process_kill(struct hkt_process *p);

/* What: sends a signal to all of the group that it leads. Returns: 0; -ESRCH: it has ended,
 * whatever the others do; -EINVAL: it leads none. Suspends: never. */
HKT_API int hkt_process_signal_group(struct hkt_process *p, int signum);

HKT_API pid_t hkt_process_pid(const struct hkt_process *p);

/* What: this process's end of the pipe to its standard stream i, 0 to 2, for hkt_write() and
 * hkt_read(). Returns: the descriptor, which stays the handle's; -EBADF: there is none, or it was
 * taken. Suspends: never. asyncio: Process.stdin, stdout, stderr. */
HKT_API int hkt_process_fd(const struct hkt_process *p, int i);

/* What: the same, and from now on the caller's, to be closed by hkt_close(), or for
 * hkt_stream_of(). Suspends: never. Owner: the caller. */
HKT_API HKT_MUST_CHECK int hkt_process_take_fd(struct hkt_process *p, int i);

/* What it wrote: size bytes and a NUL behind them. */
struct hkt_output {
    char *data; /* the caller's, for hkt_dealloc(); NULL when there was no pipe */
    size_t size;
};

/* What: writes all of input to its standard input and closes that, reads its two outputs to their
 * ends, all at the same time, and then waits for it; for those that are pipes. That it ends without
 * reading is no error. out, err, status may be NULL: what comes there is dropped. limit: how much
 * each output may be; 0: any.
 * Returns: 0; -EMSGSIZE: more than limit came; -ENOMEM; as hkt_process_wait(). On errors it runs
 * on, without pipes to it, and *out and *err are empty. Suspends: if it has not ended. asyncio:
 * Process.communicate(). */
HKT_API hkt_async int hkt_process_communicate(struct hkt_process *p, const void *input, size_t size,
                                              struct hkt_output *out, struct hkt_output *err,
                                              size_t limit, int *status);

/* What: ends the handle and closes its pipes. The process runs on, if it does. NULL is fine.
 * Suspends: never. */
HKT_API void hkt_process_free(struct hkt_process *p);

HKT_END_DECLS

#endif
