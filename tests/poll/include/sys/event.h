/* SPDX-License-Identifier: MIT
 *
 * The part of kqueue's interface that runtime/poll/kqueue.c uses, for tests on Linux: see
 * fake_kqueue.h. Where the systems differ there are two forms: as macOS and FreeBSD have it, and
 * (FAKE_ODD) with what is odd anywhere: unsigned filters as on NetBSD, no user event as on older
 * OpenBSD, udata as narrow as on 32-bit machines.
 */
#ifndef TESTS_POLL_SYS_EVENT_H
#define TESTS_POLL_SYS_EVENT_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#if defined(FAKE_ODD)
#define EVFILT_READ  0U
#define EVFILT_WRITE 1U
typedef uint32_t fake_filter;
typedef uint32_t fake_flags;
typedef int64_t fake_data;
typedef uint32_t fake_udata;
#else
#define EVFILT_READ  (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_USER  (-10)
#define NOTE_TRIGGER 0x01000000
typedef int16_t fake_filter;
typedef uint16_t fake_flags;
typedef intptr_t fake_data;
typedef void *fake_udata;
#endif

#define EV_ADD     0x0001
#define EV_DELETE  0x0002
#define EV_ONESHOT 0x0010
#define EV_CLEAR   0x0020
#define EV_RECEIPT 0x0040
#define EV_ERROR   0x4000
#define EV_EOF     0x8000

struct kevent {
    uintptr_t ident;
    fake_filter filter;
    fake_flags flags;
    uint32_t fflags;
    fake_data data;
    fake_udata udata;
};

int kqueue(void);
int kevent(int kq, const struct kevent *changes, int change_count, struct kevent *events,
           int event_count, const struct timespec *timeout);

#endif
