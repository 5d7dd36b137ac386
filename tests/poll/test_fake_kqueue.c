/* SPDX-License-Identifier: MIT
 *
 * The fake must do what the manuals say, or the suite of pollers would prove nothing of kqueue.c.
 */
#include "ends.h"
#include "fake_kqueue.h"

#include <stdlib.h>

static int queue;

static void set_up(void)
{
    queue = kqueue();
    cr_assert(queue >= 0);
}

TestSuite(fake_kqueue, .init = set_up);

static struct kevent make(int ident, int filter, int flags, intptr_t udata)
{
    return (struct kevent){.ident = (uintptr_t)ident,
                           .filter = (fake_filter)filter,
                           .flags = (fake_flags)flags,
                           .udata = (void *)udata};
}

static int change(struct kevent k)
{
    return kevent(queue, &k, 1, NULL, 0, NULL);
}

/* What is there now. */
static int look(struct kevent *events, int room)
{
    const struct timespec none = {0};

    return kevent(queue, NULL, 0, events, room, &none);
}

Test(fake_kqueue, level)
{
    struct ends e = unix_ends();
    struct kevent k;

    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD, 11)), 0);
    cr_assert_eq(look(&k, 1), 0);
    put_bytes(e.far, 5);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(look(&k, 1), 1);
        cr_assert(k.ident == (uintptr_t)e.near && k.filter == EVFILT_READ && k.data == 5 &&
                  k.udata == (void *)11 && !(k.flags & (EV_EOF | EV_ERROR)));
    }
    drain(e.near);
    cr_assert_eq(look(&k, 1), 0);
}

Test(fake_kqueue, clear)
{
    struct ends e = unix_ends();
    struct kevent k;

    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD | EV_CLEAR, 0)), 0);
    put_bytes(e.far, 5);
    cr_assert_eq(look(&k, 1), 1);
    cr_assert(k.flags & EV_CLEAR);
    cr_assert_eq(look(&k, 1), 0);
    put_bytes(e.far, 1);
    cr_assert_eq(look(&k, 1), 1);
    cr_assert_eq(k.data, 6);
}

Test(fake_kqueue, oneshot)
{
    struct ends e = unix_ends();
    struct kevent k;

    put_bytes(e.far, 5);
    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD | EV_ONESHOT, 0)), 0);
    cr_assert_eq(look(&k, 1), 1);
    cr_assert(k.flags & EV_ONESHOT);
    cr_assert_eq(look(&k, 1), 0);
    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_DELETE, 0)), -1);
    cr_assert_eq(errno, ENOENT);
}

Test(fake_kqueue, directions_are_apart)
{
    struct ends e = unix_ends();
    struct kevent k[4];

    cr_assert_eq(change(make(e.near, EVFILT_WRITE, EV_ADD | EV_CLEAR, 1)), 0);
    cr_assert_eq(look(k, 4), 1);
    put_bytes(e.far, 5);
    cr_assert_eq(look(k, 4), 0, "reading is no news for a writer");
    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD, 2)), 0);
    cr_assert_eq(look(k, 4), 1);
    cr_assert(k->filter == EVFILT_READ && k->udata == (void *)2);
    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_DELETE, 0)), 0);
    cr_assert_eq(look(k, 4), 0);
}

Test(fake_kqueue, adding_again_changes)
{
    struct ends e = unix_ends();
    struct kevent k;

    put_bytes(e.far, 5);
    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD | EV_CLEAR, 1)), 0);
    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD, 2)), 0);
    cr_assert_eq(look(&k, 1), 1);
    cr_assert(k.udata == (void *)2);
    cr_assert_eq(look(&k, 1), 1);
}

Test(fake_kqueue, end_with_data)
{
    struct ends e = tcp_ends();
    struct kevent k;

    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD | EV_CLEAR, 0)), 0);
    put_bytes(e.far, 5);
    shutdown(e.far, SHUT_WR);
    usleep(10000);
    cr_assert_eq(kevent(queue, NULL, 0, &k, 1, NULL), 1);
    cr_assert(k.flags & EV_EOF);
    cr_assert_eq(k.data, 5);
    cr_assert_eq(k.fflags, 0);
    cr_assert_eq(look(&k, 1), 0);
}

Test(fake_kqueue, reset)
{
    struct ends e = tcp_ends();
    struct linger at_once = {.l_onoff = 1};
    struct kevent k;

    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD | EV_CLEAR, 0)), 0);
    setsockopt(e.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(e.far);
    cr_assert_eq(kevent(queue, NULL, 0, &k, 1, NULL), 1);
    cr_assert(k.flags & EV_EOF);
    cr_assert_eq(k.fflags, ECONNRESET);
}

Test(fake_kqueue, errors)
{
    struct ends e = pipe_ends();
    struct kevent k[2];

    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_DELETE, 0)), -1);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(change(make(e.near, -9, EV_ADD, 0)), -1);
    cr_assert_eq(errno, EINVAL);
    cr_assert_eq(kevent(e.near, NULL, 0, NULL, 0, NULL), -1);
    cr_assert_eq(errno, EBADF);
    close(e.far);
    cr_assert_eq(change(make(e.near, EVFILT_WRITE, EV_ADD, 0)), -1);
    cr_assert_eq(errno, EPIPE);
    close(e.near);
    /* With room for it, the answer is among the events. */
    k[0] = make(e.near, EVFILT_READ, EV_ADD, 3);
    cr_assert_eq(kevent(queue, k, 1, k, 2, NULL), 1);
    cr_assert(k->flags == EV_ERROR && k->data == EBADF && k->udata == (void *)3);
}

Test(fake_kqueue, receipts)
{
    struct ends e = unix_ends();
    struct kevent k[2];

    put_bytes(e.far, 5);
    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD, 0)), 0);
    k[0] = make(e.near, EVFILT_WRITE, EV_DELETE | EV_RECEIPT, 0);
    k[1] = make(e.near, EVFILT_READ, EV_ADD | EV_RECEIPT, 0);
    cr_assert_eq(kevent(queue, k, 2, k, 2, NULL), 2, "and not what can be read");
    cr_assert(k[0].flags == EV_ERROR && k[0].data == ENOENT);
    cr_assert(k[1].flags == EV_ERROR && k[1].data == 0);
}

Test(fake_kqueue, user_event)
{
    struct kevent k = make(7, EVFILT_USER, 0, 0);

    k.fflags = NOTE_TRIGGER;
    cr_assert_eq(change(k), -1);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(change(make(7, EVFILT_USER, EV_ADD | EV_CLEAR, 5)), 0);
    cr_assert_eq(look(&k, 1), 0);
    k = make(7, EVFILT_USER, 0, 0);
    k.fflags = NOTE_TRIGGER;
    cr_assert_eq(change(k), 0);
    cr_assert_eq(change(k), 0);
    cr_assert_eq(look(&k, 1), 1);
    cr_assert(k.filter == EVFILT_USER && k.udata == (void *)5);
    cr_assert_eq(look(&k, 1), 0);
}

Test(fake_kqueue, closing_ends_filters)
{
    struct ends e = unix_ends();
    int other = dup(e.near);
    struct kevent k;

    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_ADD, 0)), 0);
    kqueue_closing(e.near);
    close(e.near);
    put_bytes(e.far, 5);
    cr_assert_eq(look(&k, 1), 0);
    cr_assert_eq(dup2(other, e.near), e.near);
    cr_assert_eq(change(make(e.near, EVFILT_READ, EV_DELETE, 0)), -1);
    cr_assert_eq(errno, ENOENT);
}
