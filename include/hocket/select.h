/* SPDX-License-Identifier: MIT
 *
 * hocket/select.h: waits for the first of several things: a channel or a mailbox that takes or
 * gives a value, a time, a descriptor, a future. Exactly one of them happens.
 *
 *      struct hkt_case cases[] = {
 *          ints_recv_case(&numbers, &x),
 *          hkt_case_readable(fd),
 *          hkt_case_future(hkt_task_future(t)),
 *          hkt_case_after(HKT_SEC(1)),
 *      };
 *      switch (hkt_select(cases, 4)) {
 *      case 0: use(cases[0].rc, x); ...
 *
 * The cases are the caller's and stay in place meanwhile; nothing is allocated. They may be used
 * again. A zeroed one never happens, which is how one is left out.
 *
 * All on the thread of the loop.
 */
#ifndef HOCKET_SELECT_H
#define HOCKET_SELECT_H

#include <hocket/base.h>
#include <hocket/loop.h>
#include <hocket/queue.h>

#include <stddef.h>

struct hkt_case;
struct hkt_channel;
struct hkt__select;
struct hkt__case_ops;

/* Who waits at a channel; private. */
struct hkt__party {
    struct hkt__node node;
    void *value;           /* what is sent, or where to what is received goes */
    struct hkt_task *task; /* that waits for just this */
    struct hkt_case *of;   /* or what it is a case of */
};

struct hkt_case {
    /* Of the one that happened: what the plain call would have answered. */
    int rc;

    const struct hkt__case_ops *ops; /* private from here */
    struct hkt__select *select;
    void *on;       /* channel or future */
    void *value;    /* of a channel */
    int64_t number; /* descriptor, delay, time or error */
    int64_t when;
    union {
        struct hkt__party party;
        struct hkt_handle timer;
        struct hkt_watch watch;
        void *room[10];
    } wait;
};

HKT_BEGIN_DECLS

/* What: waits until one of the n cases can happen, and lets it. Of several that can, any one is
 * chosen, each as often as another.
 * Returns: its index, with what it has come to in its rc; -ECANCELED, and none has happened;
 * -EINVAL: n is 0; -EPERM: not in a task. A case that cannot be waited for (-EBUSY: another task
 * waits for the descriptor; -EBADF; -EXDEV) is one that happens, with that as its rc.
 * Suspends: if none can happen. Go: select. */
HKT_API_FAST hkt_async int hkt_select(struct hkt_case *cases, size_t n);

/* What: the same without waiting. Returns: also -EAGAIN: none can happen; -EPERM: no loop runs
 * here. Suspends: never. Go: select with default. */
HKT_API HKT_MUST_CHECK int hkt_try_select(struct hkt_case *cases, size_t n);

/* What: happens when delay_ns have passed since the select began; or at a time of hkt_now()'s
 * clock. rc: 0. */
HKT_API struct hkt_case hkt_case_after(int64_t delay_ns);
HKT_API struct hkt_case hkt_case_at(int64_t when);

/* What: happens when f is done. rc: its result. For a task: hkt_task_future(). */
HKT_API struct hkt_case hkt_case_future(struct hkt_future *f);

/* What: happens when a call on fd would not block, or when fd is closed by hkt_close(). Nothing is
 * read or written. The descriptor is made non-blocking. rc: 0; -ECANCELED: it was closed. */
HKT_API struct hkt_case hkt_case_readable(int fd);
HKT_API struct hkt_case hkt_case_writable(int fd);

HKT_END_DECLS

#endif
