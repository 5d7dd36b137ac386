/* SPDX-License-Identifier: MIT
 *
 * Look-ups by the system's resolver, in the pool. It cannot be stopped, and may take minutes, so
 * what it works on is its own, and a cancelled task leaves it behind.
 */
#include "pool.h"
#include "sched/sched.h"

#include "base/sys.h"

#include <hocket/dns.h>

#include <string.h>
#include <strings.h>

/* To be called right after the one that failed. */
static int code_of(int eai)
{
    switch (eai) {
    case 0:
        return 0;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_FAIL:
        return -EPROTO;
    case EAI_FAMILY:
        return -EAFNOSUPPORT;
    case EAI_SOCKTYPE:
        return -EPROTONOSUPPORT;
    case EAI_BADFLAGS:
        return -EINVAL;
    case EAI_OVERFLOW:
        return -ENAMETOOLONG;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return errno > 0 && errno != ECANCELED ? -errno : -EIO;
    default: /* all of the others say that the name is not there */
        return -ENOENT;
    }
}

/* Addresses of names */

struct lookup {
    char *host, *service; /* or NULL */
    struct addrinfo hints;
    struct addrinfo *list;
    char text[];
};

static int look_up(void *arg)
{
    struct lookup *l = arg;

    return code_of(hkt__sys.getaddrinfo(l->host, l->service, &l->hints, &l->list));
}

static void free_lookup(void *arg)
{
    struct lookup *l = arg;

    hkt_freeaddrinfo(l->list);
    hkt_dealloc(l);
}

static char *copy(const char *from, char **end)
{
    if (!from)
        return NULL;
    char *to = *end;
    size_t size = strlen(from) + 1;
    memcpy(to, from, size);
    *end += size;
    return to;
}

static size_t room(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static int look_up_in_pool(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **list)
{
    struct lookup *l = hkt_alloc(sizeof *l + room(host) + room(service));

    if (!l)
        return -ENOMEM;
    char *end = l->text;
    l->host = copy(host, &end);
    l->service = copy(service, &end);
    l->hints = *hints;
    int rc = hkt__run_blocking_owned(look_up, l, free_lookup, "name");
    if (rc == -ECANCELED)
        return rc; /* l is gone */
    if (rc == 0) {
        *list = l->list;
        l->list = NULL;
    }
    free_lookup(l);
    return rc;
}

static bool is_invalid(const char *host)
{
    static const char domain[] = ".invalid";
    size_t size = strlen(host), tail = sizeof domain - 1;

    if (size > 0 && host[size - 1] == '.')
        size--;
    return size >= tail && strncasecmp(host + size - tail, domain, tail) == 0;
}

/* What needs no look-up; -ENOENT: perhaps it does. */
static int read_numbers(const char *host, const char *service, const struct addrinfo *hints,
                        struct addrinfo **list)
{
    struct addrinfo numeric = *hints;

    numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    return code_of(hkt__sys.getaddrinfo(host, service, &numeric, list));
}

int hkt_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                    struct addrinfo **list)
{
    static const struct addrinfo none;

    *list = NULL;
    if (!hkt__task_self())
        return -EPERM;
    if (!hints)
        hints = &none;
    int rc = read_numbers(host, service, hints, list);
    if (rc == -ENOENT && !(host && is_invalid(host)))
        return look_up_in_pool(host, service, hints, list);
    hkt__op_done(hkt__loop);
    return rc;
}

void hkt_freeaddrinfo(struct addrinfo *list)
{
    if (list)
        freeaddrinfo(list);
}

/* Names of addresses */

struct naming {
    struct sockaddr_storage addr;
    socklen_t addr_size;
    int flags;
    socklen_t host_size, service_size; /* 0: not asked for */
    char host[NI_MAXHOST];
    char service[NI_MAXSERV];
};

static int look_up_name(void *arg)
{
    struct naming *n = arg;

    return code_of(hkt__sys.getnameinfo(
        (const struct sockaddr *)&n->addr, n->addr_size, n->host_size ? n->host : NULL,
        n->host_size, n->service_size ? n->service : NULL, n->service_size, n->flags));
}

static socklen_t bounded(const char *buf, size_t size, size_t most)
{
    return (socklen_t)(!buf ? 0 : size < most ? size : most);
}

static int name_in_pool(struct naming *n, char *host, char *service)
{
    int rc = hkt__run_blocking_owned(look_up_name, n, hkt_dealloc, "name");

    if (rc == -ECANCELED)
        return rc;
    if (rc == 0 && n->host_size)
        memcpy(host, n->host, strlen(n->host) + 1);
    if (rc == 0 && n->service_size)
        memcpy(service, n->service, strlen(n->service) + 1);
    hkt_dealloc(n);
    return rc;
}

int hkt_getnameinfo(const struct sockaddr *addr, socklen_t addr_size, char *host, size_t host_size,
                    char *service, size_t service_size, int flags)
{
    const int numbers = NI_NUMERICHOST | NI_NUMERICSERV;
    const socklen_t host_room = bounded(host, host_size, NI_MAXHOST);
    const socklen_t service_room = bounded(service, service_size, NI_MAXSERV);

    if (!hkt__task_self())
        return -EPERM;
    if (addr_size > sizeof(struct sockaddr_storage))
        return -EINVAL;
    if ((flags & numbers) == numbers) {
        hkt__op_done(hkt__loop);
        return code_of(
            hkt__sys.getnameinfo(addr, addr_size, host, host_room, service, service_room, flags));
    }
    struct naming *n = hkt_alloc(sizeof *n);
    if (!n)
        return -ENOMEM;
    memcpy(&n->addr, addr, addr_size);
    n->addr_size = addr_size;
    n->flags = flags;
    n->host_size = host_room;
    n->service_size = service_room;
    return name_in_pool(n, host, service);
}
