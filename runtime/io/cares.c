/* SPDX-License-Identifier: MIT
 *
 * The channel. c-ares opens and closes sockets as it likes, and says for which directions of each
 * it waits: they become readers and writers of the loop. It runs on the loop's stack, never on a
 * task's, which may be too small for it.
 */
#include "cares.h"
#include "names.h"

#include "base/report.h"

#include <stdlib.h>
#include <string.h>

struct hkt__cares_socket {
    struct hkt__cares_socket *next;
    struct hkt__cares *owner;
    int fd;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool wanted;

static void choose(void)
{
    const char *name = getenv("HKT_RESOLVER");
    const bool pool = name && strcmp(name, "pool") == 0;

    if (name && *name && !pool && strcmp(name, "c-ares") != 0)
        hkt_report("there is no resolver '%s' here", name);
    wanted = !pool && ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
}

bool hkt__cares_wanted(void)
{
    pthread_once(&once, choose);
    return wanted;
}

int hkt__cares_code(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return 0;
    case ARES_ENOMEM:
        return -ENOMEM;
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
    case ARES_ESERVFAIL:
    case ARES_EREFUSED: /* another server may not */
        return -EAGAIN;
    case ARES_ENOTIMP:
    case ARES_EFORMERR:
    case ARES_EBADRESP:
        return -EPROTO;
    case ARES_EBADFAMILY:
        return -EAFNOSUPPORT;
    case ARES_EBADFLAGS:
    case ARES_EBADHINTS:
        return -EINVAL;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
        return -ECANCELED;
    case ARES_EFILE:
    case ARES_EOF:
    case ARES_ENOTINITIALIZED:
        return -EIO;
    default: /* the others say that the name is not there */
        return -ENOENT;
    }
}

/* Time */

static void on_time(void *cares)
{
    struct hkt__cares *c = cares;

    ares_process_fd(c->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    hkt__cares_rearm(c);
}

void hkt__cares_rearm(struct hkt__cares *c)
{
    struct timeval left;

    (void)hkt_handle_cancel(&c->timer);
    if (ares_timeout(c->channel, NULL, &left))
        (void)hkt_call_later(c->loop, &c->timer,
                             (int64_t)left.tv_sec * HKT_SEC(1) + (int64_t)left.tv_usec * HKT_US(1),
                             on_time, c);
}

/* Sockets */

static void on_readable(void *arg)
{
    struct hkt__cares_socket *s = arg;
    struct hkt__cares *c = s->owner; /* s may be gone after the call */

    ares_process_fd(c->channel, s->fd, ARES_SOCKET_BAD);
    hkt__cares_rearm(c);
}

static void on_writable(void *arg)
{
    struct hkt__cares_socket *s = arg;
    struct hkt__cares *c = s->owner;

    ares_process_fd(c->channel, ARES_SOCKET_BAD, s->fd);
    hkt__cares_rearm(c);
}

static struct hkt__cares_socket **find(struct hkt__cares *c, int fd)
{
    struct hkt__cares_socket **at = &c->sockets;

    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

static struct hkt__cares_socket *find_or_make(struct hkt__cares *c, int fd)
{
    struct hkt__cares_socket **at = find(c, fd), *s = *at;

    if (s || !(s = hkt_alloc(sizeof *s)))
        return s;
    *s = (struct hkt__cares_socket){.owner = c, .fd = fd};
    *at = s;
    return s;
}

/* It is about to be closed. */
static void forget(struct hkt__cares *c, int fd)
{
    struct hkt__cares_socket **at = find(c, fd), *s = *at;

    (void)hkt_remove_reader(c->loop, fd);
    (void)hkt_remove_writer(c->loop, fd);
    if (!s)
        return;
    *at = s->next;
    hkt_dealloc(s);
}

/* What cannot be watched, without memory, runs into the time limit of its query. */
static void on_state(void *cares, int fd, int readable, int writable)
{
    struct hkt__cares *c = cares;
    struct hkt__cares_socket *s;

    if (!readable && !writable) {
        forget(c, fd);
        return;
    }
    if (!(s = find_or_make(c, fd)))
        return;
    if (readable)
        (void)hkt_add_reader(c->loop, fd, on_readable, s);
    else
        (void)hkt_remove_reader(c->loop, fd);
    if (writable)
        (void)hkt_add_writer(c->loop, fd, on_writable, s);
    else
        (void)hkt_remove_writer(c->loop, fd);
}

/* The loop is being freed. No task waits any more, but cancelled ones may have left queries. */
static void on_loop_end(struct hkt__loop_end *e)
{
    struct hkt__cares *c = (struct hkt__cares *)((char *)e - offsetof(struct hkt__cares, end));

    c->loop->cares = NULL;
    (void)hkt_handle_cancel(&c->timer);
    ares_destroy(c->channel);
    hkt_dealloc(c);
}

/* Servers other than the system's: for tests, and where the system's file does not say them. */
static int take_servers(ares_channel channel)
{
    const char *servers = getenv("HKT_DNS_SERVERS");

    return servers && *servers ? ares_set_servers_ports_csv(channel, servers) : ARES_SUCCESS;
}

static int open_channel(struct hkt__cares *c)
{
    struct ares_options options = {.sock_state_cb = on_state, .sock_state_cb_data = c};
    int status = ares_init_options(&c->channel, &options, ARES_OPT_SOCK_STATE_CB);

    if (status == ARES_SUCCESS && (status = take_servers(c->channel)) != ARES_SUCCESS)
        ares_destroy(c->channel);
    if (status == ARES_SUCCESS)
        return 0;
    hkt_report("c-ares cannot be used: %s", ares_strerror(status));
    return status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

int hkt__cares_get(struct hkt__cares **cares)
{
    struct hkt_loop *loop = hkt__loop;
    struct hkt__cares *c = loop->cares;
    int rc;

    if (!c) {
        if (!(c = hkt_alloc(sizeof *c)))
            return -ENOMEM;
        *c = (struct hkt__cares){.loop = loop, .end.fn = on_loop_end};
        if ((rc = open_channel(c)) < 0) {
            hkt_dealloc(c);
            return rc;
        }
        hkt__loop_end_link(loop, &c->end);
        loop->cares = c;
    }
    *cares = c;
    return 0;
}
