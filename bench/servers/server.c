/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool server_echoes;
int server_cores = 1;

void server_fail(const char *what)
{
    perror(what);
    exit(1);
}

/* The parser */

#ifdef BENCH_HAVE_LLHTTP
static int on_whole(llhttp_t *parser)
{
    struct http *h = (struct http *)parser;

    h->whole++;
    return 0;
}

static const llhttp_settings_t settings = {.on_message_complete = on_whole};

void http_init(struct http *h)
{
    llhttp_init(&h->parser, HTTP_REQUEST, &settings);
}

int http_feed(struct http *h, const char *data, size_t size)
{
    h->whole = 0;
    return llhttp_execute(&h->parser, data, size) == HPE_OK ? (int)h->whole : -1;
}

#else

/* What ends a head is an empty line; whole is how much of one has come. */
void http_init(struct http *h)
{
    h->whole = 0;
}

int http_feed(struct http *h, const char *data, size_t size)
{
    static const char end[] = "\r\n\r\n";
    int requests = 0;

    for (size_t i = 0; i < size; i++) {
        h->whole = data[i] == end[h->whole] ? h->whole + 1 : data[i] == '\r';
        if (h->whole == sizeof end - 1) {
            h->whole = 0;
            requests++;
        }
    }
    return requests;
}

#endif

struct http *http_new(void)
{
    struct http *h = server_echoes ? NULL : malloc(sizeof *h);

    if (h)
        http_init(h);
    else if (!server_echoes)
        server_fail("malloc");
    return h;
}

/* Answers */

enum {
    ONE = sizeof SERVER_ANSWER - 1,
    MOST = SERVER_BUFFER / 16, /* in one buffer: a request is not as short */
};

static char answers[MOST * ONE];

static void prepare(void)
{
    for (size_t i = 0; i < MOST; i++)
        memcpy(answers + i * ONE, SERVER_ANSWER, ONE);
}

struct answer answer_to(struct http *h, const char *data, size_t size)
{
    struct answer a = {data, size};

    if (!server_echoes) {
        int n = http_feed(h, data, size);
        a.data = n < 0 ? NULL : answers;
        a.size = n < 0 ? 0 : (size_t)n * ONE;
    }
    return a;
}

/* Sockets */

void server_print_port(int port)
{
    printf("%d\n", port);
    fflush(stdout);
}

int server_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
        listen(fd, SERVER_BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        server_fail("listen");
    server_print_port(ntohs(address.sin_port));
    return fd;
}

void server_no_delay(int fd)
{
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3 || (strcmp(argv[1], "http") && strcmp(argv[1], "echo"))) {
        fprintf(stderr, "usage: %s http|echo [CORES]\n", argv[0]);
        return 2;
    }
    if (argc == 3)
        server_cores = atoi(argv[2]);
    server_echoes = !strcmp(argv[1], "echo");
    prepare();
    signal(SIGPIPE, SIG_IGN);
    return server_run();
}
