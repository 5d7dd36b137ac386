/* SPDX-License-Identifier: MIT
 *
 * What the loop asks of a kernel event interface. A back end translates: it fills an array of
 * events and wakes nobody; what an event means is decided by the loop.
 *
 * Readiness is edge triggered, both directions in one registration: after an event the loop may
 * assume that a direction is ready until a call says EAGAIN, or comes back short.
 */
#ifndef HOCKET_POLL_POLLER_H
#define HOCKET_POLL_POLLER_H

#include <stdbool.h>
#include <stdint.h>

/* What is ready. */
enum {
    HKT__POLL_READ = 1,
    HKT__POLL_WRITE = 2,
    HKT__POLL_HUP = 4,   /* the peer will send no more: remembered, because a FIN that arrives with
                            data raises no second event; comes with READ */
    HKT__POLL_ERROR = 8, /* both directions will say why */
    HKT__POLL_NOTIFY = 16, /* somebody called notify(); token is 0 */
    HKT__POLL_DONE = 32,   /* a completion of an operation (io_uring); token is the loop's */
};

/* Tokens are the loop's, except that a back end may read so much in them: one for add() has the
 * descriptor in its lower half and bit 63 clear; one for add_once() has bit 63 set and is otherwise
 * an address. The two highest numbers are the back ends' own. */
#define HKT__POLL_ONCE (UINT64_C(1) << 63)

struct hkt__event {
    uint64_t token; /* as given to add() or add_once() */
    int32_t result; /* of a completion */
    uint32_t what;
};

struct hkt__poller {
    const struct hkt__poller_ops *ops;
    int fd;        /* the kernel object, -1 when closed */
    int notify_fd; /* where it needs one, else -1 */
    void *impl;    /* the back end's own */
};

struct hkt__poller_ops {
    const char *name;
    /* A registration holds the file: it must be removed before the descriptor is closed. */
    bool remove_before_close;
    /* 0 or -errno: -ENOSYS, -EPERM when the kernel refuses this interface. */
    int (*open)(struct hkt__poller *p);
    void (*close)(struct hkt__poller *p);
    /* Registers fd once, edge triggered, both directions; what is ready at once comes as the first
     * event. -EPERM: a file that is always ready. A descriptor has one registration at a time. */
    int (*add)(struct hkt__poller *p, int fd, uint64_t token);
    /* One event, level triggered, for the directions in `what`, then nothing until remove() and the
     * next add_once(): for descriptors that another library owns. -EEXIST, where the kernel tells:
     * it has a registration. */
    int (*add_once)(struct hkt__poller *p, int fd, uint32_t what, uint64_t token);
    /* Ends either registration; an fd that was closed already is fine. */
    void (*remove)(struct hkt__poller *p, int fd, uint64_t token);
    /* Waits until something is ready, at most timeout_ns (negative: for ever; 0: only looks; never
     * returns early because of rounding, but maybe after some days). The number of events, 0 also
     * when a signal came, or -errno. A descriptor may come twice, a direction each time. */
    int (*wait)(struct hkt__poller *p, struct hkt__event *events, int most, int64_t timeout_ns);
    /* Makes wait() return, from any thread or a signal handler. */
    void (*notify)(struct hkt__poller *p);
};

extern const struct hkt__poller_ops hkt__poller_epoll;
extern const struct hkt__poller_ops hkt__poller_kqueue;
extern const struct hkt__poller_ops hkt__poller_uring;

#endif
