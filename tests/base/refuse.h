/* SPDX-License-Identifier: MIT
 *
 * Has the kernel refuse a system call from now on, as one does that is too old for it, or a
 * sandbox.
 */
#ifndef TESTS_BASE_REFUSE_H
#define TESTS_BASE_REFUSE_H

#include "support/test.h"

#include <stdbool.h>

#if defined(__linux__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include <sys/syscall.h>

static inline bool refuse_by(struct sock_filter *code, size_t size)
{
    struct sock_fprog program = {(unsigned short)(size / sizeof *code), code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* false: it cannot be had here. */
static inline bool refuse_call(unsigned number, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    return refuse_by(code, sizeof code);
}

/* The same for madvise() with that advice. */
static inline bool refuse_advice(unsigned advice, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, advice, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    return refuse_by(code, sizeof code);
}
#else
static inline bool refuse_call(unsigned number, unsigned error)
{
    (void)number, (void)error;
    return false;
}

static inline bool refuse_advice(unsigned advice, unsigned error)
{
    (void)advice, (void)error;
    return false;
}
#endif

#endif
