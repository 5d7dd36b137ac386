/* SPDX-License-Identifier: MIT
 *
 * File descriptors that tasks wait for.
 */
#ifndef HOCKET_SCHED_FDWAIT_H
#define HOCKET_SCHED_FDWAIT_H

#include "sched.h"

/* Directions, as HKT__POLL_READ and HKT__POLL_WRITE. */

/* What was received ahead: see fdinbox.h. */
struct hkt__inbox {
    bool used : 1;  /* once: who reads it must look here */
    bool armed : 1; /* the poller goes on receiving */
    bool ended : 1;
    bool starved : 1; /* there was no buffer left: wait otherwise, once */
    uint16_t count;
    int rc; /* 0 at the end, or what receiving failed with */
    struct hkt__buffer *first, *last;
};

struct hkt__fd;
struct hkt__once;

/* Who waits for a direction of a descriptor: a task, or fn, which is called instead, once. */
struct hkt__fdwait {
    struct hkt__wait wait;
    struct hkt_task *task;
    struct hkt__fd *entry;
    void (*fn)(struct hkt__fdwait *w, int rc);
    int side; /* 0 reader, 1 writer */
};

/* What the loop knows of a descriptor; in front what it looks at for each event and call. */
struct hkt__fd {
    uint32_t generation;            /* of the number: events of an older one are dropped */
    uint8_t ready;                  /* HKT__POLL_*: not known to be empty, or full */
    uint8_t told;                   /* HKT__POLL_*: registered with the poller, for those */
    bool known : 1;                 /* made non-blocking */
    bool tcp : 1;                   /* a short count means drained */
    bool always : 1;                /* the poller does not take it: it never blocks */
    bool borrowed : 1;              /* known by its reader or writer only */
    bool called : 1;                /* has a call */
    struct hkt__fdwait *waiting[2]; /* reader, writer */
    struct hkt__inbox inbox;
    struct hkt__fdcall *call[2];    /* add_reader, add_writer */
    struct hkt__accepted *accepted; /* of a listener: see fdaccept.h */
    struct hkt__once *onces;        /* those that wait for somebody else's: see fdonce.h */
};

/* One entry a descriptor, found by its number, in chunks that do not move. */
enum { HKT__FD_CHUNK = 256 };

struct hkt__fd_table {
    size_t chunk_count;
    struct hkt__fd **chunks;
};

int hkt__fds_init(struct hkt_loop *loop);
void hkt__fds_free(struct hkt_loop *loop);

/* The entry, or NULL. */
static inline struct hkt__fd *hkt__fd_find(const struct hkt_loop *loop, int fd)
{
    const struct hkt__fd_table *table = loop->fds;
    size_t i = (unsigned)fd / HKT__FD_CHUNK;

    if (HKT_UNLIKELY(i >= table->chunk_count || !table->chunks[i]))
        return NULL;
    return &table->chunks[i][(unsigned)fd % HKT__FD_CHUNK];
}

/* The entry of fd, made if there is none; of the descriptor nothing is asked. 0, -EBADF, -ENOMEM.
 */
int hkt__fd_entry(struct hkt_loop *loop, int fd, struct hkt__fd **entry);

/* Makes the entry of fd, and fd non-blocking. 0, -EBADF, -ENOMEM. */
int hkt__fd_meet(struct hkt_loop *loop, int fd, struct hkt__fd **entry);

/* The entry of fd, which is made when first seen. As hkt__fd_meet(). */
static inline int hkt__fd_get(struct hkt_loop *loop, int fd, struct hkt__fd **entry)
{
    struct hkt__fd *e = hkt__fd_find(loop, fd);

    if (HKT_UNLIKELY(!e || !e->known))
        return hkt__fd_meet(loop, fd, entry);
    *entry = e;
    return 0;
}

/* Registers it with the poller for that direction, once. 0 or -errno; -EBUSY: somebody waits for it
 * as for one that is not ours. */
int hkt__fd_register(struct hkt_loop *loop, int fd, struct hkt__fd *e, unsigned direction);

/* By which events find it, until it is forgotten. */
uint64_t hkt__fd_token(int fd, const struct hkt__fd *e);

/* For a descriptor that was just made, non-blocking from birth. */
int hkt__fd_adopt(int fd, bool tcp);

/* Suspends the running task until fd may be ready in the direction. 0; -ECANCELED, also when it was
 * closed; -EBUSY: another task waits for the same. */
int hkt__fd_wait(int fd, unsigned direction, const char *why);
/* The same for whoever has found the entry. */
int hkt__fd_wait_entry(int fd, struct hkt__fd *e, unsigned direction, const char *why);
/* The same for one that something else than its registration will wake. */
int hkt__fd_park(int fd, struct hkt__fd *e, unsigned direction, const char *why);

/* Whether fd is ready in the direction, asking the system if that is not known: 1, 0; -EBUSY:
 * another waits for the same; as hkt__fd_get(). */
int hkt__fd_look(int fd, unsigned direction);
/* Whether something that was received, or accepted, ahead can be had. */
bool hkt__fd_has_ahead(const struct hkt__fd *e);
/* After that answered 0: has fn called when fd may be ready (0) or is closed (-ECANCELED).
 * 0, or -EBUSY. */
int hkt__fd_watch(struct hkt__fdwait *w, int fd, unsigned direction,
                  void (*fn)(struct hkt__fdwait *w, int rc));
void hkt__fd_unwatch(struct hkt_loop *loop, struct hkt__fdwait *w);

/* A call said that fd is empty or full, or came back short: the next one waits first. A hang-up
 * stays: what is left to read, and the end, raise no further event. */
static inline void hkt__fd_drained(struct hkt__fd *e, unsigned direction)
{
    if (e->told & direction && !(e->ready & HKT__POLL_HUP))
        e->ready &= (uint8_t)~direction;
}

/* Wakes whoever waits for fd with -ECANCELED and forgets it: it is about to be closed. */
void hkt__fd_forget(struct hkt_loop *loop, int fd);

/* The last reader or writer was removed: forgets a borrowed one that is not used otherwise, because
 * its owner may close it without a word. */
void hkt__fd_give_back(struct hkt_loop *loop, int fd, struct hkt__fd *e);

/* Fetches what hkt__fd_event() will look at, for an event that comes soon and for the next. */
void hkt__fd_fetch(const struct hkt_loop *loop, const struct hkt__event *far,
                   const struct hkt__event *near);
/* What the poller said. */
void hkt__fd_event(struct hkt_loop *loop, const struct hkt__event *event);

#endif
