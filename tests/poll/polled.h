/* SPDX-License-Identifier: MIT
 *
 * A poller, and what is asked of it.
 */
#ifndef TESTS_POLL_POLLED_H
#define TESTS_POLL_POLLED_H

#include "ends.h"

#include "base/os.h"
#include "poll/poller.h"

#include <signal.h>

#define MS INT64_C(1000000)

enum { BOTH = HKT__POLL_READ | HKT__POLL_WRITE };

static inline void run(const struct hkt__poller_ops *ops, void (*body)(struct hkt__poller *p))
{
    struct hkt__poller p = {.ops = ops, .fd = -1, .notify_fd = -1};
    int rc = ops->open(&p);

    signal(SIGPIPE, SIG_IGN);
    if (rc == -ENOSYS || rc == -EPERM)
        cr_skip_test("refused by this system");
    cr_assert_eq(rc, 0, "%s", strerror(-rc));
    body(&p);
    ops->close(&p);
    cr_assert_eq(p.fd, -1);
}

static inline int64_t now(void)
{
    return hkt__os.now();
}

static inline uint64_t token_of(int fd, uint32_t generation)
{
    return (uint64_t)generation << 32 | (uint32_t)fd;
}

/* What one wait says of a token; of others it must say nothing. */
static inline uint32_t look(struct hkt__poller *p, uint64_t token, int64_t timeout)
{
    struct hkt__event events[8];
    int n = p->ops->wait(p, events, 8, timeout);
    uint32_t what = 0;

    cr_assert(n >= 0 && n <= 8, "wait: %d", n);
    for (int i = 0; i < n; i++) {
        cr_assert_eq(events[i].token, token, "an event of %llx", (long long)events[i].token);
        what |= events[i].what;
    }
    return what;
}

/* Waits until all of those have been said, for as long as it takes; the rest that was said. */
static inline uint32_t expect(struct hkt__poller *p, uint64_t token, uint32_t all)
{
    uint32_t what = 0;

    while ((what & all) != all)
        what |= look(p, token, -1);
    return what & ~all;
}

static inline void expect_any(struct hkt__poller *p, uint64_t token, uint32_t any)
{
    while (!(look(p, token, -1) & any))
        ;
}

/* There is nothing more to say. */
static inline void expect_quiet(struct hkt__poller *p)
{
    int64_t until = now() + 10 * MS;
    struct hkt__event event;

    for (int64_t left = 10 * MS; left > 0; left = until - now()) {
        int n = p->ops->wait(p, &event, 1, left);
        cr_assert_eq(n, 0, "%d, an event %x of %llx", n, event.what, (long long)event.token);
    }
}

/* Registers fd and takes what is ready at once. */
static inline uint64_t add(struct hkt__poller *p, int fd, uint32_t at_once)
{
    uint64_t token = token_of(fd, 7);
    int rc = p->ops->add(p, fd, BOTH, token);

    cr_assert_eq(rc, 0, "%s", strerror(-rc));
    if (at_once)
        cr_assert_eq(expect(p, token, at_once), 0);
    return token;
}

#endif
