/* SPDX-License-Identifier: MIT
 *
 * What other runtimes were caught by, and what the system does that is easily overlooked: each of
 * these tests fails, or hangs, without its cure. Others are where the thing is tested that has the
 * cure:
 *
 *      a FIN that comes with the data                          test_fd
 *      a guard page that cannot be had                         coro/test_stack
 *      a timer or a wait that ends early                       base/test_timer, poll/test_poller
 */
#include "io/backends.h"

#include "base/reports.h"
#include "base/sys.h"
#include "base/where.h"
#include "sched/sched.h"

#include <errno.h>
#include <fcntl.h>
#include <hocket/file.h>
#include <hocket/work.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

/* Whoever waits longer than this waits for ever. */
#define BOUND HKT_SEC(20)

static ssize_t bounded_read(int fd, void *buf, size_t size)
{
    struct hkt_timeout limit = {0};

    (void)hkt_timeout_enter(&limit, BOUND);
    return (ssize_t)hkt_timeout_exit(&limit, hkt_read(fd, buf, size));
}

static int read_one(void *fd)
{
    char c;
    ssize_t n = hkt_read(ARG_FD(fd), &c, 1);

    return n == 1 ? c : (int)n;
}

/* Urgent data: a read ends where it was, with more behind it, and no event comes for that. The cure
 * is that the poller tells of it, after which a short count is not trusted. */

static void send_urgent(int fd)
{
    cr_assert_eq(send(fd, "abc", 3, 0), 3);
    cr_assert_eq(send(fd, "!", 1, MSG_OOB), 1);
    cr_assert_eq(send(fd, "def", 3, 0), 3);
}

static int urgent(void *arg)
{
    int pair[2];
    char buf[64];
    size_t got = 0;

    (void)arg;
    tcp_pair(pair);
    struct hkt_task *reader = hkt_spawn(read_one, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0, "it is registered, and empty");
    cr_assert_eq(hkt_write(pair[0], "x", 1), 1);
    cr_assert_eq(hkt_join(reader), 'x');
    for (int round = 0; round < 3; round++) {
        send_urgent(pair[0]);
        for (got = 0; got < 6;) {
            ssize_t n = bounded_read(pair[1], buf + got, sizeof buf - got);
            cr_assert(n > 0, "after %zu: %zd", got, n);
            got += (size_t)n;
        }
        cr_assert_eq(memcmp(buf, "abcdef", 6), 0);
    }
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(traps, urgent_data_does_not_hide_what_follows)
{
    on_each_backend(urgent, NULL);
}

static int urgent_input(void *arg)
{
    int pair[2];
    char buf[64];
    size_t got = 0;
    ssize_t n;

    (void)arg;
    tcp_pair(pair);
    for (int round = 0; round < 3; round++) {
        send_urgent(pair[0]);
        for (got = 0; got < 6;) {
            struct hkt_timeout limit = {0};
            cr_assert_eq(hkt_timeout_enter(&limit, BOUND), 0);
            int rc = hkt_wait_input(pair[1]);
            cr_assert_eq(hkt_timeout_exit(&limit, rc), 0, "after %zu", got);
            while (got < 6 && (n = hkt_try_read(pair[1], buf + got, sizeof buf - got)) > 0)
                got += (size_t)n;
        }
        cr_assert_eq(memcmp(buf, "abcdef", 6), 0);
    }
    (void)hkt_close(pair[0]);
    return hkt_close(pair[1]);
}

Test(traps, urgent_data_does_not_hide_what_follows_in_input)
{
    on_each_backend(urgent_input, NULL);
}

/* A short count says something of TCP only: not of a protocol that ends reads at messages. */
static int other_protocols(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)arg;
    cr_assert(hkt__sys.is_tcp(fd));
    close(fd);
#if defined(IPPROTO_MPTCP) && defined(SO_PROTOCOL)
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
    cr_assert(fd < 0 || !hkt__sys.is_tcp(fd));
    if (fd >= 0)
        close(fd);
#endif
    return 0;
}

Test(traps, only_of_tcp_is_a_short_count_the_end)
{
    cr_assert_eq(hkt_run(other_protocols, NULL), 0);
}

/* close() with something armed, which holds the file: the other side would see no end. The cure is
 * to cancel it first. */

static int wait_input(void *fd)
{
    return hkt_wait_input(ARG_FD(fd));
}

static int wait_poll(void *fd)
{
    return hkt_poll(ARG_FD(fd), HKT_READABLE);
}

static void expect_end(int fd)
{
    char c;
    ssize_t n = bounded_read(fd, &c, 1);

    cr_assert(n == 0 || n == -ECONNRESET, "%zd", n);
}

static int closes_armed(void *arg)
{
    hkt_task_fn *const waits[] = {read_one, wait_input};
    int pair[2];

    (void)arg;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        tcp_pair(pair);
        struct hkt_task *t = hkt_spawn(waits[i], FD_ARG(pair[1]));
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
        cr_assert_eq(hkt_close(pair[1]), 0);
        expect_end(pair[0]);
        cr_assert_eq(hkt_join(t), -ECANCELED);
        cr_assert_eq(hkt_close(pair[0]), 0);
    }
    tcp_pair(pair);
    struct hkt_task *t = hkt_spawn(wait_poll, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    hkt_task_cancel(t);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    close(pair[1]); /* its owner's: when nobody waits for it any more */
    expect_end(pair[0]);
    return hkt_close(pair[0]);
}

Test(traps, a_close_sends_the_end_whatever_is_armed)
{
    on_each_backend(closes_armed, NULL);
}

/* The end must go out also when nobody waits for a descriptor any more and others keep the loop
 * busy. */
static int closes_busily(void *arg)
{
    int pair[2];
    char c;
    ssize_t n = -1;

    (void)arg;
    tcp_pair(pair);
    struct hkt_task *t = hkt_spawn(wait_input, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(hkt_close(pair[1]), 0);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    for (int turns = 0; turns < 200000 && n < 0; turns++) {
        cr_assert_eq(hkt_sleep(0), 0);
        n = recv(pair[0], &c, 1, MSG_DONTWAIT);
    }
    cr_assert_eq(n, 0, "no end");
    return hkt_close(pair[0]);
}

Test(traps, a_close_sends_the_end_however_busy_the_loop_is)
{
    on_each_backend(closes_busily, NULL);
}

/* The port of a listener on which somebody accepts. What a process that was killed leaves to the
 * system, which takes some milliseconds, cannot be cured from here: who needs it has to retry. */

static int listen_at(struct sockaddr_in *addr)
{
    const int on = 1;
    socklen_t size = sizeof *addr;
    int fd = hkt_socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(fd >= 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    if (bind(fd, (struct sockaddr *)addr, size) != 0 || listen(fd, 8) != 0) {
        int rc = -errno;
        (void)hkt_close(fd);
        return rc;
    }
    cr_assert_eq(getsockname(fd, (struct sockaddr *)addr, &size), 0);
    return fd;
}

static int accept_one(void *fd)
{
    int conn = hkt_accept(ARG_FD(fd), NULL, NULL);

    return conn < 0 ? conn : hkt_close(conn);
}

static int port_again(void *arg)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};

    (void)arg;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 20; i++) {
        int fd = listen_at(&addr);
        for (int tries = 0; fd == -EADDRINUSE && tries < 1000; tries++) {
            cr_assert_eq(hkt_sleep(HKT_MS(1)), 0); /* the ring lets go in its own time */
            fd = listen_at(&addr);
        }
        cr_assert(fd >= 0, "round %d: %d", i, fd);
        struct hkt_task *t = hkt_spawn(accept_one, FD_ARG(fd));
        cr_assert_eq(hkt_sleep(HKT_US(200)), 0);
        cr_assert_eq(hkt_close(fd), 0);
        cr_assert_eq(hkt_join(t), -ECANCELED);
    }
    return 0;
}

Test(traps, a_port_is_free_after_its_close)
{
    on_each_backend(port_again, NULL);
}

/* A process that is killed while it accepts. Its ring, and with it the listener, goes when the
 * system gets to it. */

static int listens_for_ever(void *out)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = listen_at(&addr);
    struct hkt_task *t = hkt_spawn(accept_one, FD_ARG(fd));
    HKT_TRY(hkt_sleep(HKT_MS(2)));
    if (write(ARG_FD(out), &addr, sizeof addr) != sizeof addr)
        return -EIO;
    return hkt_join(t);
}

static void kill_and_listen(const struct hkt_loop_opts *opts)
{
    struct sockaddr_in addr;
    int told[2], fd = -1, tries = 0;

    cr_assert_eq(pipe2(told, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(hkt_run_opts(listens_for_ever, FD_ARG(told[1]), opts) == 0 ? 0 : 1);
    close(told[1]);
    cr_assert_eq(read(told[0], &addr, sizeof addr), (ssize_t)sizeof addr);
    close(told[0]);
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    while ((fd = listen_at(&addr)) == -EADDRINUSE && tries++ < 5000)
        usleep(1000);
    cr_assert(fd >= 0, "%d", fd);
    close(fd);
}

Test(traps, a_port_of_a_process_that_was_killed_comes_free, .timeout = 60)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct hkt_loop_opts opts = {.poller = backends[i]};
        if (have_backend(backends[i]))
            kill_and_listen(&opts);
    }
}

/* Interrupted calls, more often than any signal could. */

enum { INTERRUPTED = 1000 };

static struct hkt__sys real;
static int left;

static bool interrupts(void)
{
    return left > 0 && left-- > 0;
}

static ssize_t interrupted_read(int fd, void *buf, size_t size)
{
    return interrupts() ? -EINTR : real.read(fd, buf, size);
}

static ssize_t interrupted_write(int fd, const void *buf, size_t size)
{
    return interrupts() ? -EINTR : real.write(fd, buf, size);
}

static ssize_t interrupted_readv(int fd, const struct iovec *iov, int n)
{
    return interrupts() ? -EINTR : real.readv(fd, iov, n);
}

static ssize_t interrupted_writev(int fd, const struct iovec *iov, int n)
{
    return interrupts() ? -EINTR : real.writev(fd, iov, n);
}

static ssize_t interrupted_recv(int fd, void *buf, size_t size, int flags)
{
    return interrupts() ? -EINTR : real.recv(fd, buf, size, flags);
}

static ssize_t interrupted_send(int fd, const void *buf, size_t size, int flags)
{
    return interrupts() ? -EINTR : real.send(fd, buf, size, flags);
}

static ssize_t interrupted_recvmsg(int fd, struct msghdr *msg, int flags)
{
    return interrupts() ? -EINTR : real.recvmsg(fd, msg, flags);
}

static ssize_t interrupted_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    return interrupts() ? -EINTR : real.sendmsg(fd, msg, flags);
}

static int interrupted_accept(int fd, struct sockaddr *addr, socklen_t *addr_size)
{
    return interrupts() ? -EINTR : real.accept(fd, addr, addr_size);
}

static void install_interruptions(void)
{
    real = hkt__sys;
    hkt__sys.read = interrupted_read;
    hkt__sys.write = interrupted_write;
    hkt__sys.readv = interrupted_readv;
    hkt__sys.writev = interrupted_writev;
    hkt__sys.recv = interrupted_recv;
    hkt__sys.send = interrupted_send;
    hkt__sys.recvmsg = interrupted_recvmsg;
    hkt__sys.sendmsg = interrupted_sendmsg;
    hkt__sys.accept = interrupted_accept;
}

/* Makes the call with all its interruptions. */
#define STORM(call) (left = INTERRUPTED, (call))

static int interrupted(void *arg)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    int pair[2];
    char c = 'x';
    struct iovec iov = {&c, 1};

    (void)arg;
    tcp_pair(pair);
    cr_assert_eq(STORM(hkt_write(pair[0], &c, 1)), 1);
    cr_assert_eq(STORM(hkt_read(pair[1], &c, 1)), 1);
    cr_assert_eq(STORM(hkt_writev(pair[0], &iov, 1)), 1);
    cr_assert_eq(STORM(hkt_readv(pair[1], &iov, 1)), 1);
    cr_assert_eq(STORM(hkt_send(pair[0], &c, 1, 0)), 1);
    cr_assert_eq(STORM(hkt_recv(pair[1], &c, 1, 0)), 1);
    cr_assert_eq(STORM(hkt_sendto(pair[0], &c, 1, 0, NULL, 0)), 1);
    cr_assert_eq(STORM(hkt_recvfrom(pair[1], &c, 1, 0, NULL, NULL)), 1);
    cr_assert_eq(STORM(hkt_try_writev(pair[0], &iov, 1)), 1);
    cr_assert_eq(STORM(hkt_try_write(pair[0], &c, 1)), 1);
    cr_assert_eq(hkt_wait_readable(pair[1]), 0);
    cr_assert_eq(STORM(hkt_try_read(pair[1], &c, 1)), 1);
    cr_assert_eq(hkt_wait_readable(pair[1]), 0);
    cr_assert_eq(STORM(hkt_try_read(pair[1], &c, 1)), 1);
    struct hkt_task *t = hkt_spawn(read_one, FD_ARG(pair[1]));
    cr_assert_eq(STORM(hkt_sleep(HKT_MS(1))), 0);
    left = INTERRUPTED;
    cr_assert_eq(hkt_write(pair[0], "y", 1), 1);
    left = INTERRUPTED;
    cr_assert_eq(hkt_join(t), 'y', "also one that has waited");
    left = 0;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = listen_at(&addr);
    int client = hkt_socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(hkt_connect(client, (struct sockaddr *)&addr, sizeof addr), 0);
    int conn = STORM(hkt_accept(fd, (struct sockaddr *)&from, &size));
    cr_assert(conn >= 0);
    const int all[] = {pair[0], pair[1], fd, client, conn};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        (void)hkt_close(all[i]);
    return 0;
}

Test(traps, every_call_that_is_interrupted_is_repeated)
{
    install_interruptions();
    on_each_backend(interrupted, NULL);
}

/* connect() that is interrupted goes on by itself, and must not be called again. */

static int connects;

static int interrupted_connect(int fd, const struct sockaddr *addr, socklen_t addr_size)
{
    int rc = real.connect(fd, addr, addr_size);

    connects++;
    return rc == 0 || rc == -EINPROGRESS ? -EINTR : rc;
}

static int interrupted_while_connecting(void *arg)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};

    (void)arg;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = listen_at(&addr), client = hkt_socket(AF_INET, SOCK_STREAM, 0);
    connects = 0;
    cr_assert_eq(hkt_connect(client, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(connects, 1);
    (void)hkt_close(client);
    return hkt_close(fd);
}

Test(traps, an_interrupted_connect_is_waited_for)
{
    real = hkt__sys;
    hkt__sys.connect = interrupted_connect;
    on_each_backend(interrupted_while_connecting, NULL);
}

/* What accept() says of a connection that is no more is not the listener's end. */

static const int *of_one;

static int failing_accept(int fd, struct sockaddr *addr, socklen_t *addr_size)
{
    return *of_one ? -*of_one++ : real.accept(fd, addr, addr_size);
}

static int accepts_the_next(void *arg)
{
    static const int errors[] = {ECONNABORTED, EINTR,        EPROTO, ENETDOWN, EHOSTDOWN,
                                 ETIMEDOUT,    EHOSTUNREACH, EINTR,  0};
    struct sockaddr_in addr = {.sin_family = AF_INET};

    (void)arg;
    of_one = errors;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = listen_at(&addr), client = hkt_socket(AF_INET, SOCK_STREAM, 0);
    struct hkt_task *t = hkt_spawn(accept_one, FD_ARG(fd));
    cr_assert_eq(hkt_connect(client, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert(*of_one == 0 || of_one == errors, "all, unless the system accepts ahead of calls");
    (void)hkt_close(client);
    return hkt_close(fd);
}

Test(traps, a_connection_that_was_reset_before_its_accept_is_skipped)
{
    real = hkt__sys;
    hkt__sys.accept = failing_accept;
    on_each_backend(accepts_the_next, NULL);
}

/* A poller as it is, but for what a test makes of its answers. */

static const struct hkt__poller_ops *honest;
static struct hkt__poller_ops dishonest;

static void deceive(int (*wait)(struct hkt__poller *p, struct hkt__event *events, int most,
                                int64_t timeout_ns))
{
    honest = hkt__loop->poller.ops;
    dishonest = *honest;
    dishonest.wait = wait;
    hkt__loop->poller.ops = &dishonest;
}

/* The system may end a registration at any event: when it has no room for more events. Were nobody
 * told, who waits for the other direction, or for more, would wait for ever. */

static int ends; /* that are still to come */

static int wait_and_end(struct hkt__poller *p, struct hkt__event *events, int most,
                        int64_t timeout_ns)
{
    const uint32_t other = HKT__POLL_DATA | HKT__POLL_ACCEPTED | HKT__POLL_SENT | HKT__POLL_NOTIFY;
    int n = honest->wait(p, events, most, timeout_ns);

    for (int i = 0; i < n && ends > 0; i++) {
        if (events[i].what & other || events[i].token & HKT__POLL_ONCE)
            continue;
        honest->remove(p, (int)(uint32_t)events[i].token, events[i].token);
        events[i].what |= HKT__POLL_LAST;
        ends--;
    }
    return n;
}

static int write_bulk(void *fd)
{
    static char bulk[1 << 20];

    return hkt_write_all(ARG_FD(fd), bulk, sizeof bulk, NULL);
}

static int registrations_end(void *arg)
{
    int pair[2];
    char buf[4096];
    size_t got = 0;

    (void)arg;
    deceive(wait_and_end);
    for (int round = 0; round < 5; round++) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        ends = 3;
        struct hkt_task *reader = hkt_spawn(read_one, FD_ARG(pair[0]));
        struct hkt_task *writer = hkt_spawn(write_bulk, FD_ARG(pair[0]));
        for (got = 0; got < 1 << 20;) {
            ssize_t n = bounded_read(pair[1], buf, sizeof buf);
            cr_assert_gt(n, 0);
            got += (size_t)n;
        }
        cr_assert_eq(hkt_join(writer), 0);
        cr_assert_not(hkt_task_done(reader));
        ends = 3;
        cr_assert_eq(hkt_write(pair[1], "x", 1), 1);
        cr_assert_eq(hkt_join(reader), 'x');
        cr_assert_eq(hkt_close(pair[0]) | hkt_close(pair[1]), 0);
    }
    hkt__loop->poller.ops = honest;
    return 0;
}

Test(traps, a_registration_that_the_system_ends_is_made_again, .timeout = 60)
{
    on_each_backend(registrations_end, NULL);
}

/* A reader callback keeps its registration, too. */

static int bytes_called;

static void take_byte(void *fd)
{
    char c;

    bytes_called += read(ARG_FD(fd), &c, 1) == 1;
}

static int callbacks_end(void *arg)
{
    int pair[2];

    (void)arg;
    deceive(wait_and_end);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    bytes_called = 0;
    cr_assert_eq(hkt_add_reader(hkt__loop, pair[0], take_byte, FD_ARG(pair[0])), 0);
    for (int i = 1; i <= 5; i++) {
        ends = 2;
        cr_assert_eq(write(pair[1], "x", 1), 1);
        for (int tries = 0; tries < 2000 && bytes_called < i; tries++)
            cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
        cr_assert_eq(bytes_called, i);
    }
    hkt__loop->poller.ops = honest;
    return hkt_close(pair[0]) | hkt_close(pair[1]);
}

Test(traps, so_is_that_of_a_callback, .timeout = 60)
{
    on_each_backend(callbacks_end, NULL);
}

/* A poller that has no room for a call on a file, or whose kernel has no such call: the pool makes
 * it. One that was begun may turn out undone, and is made by the pool too. */

static int file_answer, file_calls;

static int refuse_file(struct hkt__poller *p, const struct hkt__poll_file *f, uint64_t token)
{
    (void)p, (void)f, (void)token;
    file_calls++;
    return file_answer;
}

static void do_each_call(void)
{
    const char *path = "/tmp/hocket-test-trap", *other = "/tmp/hocket-test-trap-2";
    char name[64], moved[64], buf[8];
    struct hkt_stat st;

    snprintf(name, sizeof name, "%s-%d", path, (int)getpid());
    snprintf(moved, sizeof moved, "%s-%d", other, (int)getpid());
    int fd = hkt_file_open("/dev/zero", O_RDONLY, 0);
    cr_assert(fd >= 0, "%d", fd);
    cr_assert_eq(hkt_file_pread(fd, buf, sizeof buf, 0), (ssize_t)sizeof buf);
    cr_assert_eq(hkt_file_stat(fd, &st), 0);
    cr_assert(S_ISCHR(st.mode));
    cr_assert_eq(hkt_path_mkdir(name, 0700), 0);
    cr_assert_eq(hkt_path_stat(name, &st), 0);
    cr_assert_eq(hkt_path_lstat(name, &st), 0);
    cr_assert(S_ISDIR(st.mode));
    cr_assert_eq(hkt_path_rename(name, moved), 0);
    cr_assert_lt(hkt_path_unlink(moved), 0, "a directory");
    cr_assert_eq(hkt_path_rmdir(moved), 0);
    cr_assert_eq(hkt_path_rmdir(moved), -ENOENT);
    cr_assert_eq(hkt_close(fd), 0);
}

enum { EACH_CALLS = 10 };

static int file_by_the_pool(void *arg)
{
    (void)arg;
    if (!hkt__loop->poller.ops->file)
        return 0;
    deceive(hkt__loop->poller.ops->wait);
    dishonest.file = refuse_file;
    for (int i = 0; i < 2; i++) {
        file_answer = i ? -ENOSYS : -ENOMEM;
        file_calls = 0;
        do_each_call();
        cr_assert_eq(file_calls, EACH_CALLS, "each was asked for: %d", file_calls);
    }
    cr_assert_geq(hkt_work_threads(), 1u);
    hkt__loop->poller.ops = honest;
    return 0;
}

/* The call is interrupted before it is made. */
static int wait_and_interrupt(struct hkt__poller *p, struct hkt__event *events, int most,
                              int64_t timeout_ns)
{
    int n = honest->wait(p, events, most, timeout_ns);

    for (int i = 0; i < n; i++)
        if (events[i].what == HKT__POLL_SENT && file_calls > 0) {
            file_calls--;
            events[i].result = file_answer;
        }
    return n;
}

static int file_interrupted(void *arg)
{
    struct hkt_stat st = {.size = -1};

    (void)arg;
    if (!hkt__loop->poller.ops->file)
        return 0;
    deceive(wait_and_interrupt);
    for (int i = 0; i < 2; i++) {
        file_answer = i ? -EINTR : -EAGAIN;
        file_calls = 1;
        cr_assert_eq(hkt_path_stat("/", &st), 0);
        cr_assert_eq(file_calls, 0);
        cr_assert(S_ISDIR(st.mode));
    }
    hkt__loop->poller.ops = honest;
    return 0;
}

Test(traps, a_call_on_a_file_that_is_interrupted_is_made_by_the_pool)
{
    on_each_backend(file_interrupted, NULL);
}

Test(traps, a_call_on_a_file_goes_to_the_pool_when_the_poller_does_not_make_it)
{
    on_each_backend(file_by_the_pool, NULL);
}

/* A poller that fails: the loop goes on with what is ready, says so once, and does not spin. */

static int failures, waits;

static int wait_and_fail(struct hkt__poller *p, struct hkt__event *events, int most,
                         int64_t timeout_ns)
{
    waits++;
    return failures > 0 && failures-- > 0 ? -ENOMEM : honest->wait(p, events, most, timeout_ns);
}

static struct reports reports;

static int poller_fails(void *arg)
{
    int pair[2];

    (void)arg;
    reports_to(&reports);
    reports.count = 0;
    tcp_pair(pair);
    struct hkt_task *t = hkt_spawn(read_one, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_eq(write(pair[0], "x", 1), 1);
    deceive(wait_and_fail);
    failures = 20;
    cr_assert_eq(hkt_join(t), 'x');
    cr_assert_eq(failures, 0);
    cr_assert_eq(reports.count, 1);
    failures = 1000000;
    waits = 0;
    cr_assert_eq(hkt_sleep(HKT_MS(50)), 0, "the clock goes on");
    cr_assert_lt(waits, 100);
    failures = 0;
    cr_assert_eq(reports.count, 1);
    hkt__loop->poller.ops = honest;
    return hkt_close(pair[0]) | hkt_close(pair[1]);
}

Test(traps, a_poller_that_fails_is_reported_once)
{
    on_each_backend(poller_fails, NULL);
}

/* Timers that are armed before the loop first runs: were they all put far off, because the wheel
 * had not been told the time, one that is cancelled would wake the loop for nothing. */

static int64_t simulated_now;
static int looks;

static int64_t simulated_clock(void *ctx)
{
    (void)ctx;
    return simulated_now;
}

static void simulated_sleep(void *ctx, int64_t until)
{
    (void)ctx;
    looks++;
    simulated_now = until;
}

static void stop(void *loop)
{
    hkt_loop_stop(loop);
}

Test(traps, a_first_timer_that_is_cancelled_wakes_nobody)
{
    const struct hkt_loop_opts opts = {.clock = simulated_clock, .sleep_until = simulated_sleep};
    const int64_t start = HKT_SEC(1000000);
    struct hkt_handle early = {.fn = NULL}, late = {.fn = NULL};

    simulated_now = start;
    struct hkt_loop *loop = hkt_loop_new(&opts);
    cr_assert_eq(hkt_call_later(loop, &early, HKT_MS(1), stop, loop), 0);
    cr_assert_eq(hkt_call_later(loop, &late, HKT_SEC(10), stop, loop), 0);
    cr_assert_eq(hkt_handle_cancel(&early), 1);
    cr_assert_eq(hkt_loop_run_forever(loop), 0);
    cr_assert_eq(simulated_now, start + HKT_SEC(10));
    cr_assert_eq(looks, 1);
    cr_assert_eq(hkt_loop_free(loop), 0);
}
