/* SPDX-License-Identifier: MIT
 *
 * Look-ups by the system's resolver, in the pool. It cannot be stopped, and may take minutes, so
 * what it works on is its own, and a cancelled task leaves it behind.
 */
#include "names.h"
#include "pool.h"

#include "base/sys.h"

static int look_up(void *arg)
{
    struct hkt__lookup *l = arg;
    struct addrinfo *found;
    int rc = hkt__eai_code(hkt__sys.getaddrinfo(l->host, l->service, &l->hints, &found));

    return rc < 0 ? rc : hkt__addresses_take(found, &l->list);
}

int hkt__pool_lookup(struct hkt__lookup *l)
{
    return hkt__run_blocking_owned(look_up, l, hkt__lookup_free, "name");
}

static int look_up_name(void *arg)
{
    struct hkt__naming *n = arg;

    return hkt__eai_code(hkt__sys.getnameinfo(
        (const struct sockaddr *)&n->addr, n->addr_size, n->host_size ? n->host : NULL,
        n->host_size, n->service_size ? n->service : NULL, n->service_size, n->flags));
}

int hkt__pool_naming(struct hkt__naming *n)
{
    return hkt__run_blocking_owned(look_up_name, n, hkt_dealloc, "name");
}
