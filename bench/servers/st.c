/* SPDX-License-Identifier: MIT
 *
 * State Threads: a thread for each connection. It waits by poll(): Debian's is built without epoll,
 * and select() ends at 1,024 descriptors.
 */
#include "server.h"

#include <st.h>
#include <stdint.h>
#include <stdlib.h>

enum { STACK = 65536 };

/* The buffer is on the stack, as its users have it. */
static void *serve(void *arg)
{
    st_netfd_t fd = arg;
    char buffer[SERVER_BUFFER];
    struct http h;
    ssize_t n;

    http_init(&h);
    while ((n = st_read(fd, buffer, sizeof buffer, ST_UTIME_NO_TIMEOUT)) > 0) {
        struct answer a = answer_to(&h, buffer, (size_t)n);
        if (!a.data || (a.size > 0 && st_write(fd, a.data, a.size, ST_UTIME_NO_TIMEOUT) < 0))
            break;
    }
    st_netfd_close(fd);
    return NULL;
}

int server_run(void)
{
    st_netfd_t listener, fd;

    if (st_set_eventsys(ST_EVENTSYS_POLL) < 0 || st_init() < 0)
        server_fail("st_init");
    listener = st_netfd_open_socket(server_listen());
    while ((fd = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT))) {
        server_no_delay(st_netfd_fileno(fd));
        if (!st_thread_create(serve, fd, 0, STACK))
            server_fail("st_thread_create");
    }
    server_fail("st_accept");
}
