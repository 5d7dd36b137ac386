/* SPDX-License-Identifier: MIT
 *
 * Connections that the system may accept ahead of those who ask for them, over each poller: none is
 * lost, whoever asks, and none outlives its listener or the loop.
 */
#include "io/backends.h"

#include <errno.h>
#include <fcntl.h>

static struct sockaddr_in address;

static int make_listener(void)
{
    socklen_t size = sizeof address;
    int fd = hkt_socket(AF_INET, SOCK_STREAM, 0);

    address = (struct sockaddr_in){.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(fd, 16), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return fd;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int accept_one(void *fd)
{
    int conn = hkt_accept(ARG_FD(fd), NULL, NULL);

    return conn < 0 ? conn : hkt_close(conn);
}

/* A listener whose connections are accepted ahead by now, where that is done: more have come than
 * were asked for. */
static int with_some_ahead(int *clients, int n)
{
    int fd = make_listener();
    struct hkt_task *t = hkt_spawn(accept_one, FD_ARG(fd));

    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    int first = dial();
    for (int i = 0; i < n; i++)
        clients[i] = dial();
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    close(first);
    return fd;
}

static void expect_from(int fd, int client)
{
    struct sockaddr_in peer, own;
    socklen_t peer_size = sizeof peer, own_size = sizeof own;
    struct hkt_timeout limit = {0};

    cr_assert_eq(hkt_timeout_enter(&limit, HKT_SEC(20)), 0);
    int64_t conn = hkt_accept(fd, (struct sockaddr *)&peer, &peer_size);
    conn = hkt_timeout_exit(&limit, conn);
    cr_assert(conn >= 0, "%lld", (long long)conn);
    cr_assert_eq(getsockname(client, (struct sockaddr *)&own, &own_size), 0);
    cr_assert_eq(peer_size, own_size);
    cr_assert_eq(peer.sin_port, own.sin_port);
    cr_assert_eq(hkt_close((int)conn), 0);
}

static int asks_late(void *arg)
{
    int clients[3];
    int fd = with_some_ahead(clients, 3);

    (void)arg;
    for (int i = 0; i < 3; i++)
        expect_from(fd, clients[i]);
    int next = dial();
    expect_from(fd, next);
    close(next);
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    return hkt_close(fd);
}

Test(ahead, who_asks_for_the_address_later_gets_what_waits)
{
    on_each_backend(asks_late, NULL);
}

static int accept_with_address(void *fd)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    int conn = hkt_accept(ARG_FD(fd), (struct sockaddr *)&peer, &size);

    return conn < 0 ? conn : hkt_close(conn);
}

/* They wait before the connections come: who asks for no address, and then who does. */
static int asks_beside(void *arg)
{
    int clients[4];
    int fd = with_some_ahead(clients, 1);

    (void)arg;
    expect_from(fd, clients[0]);
    for (int i = 1; i < 4; i++) {
        struct hkt_task *t = hkt_spawn(accept_with_address, FD_ARG(fd));
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
        clients[i] = dial();
        cr_assert_eq(hkt_join(t), 0);
    }
    for (int i = 0; i < 4; i++)
        close(clients[i]);
    return hkt_close(fd);
}

Test(ahead, who_asks_for_the_address_is_woken, .timeout = 30)
{
    on_each_backend(asks_beside, NULL);
}

static int readable(void *arg)
{
    int client;
    int fd = with_some_ahead(&client, 1);

    (void)arg;
    cr_assert_eq(hkt_wait_readable(fd), 0);
    cr_assert_eq(accept_one(FD_ARG(fd)), 0);
    close(client);
    return hkt_close(fd);
}

Test(ahead, what_waits_makes_the_listener_readable, .timeout = 30)
{
    on_each_backend(readable, NULL);
}

static int calls;

static void on_connection(void *fd)
{
    (void)fd;
    calls++;
}

static int called(void *arg)
{
    struct hkt_loop *loop = hkt_loop_current();
    int client;
    int fd = with_some_ahead(&client, 1);

    (void)arg;
    calls = 0;
    cr_assert_eq(hkt_add_reader(loop, fd, on_connection, NULL), 0);
    for (int i = 0; i < 1000 && calls == 0; i++)
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_gt(calls, 0);
    cr_assert_eq(hkt_remove_reader(loop, fd), 1);
    cr_assert_eq(accept_one(FD_ARG(fd)), 0);
    close(client);
    return hkt_close(fd);
}

Test(ahead, what_waits_is_told_to_a_reader_callback)
{
    on_each_backend(called, NULL);
}

/* The clients are outside of the loop: they must see an end when it is over. */

static int client[2];

static int leaves_connections(void *arg)
{
    int fd = make_listener();

    (void)arg;
    hkt_detach(hkt_spawn(accept_one, FD_ARG(fd)));
    int other = make_listener();
    hkt_detach(hkt_spawn(accept_one, FD_ARG(other)));
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    client[0] = dial();
    client[1] = dial();
    cr_assert_eq(hkt_close(fd), 0); /* the kernel looks what has come, and nobody is told */
    return hkt_close(other);
}

/* What is inherited at first, and its end. */
static void expect_end(int fd)
{
    const struct timeval bound = {20, 0};
    char c;

    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound), 0);
    ssize_t n = read(fd, &c, 1);
    cr_assert(n == 0 || (n < 0 && errno == ECONNRESET), "%zd %d", n, errno);
    close(fd);
}

static void expect_no_connections(hkt_task_fn *fn)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct hkt_loop_opts opts = {.poller = backends[i]};
        if (!have_backend(backends[i]))
            continue;
        cr_assert_eq(hkt_run_opts(fn, NULL, &opts), 0);
        expect_end(client[0]);
        expect_end(client[1]);
    }
}

Test(ahead, nothing_outlives_the_loop, .timeout = 60)
{
    expect_no_connections(leaves_connections);
}
