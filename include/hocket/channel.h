/* SPDX-License-Identifier: MIT
 *
 * hocket/channel.h: channels between the tasks of a loop, as Go has them. Elements are copied by
 * value. Through an unbuffered channel an element goes straight from the sender's stack to the
 * receiver's, and both have met when either goes on.
 *
 *      HKT_CHANNEL_OF(ints, int);
 *
 *      struct hkt_channel numbers = HKT_CHANNEL_INIT(int);
 *
 *      HKT_TRY(ints_send(&numbers, 7));
 *      while (ints_recv(&numbers, &x) > 0)
 *          use(x);
 *
 * Senders and receivers are served in the order in which they came. A call that is cancelled has
 * happened or has not: once its element was handed over it answers so, and the cancellation comes
 * at the next suspension.
 *
 * All on the thread of the loop; hocket/mailbox.h is for more than one.
 */
#ifndef HOCKET_CHANNEL_H
#define HOCKET_CHANNEL_H

#include <hocket/base.h>
#include <hocket/coro.h>
#include <hocket/queue.h>
#include <hocket/select.h>

#include <stdbool.h>

/* By value; fields are private. Go: chan. */
struct hkt_channel {
    struct hkt__store store;
    struct hkt__line senders, receivers;
    struct hkt_loop *loop; /* of those who wait */
    bool closed;
};

/* Initialisers: of an unbuffered channel, by its element's type, and of one with an array for a
 * buffer. */
#define HKT_CHANNEL_INIT(type)                                                                     \
    {                                                                                              \
        {NULL, sizeof(type), 0, 0, 0, NULL, HKT_FIFO, false}, HKT__LINE_INIT, HKT__LINE_INIT,      \
            NULL, false                                                                            \
    }
#define HKT_BUFFERED_CHANNEL_INIT(room)                                                            \
    {                                                                                              \
        HKT__STORE_INIT(room, HKT_FIFO, NULL), HKT__LINE_INIT, HKT__LINE_INIT, NULL, false         \
    }

HKT_BEGIN_DECLS

/* What: makes a channel for elements of size bytes, with a buffer of capacity of them in room,
 * which is the caller's; capacity 0: unbuffered. Returns: 0; -EINVAL: size is 0, or room is
 * missing. Suspends: never. Go: make(chan T, capacity). */
HKT_API HKT_MUST_CHECK int hkt_channel_init(struct hkt_channel *c, void *room, size_t capacity,
                                            size_t size);

/* What: the same without waiting; also where no task runs. Returns: also -EAGAIN.
 * Suspends: never. */
HKT_API HKT_MUST_CHECK int hkt_channel_try_send(struct hkt_channel *c, const void *value,
                                                size_t size);
HKT_API HKT_MUST_CHECK int hkt_channel_try_recv(struct hkt_channel *c, void *value, size_t size);

/* What: ends the channel. What is in the buffer can still be received; receivers that wait are
 * told of the end, and senders that wait are refused.
 * Returns: 0; -EALREADY: it is closed; -EXDEV. Suspends: never. Go: close(). */
HKT_API int hkt_channel_close(struct hkt_channel *c);
HKT_API bool hkt_channel_closed(const struct hkt_channel *c);

/* What: how many elements are in the buffer, and fit. Go: len(), cap(). */
HKT_API size_t hkt_channel_count(const struct hkt_channel *c);
HKT_API size_t hkt_channel_capacity(const struct hkt_channel *c);

/* What: cases for hkt_select(). *value is read when it is sent, or written when it was received.
 * size must be the channel's: otherwise rc is -EINVAL. */
HKT_API struct hkt_case hkt_channel_send_case(struct hkt_channel *c, const void *value,
                                              size_t size);
HKT_API struct hkt_case hkt_channel_recv_case(struct hkt_channel *c, void *value, size_t size);

HKT_API_FAST HKT_MUST_CHECK int hkt__channel_send(struct hkt_channel *c, const void *value,
                                                  size_t size, struct hkt__parting *p);
HKT_API_FAST HKT_MUST_CHECK int hkt__channel_recv(struct hkt_channel *c, void *value, size_t size,
                                                  struct hkt__parting *p);

HKT_END_DECLS

/* What: sends a copy of *value, of size bytes.
 * Returns: 0; -ESHUTDOWN: the channel is, or was meanwhile, closed; -ECANCELED, and nothing was
 * sent; -EINVAL: size is not the channel's; -EXDEV: tasks of another loop, or thread, wait here;
 * -EPERM: not in a task. Suspends: if nobody waits for it and the buffer is full. Go: c <- value.
 */
HKT_INLINE hkt_async int hkt_channel_send(struct hkt_channel *c, const void *value, size_t size)
{
    struct hkt__parting p;

    return hkt__part(&p, hkt__channel_send(c, value, size, &p));
}

/* What: receives an element into *value.
 * Returns: 1; 0: the channel is closed and empty; -ECANCELED, and nothing was received; -EINVAL,
 * -EXDEV, -EPERM as above. Suspends: if there is none and no sender waits. Go: value, ok = <-c. */
HKT_INLINE hkt_async int hkt_channel_recv(struct hkt_channel *c, void *value, size_t size)
{
    struct hkt__parting p;

    return hkt__part(&p, hkt__channel_recv(c, value, size, &p));
}

/* Declares a typed face over struct hkt_channel, so that user code has no casts. For
 * HKT_CHANNEL_OF(ints, int):
 *
 *      int ints_send(c, int value)             c <- value
 *      int ints_try_send(c, int value)
 *      int ints_recv(c, int *value)            value, ok = <-c
 *      int ints_try_recv(c, int *value)
 *      struct hkt_case ints_send_case(c, const int *value)
 *      struct hkt_case ints_recv_case(c, int *value)
 *
 * On a channel whose elements have another size they answer -EINVAL. */
#define HKT_CHANNEL_OF(face, type)                                                                 \
    typedef type face##_value;                                                                     \
    HKT_INLINE hkt_async int face##_send(struct hkt_channel *c, face##_value value)                \
    {                                                                                              \
        return hkt_channel_send(c, &value, sizeof value);                                          \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_try_send(struct hkt_channel *c, face##_value value)       \
    {                                                                                              \
        return hkt_channel_try_send(c, &value, sizeof value);                                      \
    }                                                                                              \
    HKT_INLINE hkt_async int face##_recv(struct hkt_channel *c, face##_value *value)               \
    {                                                                                              \
        return hkt_channel_recv(c, value, sizeof *value);                                          \
    }                                                                                              \
    HKT_INLINE HKT_MUST_CHECK int face##_try_recv(struct hkt_channel *c, face##_value *value)      \
    {                                                                                              \
        return hkt_channel_try_recv(c, value, sizeof *value);                                      \
    }                                                                                              \
    HKT_INLINE struct hkt_case face##_send_case(struct hkt_channel *c, const face##_value *value)  \
    {                                                                                              \
        return hkt_channel_send_case(c, value, sizeof *value);                                     \
    }                                                                                              \
    HKT_INLINE struct hkt_case face##_recv_case(struct hkt_channel *c, face##_value *value)        \
    {                                                                                              \
        return hkt_channel_recv_case(c, value, sizeof *value);                                     \
    }                                                                                              \
    struct face##__channel_face

#endif
