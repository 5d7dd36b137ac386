/* SPDX-License-Identifier: MIT
 *
 * Calls on files that io_uring makes, of which a kernel may know none, or all but the youngest.
 */
#include "polled.h"

#include <sys/stat.h>

struct io_uring;
int __real_io_uring_register_probe(struct io_uring *ring, void *probe, unsigned n);
int __wrap_io_uring_register_probe(struct io_uring *ring, void *probe, unsigned n);

static enum { KNOWS_ALL, KNOWS_NONE, KNOWS_OLD } kernel;

int __wrap_io_uring_register_probe(struct io_uring *ring, void *probe, unsigned n)
{
    enum { MKDIRAT = 37 };
    struct {
        uint8_t last, count;
    } head = {MKDIRAT - 1, MKDIRAT};
    int rc = kernel == KNOWS_NONE ? -EINVAL : __real_io_uring_register_probe(ring, probe, n);

    if (kernel == KNOWS_OLD)
        memcpy(probe, &head, sizeof head);
    return rc;
}

#define FILE_TOKEN (HKT__POLL_SEND | HKT__POLL_FILE)

static int make_call(struct hkt__poller *p, const struct hkt__poll_file *f)
{
    struct hkt__event event;
    int rc = p->ops->file(p, f, FILE_TOKEN);

    if (rc < 0)
        return rc;
    cr_assert_eq(p->ops->wait(p, &event, 1, -1), 1);
    cr_assert_eq(event.token, FILE_TOKEN);
    cr_assert_eq(event.what, HKT__POLL_SENT);
    return event.result;
}

static void calls_files(struct hkt__poller *p)
{
    struct hkt__poll_stat room = {{0}}; /* which checkers of memory do not see written */
    struct stat told, system;
    struct hkt__poll_file f = {.what = HKT__POLL_STAT, .path = "/", .stat = &room};
    const struct hkt__poll_file make = {.what = HKT__POLL_MKDIR, .path = "/"};
    const bool none = kernel == KNOWS_NONE, old = none || kernel == KNOWS_OLD;

    cr_assert_eq(make_call(p, &f), none ? -ENOSYS : 0);
    if (!none) {
        p->ops->told(&room, &told);
        cr_assert_eq(stat("/", &system), 0);
        cr_assert(told.st_ino == system.st_ino && told.st_dev == system.st_dev);
    }
    f.path = "";
    cr_assert_eq(make_call(p, &f), none ? -ENOSYS : -ENOENT);
    cr_assert_eq(make_call(p, &make), old ? -ENOSYS : -EEXIST);
}

Test(io_uring, calls_on_files)
{
    run(&hkt__poller_uring, calls_files);
}

Test(io_uring, calls_on_files_that_no_kernel_makes)
{
    kernel = KNOWS_NONE;
    run(&hkt__poller_uring, calls_files);
}

Test(io_uring, calls_on_files_that_old_kernels_make)
{
    kernel = KNOWS_OLD;
    run(&hkt__poller_uring, calls_files);
}

/* The kernel stops at one that it finds wrong at once: what was asked for after it is still to be
 * sent, and that is said. */
static void goes_on_after_a_mistake(struct hkt__poller *p)
{
    struct ends e = unix_ends();
    struct hkt__event events[8];
    const struct hkt__poll_file f = {.what = HKT__POLL_OPEN, .path = ""};
    bool answered = false, ready = false;

    cr_assert_eq(p->ops->file(p, &f, FILE_TOKEN), 0);
    cr_assert_eq(p->ops->add(p, e.near, BOTH, token_of(e.near, 1)), 0);
    cr_assert(p->unsent);
    while (p->unsent) {
        int n = p->ops->wait(p, events, 8, 0);
        cr_assert_geq(n, 0);
        for (int i = 0; i < n; i++) {
            answered |= events[i].token == FILE_TOKEN && events[i].result == -ENOENT;
            ready |= events[i].token == token_of(e.near, 1);
        }
    }
    cr_assert(answered && ready);
    close_ends(e);
}

Test(io_uring, what_follows_a_mistake_is_not_forgotten)
{
    run(&hkt__poller_uring, goes_on_after_a_mistake);
}
