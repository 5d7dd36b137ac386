/* SPDX-License-Identifier: MIT
 *
 * From a file to a socket, by the system's call and by copying.
 */
#include "base/sys.h"
#include "io/pooled.h"

#include <fcntl.h>
#include <hocket/file.h>
#include <stdlib.h>

enum { SIZE = 3000000 };

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 31 + i / 1000);
}

/* A file of that size, already removed. */
static int make_file(size_t size)
{
    char path[] = "/tmp/hocket-test-XXXXXX";
    int fd = mkstemp(path);
    unsigned char *data = malloc(size + 1);

    cr_assert(fd >= 0 && data);
    for (size_t i = 0; i < size; i++)
        data[i] = byte_at(i);
    cr_assert_eq(write(fd, data, size), (ssize_t)size);
    free(data);
    unlink(path);
    return fd;
}

struct reader {
    int fd;
    size_t from, got;
};

static int read_and_compare(void *arg)
{
    struct reader *r = arg;
    static unsigned char buf[60000];
    ssize_t n;

    while ((n = hkt_read(r->fd, buf, sizeof buf)) > 0)
        for (ssize_t i = 0; i < n; i++, r->got++)
            cr_assert_eq(buf[i], byte_at(r->from + r->got), "at %zu", r->got);
    return (int)n;
}

static void send_piece(int file, int64_t offset, size_t size, size_t expected)
{
    struct reader r = {.from = (size_t)offset};
    size_t done = 1;
    int pair[2];

    tcp_pair(pair);
    r.fd = pair[1];
    struct hkt_task *t = hkt_spawn(read_and_compare, &r);
    cr_assert_eq(hkt_sendfile(pair[0], file, offset, size, &done), 0);
    cr_assert_eq(done, expected);
    cr_assert_eq(hkt_close(pair[0]), 0);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(r.got, expected);
    cr_assert_eq(hkt_close(pair[1]), 0);
}

static int sends(void *arg)
{
    int file = make_file(SIZE);

    (void)arg;
    send_piece(file, 0, SIZE, SIZE);
    send_piece(file, 1000, 5, 5);
    send_piece(file, SIZE - 10, 1000, 10);
    send_piece(file, 2000000, SIZE_MAX, SIZE - 2000000);
    send_piece(file, SIZE + 5, 1, 0);
    send_piece(file, 0, 0, 0);
    cr_assert_eq(lseek(file, 0, SEEK_CUR), SIZE, "its position is left alone");
    return hkt_close(file);
}

Test(sendfile, a_piece_of_a_file)
{
    on_each_backend(sends, NULL);
}

static ssize_t no_sendfile(int socket, int file, int64_t *offset, size_t size)
{
    (void)socket;
    (void)file;
    (void)offset;
    (void)size;
    return -ENOSYS;
}

Test(sendfile, without_the_call)
{
    hkt__sys.sendfile = no_sendfile;
    on_each_backend(sends, NULL);
}

static int errors(void *arg)
{
    int pair[2], file = make_file(100000), write_only = open("/dev/null", O_WRONLY | O_CLOEXEC);
    size_t done = 1;

    (void)arg;
    tcp_pair(pair);
    cr_assert_eq(hkt_sendfile(-1, file, 0, 1, &done), -EBADF);
    cr_assert_eq(done, 0u);
    cr_assert_eq(hkt_sendfile(pair[0], write_only, 0, 1, &done), -EBADF);
    cr_assert_eq(hkt_close(pair[1]), 0);
    int rc;
    do
        rc = hkt_sendfile(pair[0], file, 0, 100000, NULL);
    while (rc == 0);
    cr_assert(rc == -EPIPE || rc == -ECONNRESET, "%d", rc);
    cr_assert_eq(hkt_close(pair[0]), 0);
    cr_assert_eq(hkt_close(write_only), 0);
    return hkt_close(file);
}

Test(sendfile, errors)
{
    on_each_backend(errors, NULL);
    hkt__sys.sendfile = no_sendfile;
    on_each_backend(errors, NULL);
}

struct sender {
    int socket, file;
    size_t done;
};

static int send_whole(void *arg)
{
    struct sender *s = arg;

    return hkt_sendfile(s->socket, s->file, 0, 100000000, &s->done);
}

static size_t drain(int fd)
{
    static char buf[65536];
    size_t got = 0;
    ssize_t n;

    while ((n = hkt_read(fd, buf, sizeof buf)) > 0)
        got += (size_t)n;
    cr_assert_eq(n, 0);
    return got;
}

/* Nobody reads, until it has been cancelled in one of the two ways. */
static void stop_one(int file, bool by_close)
{
    int pair[2];

    tcp_pair(pair);
    struct sender s = {.socket = pair[0], .file = file};
    struct hkt_task *t = hkt_spawn(send_whole, &s);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert_not(hkt_task_done(t));
    if (by_close)
        cr_assert_eq(hkt_close(pair[0]), 0);
    else
        cr_assert(hkt_task_cancel(t));
    int rc = hkt_join(t);
    cr_assert_eq(rc, -ECANCELED, "%s: %d", by_close ? "closed" : "cancelled", rc);
    if (!by_close)
        cr_assert_eq(hkt_close(pair[0]), 0);
    cr_assert_eq(drain(pair[1]), s.done, "no more than it said");
    cr_assert_eq(hkt_close(pair[1]), 0);
}

static int stops(void *arg)
{
    int file = make_file(SIZE);

    (void)arg;
    cr_assert_eq(ftruncate(file, 100000000), 0);
    stop_one(file, false);
    stop_one(file, true);
    return hkt_close(file);
}

Test(sendfile, ends_when_it_is_cancelled_or_its_socket_closed)
{
    on_each_backend(stops, NULL);
    hkt__sys.sendfile = no_sendfile;
    on_each_backend(stops, NULL);
}
