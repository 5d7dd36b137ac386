/* SPDX-License-Identifier: MIT
 *
 * The connections. Sockets block, but only where nothing has to be waited for: a connection over
 * the loopback is there when connect() returns, and what is received has come.
 */
#include "load.h"

#include "../support/order.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST "GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"
#define OKAY    "HTTP/1.1 200"

enum {
    ECHO = 64, /* bytes of a message */
    DEPTH_MAX = 64,
    EVENTS = 1024,
    WINDOW = 64,  /* connections that are opened at once */
    SOURCES = 64, /* addresses to connect from: each has 28,000 ports */
    STALL_MS = 10000,
};

struct connection {
    uint64_t start;
    size_t left; /* bytes that have not come, of the answers that are expected */
    int fd;
};

static const struct load *load;
static struct connection *busy;
static int *idle;
static uint64_t most, unsent;         /* messages; with no most, unsent does not count */
static char message[DEPTH_MAX * 128]; /* all that is sent at once */
static size_t message_size, answer_size;
static char buffer[1 << 16];
static int epoll;

/* Connecting */

static struct sockaddr_in loopback(uint32_t host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK + host)}};

    return address;
}

static int connected(void)
{
    static uint32_t turn;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = loopback(0, load->port), from = loopback(turn++ % SOURCES, 0);

    if (fd < 0)
        load_fail("socket: %s", strerror(errno));
    /* Or else the port is taken from those that are free for any destination. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        load_fail("connect: %s", strerror(errno));
    return fd;
}

/* Sending and receiving */

static void send_message(int fd, size_t size)
{
    ssize_t n = send(fd, message, size, MSG_NOSIGNAL);

    if (n != (ssize_t)size)
        load_fail("send: %s", n < 0 ? strerror(errno) : "incomplete");
}

/* What came is the beginning of an answer. */
static void check(size_t size)
{
    size_t most = load->mode == LOAD_ECHO ? ECHO : sizeof OKAY - 1;
    const char *expected = load->mode == LOAD_ECHO ? message : OKAY;

    if (memcmp(buffer, expected, size < most ? size : most) != 0)
        load_fail("a wrong answer: %.*s", (int)(size < 60 ? size : 60), buffer);
}

/* How many bytes came; at most those that are expected. */
static size_t receive(int fd, size_t left, bool first, int flags)
{
    ssize_t n = recv(fd, buffer, sizeof buffer, flags);

    if (n < 0 && errno == EAGAIN && flags)
        return 0;
    if (n <= 0)
        load_fail("the server ended a connection: %s", n < 0 ? strerror(errno) : "its end");
    if ((size_t)n > left)
        load_fail("more came than was asked for");
    if (first)
        check((size_t)n);
    return (size_t)n;
}

static void receive_one(int fd)
{
    for (size_t left = answer_size; left > 0;)
        left -= receive(fd, left, left == answer_size, 0);
}

/* The first answer */

static size_t size_of_answer(size_t have)
{
    char *end = memmem(buffer, have, "\r\n\r\n", 4), *length;

    if (!end)
        return 0;
    *end = '\0';
    length = strcasestr(buffer, "\r\ncontent-length:");
    if (!length)
        load_fail("an answer without its length");
    return (size_t)(end + 4 - buffer) + strtoul(length + 17, NULL, 10);
}

static void learn(int fd)
{
    size_t have = 0;

    while (answer_size == 0 || have < answer_size) {
        ssize_t n = recv(fd, buffer + have, sizeof buffer - 1 - have, 0);
        if (n <= 0)
            load_fail("no answer");
        have += (size_t)n;
        if (answer_size == 0) {
            check(have);
            answer_size = size_of_answer(have);
        }
    }
}

static void compose(void)
{
    static const char request[] = REQUEST;
    size_t size = load->mode == LOAD_ECHO ? ECHO : sizeof request - 1;

    if (load->depth > DEPTH_MAX)
        load_fail("no more than %d at once", DEPTH_MAX);
    message_size = size * (size_t)load->depth;
    for (size_t at = 0; at < message_size; at += size) {
        if (load->mode == LOAD_ECHO)
            memset(message + at, 'a', size);
        else
            memcpy(message + at, request, size);
    }
}

void client_begin(const struct load *options)
{
    int fd;

    load = options;
    compose();
    answer_size = load->mode == LOAD_ECHO ? ECHO : 0;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    busy = calloc((size_t)load->connections + 1, sizeof *busy);
    idle = calloc((size_t)load->idle + 1, sizeof *idle);
    if (epoll < 0 || !busy || !idle)
        load_fail("no memory");
    fd = connected();
    send_message(fd, message_size / (size_t)load->depth);
    learn(fd);
}

/* Opening, some at a time, so that no server has more of them to accept than it has room for. Each
 * makes a request, whose answer says that it was accepted. */

static void open_window(int *fd, int n)
{
    size_t size = message_size / (size_t)load->depth;

    for (int i = 0; i < n; i++) {
        fd[i] = connected();
        send_message(fd[i], size);
    }
    for (int i = 0; i < n; i++)
        receive_one(fd[i]);
}

static int window_from(int done, int all)
{
    return all - done < WINDOW ? all - done : WINDOW;
}

/* Idle connections */

void client_open_idle(void)
{
    for (int done = 0; done < load->idle; done += WINDOW)
        open_window(idle + done, window_from(done, load->idle));
}

uint64_t client_wake_idle(uint64_t until)
{
    size_t size = message_size / (size_t)load->depth, n = (size_t)load->idle;
    size_t *order = bench_order(n, 1);
    uint64_t start, woken = 0;

    if (!order)
        load_fail("no memory");
    for (size_t i = 0; i < n && (start = load_now()) < until; i++) {
        send_message(idle[order[i]], size);
        receive_one(idle[order[i]]);
        latency_add(load_now() - start);
        woken++;
    }
    free(order);
    return woken;
}

/* Busy ones */

/* Where there is a most, the last ones ask nothing more. */
static void ask(struct connection *c)
{
    if (most && unsent == 0)
        return;
    unsent--;
    c->left = answer_size * (size_t)load->depth;
    send_message(c->fd, message_size);
}

static void watch(struct connection *c, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = c};

    c->fd = fd;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        load_fail("epoll_ctl: %s", strerror(errno));
}

void client_open_busy(void)
{
    int fd[WINDOW];

    for (int done = 0; done < load->connections; done += WINDOW) {
        int n = window_from(done, load->connections);
        open_window(fd, n);
        for (int i = 0; i < n; i++)
            watch(&busy[done + i], fd[i]);
    }
}

void client_start(uint64_t most_requests)
{
    most = most_requests / (uint64_t)load->depth;
    unsent = most;
    for (int i = 0; i < load->connections; i++) {
        busy[i].start = load_now();
        ask(&busy[i]);
    }
}

static void next(struct connection *c, uint64_t now)
{
    latency_add(now - c->start);
    if (load->mode == LOAD_CHURN) {
        close(c->fd);
        c->start = load_now();
        watch(c, connected());
    } else {
        c->start = now;
    }
    ask(c);
}

/* How many answers have not come to their end. */
static unsigned unfinished(size_t left)
{
    return (unsigned)((left + answer_size - 1) / answer_size);
}

/* How many answers came to their end. */
static unsigned on_input(struct connection *c)
{
    bool first = c->left == answer_size * (size_t)load->depth;
    size_t left = c->left - receive(c->fd, c->left, first, MSG_DONTWAIT);
    unsigned whole = unfinished(c->left) - unfinished(left);

    c->left = left;
    if (left == 0)
        next(c, load_now());
    return whole;
}

uint64_t client_run(uint64_t until)
{
    struct epoll_event events[EVENTS];
    uint64_t answers = 0, all = most * (uint64_t)load->depth;

    while (most ? answers < all : load_now() < until) {
        int n = epoll_wait(epoll, events, EVENTS, STALL_MS);
        if (n == 0)
            load_fail("no answer for %d s", STALL_MS / 1000);
        for (int i = 0; i < n; i++)
            answers += on_input(events[i].data.ptr);
    }
    return answers;
}
