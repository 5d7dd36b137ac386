/* SPDX-License-Identifier: MIT
 *
 * Servers: a task that accepts for each listening socket, and a task for each connection. What the
 * server knows of a connection lies on that task's stack, but for where to find the task.
 */
#include <hocket/net.h>
#include <hocket/task.h>

#include "seats.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { GRACE_MS = 2000, LINGER_MS = 30000, HEAR_MS = 2000, PAUSE_MS = 1000 };

struct listener {
    struct hkt_server *server;
    int fd;
    bool own_path; /* it made the path of a unix socket */
    dev_t dev;
    ino_t ino;
};

struct connection {
    struct hkt_server *server;
    struct hkt_stream *stream;
    size_t seat;
};

struct hkt_server {
    hkt_stream_fn *handler;
    void *arg;
    struct hkt_server_opts opts;
    struct hkt__seats seats;
    size_t count;
    size_t users; /* tasks and calls in progress: while there are any the memory stays */
    struct hkt__watchers watchers;
    size_t listener_count;
    int error; /* that accepting ended with */
    bool closed, freed;
    int64_t lacked; /* when descriptors or memory last did; 0: never */
    struct listener listeners[HKT_ADDRS_MAX];
};

static void leave(struct hkt_server *server)
{
    if (--server->users > 0 || !server->freed)
        return;
    hkt__seats_free(&server->seats);
    hkt_dealloc(server);
}

/* Connections */

static void enlist(struct connection *c)
{
    struct hkt_server *server = c->server;

    server->users++;
    server->count++;
    c->seat = hkt__seat_take(&server->seats, hkt_task_current());
}

static void strike(struct connection *c)
{
    struct hkt_server *server = c->server;

    hkt__seat_give(&server->seats, c->seat);
    server->count--;
    if (server->watchers.first)
        hkt__watchers_wake(&server->watchers);
    leave(server);
}

/* That the other side went away, or the server stops, is nothing to report. */
static bool is_failure(int rc)
{
    return rc < 0 && rc != -ECANCELED && rc != -ECONNRESET && rc != -EPIPE;
}

static void report(const struct hkt_stream *s, int rc)
{
    struct hkt_addr peer;
    char text[HKT_ADDR_TEXT];
    bool known = hkt_stream_peer(s, &peer) == 0;

    hkt_report("the handler of a connection from %s failed: %s",
               known ? hkt_addr_format(&peer, text, sizeof text) : "somewhere", hkt_strerror(rc));
}

/* The system resets a connection that is closed while something comes, and drops with it what was
 * written last: the other side is told the end, and may say for a while what it has to say. */
HKT__APART static int hear_out(struct hkt_stream *s)
{
    struct hkt_timeout limit = {0};
    char dropped[1024];
    ssize_t n;

    HKT_TRY(hkt_stream_write_eof(s));
    HKT_TRY(hkt_timeout_enter(&limit, HKT_MS(HEAR_MS)));
    while ((n = hkt_stream_read(s, dropped, sizeof dropped)) > 0)
        ;
    n = (ssize_t)hkt_timeout_exit(&limit, n);
    return n == -ETIMEDOUT ? 0 : (int)n;
}

/* Lets what was written be sent, for so long. */
static void close_within(struct hkt_stream *s, int64_t linger_ns)
{
    struct hkt_timeout limit = {0};

    hkt_stream_flush(s);
    bool unread = linger_ns > 0 && hkt__stream_unread(s);
    if (linger_ns > 0 && (unread || hkt_stream_pending(s) > 0 || hkt_stream_transport(s))) {
        (void)hkt_timeout_enter(&limit, linger_ns);
        int rc = unread ? hear_out(s) : 0;
        if (rc == 0)
            rc = hkt_stream_close(s);
        (void)hkt_timeout_exit(&limit, rc);
    }
    hkt_stream_free(s);
}

static void serve(struct connection *c)
{
    const struct hkt_server *server = c->server;
    int64_t linger_ns = server->opts.linger_ns ? server->opts.linger_ns : HKT_MS(LINGER_MS);
    int rc = server->handler(c->stream, server->arg);

    if (is_failure(rc))
        report(c->stream, rc);
    close_within(c->stream, rc == -ECANCELED ? -1 : linger_ns);
}

/* Begins eagerly, so the connection still lies on the acceptor's stack, and is copied. */
static int connection(void *arg)
{
    struct connection c = *(struct connection *)arg;

    enlist(&c);
    serve(&c);
    strike(&c);
    return 0;
}

static int begin(struct hkt_server *server, int fd)
{
    const struct hkt_task_opts opts = {
        .name = "connection", .stack_size = server->opts.stack_size, .flags = HKT_EAGER};
    struct connection c = {.server = server, .stream = hkt_stream_of(fd, &server->opts.stream)};

    if (!c.stream) {
        (void)hkt_close(fd);
        return -ENOMEM;
    }
    struct hkt_task *t =
        hkt__seats_reserve(&server->seats) == 0 ? hkt_spawn_opts(connection, &c, &opts) : NULL;
    if (!t) {
        hkt_stream_free(c.stream);
        return -ENOMEM;
    }
    hkt_detach(t);
    return 0;
}

/* Accepting */

static bool is_lack(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

/* Waits until a connection has ended, or a second: the queue of the system keeps the others. */
static int pause_for(struct hkt_server *server, int why)
{
    struct hkt_timeout limit = {0};
    int64_t now = hkt_now();

    /* Once for a time of want, also when one is let in for each that leaves. */
    if (!server->lacked || now - server->lacked > HKT_MS(2 * PAUSE_MS))
        hkt_report("connections have to wait: %s", hkt_strerror(why));
    server->lacked = now;
    HKT_TRY(hkt_timeout_enter(&limit, HKT_MS(PAUSE_MS)));
    int rc = (int)hkt_timeout_exit(&limit, hkt__watchers_wait(&server->watchers));
    return rc == -ETIMEDOUT ? 0 : rc;
}

static int accept_next(struct listener *l)
{
    struct hkt_server *server = l->server;
    int fd = hkt_accept(l->fd, NULL, NULL);
    int rc = fd < 0 ? fd : begin(server, fd);

    return is_lack(rc) ? pause_for(server, rc) : rc;
}

static int acceptor(void *arg)
{
    struct listener *l = arg;
    struct hkt_server *server = l->server;
    int rc = hkt_sleep(0); /* whoever starts the server goes on first */

    while (rc >= 0 && !server->closed)
        rc = accept_next(l);
    if (rc < 0 && rc != -ECANCELED) {
        server->error = rc;
        hkt_server_close(server);
    }
    leave(server);
    return 0;
}

/* Starting and stopping */

static void remember_path(struct listener *l)
{
    struct sockaddr_un un;
    socklen_t size = sizeof un;
    struct stat st;

    if (getsockname(l->fd, (struct sockaddr *)&un, &size) != 0 || un.sun_family != AF_UNIX ||
        size <= offsetof(struct sockaddr_un, sun_path) || !un.sun_path[0] ||
        stat(un.sun_path, &st) != 0)
        return;
    l->own_path = true;
    l->dev = st.st_dev;
    l->ino = st.st_ino;
}

static void remove_path(const struct listener *l)
{
    struct sockaddr_un un;
    socklen_t size = sizeof un;
    struct stat st;

    /* No loop runs in the child of a fork(), where the path is the parent's. */
    if (l->own_path && hkt_loop_current() &&
        getsockname(l->fd, (struct sockaddr *)&un, &size) == 0 && stat(un.sun_path, &st) == 0 &&
        st.st_dev == l->dev && st.st_ino == l->ino)
        unlink(un.sun_path);
}

void hkt_server_close(struct hkt_server *server)
{
    if (!server || server->closed)
        return;
    server->closed = true;
    for (size_t i = 0; i < server->listener_count; i++) {
        remove_path(&server->listeners[i]);
        (void)hkt_close(server->listeners[i].fd);
    }
    hkt__watchers_wake(&server->watchers);
}

static int start(struct hkt_server *server, bool own_path)
{
    /* Eager, because a task that is cancelled before it begins would never leave. */
    const struct hkt_task_opts opts = {.name = "accept", .flags = HKT_EAGER};

    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *l = &server->listeners[i];
        if (own_path)
            remember_path(l);
        server->users++;
        struct hkt_task *t = hkt_spawn_opts(acceptor, l, &opts);
        if (!t) {
            server->users--;
            return -ENOMEM;
        }
        hkt_detach(t);
    }
    return 0;
}

int hkt_start_server(const char *url, hkt_stream_fn *handler, void *arg,
                     const struct hkt_server_opts *opts, struct hkt_server **server)
{
    static const struct hkt_server_opts none;
    int fds[HKT_ADDRS_MAX];

    *server = NULL;
    if (!handler)
        return -EINVAL;
    if (!hkt_loop_current())
        return -EPERM;
    int n = hkt_listen(url, opts, fds, HKT_ADDRS_MAX);
    if (n < 0)
        return n;
    struct hkt_server *new = hkt_alloc(sizeof *new);
    for (int i = 0; i < n && !new; i++)
        (void)hkt_close(fds[i]);
    if (!new)
        return -ENOMEM;
    new->handler = handler;
    new->arg = arg;
    new->opts = opts ? *opts : none;
    for (int i = 0; i < n; i++)
        new->listeners[new->listener_count++] = (struct listener){.server = new, .fd = fds[i]};
    int rc = start(new, strncmp(url, "unix:", 5) == 0);
    if (rc < 0)
        hkt_server_free(new);
    else
        *server = new;
    return rc;
}

/* The task of another connection than the caller's; NULL: none has that seat. */
static struct hkt_task *other(const struct hkt_server *server, size_t seat)
{
    struct hkt_task *t = hkt__seat_task(&server->seats, seat);

    return t == hkt_task_current() ? NULL : t;
}

static size_t others(const struct hkt_server *server)
{
    size_t n = 0;

    for (size_t i = 0; i < server->seats.count; i++)
        n += other(server, i) != NULL;
    return n;
}

static int wait_ended(struct hkt_server *server)
{
    int rc = 0;

    while (rc == 0 && (!server->closed || others(server) > 0))
        rc = hkt__watchers_wait(&server->watchers);
    return rc < 0 ? rc : server->error;
}

static int cancel_all(struct hkt_server *server)
{
    int n = 0;

    for (size_t i = 0; i < server->seats.count; i++) {
        struct hkt_task *t = other(server, i);
        n += t && hkt_task_cancel(t);
    }
    return n;
}

int hkt_server_wait_closed(struct hkt_server *server)
{
    if (!server)
        return -ENOMEM;
    server->users++;
    int rc = wait_ended(server);
    leave(server);
    return rc;
}

int hkt_server_shutdown(struct hkt_server *server, int64_t grace_ns)
{
    struct hkt_timeout limit = {0};

    if (!server)
        return -ENOMEM;
    server->users++;
    hkt_server_close(server);
    int rc = hkt_timeout_enter(&limit, grace_ns);
    if (rc == 0)
        rc = (int)hkt_timeout_exit(&limit, others(server) > 0 ? wait_ended(server) : 0);
    int cancelled = rc < 0 ? cancel_all(server) : 0;
    while (others(server) > 0 && rc != -EPERM) {
        int waited = hkt__watchers_wait(&server->watchers);
        rc = waited < 0 ? waited : rc;
    }
    leave(server);
    return rc < 0 && rc != -ETIMEDOUT ? rc : cancelled;
}

void hkt_server_free(struct hkt_server *server)
{
    if (!server)
        return;
    hkt_server_close(server);
    (void)cancel_all(server);
    server->freed = true;
    server->users++;
    leave(server);
}

size_t hkt_server_count(const struct hkt_server *server)
{
    return server ? server->count : 0;
}

int hkt_server_addr(const struct hkt_server *server, size_t i, struct hkt_addr *addr)
{
    if (!server)
        return -ENOMEM;
    if (server->closed)
        return -ESHUTDOWN;
    if (i >= server->listener_count)
        return -ENOENT;
    *addr = (struct hkt_addr){.size = sizeof addr->sockaddr, .type = SOCK_STREAM};
    return getsockname(server->listeners[i].fd, (struct sockaddr *)&addr->sockaddr, &addr->size)
               ? -errno
               : 0;
}

int hkt_serve(const char *url, hkt_stream_fn *handler, void *arg,
              const struct hkt_server_opts *opts)
{
    struct hkt_server *server;
    int64_t grace_ns = opts && opts->grace_ns ? opts->grace_ns : HKT_MS(GRACE_MS);
    int rc = hkt_start_server(url, handler, arg, opts, &server);

    if (rc < 0) {
        hkt_report("cannot serve on '%s': %s", url ? url : "", hkt_strerror(rc));
        return rc;
    }
    rc = hkt_server_wait_closed(server);
    int stopped = hkt_server_shutdown(server, grace_ns < 0 ? 0 : grace_ns);
    hkt_server_free(server);
    return stopped < 0 ? stopped : rc;
}

int hkt_service_run(void *service)
{
    const struct hkt_service *s = service;
    int rc = hkt_serve(s->url, s->handler, s->arg, s->opts);

    return rc == -ECANCELED ? 0 : rc;
}
