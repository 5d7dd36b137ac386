/* SPDX-License-Identifier: MIT
 *
 * What the loop may rely on, asked of each back end that there is: on Linux epoll, io_uring and
 * kqueue, the last over the fake in its two forms and over libkqueue where that is installed;
 * elsewhere the kernel's kqueue.
 */
#include "base/refuse.h"
#include "base/where.h"
#include "ends.h"

#include "base/os.h"
#include "poll/poller.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#define MS INT64_C(1000000)

/* The back ends */

static void run(const struct hkt__poller_ops *ops, void (*body)(struct hkt__poller *p))
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

#define OVER(suite, ops, body)                                                                     \
    Test(suite, body)                                                                              \
    {                                                                                              \
        run(&(ops), body);                                                                         \
    }

#if defined(__linux__)
extern const struct hkt__poller_ops hkt__poller_fake, hkt__poller_odd;
#define OVER_EPOLL(body) OVER(epoll, hkt__poller_epoll, body)
#define OVER_KQUEUE(body)                                                                          \
    OVER(kqueue, hkt__poller_fake, body) OVER(kqueue_odd, hkt__poller_odd, body)
#else
#define OVER_EPOLL(body)
#define OVER_KQUEUE(body) OVER(kqueue, hkt__poller_kqueue, body)
#endif

#if defined(HKT_HAVE_URING)
#define OVER_URING(body) OVER(io_uring, hkt__poller_uring, body)
#else
#define OVER_URING(body)
#endif

#if defined(TEST_LIBKQUEUE)
#define OVER_LIBKQUEUE(body) OVER(libkqueue, hkt__poller_kqueue, body)
#else
#define OVER_LIBKQUEUE(body)
#endif

/* A body that becomes a test of each. */
#define EACH(body)                                                                                 \
    static void body(struct hkt__poller *p);                                                       \
    OVER_EPOLL(body)                                                                               \
    OVER_URING(body)                                                                               \
    OVER_KQUEUE(body)                                                                              \
    OVER_LIBKQUEUE(body)                                                                           \
    static void body(struct hkt__poller *p)

#if defined(__linux__)
/* The fakes see what is closed, as a kernel does. */
int __real_close(int fd);
int __wrap_close(int fd);
void kqueue_closing_fake(int fd);
void kqueue_closing_odd(int fd);

int __wrap_close(int fd)
{
    kqueue_closing_fake(fd);
    kqueue_closing_odd(fd);
    return __real_close(fd);
}
#endif

/* Asking */

static int64_t now(void)
{
    return hkt__os.now();
}

static uint64_t token_of(int fd, uint32_t generation)
{
    return (uint64_t)generation << 32 | (uint32_t)fd;
}

/* What one wait says of a token; of others it must say nothing. */
static uint32_t look(struct hkt__poller *p, uint64_t token, int64_t timeout)
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
static uint32_t expect(struct hkt__poller *p, uint64_t token, uint32_t all)
{
    uint32_t what = 0;

    while ((what & all) != all)
        what |= look(p, token, -1);
    return what & ~all;
}

static void expect_any(struct hkt__poller *p, uint64_t token, uint32_t any)
{
    while (!(look(p, token, -1) & any))
        ;
}

/* There is nothing more to say. */
static void expect_quiet(struct hkt__poller *p)
{
    int64_t until = now() + 10 * MS;
    struct hkt__event event;

    for (int64_t left = 10 * MS; left > 0; left = until - now()) {
        int n = p->ops->wait(p, &event, 1, left);
        cr_assert_eq(n, 0, "%d, an event %x of %llx", n, event.what, (long long)event.token);
    }
}

/* Registers fd and takes what is ready at once. */
static uint64_t add(struct hkt__poller *p, int fd, uint32_t at_once)
{
    uint64_t token = token_of(fd, 7);
    int rc = p->ops->add(p, fd, token);

    cr_assert_eq(rc, 0, "%s", strerror(-rc));
    if (at_once)
        cr_assert_eq(expect(p, token, at_once), 0);
    return token;
}

/* Edges */

EACH(what_is_ready_at_once_comes_first)
{
    struct ends e = unix_ends();

    put_bytes(e.far, 1);
    add(p, e.near, HKT__POLL_READ | HKT__POLL_WRITE);
    expect_quiet(p);
    close_ends(e);
}

EACH(only_news_is_reported)
{
    struct ends e = unix_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);

    expect_quiet(p);
    put_bytes(e.far, 1);
    expect(p, token, HKT__POLL_READ);
    expect_quiet(p); /* although it was not read */
    put_bytes(e.far, 1);
    expect(p, token, HKT__POLL_READ);
    cr_assert_eq(drain(e.near), 2);
    expect_quiet(p);
    close_ends(e);
}

EACH(after_a_short_read_comes_an_edge)
{
    struct ends e = tcp_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);
    char buf[4096];

    for (int i = 0; i < 20; i++) {
        put_bytes(e.far, 100);
        expect(p, token, HKT__POLL_READ);
        cr_assert_eq(read(e.near, buf, sizeof buf), 100); /* and no EAGAIN is asked for */
    }
    close_ends(e);
}

static void fill_and_make_room(struct hkt__poller *p, struct ends e)
{
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);

    for (int i = 0; i < 3; i++) {
        fill(e.near);
        while (look(p, token, 10 * MS)) /* the kernel moves bytes on to the peer in its own time */
            fill(e.near);
        while (drain(e.far) > 0)
            usleep(1000);
        expect(p, token, HKT__POLL_WRITE);
    }
    close_ends(e);
}

EACH(room_to_write_is_an_edge_tcp)
{
    fill_and_make_room(p, tcp_ends());
}

EACH(room_to_write_is_an_edge_unix)
{
    fill_and_make_room(p, unix_ends());
}

EACH(pipes)
{
    struct ends e = pipe_ends();
    uint64_t reads = add(p, e.near, 0);

    expect_quiet(p);
    put_bytes(e.far, 1);
    expect(p, reads, HKT__POLL_READ);
    cr_assert_eq(drain(e.near), 1);
    p->ops->remove(p, e.near, reads);

    uint64_t writes = add(p, e.far, HKT__POLL_WRITE);
    fill(e.far);
    expect_quiet(p);
    drain(e.near);
    expect(p, writes, HKT__POLL_WRITE);
    close_ends(e);
}

EACH(datagrams)
{
    struct ends e = udp_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);
    char buf[16];

    for (int size = 0; size < 4; size++) { /* the empty one too */
        cr_assert_eq(send(e.far, "abc", (size_t)size, 0), size);
        expect(p, token, HKT__POLL_READ);
        cr_assert_eq(recv(e.near, buf, sizeof buf, 0), size);
    }
    expect_quiet(p);
    close_ends(e);
}

EACH(listeners)
{
    struct sockaddr_in addr;
    int fd = listener(&addr);
    uint64_t token = add(p, fd, 0);
    int peers[3];

    expect_quiet(p);
    for (int i = 0; i < 3; i++) {
        peers[i] = connecting(&addr);
        expect(p, token, HKT__POLL_READ);
        close(accept_one(fd));
    }
    expect_quiet(p);
    for (int i = 0; i < 3; i++)
        close(peers[i]);
    close(fd);
}

EACH(connections_that_are_made)
{
    struct sockaddr_in addr;
    int listening = listener(&addr);
    int fd = connecting(&addr);

    cr_assert_eq(add(p, fd, HKT__POLL_WRITE), token_of(fd, 7));
    close(fd);
    close(listening);
}

EACH(connections_that_are_refused)
{
    struct sockaddr_in addr;
    int none = bound(SOCK_STREAM, &addr); /* nobody listens there */
    int fd = connecting(&addr);
    uint64_t token = add(p, fd, 0);

    expect_any(p, token, HKT__POLL_WRITE | HKT__POLL_ERROR);
    close(fd);
    close(none);
}

/* Ends */

/* The peer's last bytes and its end, before anybody looked: what is said of them must include the
 * end, because no more is said. */
static void last_bytes_and_end(struct hkt__poller *p, struct ends e, uint32_t at_once)
{
    char buf[4096];

    uint64_t token = add(p, e.near, at_once);
    put_bytes(e.far, 100);
    close(e.far);
    usleep(10000);
    expect(p, token, HKT__POLL_READ | HKT__POLL_HUP);
    cr_assert_eq(read(e.near, buf, sizeof buf), 100);
    cr_assert_eq(read(e.near, buf, sizeof buf), 0);
    close(e.near);
}

EACH(an_end_that_comes_with_data_tcp)
{
    last_bytes_and_end(p, tcp_ends(), HKT__POLL_WRITE);
}

EACH(an_end_that_comes_with_data_unix)
{
    last_bytes_and_end(p, unix_ends(), HKT__POLL_WRITE);
}

EACH(an_end_that_comes_with_data_pipe)
{
    last_bytes_and_end(p, pipe_ends(), 0);
}

EACH(an_end_that_came_before_the_registration)
{
    struct ends e = tcp_ends();

    put_bytes(e.far, 100);
    shutdown(e.far, SHUT_WR);
    usleep(10000);
    add(p, e.near, HKT__POLL_READ | HKT__POLL_WRITE | HKT__POLL_HUP);
    close_ends(e);
}

EACH(an_end_that_comes_after_the_data)
{
    struct ends e = tcp_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);

    put_bytes(e.far, 100);
    cr_assert_eq(expect(p, token, HKT__POLL_READ) & HKT__POLL_HUP, 0);
    cr_assert_eq(drain(e.near), 100);
    shutdown(e.far, SHUT_WR);
    expect(p, token, HKT__POLL_READ | HKT__POLL_HUP);
    close_ends(e);
}

/* Else a client that says "no more from me" would be told that no answer will come. */
EACH(an_end_of_our_own_is_none_of_the_peer)
{
    struct ends e = tcp_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);
    char buf[16];

    shutdown(e.near, SHUT_WR);
    cr_assert_eq(look(p, token, 10 * MS) & HKT__POLL_HUP, 0);
    while (read(e.far, buf, sizeof buf) != 0)
        usleep(1000);
    put_bytes(e.far, 100);
    cr_assert_eq(expect(p, token, HKT__POLL_READ) & HKT__POLL_HUP, 0);
    cr_assert_eq(drain(e.near), 100);
    close_ends(e);
}

EACH(a_reset_is_an_error)
{
    struct ends e = tcp_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);
    struct linger at_once = {.l_onoff = 1};

    cr_assert_eq(setsockopt(e.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(e.far);
    expect(p, token, HKT__POLL_ERROR);
    close(e.near);
}

EACH(a_pipe_that_nobody_reads_wakes_its_writer)
{
    struct ends e = pipe_ends();
    uint64_t token = add(p, e.far, HKT__POLL_WRITE);

    fill(e.far);
    expect_quiet(p);
    close(e.near);
    expect_any(p, token, HKT__POLL_WRITE | HKT__POLL_ERROR);
    cr_assert_eq(write(e.far, "", 1), -1);
    cr_assert_eq(errno, EPIPE);
    close(e.far);
}

EACH(a_pipe_that_nobody_writes_ends)
{
    struct ends e = pipe_ends();

    put_bytes(e.far, 1);
    close(e.far);
    uint64_t token = token_of(e.near, 1);
    cr_assert_eq(p->ops->add(p, e.near, token), 0);
    expect(p, token, HKT__POLL_READ | HKT__POLL_HUP);
    close(e.near);
}

EACH(datagrams_that_nobody_takes)
{
    struct ends e = udp_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);

    close(e.far);
    cr_assert_eq(send(e.near, "a", 1, 0), 1);
    expect_any(p, token, HKT__POLL_READ | HKT__POLL_ERROR);
    close(e.near);
}

/* Once */

#define ONCE (HKT__POLL_ONCE | UINT64_C(0x123) << 32 | (uint32_t)e.near)

EACH(once_is_told_what_is_so_already)
{
    struct ends e = unix_ends();

    put_bytes(e.far, 1);
    for (int i = 0; i < 3; i++) { /* level triggered: it is not read */
        cr_assert_eq(p->ops->add_once(p, e.near, HKT__POLL_READ, ONCE), 0);
        cr_assert_eq(expect(p, ONCE, HKT__POLL_READ), 0);
        put_bytes(e.far, 1);
        expect_quiet(p);
        p->ops->remove(p, e.near, ONCE);
    }
    close_ends(e);
}

EACH(once_is_told_what_comes)
{
    struct ends e = unix_ends();

    cr_assert_eq(p->ops->add_once(p, e.near, HKT__POLL_READ, ONCE), 0);
    expect_quiet(p); /* it may be written, which was not asked */
    put_bytes(e.far, 1);
    cr_assert_eq(expect(p, ONCE, HKT__POLL_READ), 0);
    p->ops->remove(p, e.near, ONCE);

    cr_assert_eq(p->ops->add_once(p, e.near, HKT__POLL_WRITE, ONCE), 0);
    expect(p, ONCE, HKT__POLL_WRITE);
    p->ops->remove(p, e.near, ONCE);
    close_ends(e);
}

EACH(once_for_both_directions_is_one_event)
{
    struct ends e = unix_ends();
    struct hkt__event events[2];

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(p->ops->add_once(p, e.near, HKT__POLL_READ | HKT__POLL_WRITE, ONCE), 0);
        cr_assert_eq(p->ops->wait(p, events, 2, -1), 1);
        cr_assert_eq(events[0].token, ONCE);
        put_bytes(e.far, 1); /* from the second time on both are so at once */
        expect_quiet(p);
        p->ops->remove(p, e.near, ONCE);
    }
    close_ends(e);
}

EACH(once_is_told_of_an_end)
{
    struct ends e = tcp_ends();

    cr_assert_eq(p->ops->add_once(p, e.near, HKT__POLL_READ, ONCE), 0);
    shutdown(e.far, SHUT_WR);
    expect(p, ONCE, HKT__POLL_READ | HKT__POLL_HUP);
    expect_quiet(p);
    p->ops->remove(p, e.near, ONCE);
    close_ends(e);
}

EACH(once_is_taken_back)
{
    struct ends e = unix_ends();

    cr_assert_eq(p->ops->add_once(p, e.near, HKT__POLL_READ, ONCE), 0);
    expect_quiet(p);
    p->ops->remove(p, e.near, ONCE);
    put_bytes(e.far, 1);
    expect_quiet(p);
    close_ends(e);
}

/* Removing */

/* The same number for another socket. */
static struct ends replace(int number)
{
    struct ends e = unix_ends();

    if (e.near != number) {
        cr_assert_eq(dup2(e.near, number), number);
        close(e.near);
    }
    return (struct ends){number, e.far};
}

EACH(no_event_of_the_number_s_former_owner)
{
    struct ends old = unix_ends();
    uint64_t token = add(p, old.near, HKT__POLL_WRITE);

    for (uint32_t generation = 8; generation < 40; generation++) {
        put_bytes(old.far, 1); /* the event is on its way */
        p->ops->remove(p, old.near, token);
        close(old.near);
        struct ends next = replace(old.near);
        close(old.far);
        token = token_of(next.near, generation);
        cr_assert_eq(p->ops->add(p, next.near, token), 0);
        put_bytes(next.far, 1);
        expect(p, token, HKT__POLL_READ | HKT__POLL_WRITE);
        expect_quiet(p);
        old = next;
    }
    close_ends(old);
}

/* What is closed needs no removing, where the back end says so. */
EACH(closing_is_removing)
{
    struct ends old = unix_ends();

    if (p->ops->remove_before_close)
        cr_skip_test("not with this back end");
    add(p, old.near, HKT__POLL_WRITE);
    put_bytes(old.far, 1);
    close(old.near);
    struct ends next = replace(old.near);
    uint64_t token = token_of(next.near, 8);
    cr_assert_eq(p->ops->add(p, next.near, token), 0);
    put_bytes(next.far, 1);
    expect(p, token, HKT__POLL_READ | HKT__POLL_WRITE);
    close_ends(next);
    close(old.far);
}

/* Another number keeps the file open, and then gives the first number back to it. */
EACH(a_number_that_comes_back)
{
    struct ends e = unix_ends();
    uint64_t old = add(p, e.near, HKT__POLL_WRITE);
    int other = dup(e.near);

    if (p->ops->remove_before_close)
        p->ops->remove(p, e.near, old);
    close(e.near);
    cr_assert_eq(dup2(other, e.near), e.near);
    uint64_t token = token_of(e.near, 8);
    cr_assert_eq(p->ops->add(p, e.near, token), 0);
    expect(p, token, HKT__POLL_WRITE);
    put_bytes(e.far, 1);
    expect(p, token, HKT__POLL_READ);
    close(other);
    close_ends(e);
}

EACH(removing_what_is_not_there)
{
    struct ends e = unix_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);

    p->ops->remove(p, e.near, token);
    p->ops->remove(p, e.near, token);
    p->ops->remove(p, e.far, token_of(e.far, 1));
    put_bytes(e.far, 1);
    expect_quiet(p);
    close_ends(e);
    p->ops->remove(p, e.near, token);
    p->ops->remove(p, -1, token_of(-1, 1) & ~HKT__POLL_ONCE);
    expect_quiet(p);
}

/* What is refused */

static void refused(struct hkt__poller *p, int fd, int error)
{
    const uint64_t token = token_of(fd, 1), once = HKT__POLL_ONCE | token;

    cr_assert_eq(p->ops->add(p, fd, token), error);
    cr_assert_eq(p->ops->add_once(p, fd, HKT__POLL_READ, once), error);
    cr_assert_eq(p->ops->add_once(p, fd, HKT__POLL_WRITE, once), error);
    expect_quiet(p);
}

EACH(files_are_always_ready)
{
    FILE *file = tmpfile();
    int folder = open(".", O_RDONLY);

    cr_assert_not_null(file);
    refused(p, fileno(file), -EPERM);
    refused(p, folder, -EPERM);
    fclose(file);
    close(folder);
}

EACH(descriptors_that_are_not_open)
{
    struct ends e = unix_ends();

    close_ends(e);
    refused(p, e.near, -EBADF);
    refused(p, -1, -EBADF);
}

/* How many descriptors are open. */
static int count_open(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* libkqueue closes what it has in a thread of its own. */
static bool open_again(int count)
{
    for (int i = 0; i < 100 && count_open() != count; i++)
        usleep(10000);
    return count_open() == count;
}

static void allow_numbers_below(int most)
{
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)most;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

EACH(no_descriptors_left)
{
    struct hkt__poller second = {.ops = p->ops, .fd = -1, .notify_fd = -1};
    int before = count_open(), first_free = dup(p->fd), rc = -1;

    close(first_free);
    for (int more = 0; rc < 0; more++) {
        allow_numbers_below(first_free + more);
        rc = p->ops->open(&second);
        cr_assert(rc == 0 || rc == -EMFILE, "%s", strerror(-rc));
        cr_assert(rc == 0 || more < 8);
        cr_assert(rc == 0 || open_again(before));
    }
    p->ops->close(&second);
    cr_assert(open_again(before));
}

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

EACH(no_memory_left)
{
    struct hkt__poller second = {.ops = p->ops, .fd = -1, .notify_fd = -1};
    void *(*alloc)(size_t) = hkt__os.alloc;
    int before = count_open();

    hkt__os.alloc = no_memory;
    cr_assert_eq(p->ops->open(&second), -ENOMEM);
    hkt__os.alloc = alloc;
    cr_assert_eq(count_open(), before);
}

EACH(programs_that_are_started_inherit_nothing)
{
    for (int fd = 3; fd < 64; fd++)
        if (fd == p->fd || fd == p->notify_fd)
            cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC, "%d", fd);
}

/* Many */

EACH(more_events_than_asked_for)
{
    enum { MANY = 1100, MOST = 64 };
    static bool seen[MANY + 256];
    struct hkt__event events[MOST];
    struct ends e = pipe_ends();
    struct rlimit limit;
    int left = MANY;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < MANY + 256)
        cr_skip_test("too few descriptors");
    put_bytes(e.far, 1);
    for (int i = 0; i < MANY; i++) {
        int fd = dup(e.near);
        cr_assert(fd > 0 && fd < MANY + 256);
        cr_assert_eq(p->ops->add(p, fd, token_of(fd, 1)), 0);
    }
    while (left > 0) {
        int n = p->ops->wait(p, events, MOST, -1);
        cr_assert(n > 0 && n <= MOST, "%d", n);
        for (int i = 0; i < n; i++) {
            cr_assert(events[i].what & HKT__POLL_READ);
            left -= !seen[(uint32_t)events[i].token];
            seen[(uint32_t)events[i].token] = true;
        }
    }
    expect_quiet(p);
}

EACH(more_room_than_events_at_a_time)
{
    enum { MOST = 5000 };
    static struct hkt__event events[MOST];
    struct ends e = unix_ends();

    add(p, e.near, 0);
    cr_assert_eq(p->ops->wait(p, events, MOST, -1), 1);
    close_ends(e);
}

EACH(tokens_come_back_whole)
{
    struct ends e = unix_ends();
    const uint64_t tokens[] = {token_of(e.near, 0x1ffffffe), token_of(e.near, 0x80000),
                               token_of(e.near, 0)};
    const uint64_t once[] = {HKT__POLL_ONCE | token_of(e.near, 0),
                             HKT__POLL_ONCE | token_of(e.near, 0xfffffff)};

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(p->ops->add(p, e.near, tokens[i]), 0);
        expect(p, tokens[i], HKT__POLL_WRITE);
        p->ops->remove(p, e.near, tokens[i]);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(p->ops->add_once(p, e.near, HKT__POLL_WRITE, once[i]), 0);
        expect(p, once[i], HKT__POLL_WRITE);
        p->ops->remove(p, e.near, once[i]);
    }
    close_ends(e);
}

/* Standard input may be waited for; its first token is that of a notification. */
EACH(token_zero_is_a_token)
{
    struct ends e = unix_ends();

    cr_assert_eq(dup2(e.near, 0), 0);
    cr_assert_eq(p->ops->add(p, 0, 0), 0);
    cr_assert_eq(expect(p, 0, HKT__POLL_WRITE), 0);
    put_bytes(e.far, 1);
    p->ops->notify(p);
    expect(p, 0, HKT__POLL_READ | HKT__POLL_NOTIFY);
    expect_quiet(p);
    close_ends(e);
}

/* Notification */

EACH(notification_before_the_wait)
{
    p->ops->notify(p);
    cr_assert_eq(look(p, 0, -1), HKT__POLL_NOTIFY);
    expect_quiet(p);
    p->ops->notify(p);
    cr_assert_eq(look(p, 0, 0), HKT__POLL_NOTIFY);
    expect_quiet(p);
}

EACH(many_notifications_are_one)
{
    struct hkt__event events[4];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++)
            p->ops->notify(p);
        cr_assert_eq(p->ops->wait(p, events, 4, -1), 1);
        cr_assert_eq(events[0].what, HKT__POLL_NOTIFY);
        cr_assert_eq(events[0].token, 0);
        expect_quiet(p);
    }
}

EACH(notification_comes_with_other_events)
{
    struct ends e = unix_ends();
    struct hkt__event events[4];
    bool notified = false, ready = false;

    p->ops->add(p, e.near, token_of(e.near, 1));
    p->ops->notify(p);
    while (!notified || !ready) {
        int n = p->ops->wait(p, events, 4, -1);
        for (int i = 0; i < n; i++) {
            notified |= events[i].what == HKT__POLL_NOTIFY && events[i].token == 0;
            ready |= events[i].what == HKT__POLL_WRITE && events[i].token == token_of(e.near, 1);
        }
    }
    close_ends(e);
}

EACH(notification_leaves_errno_alone)
{
    errno = 1234;
    p->ops->notify(p);
    p->ops->notify(p);
    cr_assert_eq(errno, 1234);
}

static void *notify_later(void *p)
{
    usleep(20000);
    ((struct hkt__poller *)p)->ops->notify(p);
    return NULL;
}

EACH(notification_from_another_thread)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, notify_later, p), 0);
    cr_assert_eq(look(p, 0, -1), HKT__POLL_NOTIFY);
    pthread_join(thread, NULL);
}

/* Letters that are posted by some threads, and read by the one that waits. */
enum { SENDERS = 3, LETTERS = 3000 };

struct post {
    struct hkt__poller *p;
    atomic_int posted;
    atomic_int read;
};

static void *send_letters(void *arg)
{
    struct post *post = arg;

    for (int i = 0; i < LETTERS; i++) {
        int mine = atomic_fetch_add(&post->posted, 1);
        post->p->ops->notify(post->p);
        while (i % 8 == 0 && atomic_load(&post->read) <= mine)
            sched_yield();
    }
    return NULL;
}

/* A notification that is lost leaves both sides waiting for ever. */
EACH(no_notification_is_lost)
{
    struct post post = {.p = p};
    pthread_t threads[SENDERS];

    for (int i = 0; i < SENDERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, send_letters, &post), 0);
    while (atomic_load(&post.read) < SENDERS * LETTERS) {
        look(p, 0, -1);
        atomic_store(&post.read, atomic_load(&post.posted));
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
}

static struct hkt__poller *signalled;
static atomic_int signals;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
    if (signalled)
        signalled->ops->notify(signalled);
}

/* SIGALRM, first after delay_us and then every interval_us. */
static void alarm_every(long delay_us, long interval_us)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval timer = {{0, interval_us}, {0, delay_us}};

    sigemptyset(&action.sa_mask);
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

EACH(notification_from_a_signal_handler)
{
    signalled = p;
    alarm_every(20000, 0);
    expect(p, 0, HKT__POLL_NOTIFY);
    cr_assert_eq(atomic_load(&signals), 1);
    raise(SIGALRM);
    expect(p, 0, HKT__POLL_NOTIFY);
    expect_quiet(p);
}

/* Each signal is a notification that must end a wait, also one that is about to begin. */
EACH(no_notification_of_a_signal_is_lost)
{
    signalled = p;
    alarm_every(300, 300);
    for (int i = 0; i < 200; i++) {
        int before = atomic_load(&signals);
        while (atomic_load(&signals) == before)
            look(p, 0, -1);
    }
    alarm_every(0, 0);
}

EACH(signals_disturb_nothing)
{
    struct ends e = unix_ends();
    uint64_t token = add(p, e.near, HKT__POLL_WRITE);

    signalled = NULL;
    alarm_every(200, 200);
    for (int i = 0; i < 50; i++) {
        int64_t until = now() + 3 * MS;
        while (now() < until)
            cr_assert_eq(look(p, token, until - now()), 0);
        put_bytes(e.far, 1);
        expect(p, token, HKT__POLL_READ);
    }
    cr_assert_gt(atomic_load(&signals), 0);
    alarm_every(0, 0);
    close_ends(e);
}

/* Time */

static void never_early(struct hkt__poller *p)
{
    static const int64_t asked[] = {1,      999,        1000,   50001,        999999, MS,
                                    MS + 1, 5 * MS / 2, 7 * MS, 20 * MS + 17, 50 * MS};
    struct hkt__event event;

    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
            int64_t before = now();
            int n = p->ops->wait(p, &event, 1, asked[i]);
            int64_t took = now() - before;
            cr_assert_eq(n, 0);
            cr_assert_geq(took, asked[i], "%lld of %lld ns", (long long)took, (long long)asked[i]);
        }
    }
}

EACH(no_wait_ends_early)
{
    never_early(p);
}

EACH(a_look_takes_no_time)
{
    struct hkt__event event;

    for (int i = 0; i < 1000; i++)
        cr_assert_eq(p->ops->wait(p, &event, 1, 0), 0);
}

EACH(a_wait_of_centuries)
{
    signalled = p;
    alarm_every(20000, 0);
    while (!(look(p, 0, INT64_MAX) & HKT__POLL_NOTIFY))
        ;
}

#if defined(SYS_epoll_pwait2)
static void forget_precise_waits(void)
{
    if (!refuse_call(SYS_epoll_pwait2, ENOSYS))
        cr_skip_test("system calls cannot be filtered here");
    cr_assert_eq(syscall(SYS_epoll_pwait2, -1, NULL, 0, NULL, NULL, 0), -1);
    cr_assert_eq(errno, ENOSYS);
}

Test(epoll, no_wait_ends_early_on_old_kernels)
{
    forget_precise_waits();
    run(&hkt__poller_epoll, never_early);
}
#endif

#if defined(HKT_HAVE_URING)
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
    cr_assert_eq(p->ops->add(p, asked.near, second), 0);
    for (uint32_t i = 0; rc == 0 && i < MORE; i++)
        rc =
            p->ops->add_once(p, armed.far, HKT__POLL_READ, HKT__POLL_ONCE | token_of(armed.far, i));
    cr_assert_eq(rc, -ENOMEM, "%d", rc);
    cr_assert_eq(p->ops->add(p, asked.far, token_of(asked.far, 1)), -ENOMEM);
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
                cr_assert_eq(p->ops->add(p, fd, token_of(fd, 1)), 0);
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
        cr_assert_eq(p->ops->add(p, fd, token_of(fd, 1)), 0);
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

    cr_assert_eq(p->ops->add(p, e.near, token_of(e.near, 1)), 0);
    close(e.near); /* before the kernel has heard of it */
    cr_assert_eq(expect(p, token_of(e.near, 1), HKT__POLL_ERROR), HKT__POLL_LAST);
    expect_quiet(p);
    close(e.far);
}

Test(io_uring, a_registration_that_the_kernel_ends_is_told_of)
{
    run(&hkt__poller_uring, ends);
}
#endif
