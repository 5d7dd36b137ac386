/* SPDX-License-Identifier: MIT
 *
 * Connecting to servers: by addresses that answer or do not, and by names that have several.
 */
#include "net/streams.h"

#define ANY "tcp://127.0.0.1:0"

/* A listener whose queue is full: the system drops what asks for more. */
static int full_listener(const char *url, struct hkt_addr *addr, int clients[2])
{
    const struct hkt_server_opts opts = {.backlog = 1};
    int fd;

    cr_assert_eq(hkt_listen(url, &opts, &fd, 1), 1);
    *addr = (struct hkt_addr){.size = sizeof addr->sockaddr, .type = SOCK_STREAM};
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&addr->sockaddr, &addr->size), 0);
    for (int i = 0; i < 2; i++) {
        clients[i] = hkt_socket(addr->sockaddr.ss_family, SOCK_STREAM, 0);
        cr_assert_eq(hkt_connect(clients[i], (struct sockaddr *)&addr->sockaddr, addr->size), 0);
    }
    return fd;
}

static int connect_fails(void *arg)
{
    struct hkt_timeout limit = {0};
    char text[HKT_ADDR_TEXT];
    struct hkt_stream *s;
    struct hkt_addr addr;
    int clients[2];

    (void)arg;
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL);
    url_of(server, text);
    hkt_server_free(server);
    cr_assert_eq(hkt_open_connection(text, NULL, &s), -ECONNREFUSED);
    cr_assert_null(s);
    cr_assert_eq(hkt_open_connection("unix:@hocket-test-nobody", NULL, &s), -ECONNREFUSED);
    cr_assert_eq(hkt_open_connection("tcp://nowhere", NULL, &s), -EINVAL);
    cr_assert_eq(hkt_open_connection("tcp://no.host.invalid:1", NULL, &s), -ENOENT);

    int fd = full_listener(ANY, &addr, clients);
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(20)), 0);
    int64_t rc = hkt_timeout_exit(
        &limit, hkt_open_connection(hkt_addr_format(&addr, text, sizeof text), NULL, &s));
    cr_assert_eq(rc, -ETIMEDOUT);
    cr_assert_null(s);
    (void)hkt_close(clients[0]);
    (void)hkt_close(clients[1]);
    return hkt_close(fd);
}

Test(connect, connecting_fails_or_takes_too_long)
{
    on_each_backend(connect_fails, NULL);
}

static uint16_t port_of(const struct hkt_addr *addr)
{
    return ntohs(((const struct sockaddr_in *)&addr->sockaddr)->sin_port);
}

static int falls_back(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL);
    struct hkt_addr addr, peer;
    char text[HKT_ADDR_TEXT];
    struct hkt_stream *s;

    (void)arg;
    cr_assert_eq(hkt_server_addr(server, 0, &addr), 0);
    snprintf(text, sizeof text, "tcp://localhost:%d", port_of(&addr));
    int64_t before = hkt_now();
    cr_assert_eq(hkt_open_connection(text, NULL, &s), 0);
    cr_assert(hkt_now() - before < HKT_MS(200), "a refusal is not waited for");
    cr_assert_eq(hkt_stream_peer(s, &peer), 0);
    cr_assert_eq(peer.sockaddr.ss_family, AF_INET);
    hkt_stream_free(s);
    hkt_server_free(server);
    cr_assert_eq(hkt_open_connection(text, NULL, &s), -ECONNREFUSED, "of both");
    return 0;
}

Test(connect, connecting_falls_back_to_ipv4)
{
    on_each_backend(falls_back, NULL);
}

struct opening {
    char url[HKT_ADDR_TEXT];
    int rc;
};

static int open_cancelled(void *arg)
{
    struct opening *o = arg;
    struct hkt_stream *s;

    o->rc = hkt_open_connection(o->url, NULL, &s);
    cr_assert_null(s);
    return 0;
}

static size_t count_tasks(void)
{
    size_t n = 0;

    for (struct hkt_task *t = NULL; (t = hkt_task_next(hkt_loop_current(), t)) != NULL;)
        n++;
    return n;
}

/* A full listener on ::1 and one on 127.0.0.1, with the same port, which may be another's on one of
 * the two. */
static int listeners_of_a_port(struct hkt_addr *addr, int clients[2], int *fd4)
{
    for (int tries = 0; tries < 50; tries++) {
        char url[32];
        int fd = full_listener("tcp://[::1]:0", addr, clients);
        snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port_of(addr));
        if (hkt_listen(url, NULL, fd4, 1) == 1)
            return fd;
        (void)hkt_close(clients[0]);
        (void)hkt_close(clients[1]);
        (void)hkt_close(fd);
    }
    cr_assert_fail("no port is free on both");
    return -1;
}

static int happy_eyeballs(void *arg)
{
    struct hkt_addr addr, addr4;
    struct opening o;
    struct hkt_stream *s;
    int clients[2], fd4;

    (void)arg;
    int fd = listeners_of_a_port(&addr, clients, &fd4);
    snprintf(o.url, sizeof o.url, "tcp://localhost:%d", port_of(&addr));
    const struct hkt_connect_opts opts = {.stagger_ns = HKT_MS(40)};
    int64_t before = hkt_now();
    cr_assert_eq(hkt_open_connection(o.url, &opts, &s), 0);
    cr_assert(hkt_now() - before >= HKT_MS(40), "the first has a head start");
    cr_assert_eq(hkt_stream_peer(s, &addr4), 0);
    cr_assert_eq(addr4.sockaddr.ss_family, AF_INET);
    cr_assert_eq(count_tasks(), 1, "nobody is left in the race");
    hkt_stream_free(s);

    struct hkt_task *t = hkt_spawn(open_cancelled, &o);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    hkt_task_cancel(t);
    cr_assert_eq(hkt_join(t), 0);
    cr_assert_eq(o.rc, -ECANCELED);
    cr_assert_eq(count_tasks(), 1);
    (void)hkt_close(clients[0]);
    (void)hkt_close(clients[1]);
    (void)hkt_close(fd4);
    return hkt_close(fd);
}

Test(connect, connecting_tries_the_next_address_beside_a_slow_one)
{
    on_each_backend(happy_eyeballs, NULL);
}
