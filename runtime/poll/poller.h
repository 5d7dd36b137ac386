/* SPDX-License-Identifier: MIT
 *
 * What the loop asks of a kernel event interface. A back end translates: it fills an array of
 * events and wakes nobody; what an event means is decided by the loop.
 *
 * Readiness is edge triggered, in one registration: after an event the loop may assume that a
 * direction is ready until a call says EAGAIN, or comes back short.
 */
#ifndef HOCKET_POLL_POLLER_H
#define HOCKET_POLL_POLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is ready. */
enum {
    HKT__POLL_READ = 1,
    HKT__POLL_WRITE = 2,
    HKT__POLL_HUP = 4, /* a short count says no more that this was all: the peer will send no more,
                          and a FIN that arrives with data raises no second event; or it has sent
                          urgent data, at which reads end. Remembered; comes with READ */
    HKT__POLL_ERROR = 8,   /* both directions will say why */
    HKT__POLL_NOTIFY = 16, /* somebody called notify(); token is 0 */
    HKT__POLL_DATA = 32,   /* of receive(): result bytes in buffer; 0: the end; or -errno */
    HKT__POLL_LAST = 64,   /* with DATA: nothing more comes before the next receive(); alone or with
                              readiness: nor before the next add(), which may be made at once */
    HKT__POLL_SENT = 128,  /* of send() and file(): result is what the call answers, or -errno */
    HKT__POLL_ACCEPTED =
        256, /* of accept(): result is a connection, or -errno; with LAST as DATA */
};

/* Tokens are the loop's, except that a back end may read so much in them: one for add(), receive()
 * and accept() has the descriptor in its lower half and the three highest bits clear; one for
 * add_once() too, but has bit 63 set. One for send() has bits 63 and 62 set, and so has one for
 * file(), with bit 0 besides; bit 60 of theirs is the back ends' own, and never in an event. To
 * remove() a receive() has bit 62 set, an accept() bit 61. The two highest numbers are the back
 * ends' own. */
#define HKT__POLL_ONCE    (UINT64_C(1) << 63)
#define HKT__POLL_RECEIVE (UINT64_C(1) << 62)
#define HKT__POLL_ACCEPT  (UINT64_C(1) << 61)
#define HKT__POLL_SEND    (HKT__POLL_ONCE | UINT64_C(1) << 62)
#define HKT__POLL_FILE    UINT64_C(1)

/* Where the system writes what it tells of a file, in a form of its own: see told(). */
struct hkt__poll_stat {
    uint64_t form[32];
};

/* A call on a file that the system makes by itself. */
struct hkt__poll_file {
    enum hkt__poll_call {
        HKT__POLL_OPEN,
        HKT__POLL_PREAD,
        HKT__POLL_PWRITE,
        HKT__POLL_SYNC,
        HKT__POLL_FSTAT, /* fd is a number, not a name for the working directory */
        HKT__POLL_STAT,
        HKT__POLL_LSTAT,
        HKT__POLL_RENAME,
        HKT__POLL_UNLINK,
        HKT__POLL_RMDIR,
        HKT__POLL_MKDIR,
    } what;
    int fd;
    const char *path, *to;
    union {
        void *buf; /* also what is written */
        struct hkt__poll_stat *stat;
    };
    size_t size;
    int64_t offset; /* -1: the file's position */
    int flags;
    unsigned mode;
};

/* Bytes that the system received ahead of a call that reads them. */
struct hkt__buffer {
    struct hkt__buffer *next; /* for whoever has it */
    char *data;
    uint32_t start, end; /* what of it is data */
};

struct stat;

struct hkt__event {
    uint64_t token; /* as given to add(), add_once(), receive() or send() */
    int32_t result; /* of an operation */
    uint32_t what;
    struct hkt__buffer *buffer; /* of DATA, whoever takes the event gives it back by recycle() */
};

struct hkt__poller {
    const struct hkt__poller_ops *ops;
    int fd;        /* the kernel object, -1 when closed */
    int notify_fd; /* where it needs one, else -1 */
    bool unsent;   /* something was asked that the kernel hears of in the next wait() */
    void *impl;    /* the back end's own */
};

struct hkt__poller_ops {
    const char *name;
    /* A registration holds the file: it must be removed before the descriptor is closed. */
    bool remove_before_close;
    /* A registration tells of both directions, whichever were asked for. */
    bool both_ways;
    /* Urgent data is not told apart, so a short read does not say that no more is there. */
    bool urgent_unseen;
    /* 0 or -errno: -ENOSYS, -EPERM when the kernel refuses this interface. */
    int (*open)(struct hkt__poller *p);
    void (*close)(struct hkt__poller *p);
    /* Registers fd once, edge triggered, for the directions in what, READ always among them; what
     * is ready at once comes as the first event. A descriptor has one registration at a time; asked
     * again, with the same token, it is widened. -EPERM: a file that is always ready. -ENOMEM, as
     * of all that follow: the kernel has no room for one more. */
    int (*add)(struct hkt__poller *p, int fd, uint32_t what, uint64_t token);
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

    /* Whole operations, where the kernel takes them; else all are NULL. */

    /* Receives from a TCP socket as bytes arrive, until the end, an error or remove(). Errors that
     * say nothing of the socket: -ENOBUFS, all buffers are in use; -ECANCELED; -EINVAL, this
     * kernel does not know how. */
    int (*receive)(struct hkt__poller *p, int fd, uint64_t token);
    void (*recycle)(struct hkt__poller *p, struct hkt__buffer *b);
    /* Accepts connections, non-blocking and close-on-exec, until an error or remove(). Errors are
     * accept(2)'s, and as above. */
    int (*accept)(struct hkt__poller *p, int fd, uint64_t token);
    /* Sends all of it, which stays where it is until SENT comes. Ended by remove(). */
    int (*send)(struct hkt__poller *p, int fd, const void *data, size_t size, uint64_t token);
    /* Makes the call, which answers by SENT; what it works on stays until then. Ended by remove():
     * -ECANCELED, unless it was made. -ENOSYS: this kernel makes none of that kind. */
    int (*file)(struct hkt__poller *p, const struct hkt__poll_file *f, uint64_t token);
    /* What one that has answered 0 tells. */
    void (*told)(const struct hkt__poll_stat *from, struct stat *to);
};

extern const struct hkt__poller_ops hkt__poller_epoll;
extern const struct hkt__poller_ops hkt__poller_kqueue;
extern const struct hkt__poller_ops hkt__poller_uring;

#endif
