/* SPDX-License-Identifier: MIT
 *
 * Addresses of names, by c-ares.
 */
#include "cares.h"
#include "names.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

static size_t count_nodes(const struct ares_addrinfo_node *n)
{
    size_t count = 0;

    for (; n; n = n->ai_next)
        count++;
    return count;
}

static size_t count_kinds(const struct addrinfo *a)
{
    size_t count = 0;

    for (; a; a = a->ai_next)
        count++;
    return count;
}

static in_port_t *port_of(struct sockaddr *addr)
{
    return addr->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)addr)->sin6_port
                                       : &((struct sockaddr_in *)(void *)addr)->sin_port;
}

static const char *canonical_name(const struct hkt__lookup *l, const struct ares_addrinfo *found)
{
    const struct ares_addrinfo_cname *c = found->cnames;

    if (!(l->hints.ai_flags & AI_CANONNAME))
        return NULL;
    while (c && c->next)
        c = c->next;
    return c ? c->name : l->host;
}

static int make_list(struct hkt__cares_query *q, const struct ares_addrinfo *found)
{
    struct hkt__lookup *l = q->lookup;
    size_t count = count_nodes(found->nodes) * count_kinds(q->kinds);

    if (count == 0)
        return -ENOENT;
    struct addrinfo *to = hkt__addresses_new(count, canonical_name(l, found));
    if (!to)
        return -ENOMEM;
    l->list = to;
    for (const struct ares_addrinfo_node *n = found->nodes; n; n = n->ai_next) {
        for (struct addrinfo *kind = q->kinds; kind; kind = kind->ai_next, to = to->ai_next) {
            hkt__addresses_set(to, kind, n->ai_addr, (socklen_t)n->ai_addrlen);
            *port_of(to->ai_addr) = *port_of(kind->ai_addr);
            to->ai_flags = l->hints.ai_flags;
        }
    }
    return 0;
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct hkt__cares_query *q = arg;
    int rc = hkt__cares_code(status);

    (void)timeouts;
    if (rc == 0)
        rc = make_list(q, found);
    if (found)
        ares_freeaddrinfo(found);
    hkt__cares_answer(q, rc);
}

/* The families that an interface other than the loopback's has an address of; 0: none, or it is not
 * known. */
static unsigned configured_families(void)
{
    struct ifaddrs *list;
    unsigned seen = 0;

    if (getifaddrs(&list) != 0)
        return 0;
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_flags & IFF_LOOPBACK)
            continue;
        if (i->ifa_addr->sa_family == AF_INET)
            seen |= 1;
        else if (i->ifa_addr->sa_family == AF_INET6)
            seen |= 2;
    }
    freeifaddrs(list);
    return seen;
}

static int family_to_ask(const struct addrinfo *hints)
{
    if (!(hints->ai_flags & AI_ADDRCONFIG) || hints->ai_family != AF_UNSPEC)
        return hints->ai_family;
    switch (configured_families()) {
    case 1:
        return AF_INET;
    case 2:
        return AF_INET6;
    default:
        return AF_UNSPEC;
    }
}

static void start_lookup(void *arg)
{
    struct hkt__cares_query *q = arg;
    struct hkt__cares *c = q->cares; /* q may be gone after the call */
    const struct hkt__lookup *l = q->lookup;
    const struct ares_addrinfo_hints hints = {
        .ai_family = family_to_ask(&l->hints),
        .ai_flags = l->hints.ai_flags & AI_CANONNAME ? ARES_AI_CANONNAME : 0};

    ares_getaddrinfo(c->channel, l->host, NULL, &hints, on_addresses, q);
    hkt__cares_rearm(c);
}

/* What goes with any address: types and protocols of sockets, and the port in each. A service's
 * name is looked up in the pool, because that reads a file, or asks who knows whom. */
static int find_kinds(const struct hkt__lookup *l, struct addrinfo **kinds)
{
    const struct addrinfo hints = {.ai_family = AF_INET,
                                   .ai_socktype = l->hints.ai_socktype,
                                   .ai_protocol = l->hints.ai_protocol,
                                   .ai_flags = AI_PASSIVE};
    int rc = hkt__numbers(NULL, l->service ? l->service : "0", &hints, kinds);

    if (rc != -ENOENT || l->hints.ai_flags & AI_NUMERICSERV)
        return rc;
    struct hkt__lookup *service = hkt__lookup_new(NULL, l->service, &hints);
    if (!service)
        return -ENOMEM;
    rc = hkt__pool_lookup(service);
    if (rc == -ECANCELED)
        return rc; /* service is gone */
    *kinds = service->list;
    service->list = NULL;
    hkt__lookup_free(service);
    return rc;
}

/* Flags that c-ares does not know are the system's to heed. */
static bool is_plain(const struct addrinfo *hints)
{
    const int known = AI_PASSIVE | AI_CANONNAME | AI_NUMERICSERV | AI_ADDRCONFIG |
                      (hints->ai_family == AF_INET6 ? 0 : AI_V4MAPPED | AI_ALL);

    return !(hints->ai_flags & ~known);
}

int hkt__cares_lookup(struct hkt__lookup *l)
{
    struct addrinfo *kinds = NULL;

    if (!is_plain(&l->hints))
        return hkt__pool_lookup(l);
    int rc = find_kinds(l, &kinds);
    if (rc == -ECANCELED)
        hkt__lookup_free(l);
    if (rc < 0)
        return rc;
    struct hkt__cares_query *q = hkt__cares_query_new(l, NULL);
    if (!q) {
        hkt_freeaddrinfo(kinds);
        return -ENOMEM;
    }
    q->kinds = kinds;
    return hkt__cares_ask(q, start_lookup);
}
