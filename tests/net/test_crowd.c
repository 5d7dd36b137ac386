/* SPDX-License-Identifier: MIT
 *
 * A crowd that comes at once and is dropped at once: the server ends with no connections, and no
 * descriptor is lost.
 */
#include "net/streams.h"

#include "base/reports.h"
#include "base/where.h"

#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>

enum { CROWD = 20000, SMALL_CROWD = 600, WAVE = 1000, FEWER = 2000, SOURCES = 16, SPARE = 200 };

/* Whoever waits longer than this waits for ever. */
#define BOUND HKT_SEC(60)

static struct reports reports;

/* As many as the limit on descriptors allows, at most all, are there at the same time. */
static size_t at_once(void)
{
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 4 * CROWD ? limit.rlim_max : 4 * CROWD;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert(limit.rlim_cur > 2 * SPARE);
    size_t n = (limit.rlim_cur - SPARE) / 2; /* both ends are here */
    return n < CROWD ? n : CROWD;
}

static size_t crowd(void)
{
    return where_emulator() || where_valgrind() || where_sanitizer() ? SMALL_CROWD : CROWD;
}

static size_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* From one of several addresses, so that ports suffice. */
static int client(const struct hkt_addr *to, size_t i)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(fd >= 0, "client %zu: %s", i, strerror(errno));
#if defined(__linux__)
    struct sockaddr_in from = {.sin_family = AF_INET};
    const int on = 1;
    /* The port is found by connect(), which knows of more that are free, and sooner. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(i % SOURCES));
    cr_assert_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
#endif
    cr_assert_eq(connect(fd, (const struct sockaddr *)&to->sockaddr, to->size), 0, "client %zu: %s",
                 i, strerror(errno));
    return fd;
}

/* Every second one by a reset; so the others' ports only are not free for a while. */
static void drop(int fd, size_t i)
{
    const struct linger hard = {1, 0};

    if (i % 2)
        cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    cr_assert_eq(close(fd), 0);
}

static void wait_for_count(const struct hkt_server *server, size_t n)
{
    int64_t until = hkt_now() + BOUND;

    while (hkt_server_count(server) != n) {
        cr_assert(hkt_now() < until, "%zu connections, not %zu", hkt_server_count(server), n);
        cr_assert_eq(hkt_sleep(HKT_US(200)), 0);
    }
}

/* In waves, each of which finds room in the system's queue. */
static void come(struct hkt_server *server, int *fds, size_t n)
{
    struct hkt_addr to;

    cr_assert_eq(hkt_server_addr(server, 0, &to), 0);
    for (size_t i = 0; i < n; i++) {
        fds[i] = client(&to, i);
        if (i % 3 == 0)
            cr_assert_eq(send(fds[i], "hello", 5, MSG_NOSIGNAL), 5);
        if (i % WAVE == WAVE - 1)
            wait_for_count(server, i + 1);
    }
    wait_for_count(server, n);
}

static void expect_service(const struct hkt_server *server)
{
    struct hkt_stream *s = connect_to(server);
    char buf[5];

    send_text(s, "hello");
    cr_assert_eq(hkt_stream_readexactly(s, buf, 5), 5);
    hkt_stream_free(s);
}

static int comes_and_goes(void *arg)
{
    size_t left = crowd(), most = *(size_t *)arg;
    struct hkt_server *server = start_server("tcp://127.0.0.1:0", echo, NULL, NULL);
    int *fds = calloc(most, sizeof *fds);

    reports_to(&reports);
    expect_service(server);
    wait_for_count(server, 0);
    size_t before = count_fds();
    while (left > 0) {
        size_t n = left < most ? left : most;
        come(server, fds, n);
        cr_assert(before == 0 || count_fds() >= before + 2 * n);
        for (size_t i = 0; i < n; i++)
            drop(fds[i], i);
        wait_for_count(server, 0);
        left -= n;
    }
    cr_assert_eq(count_fds(), before);
    expect_service(server);
    hkt_server_close(server);
    cr_assert_eq(hkt_server_wait_closed(server), 0);
    hkt_server_free(server);
    free(fds);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    return 0;
}

Test(crowd, comes_and_goes_at_once, .timeout = 120)
{
    size_t most = at_once(), before = count_fds();

    on_each_backend(comes_and_goes, &most);
    cr_assert_eq(count_fds(), before);
}

/* Those that leave before anybody has accepted them. */
static int never_accepted(void *arg)
{
    struct hkt_server *server = start_server("tcp://127.0.0.1:0", echo, NULL, NULL);
    struct hkt_addr to;

    (void)arg;
    cr_assert_eq(hkt_server_addr(server, 0, &to), 0);
    reports_to(&reports);
    expect_service(server);
    wait_for_count(server, 0);
    size_t before = count_fds();
    for (size_t i = 0; i < SMALL_CROWD; i++)
        drop(client(&to, i), i);
    expect_service(server);
    wait_for_count(server, 0);
    cr_assert_eq(count_fds(), before);
    hkt_server_free(server);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    return 0;
}

Test(crowd, leaves_before_it_is_accepted, .timeout = 60)
{
    size_t before = count_fds();

    on_each_backend(never_accepted, NULL);
    cr_assert_eq(count_fds(), before);
}

/* The end, or a reset, perhaps behind what was echoed. It comes when the loop's turn does. */
static void expect_end(int fd)
{
    int64_t until = hkt_now() + BOUND;
    char buf[16];
    ssize_t n;

    while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) != 0) {
        if (n < 0 && errno == ECONNRESET)
            break;
        cr_assert(n > 0 || errno == EAGAIN, "%s", strerror(errno));
        cr_assert(hkt_now() < until);
        if (n < 0)
            cr_assert_eq(hkt_sleep(HKT_US(200)), 0);
    }
    cr_assert_eq(close(fd), 0);
}

/* The server goes first, and all its connections with it. */
static int ends_beneath_it(void *arg)
{
    size_t n = crowd(), most = *(size_t *)arg;
    struct hkt_server *server = start_server("tcp://127.0.0.1:0", echo, NULL, NULL);

    n = n < most ? n : most;
    n = n < FEWER ? n : FEWER;
    int *fds = calloc(n, sizeof *fds);
    reports_to(&reports);
    size_t before = count_fds();
    come(server, fds, n);
    cr_assert_eq(hkt_server_shutdown(server, 0), (int)n);
    cr_assert_eq(hkt_server_count(server), 0);
    hkt_server_free(server);
    for (size_t i = 0; i < n; i++)
        expect_end(fds[i]);
    cr_assert(before == 0 || count_fds() == before - 1, "the listener is gone");
    free(fds);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    return 0;
}

Test(crowd, is_dropped_with_the_server, .timeout = 120)
{
    size_t most = at_once(), before = count_fds();

    on_each_backend(ends_beneath_it, &most);
    cr_assert_eq(count_fds(), before);
}
