/* SPDX-License-Identifier: MIT
 *
 * io_uring when it is short of room: for what is asked of the kernel, and for what the kernel has
 * to say. What each back end does is asked of it in test_poller.c.
 */
#include "polled.h"

#include <sys/resource.h>

/* A queue that the kernel does not take anything from, as when it has no memory, or is to get rid
 * of completions first: for so many calls. */
struct io_uring;
int __real_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_submit(struct io_uring *ring);
int __real_io_uring_submit_and_get_events(struct io_uring *ring);
int __wrap_io_uring_submit_and_get_events(struct io_uring *ring);

static int stuck;

static bool refuse(void)
{
    return stuck > 0 && stuck-- > 0;
}

int __wrap_io_uring_submit(struct io_uring *ring)
{
    return refuse() ? -EBUSY : __real_io_uring_submit(ring);
}

int __wrap_io_uring_submit_and_get_events(struct io_uring *ring)
{
    return refuse() ? -EAGAIN : __real_io_uring_submit_and_get_events(ring);
}

enum { ENTRIES = 512, MORE = ENTRIES + 100 };

static void waits_for_room(struct hkt__poller *p)
{
    struct ends e = pipe_ends();
    struct hkt__event events[64];
    int seen = 0;

    put_bytes(e.far, 1);
    stuck = 2;
    for (int i = 0; i < MORE; i++)
        cr_assert_eq(p->ops->add_once(p, e.near, HKT__POLL_READ,
                                      HKT__POLL_ONCE | token_of(e.near, (uint32_t)i)),
                     0);
    cr_assert_eq(stuck, 0);
    while (seen < MORE) {
        int n = p->ops->wait(p, events, 64, -1);
        cr_assert_gt(n, 0);
        seen += n;
    }
    close_ends(e);
}

Test(io_uring, a_full_queue_is_waited_for)
{
    run(&hkt__poller_uring, waits_for_room);
}

/* Whoever asks is told so, and not that it would have to wait; what was asked before can be ended.
 */
static void ends_without_room(struct hkt__poller *p)
{
    struct ends armed = tcp_ends(), asked = tcp_ends();
    char c;
    int rc = 0;

    const uint64_t first = add(p, armed.near, HKT__POLL_WRITE), second = token_of(asked.near, 8);
    stuck = 1000000;
    cr_assert_eq(p->ops->add(p, asked.near, BOTH, second), 0);
    for (uint32_t i = 0; rc == 0 && i < MORE; i++)
        rc =
            p->ops->add_once(p, armed.far, HKT__POLL_READ, HKT__POLL_ONCE | token_of(armed.far, i));
    cr_assert_eq(rc, -ENOMEM, "%d", rc);
    cr_assert_eq(p->ops->add(p, asked.far, BOTH, token_of(asked.far, 1)), -ENOMEM);
    const struct hkt__poll_file f = {.what = HKT__POLL_SYNC, .fd = armed.far};
    cr_assert_eq(p->ops->file(p, &f, HKT__POLL_SEND | HKT__POLL_FILE), -ENOMEM);
    p->ops->remove(p, asked.near, second); /* it never went out */
    p->ops->remove(p, armed.near, first);
    close(asked.near);
    close(armed.near);
    for (int i = 0; read(armed.far, &c, 1) != 0 && i < 1000; i++)
        usleep(1000);
    cr_assert_eq(read(armed.far, &c, 1), 0, "nothing holds it");
    cr_assert_eq(read(asked.far, &c, 1), 0);
    stuck = 0;
    close(armed.far);
    close(asked.far);
}

Test(io_uring, what_is_asked_for_ends_without_room_in_the_queue)
{
    run(&hkt__poller_uring, ends_without_room);
}

/* More events at a time than there is room for. A registration that the kernel ends for that is
 * told of, and made again. */
enum { ROOM = 8192, CROWD = ROOM + 800 };

static void expect_all(struct hkt__poller *p)
{
    static bool told[2 * CROWD];
    struct hkt__event events[256];
    int left = CROWD;

    memset(told, 0, sizeof told);
    while (left > 0) {
        int n = p->ops->wait(p, events, 256, -1);
        cr_assert_gt(n, 0);
        for (int i = 0; i < n; i++) {
            const int fd = (int)(uint32_t)events[i].token;
            left -= !told[fd];
            told[fd] = true;
            if (events[i].what & HKT__POLL_LAST)
                cr_assert_eq(p->ops->add(p, fd, BOTH, token_of(fd, 1)), 0);
        }
    }
}

static void overflows(struct hkt__poller *p)
{
    struct rlimit limit;
    struct ends e = pipe_ends();

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 2 * CROWD ? limit.rlim_max : 2 * CROWD;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < CROWD + 64)
        cr_skip_test("too few descriptors");
    for (int i = 0; i < CROWD; i++) {
        int fd = dup(e.near);
        cr_assert(fd >= 0 && fd < 2 * CROWD);
        cr_assert_eq(p->ops->add(p, fd, BOTH, token_of(fd, 1)), 0);
    }
    expect_quiet(p);
    put_bytes(e.far, 1);
    expect_all(p);
    put_bytes(e.far, 1);
    expect_all(p);
}

Test(io_uring, more_events_than_there_is_room_for_lose_none, .timeout = 60)
{
    run(&hkt__poller_uring, overflows);
}

static void ends(struct hkt__poller *p)
{
    struct ends e = unix_ends();

    cr_assert_eq(p->ops->add(p, e.near, BOTH, token_of(e.near, 1)), 0);
    close(e.near); /* before the kernel has heard of it */
    cr_assert_eq(expect(p, token_of(e.near, 1), HKT__POLL_ERROR), HKT__POLL_LAST);
    expect_quiet(p);
    close(e.far);
}

Test(io_uring, a_registration_that_the_kernel_ends_is_told_of)
{
    run(&hkt__poller_uring, ends);
}
