/* SPDX-License-Identifier: MIT
 *
 * What the benchmarks' servers in C share: their main, the listening socket, the parser and the
 * answer. A server is
 *
 *      PROG http|echo [CORES]
 *
 * which prints the port of 127.0.0.1 that it got, and serves until it is killed. To echo is to send
 * back what came. An answer to a request is always the same.
 *
 * None of those with callbacks keeps what a client does not take: the load generator waits for each
 * answer, so no socket is ever full. One that is ends the connection, which the generator notices.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#ifdef BENCH_HAVE_LLHTTP
#include <llhttp.h>
#endif
#include <stdbool.h>
#include <stddef.h>

enum {
    SERVER_BUFFER = 16384, /* bytes received at once */
    SERVER_BACKLOG = 4096,
    SERVER_FDS = 32768, /* no descriptor is as large */
};

#define SERVER_ANSWER                                                                              \
    "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n"   \
    "Hello, World!"

/* What a connection keeps between two pieces of input. */
struct http {
#ifdef BENCH_HAVE_LLHTTP
    llhttp_t parser; /* the first */
#endif
    unsigned whole;
};

void http_init(struct http *h);
/* For a connection, to be freed with free(); NULL where there is nothing to keep, as it echoes. */
struct http *http_new(void);

/* Parses what came; how many requests ended in it, or -1: it was no request. */
int http_feed(struct http *h, const char *data, size_t size);

/* What is to be sent. */
struct answer {
    const char *data;
    size_t size;
};

/* To input that came on a connection; what is NULL in: a connection that has to be ended. */
struct answer answer_to(struct http *h, const char *data, size_t size);

/* A listening socket, non-blocking, whose port was printed. */
int server_listen(void);
void server_print_port(int port);

/* For sockets that are not made ready by the library. */
void server_no_delay(int fd);

void server_fail(const char *what) __attribute__((noreturn));

extern bool server_echoes;
extern int
    server_cores; /* on how many it runs, pinned; more than 1 only where it says that it can */

/* What each server is: serves for ever. */
int server_run(void);

#endif
