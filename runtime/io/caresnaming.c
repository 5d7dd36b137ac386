/* SPDX-License-Identifier: MIT
 *
 * Names of addresses, by c-ares.
 */
#include "cares.h"
#include "names.h"

#include <netinet/in.h>
#include <string.h>

static int take_name(char *to, socklen_t size, const char *from)
{
    if (size == 0)
        return 0;
    if (!from || strlen(from) >= size)
        return from ? -ENAMETOOLONG : -ENOENT;
    memcpy(to, from, strlen(from) + 1);
    return 0;
}

static void on_names(void *arg, int status, int timeouts, char *host, char *service)
{
    struct hkt__cares_query *q = arg;
    struct hkt__naming *n = q->naming;
    int rc = hkt__cares_code(status);

    (void)timeouts;
    if (rc == 0)
        rc = take_name(n->host, n->host_size, host);
    if (rc == 0)
        rc = take_name(n->service, n->service_size, service);
    hkt__cares_answer(q, rc);
}

static void start_naming(void *arg)
{
    struct hkt__cares_query *q = arg;
    struct hkt__cares *c = q->cares;
    const struct hkt__naming *n = q->naming;
    static const int flags[][2] = {{NI_NOFQDN, ARES_NI_NOFQDN},
                                   {NI_NUMERICHOST, ARES_NI_NUMERICHOST},
                                   {NI_NAMEREQD, ARES_NI_NAMEREQD},
                                   {NI_NUMERICSERV, ARES_NI_NUMERICSERV},
                                   {NI_DGRAM, ARES_NI_DGRAM}};
    int ours =
        (n->host_size ? ARES_NI_LOOKUPHOST : 0) | (n->service_size ? ARES_NI_LOOKUPSERVICE : 0);

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        ours |= n->flags & flags[i][0] ? flags[i][1] : 0;
    ares_getnameinfo(c->channel, (const struct sockaddr *)&n->addr, (ares_socklen_t)n->addr_size,
                     ours, on_names, q);
    hkt__cares_rearm(c);
}

/* Others, and those cut short, are the system's to judge. */
static bool is_internet(const struct hkt__naming *n)
{
    switch (n->addr.ss_family) {
    case AF_INET:
        return n->addr_size >= sizeof(struct sockaddr_in);
    case AF_INET6:
        return n->addr_size >= sizeof(struct sockaddr_in6);
    default:
        return false;
    }
}

int hkt__cares_naming(struct hkt__naming *n)
{
    if (!is_internet(n))
        return hkt__pool_naming(n);
    struct hkt__cares_query *q = hkt__cares_query_new(NULL, n);
    return q ? hkt__cares_ask(q, start_naming) : -ENOMEM;
}
