/* SPDX-License-Identifier: MIT
 *
 * hocket/mailbox.h: a bounded queue between threads: each end may be used by tasks of any loop, and
 * by threads that have none. Elements are copied by value.
 *
 *      HKT_MAILBOX_OF(jobs, struct job);
 *
 *      struct hkt_mailbox *m = jobs_mailbox_new(64);
 *
 *      HKT_TRY(jobs_send(m, job));               a task of one thread
 *      while ((rc = jobs_recv(m, &job)) > 0)     a task of another
 *          work_on(&job);
 *
 * Those who wait are served in the order in which they came. A loop is woken only for a task of its
 * own that waits, so a busy receiver is not disturbed. A call that is cancelled has happened or has
 * not: once its element was handed over it answers so, and the cancellation comes at the next
 * suspension. While a task waits, its loop counts as one that can be woken from outside.
 */
#ifndef HOCKET_MAILBOX_H
#define HOCKET_MAILBOX_H

#include <hocket/base.h>
#include <hocket/select.h>

#include <stdbool.h>
#include <stddef.h>

struct hkt_mailbox;

HKT_BEGIN_DECLS

/* What: makes a mailbox for at most capacity elements of size bytes.
 * Returns: NULL when out of memory, or when one of both is 0, which every call answers with
 * -ENOMEM. Suspends: never. Thread: any. Owner: the caller. Python: queue.Queue(maxsize). */
HKT_API HKT_MUST_CHECK struct hkt_mailbox *hkt_mailbox_new(size_t capacity, size_t size);

/* What: drops what is in it, and frees it. NULL is fine. Returns: 0; -EBUSY: tasks wait (nothing
 * done). Suspends: never. Thread: any, when no other uses it any more. */
HKT_API int hkt_mailbox_free(struct hkt_mailbox *m);

/* What: sends a copy of *value, of size bytes.
 * Returns: 0; -ESHUTDOWN: it is, or was meanwhile, closed; -ECANCELED, and nothing was sent;
 * -EINVAL: size is not the mailbox's; -EPERM: not in a task. Suspends: if it is full.
 * Thread: any with a loop. */
HKT_API hkt_async int hkt_mailbox_send(struct hkt_mailbox *m, const void *value, size_t size);

/* What: receives an element into *value.
 * Returns: 1; 0: it is closed and empty; -ECANCELED, and nothing was received; -EINVAL; -EPERM.
 * Suspends: if it is empty. Thread: any with a loop. */
HKT_API hkt_async int hkt_mailbox_recv(struct hkt_mailbox *m, void *value, size_t size);

/* What: the same without waiting; also where no task runs. Returns: also -EAGAIN.
 * Suspends: never. Thread: any. */
HKT_API HKT_MUST_CHECK int hkt_mailbox_try_send(struct hkt_mailbox *m, const void *value,
                                                size_t size);
HKT_API HKT_MUST_CHECK int hkt_mailbox_try_recv(struct hkt_mailbox *m, void *value, size_t size);

/* What: the same as a case of a select: value stays in place until that has ended. rc: as the call.
 * Of cases and calls that wait, a case may find that a call which did not wait was quicker; it then
 * waits on, first in line. A select answers -ENOMEM in rc when its loop, at its first such case,
 * has no memory. Suspends: never. Thread: any with a loop. */
HKT_API struct hkt_case hkt_mailbox_send_case(struct hkt_mailbox *m, const void *value,
                                              size_t size);
HKT_API struct hkt_case hkt_mailbox_recv_case(struct hkt_mailbox *m, void *value, size_t size);

/* What: nothing can be sent any more. What is in it can still be received; receivers that wait are
 * told of the end, and senders that wait are refused.
 * Returns: 0; -EALREADY: it is closed. Suspends: never. Thread: any. */
HKT_API int hkt_mailbox_close(struct hkt_mailbox *m);

/* What: how many elements were in it just now. Suspends: never. Thread: any. */
HKT_API size_t hkt_mailbox_count(struct hkt_mailbox *m);

HKT_END_DECLS

/* Declares a typed face over struct hkt_mailbox, so that user code has no casts. For
 * HKT_MAILBOX_OF(jobs, struct job): jobs_mailbox_new(capacity), jobs_send(m, value),
 * jobs_try_send(m, value), jobs_recv(m, &value), jobs_try_recv(m, &value), and as cases of a select
 * jobs_mailbox_send_case(m, &value), jobs_mailbox_recv_case(m, &value). On a mailbox whose elements
 * have another size they answer -EINVAL. */
#define HKT_MAILBOX_OF(face, type)                                                                 \
    typedef type face##_value;                                                                     \
    HKT_INLINE HKT_MUST_CHECK struct hkt_mailbox *face##_mailbox_new(size_t capacity)              \
    {                                                                                              \
        return hkt_mailbox_new(capacity, sizeof(face##_value));                                    \
    }                                                                                              \
    HKT_INLINE hkt_async int face##_send(struct hkt_mailbox *m, face##_value value)                \
    {                                                                                              \
        return hkt_mailbox_send(m, &value, sizeof value);                                          \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_try_send(struct hkt_mailbox *m, face##_value value)       \
    {                                                                                              \
        return hkt_mailbox_try_send(m, &value, sizeof value);                                      \
    }                                                                                              \
    HKT_INLINE hkt_async int face##_recv(struct hkt_mailbox *m, face##_value *value)               \
    {                                                                                              \
        return hkt_mailbox_recv(m, value, sizeof *value);                                          \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_try_recv(struct hkt_mailbox *m, face##_value *value)      \
    {                                                                                              \
        return hkt_mailbox_try_recv(m, value, sizeof *value);                                      \
    }                                                                                              \
    HKT_INLINE struct hkt_case face##_mailbox_send_case(struct hkt_mailbox *m,                     \
                                                        const face##_value *value)                 \
    {                                                                                              \
        return hkt_mailbox_send_case(m, value, sizeof *value);                                     \
    }                                                                                              \
    HKT_INLINE struct hkt_case face##_mailbox_recv_case(struct hkt_mailbox *m,                     \
                                                        face##_value *value)                       \
    {                                                                                              \
        return hkt_mailbox_recv_case(m, value, sizeof *value);                                     \
    }                                                                                              \
    struct face##__mailbox_face

#endif
