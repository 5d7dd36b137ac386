/* SPDX-License-Identifier: MIT
 *
 * Descriptors whose calls suspend the task, over each poller.
 */
#include "base/where.h"
#include "io/backends.h"

#include <hocket/net.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

static int write_later(void *fd)
{
    HKT_TRY(hkt_sleep(HKT_MS(2)));
    return hkt_write_all(ARG_FD(fd), "hello", 5, NULL);
}

static int reads_wait(void *arg)
{
    int pair[2];
    char buf[16];

    (void)arg;
    tcp_pair(pair);
    for (int i = 0; i < 3; i++) {
        struct hkt_task *writer = hkt_spawn(write_later, FD_ARG(pair[0]));
        cr_assert_eq(hkt_read_full(pair[1], buf, 5), 5);
        cr_assert_eq(memcmp(buf, "hello", 5), 0);
        cr_assert_eq(hkt_join(writer), 0);
    }
    cr_assert_eq(hkt_close(pair[0]), 0);
    cr_assert_eq(hkt_read(pair[1], buf, sizeof buf), 0, "the end");
    cr_assert_eq(hkt_read(pair[1], buf, sizeof buf), 0, "and again");
    return hkt_close(pair[1]);
}

Test(fd, a_read_waits_for_data_and_the_end)
{
    on_each_backend(reads_wait, NULL);
}

/* Whose calls never have to wait, among others who wait for the system. */
static bool heard;

static int listen_for_one(void *fd)
{
    char c;

    HKT_TRY(hkt_read(ARG_FD(fd), &c, 1) == 1 ? 0 : -EPROTO);
    heard = true;
    return 0;
}

static int never_waits(void *arg)
{
    int busy[2], other[2], ops = 0;
    char c = 'x';

    (void)arg;
    heard = false;
    tcp_pair(other);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, busy), 0);
    struct hkt_task *t = hkt_spawn(listen_for_one, FD_ARG(other[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(write(other[0], &c, 1), 1);
    for (; ops < 20000 && !heard; ops += 2) {
        cr_assert_eq(hkt_write(busy[0], &c, 1), 1);
        cr_assert_eq(hkt_read(busy[1], &c, 1), 1);
    }
    cr_assert_lt(ops, 5000, "the loop polls long before that: %d", ops);
    cr_assert_eq(hkt_join(t), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(hkt_close(busy[i]) | hkt_close(other[i]), 0);
    return 0;
}

Test(fd, whose_calls_never_wait_does_not_keep_the_loop_from_polling)
{
    on_each_backend(never_waits, NULL);
}

static int never_waits_in_polls(void *arg)
{
    int busy[2], other[2], ops = 0;
    char c = 'x';

    (void)arg;
    heard = false;
    tcp_pair(other);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, busy), 0);
    struct hkt_task *t = hkt_spawn(listen_for_one, FD_ARG(other[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(write(other[0], &c, 1), 1);
    for (; ops < 20000 && !heard; ops++) {
        cr_assert_eq(write(busy[0], &c, 1), 1);
        cr_assert_eq(hkt_poll(busy[1], HKT_READABLE), HKT_READABLE);
        cr_assert_eq(read(busy[1], &c, 1), 1);
    }
    cr_assert_lt(ops, 5000, "the loop polls long before that: %d", ops);
    cr_assert_eq(hkt_join(t), 0);
    close(busy[0]), close(busy[1]);
    return hkt_close(other[0]) | hkt_close(other[1]);
}

Test(fd, so_does_who_waits_for_a_descriptor_that_is_always_ready)
{
    on_each_backend(never_waits_in_polls, NULL);
}

static int never_waits_in_streams(void *arg)
{
    int busy[2], other[2], ops = 0;
    char c = 'x';

    (void)arg;
    heard = false;
    tcp_pair(other);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, busy), 0);
    struct hkt_stream *from = hkt_stream_of(busy[1], NULL);
    struct hkt_task *t = hkt_spawn(listen_for_one, FD_ARG(other[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(write(other[0], &c, 1), 1);
    for (; ops < 20000 && !heard; ops++) {
        cr_assert_eq(write(busy[0], &c, 1), 1);
        cr_assert_eq(hkt_stream_read(from, &c, 1), 1);
    }
    cr_assert_lt(ops, 5000, "the loop polls long before that: %d", ops);
    cr_assert_eq(hkt_join(t), 0);
    hkt_stream_free(from);
    cr_assert_eq(hkt_close(busy[0]) | hkt_close(other[0]) | hkt_close(other[1]), 0);
    return 0;
}

Test(fd, so_does_who_reads_a_stream_that_always_has_something)
{
    on_each_backend(never_waits_in_streams, NULL);
}

/* A FIN that arrives with the data raises no second event. */
static int fin_with_data(void *arg)
{
    int pair[2];
    char buf[64];

    (void)arg;
    tcp_pair(pair);
    struct hkt_task *writer = hkt_spawn(write_later, FD_ARG(pair[0]));
    cr_assert_eq(hkt_read(pair[1], buf, sizeof buf), 5, "registered now, and drained");
    cr_assert_eq(hkt_join(writer), 0);
    cr_assert_eq(write(pair[0], "bye", 3), 3);
    cr_assert_eq(hkt_close(pair[0]), 0);
    cr_assert_eq(hkt_read(pair[1], buf, sizeof buf), 3);
    cr_assert_eq(hkt_read(pair[1], buf, sizeof buf), 0);
    return hkt_close(pair[1]);
}

Test(fd, a_fin_that_came_with_the_data_is_seen)
{
    on_each_backend(fin_with_data, NULL);
}

enum { BULK = 8 << 20 };

static int send_bulk(void *fd)
{
    static char bulk[BULK];
    size_t done;

    memset(bulk, 'x', sizeof bulk);
    int rc = hkt_write_all(ARG_FD(fd), bulk, sizeof bulk, &done);
    cr_assert_eq(done, sizeof bulk);
    return rc;
}

static int partial_writes(void *arg)
{
    int pair[2];
    static char buf[65536];
    size_t got = 0;
    ssize_t n;

    (void)arg;
    tcp_pair(pair);
    struct hkt_task *sender = hkt_spawn(send_bulk, FD_ARG(pair[0]));
    while (got < BULK && (n = hkt_recv(pair[1], buf, sizeof buf, 0)) > 0)
        got += (size_t)n;
    cr_assert_eq(got, (size_t)BULK);
    cr_assert_eq(hkt_join(sender), 0);
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(fd, partial_writes_are_completed, .timeout = 60)
{
    on_each_backend(partial_writes, NULL);
}

static int read_one(void *fd)
{
    char c;

    return (int)hkt_read(ARG_FD(fd), &c, 1);
}

static int cancelled_and_closed(void *arg)
{
    int pair[2];

    (void)arg;
    tcp_pair(pair);
    struct hkt_task *t = hkt_spawn(read_one, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(hkt_join(hkt_spawn(read_one, FD_ARG(pair[1]))), -EBUSY, "one reader only");
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(write(pair[0], "ab", 2), 2);
    cr_assert_eq(hkt_join(hkt_spawn(read_one, FD_ARG(pair[1]))), 1, "nothing was lost");
    cr_assert_eq(hkt_join(hkt_spawn(read_one, FD_ARG(pair[1]))), 1);
    t = hkt_spawn(read_one, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(hkt_close(pair[1]), 0);
    cr_assert_eq(hkt_join(t), -ECANCELED, "closing wakes the waiter");
    return hkt_close(pair[0]);
}

Test(fd, cancelling_and_closing_wake_the_waiter_and_lose_nothing)
{
    on_each_backend(cancelled_and_closed, NULL);
}

static int reused_number(void *arg)
{
    int pair[2], other[2];

    (void)arg;
    for (int i = 0; i < 20; i++) {
        tcp_pair(pair);
        struct hkt_task *t = hkt_spawn(read_one, FD_ARG(pair[1]));
        cr_assert_eq(hkt_sleep(0), 0);
        cr_assert_eq(write(pair[0], "x", 1), 1); /* the event is on its way */
        cr_assert_eq(hkt_close(pair[1]), 0);
        cr_assert_eq(hkt_join(t), -ECANCELED);
        tcp_pair(other); /* takes the number */
        t = hkt_spawn(read_one, FD_ARG(other[1]));
        struct hkt_task *u = hkt_spawn(read_one, FD_ARG(other[0]));
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
        cr_assert_not(hkt_task_done(t), "the old event was not for this one");
        cr_assert_not(hkt_task_done(u));
        cr_assert_eq(hkt_close(other[0]), 0);
        cr_assert_eq(hkt_join(u), -ECANCELED);
        cr_assert_eq(hkt_join(t), 0);
        (void)hkt_close(other[1]);
        (void)hkt_close(pair[0]);
    }
    return 0;
}

Test(fd, a_number_used_again_never_wakes_its_former_waiter)
{
    on_each_backend(reused_number, NULL);
}

static int reset(void *arg)
{
    int pair[2];
    char buf[8] = "";
    const struct linger hard = {1, 0};

    (void)arg;
    tcp_pair(pair);
    struct hkt_task *t = hkt_spawn(read_one, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    cr_assert_eq(hkt_close(pair[0]), 0);
    cr_assert_eq(hkt_join(t), -ECONNRESET);
    ssize_t n = hkt_send(pair[1], buf, sizeof buf, 0);
    cr_assert_eq(n, -EPIPE, "an error, and no SIGPIPE: %zd", n);
    return hkt_close(pair[1]);
}

Test(fd, a_reset_is_an_error_of_the_call_that_waits)
{
    on_each_backend(reset, NULL);
}

static int datagrams(void *arg)
{
    int pair[2];
    char buf[64];

    (void)arg;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(hkt_send(pair[0], "one", 3, 0), 3);
    cr_assert_eq(hkt_send(pair[0], "three", 5, 0), 5);
    cr_assert_eq(hkt_recv(pair[1], buf, sizeof buf, 0), 3, "short, and not drained");
    cr_assert_eq(hkt_recv(pair[1], buf, sizeof buf, 0), 5);
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(fd, datagrams_keep_their_boundaries)
{
    on_each_backend(datagrams, NULL);
}

static int pass_fd(void *arg)
{
    int pair[2], pipefd[2], got = -1;
    char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};

    (void)arg;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(pipe2(pipefd, O_CLOEXEC), 0);
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    *c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &pipefd[1], sizeof(int));
    cr_assert_eq(hkt_sendmsg(pair[0], &msg, 0), 1);
    memset(control, 0, sizeof control);
    msg.msg_controllen = sizeof control;
    cr_assert_eq(hkt_recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC), 1);
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
    cr_assert_eq(hkt_write_all(got, "y", 1, NULL), 0);
    cr_assert_eq(hkt_read(pipefd[0], &byte, 1), 1);
    cr_assert_eq(byte, 'y');
    const int all[] = {pair[0], pair[1], pipefd[0], pipefd[1], got};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        (void)hkt_close(all[i]);
    return 0;
}

Test(fd, descriptors_are_passed_over_unix_sockets)
{
    on_each_backend(pass_fd, NULL);
}

static int refused(void *arg)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t size = sizeof addr;
    int held = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, and not listening */
    int fd = hkt_socket(AF_INET, SOCK_STREAM, 0);

    (void)arg;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(held, (struct sockaddr *)&addr, size), 0);
    cr_assert_eq(getsockname(held, (struct sockaddr *)&addr, &size), 0);
    cr_assert_eq(hkt_connect(fd, (struct sockaddr *)&addr, size), -ECONNREFUSED);
    close(held);
    return hkt_close(fd);
}

Test(fd, a_refused_connection_is_told)
{
    on_each_backend(refused, NULL);
}

static int borrowed(void *arg)
{
    int pair[2];
    char c;

    (void)arg;
    tcp_pair(pair);
    cr_assert_eq(hkt_poll(pair[1], 0), -EINVAL);
    cr_assert_eq(hkt_poll(pair[1], HKT_READABLE | HKT_WRITABLE), HKT_WRITABLE);
    struct hkt_task *writer = hkt_spawn(write_later, FD_ARG(pair[0]));
    cr_assert_eq(hkt_poll(pair[1], HKT_READABLE), HKT_READABLE);
    cr_assert_eq(hkt_join(writer), 0);
    cr_assert_eq(read(pair[1], &c, 1), 1, "as its owner would");
    cr_assert_eq(hkt_poll(pair[1], HKT_READABLE), HKT_READABLE, "level triggered");
    struct hkt_timeout limit = {0};
    char rest[8];
    cr_assert_eq(read(pair[1], rest, sizeof rest), 4);
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(2)), 0);
    int64_t rc = hkt_poll(pair[1], HKT_READABLE);
    cr_assert_eq(hkt_timeout_exit(&limit, rc), -ETIMEDOUT);
    close(pair[1]); /* behind hocket's back: nothing was remembered */
    return hkt_close(pair[0]);
}

Test(fd, another_librarys_descriptor_can_be_waited_for)
{
    on_each_backend(borrowed, NULL);
}

static int files(void *arg)
{
    char path[] = "/tmp/hocket-test-XXXXXX", buf[8];
    int fd = mkstemp(path);

    (void)arg;
    cr_assert(fd >= 0);
    cr_assert_eq(hkt_write_all(fd, "data", 4, NULL), 0);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    cr_assert_eq(hkt_wait_readable(fd), 0, "a file is always ready");
    cr_assert_eq(hkt_read(fd, buf, sizeof buf), 4);
    cr_assert_eq(hkt_read(fd, buf, sizeof buf), 0);
    unlink(path);
    cr_assert_eq(hkt_read(-1, buf, 1), -EBADF);
    return hkt_close(fd);
}

Test(fd, a_regular_file_never_blocks)
{
    on_each_backend(files, NULL);
}

static int calls;

static void on_readable(void *arg)
{
    char c;

    calls++;
    cr_assert_eq(read(ARG_FD(arg), &c, 1), 1);
}

static int readers(void *arg)
{
    int pair[2];
    struct hkt_loop *loop = hkt_loop_current();

    (void)arg;
    calls = 0;
    tcp_pair(pair);
    cr_assert_eq(hkt_add_reader(loop, pair[1], on_readable, FD_ARG(pair[1])), 0);
    cr_assert_eq(write(pair[0], "abc", 3), 3);
    for (int i = 0; i < 1000 && calls < 3; i++)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(calls, 3, "called while it stays ready");
    cr_assert_eq(hkt_remove_reader(loop, pair[1]), 1);
    cr_assert_eq(hkt_remove_reader(loop, pair[1]), 0);
    cr_assert_eq(write(pair[0], "d", 1), 1);
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(calls, 3);
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(fd, reader_callbacks_are_level_triggered_and_removable)
{
    on_each_backend(readers, NULL);
}

/* A library that closes its descriptor when it has had its readers and writers removed, and opens
 * another, which gets the same number. */
static void on_writable(void *arg)
{
    cr_assert_eq(hkt_remove_writer(hkt_loop_current(), ARG_FD(arg)), 1);
}

static void library_opens(int pair[2])
{
    struct hkt_loop *loop = hkt_loop_current();

    calls = 0;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(hkt_add_writer(loop, pair[1], on_writable, FD_ARG(pair[1])), 0);
    cr_assert_eq(hkt_add_reader(loop, pair[1], on_readable, FD_ARG(pair[1])), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(calls, 0);
    cr_assert_eq(write(pair[0], "a", 1), 1);
    for (int i = 0; i < 1000 && calls < 1; i++)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(calls, 1, "called for this one");
    cr_assert_eq(hkt_remove_writer(loop, pair[1]), 0);
    cr_assert_eq(hkt_remove_reader(loop, pair[1]), 1);
}

static int reopens(void *arg)
{
    int first = -1, pair[2];
    char c;

    (void)arg;
    for (int i = 0; i < 3; i++) {
        library_opens(pair);
        cr_assert(i == 0 || pair[1] == first, "the same number");
        first = pair[1];
        close(pair[1]);
        cr_assert_eq(recv(pair[0], &c, 1, MSG_DONTWAIT), 0, "nothing holds it open");
        close(pair[0]);
    }
    return 0;
}

Test(fd, a_descriptor_without_readers_and_writers_may_be_closed_by_its_owner)
{
    on_each_backend(reopens, NULL);
}

static int polls_for_input(void *fd)
{
    return hkt_poll(ARG_FD(fd), HKT_READABLE);
}

/* A reader is refused meanwhile, which ends neither the wait nor what is known of the number. */
static int reader_beside_a_poll(void *arg)
{
    struct hkt_loop *loop = hkt_loop_current();
    int pair[2];

    (void)arg;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct hkt_task *t = hkt_spawn(polls_for_input, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(hkt_add_reader(loop, pair[1], on_readable, FD_ARG(pair[1])), -EBUSY);
    cr_assert_eq(hkt_remove_reader(loop, pair[1]), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert(!hkt_task_done(t));
    cr_assert_eq(write(pair[0], "a", 1), 1);
    cr_assert_eq(hkt_join(t), HKT_READABLE);
    close(pair[0]), close(pair[1]);
    library_opens(pair);
    close(pair[0]), close(pair[1]);
    return 0;
}

Test(fd, a_reader_is_refused_where_another_waits_once)
{
    on_each_backend(reader_beside_a_poll, NULL);
}

/* Its own calls make it the loop's, which remembers what was received ahead. */
static int reads_and_is_called(void *arg)
{
    struct hkt_loop *loop = hkt_loop_current();
    int pair[2];
    char c;

    (void)arg;
    tcp_pair(pair);
    cr_assert_eq(hkt_add_writer(loop, pair[1], on_writable, FD_ARG(pair[1])), 0);
    struct hkt_task *writer = hkt_spawn(write_later, FD_ARG(pair[0]));
    cr_assert_eq(hkt_wait_input(pair[1]), 0);
    cr_assert_eq(hkt_join(writer), 0);
    cr_assert_eq(hkt_add_writer(loop, pair[1], on_writable, FD_ARG(pair[1])), 0);
    cr_assert_eq(hkt_remove_writer(loop, pair[1]), 1);
    for (const char *wanted = "hello"; *wanted; wanted++) {
        cr_assert_eq(hkt_wait_input(pair[1]), 0);
        cr_assert_eq(hkt_try_read(pair[1], &c, 1), 1);
        cr_assert_eq(c, *wanted);
    }
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(fd, removing_a_writer_loses_nothing_that_was_received)
{
    on_each_backend(reads_and_is_called, NULL);
}

static int reads_for_ever(void *fd)
{
    char c;

    return (int)hkt_read(*(int *)fd, &c, 1);
}

static int leaves_a_reader(void *arg)
{
    static int pair[2];

    (void)arg;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct hkt_task *t = hkt_spawn(reads_for_ever, &pair[0]);
    cr_assert(t);
    hkt_detach(t);
    return hkt_sleep(HKT_MS(1));
}

Test(fd, a_reader_that_main_leaves_behind_is_cancelled)
{
    cr_assert_eq(hkt_run(leaves_a_reader, NULL), 0);
}

static void on_alarm(int signum)
{
    (void)signum;
}

static int interrupted(void *arg)
{
    /* Each costs Valgrind more than that, and nothing else would go on. */
    const int pause_us = where_valgrind() ? 20000 : 200;
    const struct itimerval often = {{0, pause_us}, {0, pause_us}}, never = {0};
    struct sigaction action = {.sa_handler = on_alarm}; /* and no SA_RESTART */

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    int rc = reads_wait(arg);
    if (rc == 0)
        rc = partial_writes(arg);
    setitimer(ITIMER_REAL, &never, NULL);
    return rc;
}

Test(fd, a_storm_of_signals_changes_nothing, .timeout = 60)
{
    on_each_backend(interrupted, NULL);
}
