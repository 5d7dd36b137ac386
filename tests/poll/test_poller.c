/* SPDX-License-Identifier: MIT
 *
 * What the loop may rely on, asked of each back end: of descriptors, and of time.
 */
#include "each.h"

#include "base/refuse.h"

#include <stdio.h>
#include <sys/resource.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

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

EACH(a_registration_is_widened)
{
    struct ends e = unix_ends();
    uint64_t token = token_of(e.near, 1);

    cr_assert_eq(p->ops->add(p, e.near, HKT__POLL_READ, token), 0);
    if (p->ops->both_ways) {
        cr_assert_eq(expect(p, token, HKT__POLL_WRITE), 0);
    } else {
        expect_quiet(p);
        put_bytes(e.far, 1);
        cr_assert_eq(expect(p, token, HKT__POLL_READ), 0);
        cr_assert_eq(p->ops->add(p, e.near, BOTH, token), 0);
        expect(p, token, HKT__POLL_WRITE);
    }
    put_bytes(e.far, 1);
    expect(p, token, HKT__POLL_READ);
    expect_quiet(p);
    close_ends(e);
}

EACH(a_pipe_that_nobody_writes_ends)
{
    struct ends e = pipe_ends();

    put_bytes(e.far, 1);
    close(e.far);
    uint64_t token = token_of(e.near, 1);
    cr_assert_eq(p->ops->add(p, e.near, BOTH, token), 0);
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
        cr_assert_eq(p->ops->add(p, next.near, BOTH, token), 0);
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
    cr_assert_eq(p->ops->add(p, next.near, BOTH, token), 0);
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
    cr_assert_eq(p->ops->add(p, e.near, BOTH, token), 0);
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

    cr_assert_eq(p->ops->add(p, fd, BOTH, token), error);
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
        cr_assert_eq(p->ops->add(p, fd, BOTH, token_of(fd, 1)), 0);
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
        cr_assert_eq(p->ops->add(p, e.near, BOTH, tokens[i]), 0);
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
    cr_assert_eq(p->ops->add(p, 0, BOTH, 0), 0);
    cr_assert_eq(expect(p, 0, HKT__POLL_WRITE), 0);
    put_bytes(e.far, 1);
    p->ops->notify(p);
    expect(p, 0, HKT__POLL_READ | HKT__POLL_NOTIFY);
    expect_quiet(p);
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
