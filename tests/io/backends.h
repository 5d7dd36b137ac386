/* SPDX-License-Identifier: MIT
 *
 * Runs a task over each poller that the machine has.
 */
#ifndef TESTS_IO_BACKENDS_H
#define TESTS_IO_BACKENDS_H

#include "support/test.h"

#include <hocket/io.h>
#include <hocket/task.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const backends[] = {
#ifndef TEST_KQUEUE_ONLY
    "epoll",
    "io_uring",
#endif
#if defined(TEST_KQUEUE) || defined(TEST_KQUEUE_ONLY)
    "kqueue",
#endif
};

/* Whether this build and this kernel have it; if not, that is said. */
static inline bool have_backend(const char *name)
{
    const struct hkt_loop_opts opts = {.poller = name};
    struct hkt_loop *loop = hkt_loop_new(&opts);
    bool have = loop && strcmp(hkt_loop_poller(loop), name) == 0;

    (void)hkt_loop_free(loop);
#ifdef TEST_KQUEUE_ONLY
    cr_assert(have);
#endif
    if (!have)
        fprintf(stderr, "not run over %s, which is not to be had here\n", name);
    return have;
}

static inline void on_each_backend(hkt_task_fn *fn, void *arg)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct hkt_loop_opts opts = {.poller = backends[i]};
        if (!have_backend(backends[i]))
            continue;
        int rc = hkt_run_opts(fn, arg, &opts);
        cr_assert_eq(rc, 0, "over %s: %d", backends[i], rc);
    }
}

/* A TCP socket that listens on loopback, at the address that it is given. */
static inline int tcp_listener(struct sockaddr_in *addr, int backlog)
{
    socklen_t size = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *addr = (struct sockaddr_in){.sin_family = AF_INET};
    addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)addr, size), 0);
    cr_assert_eq(listen(fd, backlog), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)addr, &size), 0);
    return fd;
}

/* A connected pair of TCP sockets on loopback. */
static inline void tcp_pair(int pair[2])
{
    struct sockaddr_in addr;
    sigset_t all, before;

    sigfillset(&all); /* these calls, unlike hocket's, do not repeat themselves */
    sigprocmask(SIG_BLOCK, &all, &before);
    int listener = tcp_listener(&addr, 1);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(pair[0], (struct sockaddr *)&addr, sizeof addr), 0);
    pair[1] = accept(listener, NULL, NULL);
    cr_assert(pair[1] >= 0);
    close(listener);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

#define FD_ARG(fd) ((void *)(intptr_t)(fd))
#define ARG_FD(p)  ((int)(intptr_t)(p))

#endif
