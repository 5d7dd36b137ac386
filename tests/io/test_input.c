/* SPDX-License-Identifier: MIT
 *
 * Input that the system may receive ahead, and bytes that it sends by itself.
 */
#include "base/reports.h"
#include "io/backends.h"

#include <errno.h>
#include <stdlib.h>

enum { MANY = 40, BULK = 300000 };

static char byte_at(size_t i)
{
    return (char)(i * 7 + i / 251);
}

/* Reads up to size bytes the way a stream does. */
static ssize_t input(int fd, void *buf, size_t size)
{
    ssize_t n;

    while ((n = hkt_try_read(fd, buf, size)) == -EAGAIN) {
        int rc = hkt_wait_input(fd);
        if (rc < 0)
            return rc;
    }
    return n;
}

struct bulk {
    int fd;
    size_t from, size;
};

static int write_bulk(void *arg)
{
    const struct bulk *b = arg;
    char *data = malloc(b->size);

    for (size_t i = 0; i < b->size; i++)
        data[i] = byte_at(b->from + i);
    int rc = hkt_write_all(b->fd, data, b->size, NULL);
    free(data);
    return rc;
}

/* Reads and compares, piece bytes at a time. */
static void expect_bulk(int fd, size_t from, size_t size, size_t piece)
{
    char buf[10000];

    for (size_t done = 0; done < size;) {
        size_t most = size - done < piece ? size - done : piece;
        ssize_t n = input(fd, buf, most);
        cr_assert(n > 0 && (size_t)n <= most, "%zd after %zu", n, done);
        for (ssize_t i = 0; i < n; i++)
            cr_assert_eq(buf[i], byte_at(from + done + (size_t)i));
        done += (size_t)n;
    }
}

static int arrives(void *arg)
{
    int pair[2];
    char c;

    (void)arg;
    tcp_pair(pair);
    struct bulk all = {pair[0], 0, BULK};
    struct hkt_task *writer = hkt_spawn(write_bulk, &all);
    cr_assert_eq(hkt_wait_input(pair[1]), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(10)), 0); /* what comes meanwhile is not read */
    expect_bulk(pair[1], 0, BULK / 2, 10000);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    expect_bulk(pair[1], BULK / 2, BULK - BULK / 2, 999);
    cr_assert_eq(hkt_join(writer), 0);
    cr_assert_eq(hkt_try_read(pair[1], &c, 1), -EAGAIN);
    cr_assert_eq(hkt_close(pair[0]), 0);
    cr_assert_eq(input(pair[1], &c, 1), 0);
    cr_assert_eq(input(pair[1], &c, 1), 0, "the end stays");
    return hkt_close(pair[1]);
}

Test(input, arrives_in_order_however_slowly_it_is_read)
{
    on_each_backend(arrives, NULL);
}

/* More than there are buffers for is sent to descriptors that nobody reads. */
static int unread(void *arg)
{
    static int pair[MANY][2];
    static struct bulk bulk[MANY];
    struct hkt_task *writers[MANY];

    (void)arg;
    for (int i = 0; i < MANY; i++) {
        tcp_pair(pair[i]);
        bulk[i] = (struct bulk){pair[i][0], (size_t)i, 100000};
        writers[i] = hkt_spawn(write_bulk, &bulk[i]);
        cr_assert_eq(hkt_wait_input(pair[i][1]), 0);
    }
    cr_assert_eq(hkt_sleep(HKT_MS(20)), 0);
    for (int i = MANY - 1; i >= 0; i--) {
        expect_bulk(pair[i][1], (size_t)i, 100000, 10000);
        cr_assert_eq(hkt_join(writers[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(hkt_close(pair[i][0]), 0);
        cr_assert_eq(hkt_close(pair[i][1]), 0);
    }
    return 0;
}

Test(input, that_nobody_reads_does_not_keep_others_from_theirs)
{
    on_each_backend(unread, NULL);
}

static int wait_input(void *fd)
{
    return hkt_wait_input(ARG_FD(fd));
}

static int cancelled(void *arg)
{
    int pair[2];
    char buf[8];

    (void)arg;
    tcp_pair(pair);
    cr_assert_eq(hkt_try_read(pair[1], buf, sizeof buf), -EAGAIN);
    struct hkt_task *t = hkt_spawn(wait_input, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(hkt_wait_input(pair[1]), -EBUSY);
    hkt_task_cancel(t);
    cr_assert_eq(write(pair[0], "late", 4), 4);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(input(pair[1], buf, 8), 4);
    cr_assert_eq(hkt_try_read(pair[1], buf, sizeof buf), -EAGAIN);

    t = hkt_spawn(wait_input, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(hkt_close(pair[1]), 0);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert_eq(hkt_read(pair[0], buf, 8), 0, "the other side sees the end");
    return hkt_close(pair[0]);
}

Test(input, a_wait_that_ends_early_loses_nothing)
{
    on_each_backend(cancelled, NULL);
}

static int reset(void *arg)
{
    const struct linger at_once = {1, 0};
    int pair[2];
    char c;

    (void)arg;
    tcp_pair(pair);
    struct hkt_task *t = hkt_spawn(wait_input, FD_ARG(pair[1]));
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    cr_assert_eq(hkt_close(pair[0]), 0);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(input(pair[1], &c, 1), -ECONNRESET);
    return hkt_close(pair[1]);
}

Test(input, ends_with_a_reset)
{
    on_each_backend(reset, NULL);
}

static int no_task(void *arg)
{
    char c;

    (void)arg;
    cr_assert_eq(hkt_wait_input(-1), -EBADF);
    cr_assert_eq(hkt_try_read(-1, &c, 1), -EBADF);
    return 0;
}

Test(input, of_no_descriptor_or_outside_a_task_is_an_error)
{
    char c;

    on_each_backend(no_task, NULL);
    cr_assert_eq(hkt_wait_input(0), -EPERM);
    cr_assert_eq(hkt_try_read(0, &c, 1), -EPERM);
}

/* Sending */

struct sent {
    struct hkt_sending sending;
    ssize_t result;
    int calls;
};

static void on_sent(void *arg, ssize_t result)
{
    struct sent *s = arg;

    s->result = result;
    s->calls++;
}

static bool sends_whole(void)
{
    return strcmp(hkt_loop_poller(hkt_loop_current()), "io_uring") == 0;
}

static int sends(void *arg)
{
    static char data[32000000]; /* more than the system takes */
    struct sent s = {.result = 1};
    int pair[2], unix_pair[2];
    char c;

    (void)arg;
    tcp_pair(pair);
    int rc = hkt_send_begin(&s.sending, pair[0], "x", 1, on_sent, &s);
    cr_assert_eq(rc, sends_whole() ? 0 : -ENOSYS);
    if (rc == 0) {
        cr_assert_eq(hkt_send_begin(&s.sending, pair[0], "y", 1, on_sent, &s), -EBUSY);
        cr_assert_eq(s.calls, 0, "not from within the call");
        cr_assert_eq(hkt_read(pair[1], &c, 1), 1);
        cr_assert_eq(c, 'x');
        cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
        cr_assert_eq(s.calls, 1);
        cr_assert_eq(s.result, 1);
        cr_assert_eq(hkt_send_begin(&s.sending, pair[0], data, sizeof data, on_sent, &s), 0);
        cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
        cr_assert_eq(s.calls, 1, "more than the system takes");
        hkt_send_cancel(&s.sending);
        cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
        cr_assert_eq(s.calls, 2);
        cr_assert(s.result == -ECANCELED || (s.result > 0 && s.result < (ssize_t)sizeof data));
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair), 0);
        cr_assert_eq(hkt_send_begin(&s.sending, unix_pair[0], "x", 1, on_sent, &s), -ENOSYS);
        (void)hkt_close(unix_pair[0]);
        (void)hkt_close(unix_pair[1]);
    }
    hkt_send_cancel(&s.sending);
    hkt_send_cancel(NULL);
    cr_assert_eq(hkt_close(pair[0]), 0);
    return hkt_close(pair[1]);
}

Test(input, sending_is_told_of_once)
{
    struct sent s = {.calls = 0};

    on_each_backend(sends, NULL);
    cr_assert_eq(hkt_send_begin(&s.sending, 0, "x", 1, on_sent, &s), -EPERM);
}

static struct sent left;
static int left_pair[2];
static bool left_sending;

static int leaves_one(void *arg)
{
    static char data[32000000]; /* more than the system takes */

    (void)arg;
    memset(&left, 0, sizeof left);
    tcp_pair(left_pair);
    int rc = hkt_send_begin(&left.sending, left_pair[0], data, sizeof data, on_sent, &left);
    cr_assert_eq(rc, sends_whole() ? 0 : -ENOSYS);
    left_sending = rc == 0;
    left.calls = !left_sending;
    return 0;
}

Test(input, the_end_of_the_loop_ends_a_sending)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        struct reports reports;
        const struct hkt_loop_opts opts = {.poller = backends[i], .debug = true};
        if (!have_backend(backends[i]))
            continue;
        reports_to(&reports);
        cr_assert_eq(hkt_run_opts(leaves_one, NULL, &opts), 0);
        cr_assert_eq(left.calls, 1);
        cr_assert_eq(reports.count, left_sending, "%s", reports.last);
        cr_assert(!left_sending || reports_say(&reports, "1 sends or calls on files are left"),
                  "%s", reports.last);
        hkt_on_report(NULL, NULL);
        close(left_pair[0]);
        close(left_pair[1]);
    }
}
