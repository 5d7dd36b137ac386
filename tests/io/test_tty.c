/* SPDX-License-Identifier: MIT
 *
 * Terminals, both ends of one: reading, writing, streams, and the end of either side, over each
 * poller.
 */
#include "io/backends.h"

#include <errno.h>
#include <fcntl.h>
#include <hocket/net.h>
#include <stdlib.h>
#include <termios.h>

struct terminal {
    int master, slave;
};

static struct terminal open_terminal(bool raw)
{
    struct terminal t = {.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    struct termios mode;
    char name[64];

    if (t.master < 0)
        cr_skip_test("there are no terminals here");
    cr_assert_eq(grantpt(t.master), 0);
    cr_assert_eq(unlockpt(t.master), 0);
    cr_assert_eq(ptsname_r(t.master, name, sizeof name), 0);
    t.slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(t.slave >= 0, "%s: %s", name, strerror(errno));
    cr_assert_eq(tcgetattr(t.slave, &mode), 0);
    mode.c_lflag &= ~(tcflag_t)ECHO;
    if (raw)
        cfmakeraw(&mode);
    cr_assert_eq(tcsetattr(t.slave, TCSANOW, &mode), 0);
    return t;
}

static int read_some(void *fd)
{
    char buf[64];

    return (int)hkt_read(ARG_FD(fd), buf, sizeof buf);
}

/* A task that waits for input by now. */
static struct hkt_task *reader_of(int fd)
{
    struct hkt_task *t = hkt_spawn(read_some, FD_ARG(fd));

    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_not(hkt_task_done(t));
    return t;
}

static int lines(void *arg)
{
    struct terminal t = open_terminal(false);

    (void)arg;
    for (int i = 0; i < 3; i++) {
        struct hkt_task *reader = reader_of(t.slave);
        cr_assert_eq(hkt_write(t.master, "hel", 3), 3);
        cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
        cr_assert_not(hkt_task_done(reader), "a line is read when it is whole");
        cr_assert_eq(hkt_write(t.master, "lo\n", 3), 3);
        cr_assert_eq(hkt_join(reader), 6);
    }
    struct hkt_task *reader = reader_of(t.slave);
    cr_assert_eq(hkt_write(t.master, "\4", 1), 1);
    cr_assert_eq(hkt_join(reader), 0, "the key that ends the input");
    reader = reader_of(t.slave);
    cr_assert_eq(hkt_write(t.master, "more\n", 5), 5);
    cr_assert_eq(hkt_join(reader), 5, "which is no end for ever");
    (void)hkt_close(t.slave);
    return hkt_close(t.master);
}

Test(tty, lines_are_waited_for)
{
    on_each_backend(lines, NULL);
}

enum { BULK = 100000 };

static int write_bulk(void *fd)
{
    static char bulk[BULK];

    memset(bulk, 'x', sizeof bulk);
    return hkt_write_all(ARG_FD(fd), bulk, sizeof bulk, NULL);
}

/* More than it holds, and so both sides wait. */
static int bulk_each_way(void *arg)
{
    struct terminal t = open_terminal(true);
    const int from[] = {t.slave, t.master}, to[] = {t.master, t.slave};
    char buf[4096];

    (void)arg;
    for (int i = 0; i < 2; i++) {
        struct hkt_task *writer = hkt_spawn(write_bulk, FD_ARG(from[i]));
        for (size_t got = 0; got < BULK;) {
            ssize_t n = hkt_read(to[i], buf, sizeof buf);
            cr_assert_gt(n, 0, "%zd after %zu", n, got);
            got += (size_t)n;
        }
        cr_assert_eq(hkt_join(writer), 0);
    }
    (void)hkt_close(t.slave);
    return hkt_close(t.master);
}

Test(tty, more_than_it_holds_each_way, .timeout = 60)
{
    on_each_backend(bulk_each_way, NULL);
}

static int streams(void *arg)
{
    struct terminal t = open_terminal(true);
    struct hkt_stream *near = hkt_stream_of(t.slave, NULL), *far = hkt_stream_of(t.master, NULL);
    char line[32];

    (void)arg;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(hkt_stream_write(far, "one\ntwo\n", 8), 0);
        cr_assert_eq(hkt_stream_drain(far), 0);
        cr_assert_eq(hkt_stream_readline(near, line, sizeof line), 4);
        cr_assert_str_eq(line, "one\n");
        cr_assert_eq(hkt_stream_readline(near, line, sizeof line), 4);
        cr_assert_eq(hkt_stream_write(near, "answer\n", 7), 0);
        cr_assert_eq(hkt_stream_drain(near), 0);
        cr_assert_eq(hkt_stream_readline(far, line, sizeof line), 7);
    }
    hkt_stream_free(near);
    ssize_t n = hkt_stream_readline(far, line, sizeof line);
    cr_assert(n == -EIO || n == 0, "no more comes: %zd", n);
    hkt_stream_free(far);
    return 0;
}

Test(tty, streams_of_both_ends)
{
    on_each_backend(streams, NULL);
}

/* The program is gone: whoever watches it is told, also when it waits already. */
static int slave_ends(void *arg)
{
    struct terminal t = open_terminal(true);
    struct hkt_task *reader = reader_of(t.master);
    char buf[8];

    (void)arg;
    cr_assert_eq(hkt_write(t.slave, "bye", 3), 3);
    cr_assert_eq(hkt_join(reader), 3);
    reader = reader_of(t.master);
    cr_assert_eq(hkt_close(t.slave), 0);
    int rc = hkt_join(reader);
    cr_assert(rc == -EIO || rc == 0, "%d", rc);
    ssize_t n = hkt_read(t.master, buf, sizeof buf);
    cr_assert_eq(n, rc, "and again: %zd", n);
    return hkt_close(t.master);
}

Test(tty, the_end_of_the_program_wakes_the_terminal)
{
    on_each_backend(slave_ends, NULL);
}

static int slave_ends_with_output(void *arg)
{
    struct terminal t = open_terminal(true);
    struct hkt_task *reader = reader_of(t.master);
    char buf[8];

    (void)arg;
    cr_assert_eq(write(t.slave, "bye", 3), 3);
    cr_assert_eq(hkt_close(t.slave), 0);
    cr_assert_eq(hkt_join(reader), 3, "what came first is read first");
    ssize_t n = hkt_read(t.master, buf, sizeof buf);
    cr_assert(n == -EIO || n == 0, "%zd", n);
    return hkt_close(t.master);
}

Test(tty, an_end_that_comes_with_output)
{
    on_each_backend(slave_ends_with_output, NULL);
}

/* The terminal is gone, which is a hang-up. */
static int master_ends(void *arg)
{
    struct terminal t = open_terminal(true);
    struct hkt_task *reader = reader_of(t.slave);

    (void)arg;
    cr_assert_eq(hkt_close(t.master), 0);
    int rc = hkt_join(reader);
    cr_assert(rc == 0 || rc == -EIO, "%d", rc);
    cr_assert_eq(hkt_write(t.slave, "x", 1), -EIO);
    return hkt_close(t.slave);
}

Test(tty, the_end_of_the_terminal_wakes_the_program)
{
    on_each_backend(master_ends, NULL);
}
