/* SPDX-License-Identifier: MIT
 *
 * The back ends that there are: on Linux epoll, io_uring and kqueue, the last over the fake in its
 * two forms and over libkqueue where that is installed; elsewhere the kernel's kqueue.
 */
#ifndef TESTS_POLL_EACH_H
#define TESTS_POLL_EACH_H

#include "polled.h"

#define OVER(suite, ops, body)                                                                     \
    Test(suite, body)                                                                              \
    {                                                                                              \
        run(&(ops), body);                                                                         \
    }

#if defined(__linux__)
extern const struct hkt__poller_ops hkt__poller_fake, hkt__poller_odd;
#define OVER_EPOLL(body) OVER(epoll, hkt__poller_epoll, body)
#define OVER_KQUEUE(body)                                                                          \
    OVER(kqueue, hkt__poller_fake, body) OVER(kqueue_odd, hkt__poller_odd, body)
#else
#define OVER_EPOLL(body)
#define OVER_KQUEUE(body) OVER(kqueue, hkt__poller_kqueue, body)
#endif

#if defined(HKT_HAVE_URING)
#define OVER_URING(body) OVER(io_uring, hkt__poller_uring, body)
#else
#define OVER_URING(body)
#endif

#if defined(TEST_LIBKQUEUE)
#define OVER_LIBKQUEUE(body) OVER(libkqueue, hkt__poller_kqueue, body)
#else
#define OVER_LIBKQUEUE(body)
#endif

/* A body that becomes a test of each. */
#define EACH(body)                                                                                 \
    static void body(struct hkt__poller *p);                                                       \
    OVER_EPOLL(body)                                                                               \
    OVER_URING(body)                                                                               \
    OVER_KQUEUE(body)                                                                              \
    OVER_LIBKQUEUE(body)                                                                           \
    static void body(struct hkt__poller *p)

#if defined(__linux__)
/* The fakes see what is closed, as a kernel does. */
int __real_close(int fd);
int __wrap_close(int fd);
void kqueue_closing_fake(int fd);
void kqueue_closing_odd(int fd);

int __wrap_close(int fd)
{
    kqueue_closing_fake(fd);
    kqueue_closing_odd(fd);
    return __real_close(fd);
}
#endif

#endif
