/* SPDX-License-Identifier: MIT
 *
 * Names: what needs no look-up is answered at once, and the rest is asked in the pool, or by
 * c-ares.
 */
#include "names.h"
#include "sched/sched.h"

#include "base/sys.h"

#include <string.h>
#include <strings.h>

int hkt__eai_code(int eai)
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

struct hkt__lookup *hkt__lookup_new(const char *host, const char *service,
                                    const struct addrinfo *hints)
{
    struct hkt__lookup *l = hkt_alloc(sizeof *l + room(host) + room(service));

    if (!l)
        return NULL;
    char *end = l->text;
    l->host = copy(host, &end);
    l->service = copy(service, &end);
    l->hints = *hints;
    l->list = NULL;
    return l;
}

void hkt__lookup_free(void *lookup)
{
    struct hkt__lookup *l = lookup;

    hkt_freeaddrinfo(l->list);
    hkt_dealloc(l);
}

static int look_up(const char *host, const char *service, const struct addrinfo *hints,
                   struct addrinfo **list)
{
    struct hkt__lookup *l = hkt__lookup_new(host, service, hints);

    if (!l)
        return -ENOMEM;
    int rc = host && hkt__cares_wanted() ? hkt__cares_lookup(l) : hkt__pool_lookup(l);
    if (rc == -ECANCELED)
        return rc; /* l is gone */
    if (rc == 0) {
        *list = l->list;
        l->list = NULL;
    }
    hkt__lookup_free(l);
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

int hkt__numbers(const char *host, const char *service, const struct addrinfo *hints,
                 struct addrinfo **list)
{
    struct addrinfo numeric = *hints, *found;

    numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    int rc = hkt__eai_code(hkt__sys.getaddrinfo(host, service, &numeric, &found));
    return rc < 0 ? rc : hkt__addresses_take(found, list);
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
    int rc = hkt__numbers(host, service, hints, list);
    if (rc == -ENOENT && !(host && is_invalid(host)))
        return look_up(host, service, hints, list);
    hkt__op_done(hkt__loop);
    return rc;
}

/* Names of addresses */

static socklen_t bounded(const char *buf, size_t size, size_t most)
{
    return (socklen_t)(!buf ? 0 : size < most ? size : most);
}

static int look_up_name(struct hkt__naming *n, char *host, char *service)
{
    int rc = hkt__cares_wanted() ? hkt__cares_naming(n) : hkt__pool_naming(n);

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
    if (host_room == 0 && service_room == 0)
        return -ENOENT;
    if ((flags & numbers) == numbers) {
        hkt__op_done(hkt__loop);
        return hkt__eai_code(
            hkt__sys.getnameinfo(addr, addr_size, host, host_room, service, service_room, flags));
    }
    struct hkt__naming *n = hkt_alloc(sizeof *n);
    if (!n)
        return -ENOMEM;
    memcpy(&n->addr, addr, addr_size);
    n->addr_size = addr_size;
    n->flags = flags;
    n->host_size = host_room;
    n->service_size = service_room;
    return look_up_name(n, host, service);
}
