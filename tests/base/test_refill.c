/* SPDX-License-Identifier: MIT
 *
 * System calls that refill the return predictor answer as the C library's do.
 */
#include "support/test.h"

#if defined(HKT_HAVE_REFILL)
#include "base/os.h"
#include "base/refill.h"
#include "syscall.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static bool shadowed(void)
{
    return true;
}

Test(refill, is_wanted_as_the_variable_says)
{
    setenv("HKT_REFILL", "1", 1);
    cr_assert(hkt__refill_wanted() || hkt__os.shadow_stack());
    hkt__os.shadow_stack = shadowed;
    cr_assert(!hkt__refill_wanted(), "a shadow stack would miss the returns");
    setenv("HKT_REFILL", "0", 1);
    cr_assert(!hkt__refill_wanted());
}

Test(refill, bytes_go_through_each_door)
{
    int fd[2];
    char buf[8] = "";
    struct iovec out = {(void *)(uintptr_t) "cd", 2}, in = {buf, sizeof buf};
    struct msghdr sent = {.msg_iov = &out, .msg_iovlen = 1};
    struct msghdr got = {.msg_iov = &in, .msg_iovlen = 1};

    cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd), 0);
    cr_assert_eq(hkt__refill_write(fd[0], "ab", 2), 2);
    cr_assert_eq(hkt__refill_read(fd[1], buf, sizeof buf), 2);
    cr_assert_eq(memcmp(buf, "ab", 2), 0);
    cr_assert_eq(hkt__refill_writev(fd[0], &out, 1), 2);
    cr_assert_eq(hkt__refill_readv(fd[1], &in, 1), 2);
    cr_assert_eq(memcmp(buf, "cd", 2), 0);
    cr_assert_eq(hkt__refill_send(fd[0], "ef", 2, MSG_NOSIGNAL), 2);
    cr_assert_eq(hkt__refill_recv(fd[1], buf, sizeof buf, MSG_PEEK), 2);
    cr_assert_eq(hkt__refill_recv(fd[1], buf, sizeof buf, 0), 2);
    cr_assert_eq(memcmp(buf, "ef", 2), 0);
    cr_assert_eq(hkt__refill_sendmsg(fd[0], &sent, 0), 2);
    cr_assert_eq(hkt__refill_recvmsg(fd[1], &got, 0), 2);
    cr_assert_eq(memcmp(buf, "cd", 2), 0);
    cr_assert_eq(hkt__refill_recv(fd[1], buf, sizeof buf, 0), -EAGAIN);
    cr_assert_eq(hkt__refill_close(fd[0]), 0);
    cr_assert_eq(hkt__refill_close(fd[0]), -EBADF);
    cr_assert_eq(hkt__refill_write(fd[1], "ab", 2), -ECONNREFUSED);
    close(fd[1]);
}

Test(refill, a_connection_is_accepted_as_promised)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, peer;
    socklen_t size = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int near = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(bind(listener, (struct sockaddr *)&addr, size), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&addr, &size), 0);
    cr_assert_eq(hkt__refill_accept(listener, NULL, NULL), -EAGAIN);
    cr_assert_eq(connect(near, (struct sockaddr *)&addr, size), 0);
    int far = hkt__refill_accept(listener, (struct sockaddr *)&peer, &size);
    cr_assert_geq(far, 0);
    cr_assert_eq(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    cr_assert(fcntl(far, F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(far, F_GETFD) & FD_CLOEXEC);
    close(far);
    close(near);
    close(listener);
}

Test(refill, epoll_tells_what_is_ready)
{
    int fd[2], epoll = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data = {.u64 = 77}}, got[4];

    cr_assert_eq(pipe(fd), 0);
    cr_assert_eq(hkt__refill_epoll_ctl(epoll, EPOLL_CTL_ADD, fd[0], &e), 0);
    cr_assert_eq(hkt__refill_epoll_ctl(epoll, EPOLL_CTL_ADD, fd[0], &e), -EEXIST);
    cr_assert_eq(hkt__refill_epoll_wait(epoll, got, 4, 0), 0);
    cr_assert_eq(write(fd[1], "a", 1), 1);
    cr_assert_eq(hkt__refill_epoll_wait(epoll, got, 4, -1), 1);
    cr_assert_eq(got[0].data.u64, 77);
    int rc = hkt__refill_epoll_pwait2(epoll, got, 4, 1500000000);
    cr_assert(rc == 1 || rc == -ENOSYS, "%d", rc);
    close(epoll);
    close(fd[0]);
    close(fd[1]);
}

/* A function that calls nothing else keeps its variables below the stack pointer. */
__attribute__((noinline)) static int in_the_red_zone(int fd)
{
    volatile long kept[12];

    for (int i = 0; i < 12; i++)
        kept[i] = 0x1000 + i;
    long rc = hkt__syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    for (int i = 0; i < 12; i++)
        if (kept[i] != 0x1000 + i)
            return -1;
    return (int)rc;
}

Test(refill, the_red_zone_is_left_alone)
{
    cr_assert_eq(in_the_red_zone(-1), -EBADF);
}

static volatile sig_atomic_t walked;

static void walk(int signum)
{
    void *frames[32];

    (void)signum;
    walked += backtrace(frames, 32) > 0;
}

/* Wherever it comes. */
Test(refill, a_signal_may_walk_the_stack)
{
    const struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    void *frame;
    char c;

    (void)backtrace(&frame, 1); /* which loads a library the first time */
    signal(SIGALRM, walk);
    setitimer(ITIMER_REAL, &often, NULL);
    for (long i = 0; walked < 300 && i < 100000000; i++)
        cr_assert_eq(hkt__refill_read(-1, &c, 1), -EBADF);
    setitimer(ITIMER_REAL, &never, NULL);
    cr_assert_geq(walked, 300);
}
#else
Test(refill, is_of_x86_64_without_sanitizers)
{
    cr_skip_test("not here");
}
#endif
