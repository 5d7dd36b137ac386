/* SPDX-License-Identifier: MIT
 *
 * Lists of addresses. The system's are copied, because only the system can give them back, and who
 * looks names up otherwise has to make lists as well.
 */
#include "names.h"

#include "base/os.h"

#include <string.h>

struct entry {
    struct addrinfo info;
    struct sockaddr_storage addr;
};

struct addrinfo *hkt__addresses_new(size_t count, const char *canonname)
{
    const size_t text = canonname ? strlen(canonname) + 1 : 0;
    struct entry *e = hkt_alloc(count * sizeof *e + text);

    if (!e)
        return NULL;
    memset(e, 0, count * sizeof *e);
    for (size_t i = 0; i < count; i++) {
        e[i].info.ai_addr = (struct sockaddr *)&e[i].addr;
        e[i].info.ai_next = i + 1 < count ? &e[i + 1].info : NULL;
    }
    if (canonname)
        e->info.ai_canonname = memcpy((char *)(e + count), canonname, text);
    return &e->info;
}

void hkt__addresses_set(struct addrinfo *a, const struct addrinfo *kind,
                        const struct sockaddr *addr, socklen_t size)
{
    a->ai_flags = kind->ai_flags;
    a->ai_family = addr->sa_family;
    a->ai_socktype = kind->ai_socktype;
    a->ai_protocol = kind->ai_protocol;
    a->ai_addrlen = size;
    memcpy(a->ai_addr, addr, size);
}

int hkt__addresses_take(struct addrinfo *from, struct addrinfo **list)
{
    struct addrinfo *to;
    size_t count = 0;

    for (const struct addrinfo *a = from; a; a = a->ai_next)
        count++;
    *list = to = hkt__addresses_new(count, from->ai_canonname);
    for (const struct addrinfo *a = from; to; a = a->ai_next, to = to->ai_next)
        hkt__addresses_set(to, a, a->ai_addr, a->ai_addrlen);
    freeaddrinfo(from);
    return *list ? 0 : -ENOMEM;
}

void hkt_freeaddrinfo(struct addrinfo *list)
{
    if (list)
        hkt_dealloc(list);
}
