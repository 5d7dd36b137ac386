/* SPDX-License-Identifier: MIT
 *
 * Cancellation at every point: descriptors, files, names, processes.
 */
#include "sched/points.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>

struct scene {
    int fds[2];
    int file;
    struct gate gate;
    struct hkt_task *filler; /* of the pool */
    struct hkt_process *process;
    struct sockaddr_in addr;
};

static char bytes[1 << 20];
static char dir[] = "/tmp/hocket-test-XXXXXX";

static const char *in_dir(const char *name)
{
    static char paths[4][64];
    static int turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

/* Descriptors. The test's own end is used by plain calls. */

static void make_pair(struct scene *s)
{
    tcp_pair(s->fds);
    fcntl(s->fds[1], F_SETFL, O_NONBLOCK);
}

static void make_pipe(struct scene *s)
{
    cr_assert_eq(pipe2(s->fds, O_CLOEXEC), 0);
    fcntl(s->fds[1], F_SETFL, O_NONBLOCK);
}

static void close_both(struct scene *s)
{
    for (int i = 0; i < 2; i++)
        (void)hkt_close(s->fds[i]);
}

static void feed(struct scene *s)
{
    cr_assert_eq(write(s->fds[1], "0123456789", 10), 10);
}

/* Until the system takes no more, ours is the first end. */
static void make_full(struct scene *s)
{
    make_pair(s);
    fill_socket(s->fds[0]);
}

static void take_all(struct scene *s)
{
    empty_socket(s->fds[1]);
}

static ssize_t call_read(struct scene *s)
{
    char c;

    return hkt_read(s->fds[0], &c, 1);
}

static ssize_t call_readv(struct scene *s)
{
    char c[2];
    const struct iovec iov[] = {{&c[0], 1}, {&c[1], 1}};

    return hkt_readv(s->fds[0], iov, 2);
}

static ssize_t call_read_full(struct scene *s)
{
    char c[3];

    return hkt_read_full(s->fds[0], c, sizeof c);
}

static ssize_t call_recv(struct scene *s)
{
    char c;

    return hkt_recv(s->fds[0], &c, 1, 0);
}

static ssize_t call_recvfrom(struct scene *s)
{
    char c;

    return hkt_recvfrom(s->fds[0], &c, 1, 0, NULL, NULL);
}

static ssize_t call_recvmsg(struct scene *s)
{
    char c;
    struct iovec iov = {&c, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    return hkt_recvmsg(s->fds[0], &msg, 0);
}

static ssize_t call_wait_readable(struct scene *s)
{
    return hkt_wait_readable(s->fds[0]);
}

static ssize_t call_wait_input(struct scene *s)
{
    return hkt_wait_input(s->fds[0]);
}

static ssize_t call_poll(struct scene *s)
{
    return hkt_poll(s->fds[0], HKT_READABLE);
}

static ssize_t call_write(struct scene *s)
{
    return hkt_write(s->fds[0], bytes, 1);
}

static ssize_t call_writev(struct scene *s)
{
    const struct iovec iov = {bytes, 1};

    return hkt_writev(s->fds[0], &iov, 1);
}

static ssize_t call_write_all(struct scene *s)
{
    return hkt_write_all(s->fds[0], bytes, 1, NULL);
}

static ssize_t call_send(struct scene *s)
{
    return hkt_send(s->fds[0], bytes, 1, 0);
}

static ssize_t call_sendto(struct scene *s)
{
    return hkt_sendto(s->fds[0], bytes, 1, 0, NULL, 0);
}

static ssize_t call_sendmsg(struct scene *s)
{
    struct iovec iov = {bytes, 1};
    const struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    return hkt_sendmsg(s->fds[0], &msg, 0);
}

/* It waits only when the last call has said that there is no room. */
static ssize_t call_wait_writable(struct scene *s)
{
    ssize_t n = hkt_try_write(s->fds[0], bytes, 1);

    return n == -EAGAIN ? hkt_wait_writable(s->fds[0]) : n;
}

static void make_listener(struct scene *s, int backlog)
{
    s->fds[0] = tcp_listener(&s->addr, backlog);
    s->fds[1] = -1;
}

static void listen_for_one(struct scene *s)
{
    make_listener(s, 1);
}

static void come(struct scene *s)
{
    s->fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(s->fds[1], (struct sockaddr *)&s->addr, sizeof s->addr), 0);
}

static ssize_t call_accept(struct scene *s)
{
    int fd = hkt_accept(s->fds[0], NULL, NULL);

    if (fd >= 0)
        (void)hkt_close(fd);
    return fd;
}

/* A listener that nobody takes anything from: with one that waits there its line is full, and the
 * next has to wait. */
static void listen_in_vain(struct scene *s)
{
    make_listener(s, 0);
    come(s);
}

static ssize_t call_connect(struct scene *s)
{
    int fd = hkt_socket(AF_INET, SOCK_STREAM, 0);
    int rc = hkt_connect(fd, (struct sockaddr *)&s->addr, sizeof s->addr);

    (void)hkt_close(fd);
    return rc;
}

/* Files, and what else the pool does: its only thread is at the gate. What io_uring does does not
 * wait for that. */

static void fill_pool(struct scene *s)
{
    s->filler = occupy_pool(&s->gate);
    s->file = open(in_dir("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(pwrite(s->file, bytes, sizeof bytes, 0), (ssize_t)sizeof bytes);
}

static void go(struct scene *s)
{
    open_gate(&s->gate);
}

static void empty_pool(struct scene *s)
{
    free_pool(&s->gate, s->filler);
    close(s->file);
    unlink(in_dir("file"));
}

static ssize_t call_open(struct scene *s)
{
    int fd = hkt_file_open(in_dir("file"), O_RDONLY, 0);

    (void)s;
    if (fd >= 0)
        (void)hkt_close(fd);
    return fd;
}

static ssize_t call_file_read(struct scene *s)
{
    char c;

    return hkt_file_read(s->file, &c, 1);
}

static ssize_t call_file_write(struct scene *s)
{
    return hkt_file_write(s->file, bytes, 1);
}

static ssize_t call_pread(struct scene *s)
{
    char c;

    return hkt_file_pread(s->file, &c, 1, 0);
}

static ssize_t call_pwrite(struct scene *s)
{
    return hkt_file_pwrite(s->file, bytes, 1, 0);
}

static ssize_t call_sync(struct scene *s)
{
    return hkt_file_sync(s->file);
}

static ssize_t call_truncate(struct scene *s)
{
    return hkt_file_truncate(s->file, 5);
}

static ssize_t call_file_stat(struct scene *s)
{
    struct hkt_stat st;

    return hkt_file_stat(s->file, &st);
}

static ssize_t call_stat(struct scene *s)
{
    struct hkt_stat st;

    (void)s;
    return hkt_path_stat(dir, &st);
}

static ssize_t call_lstat(struct scene *s)
{
    struct hkt_stat st;

    (void)s;
    return hkt_path_lstat(dir, &st);
}

static ssize_t call_rename(struct scene *s)
{
    int rc = hkt_path_rename(in_dir("file"), in_dir("other"));

    (void)s;
    (void)rename(in_dir("other"), in_dir("file"));
    return rc;
}

static ssize_t call_unlink(struct scene *s)
{
    (void)s;
    close(open(in_dir("other"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    int rc = hkt_path_unlink(in_dir("other"));
    (void)unlink(in_dir("other"));
    return rc;
}

static ssize_t call_mkdir(struct scene *s)
{
    int rc = hkt_path_mkdir(in_dir("sub"), 0700);

    (void)s;
    (void)rmdir(in_dir("sub"));
    return rc;
}

static ssize_t call_rmdir(struct scene *s)
{
    (void)s;
    (void)mkdir(in_dir("sub"), 0700);
    int rc = hkt_path_rmdir(in_dir("sub"));
    (void)rmdir(in_dir("sub"));
    return rc;
}

static ssize_t call_dir_list(struct scene *s)
{
    struct hkt_dir *list;
    int rc = hkt_dir_list(dir, &list);

    (void)s;
    hkt_dir_free(list);
    return rc;
}

/* The file waits for the socket. */
static void make_full_and_file(struct scene *s)
{
    make_full(s);
    s->file = open(in_dir("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(pwrite(s->file, bytes, sizeof bytes, 0), (ssize_t)sizeof bytes);
}

static void close_all(struct scene *s)
{
    close_both(s);
    close(s->file);
    unlink(in_dir("file"));
}

static ssize_t call_sendfile(struct scene *s)
{
    return hkt_sendfile(s->fds[0], s->file, 0, 1, NULL);
}

static ssize_t call_getaddrinfo(struct scene *s)
{
    struct addrinfo *list = NULL;
    int rc = hkt_getaddrinfo("name.test", "80", NULL, &list);

    (void)s;
    hkt_freeaddrinfo(list);
    return rc;
}

static ssize_t call_getnameinfo(struct scene *s)
{
    const struct sockaddr_in addr = {.sin_family = AF_INET};
    char host[64];

    (void)s;
    return hkt_getnameinfo((const struct sockaddr *)&addr, sizeof addr, host, sizeof host, NULL, 0,
                           NI_NUMERICHOST);
}

/* Processes */

static struct hkt_process *start(const char *const *argv)
{
    struct hkt_process *p = NULL;
    int rc = hkt_process_spawn(argv, NULL, &p);

    cr_assert_eq(rc, 0, "%d", rc);
    return p;
}

static void start_process(struct scene *s)
{
    static const char *const argv[] = {"sleep", "1000", NULL};

    s->process = start(argv);
}

static void kill_process(struct scene *s)
{
    cr_assert_eq(hkt_process_kill(s->process), 0);
}

static void free_process(struct scene *s)
{
    (void)hkt_process_kill(s->process);
    cr_assert_eq(hkt_process_wait(s->process, NULL), 0);
    hkt_process_free(s->process);
}

static ssize_t call_process_spawn(struct scene *s)
{
    static const char *const argv[] = {"true", NULL};
    struct hkt_process *p;
    int rc = hkt_process_spawn(argv, NULL, &p);

    (void)s;
    hkt_process_free(p);
    return rc;
}

static ssize_t call_process_wait(struct scene *s)
{
    return hkt_process_wait(s->process, NULL);
}

static ssize_t call_communicate(struct scene *s)
{
    return hkt_process_communicate(s->process, NULL, 0, NULL, NULL, 0, NULL);
}

#define IN(call_, how_) AT(make_pair, call_, feed, close_both, .how = (how_))
#define OUT(call_)      AT(make_full, call_, take_all, close_both, .how = 0)
#define POOLED(call_)   AT(fill_pool, call_, go, empty_pool, .how = BY_ITSELF)

static const struct point points[] = {
    POINT(hkt_read, IN(call_read, 0)),
    POINT(hkt_read, AT(make_pipe, call_read, feed, close_both, .how = 0)),
    POINT(hkt_readv, IN(call_readv, 0)),
    POINT(hkt_read_full, IN(call_read_full, 0)),
    POINT(hkt_recv, IN(call_recv, 0)),
    POINT(hkt_recvfrom, IN(call_recvfrom, 0)),
    POINT(hkt_recvmsg, IN(call_recvmsg, 0)),
    POINT(hkt_wait_input, IN(call_wait_input, 0)),
    POINT(hkt_poll, IN(call_poll, 0)),
    POINT(hkt_wait_readable, IN(call_wait_readable, BY_ITSELF)),
    POINT(hkt_write, OUT(call_write)),
    POINT(hkt_writev, OUT(call_writev)),
    POINT(hkt_write_all, OUT(call_write_all)),
    POINT(hkt_send, OUT(call_send)),
    POINT(hkt_sendto, OUT(call_sendto)),
    POINT(hkt_sendmsg, OUT(call_sendmsg)),
    POINT(hkt_wait_writable, OUT(call_wait_writable)),
    POINT(hkt_accept, AT(listen_for_one, call_accept, come, close_both, .how = 0)),
    POINT(hkt_connect, AT(listen_in_vain, call_connect, NULL, close_both, .how = 0)),
    POINT(hkt_file_open, POOLED(call_open)),
    POINT(hkt_file_read, POOLED(call_file_read)),
    POINT(hkt_file_write, POOLED(call_file_write)),
    POINT(hkt_file_pread, POOLED(call_pread)),
    POINT(hkt_file_pwrite, POOLED(call_pwrite)),
    POINT(hkt_file_sync, POOLED(call_sync)),
    POINT(hkt_file_truncate, POOLED(call_truncate)),
    POINT(hkt_file_stat, POOLED(call_file_stat)),
    POINT(hkt_path_stat, POOLED(call_stat)),
    POINT(hkt_path_lstat, POOLED(call_lstat)),
    POINT(hkt_path_rename, POOLED(call_rename)),
    POINT(hkt_path_unlink, POOLED(call_unlink)),
    POINT(hkt_path_mkdir, POOLED(call_mkdir)),
    POINT(hkt_path_rmdir, POOLED(call_rmdir)),
    POINT(hkt_dir_list, POOLED(call_dir_list)),
    POINT(hkt_getaddrinfo, POOLED(call_getaddrinfo)),
    POINT(hkt_getnameinfo, POOLED(call_getnameinfo)),
    POINT(hkt_process_spawn, POOLED(call_process_spawn)),
    POINT(hkt_sendfile, AT(make_full_and_file, call_sendfile, take_all, close_all, .how = 0)),
    POINT(hkt_process_wait,
          AT(start_process, call_process_wait, kill_process, free_process, .how = 0)),
    POINT(hkt_process_communicate,
          AT(start_process, call_communicate, kill_process, free_process, .how = 0)),
};

Test(io_points, each_is_cancelled_before_while_and_after, .timeout = 120)
{
    static struct scene scene;

    keep_names_here();
    cr_assert_not_null(mkdtemp(dir));
    try_points(points, sizeof points / sizeof *points, &scene, sizeof scene);
    cr_assert_eq(rmdir(dir), 0, "everything was removed");
}
