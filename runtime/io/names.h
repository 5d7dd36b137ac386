/* SPDX-License-Identifier: MIT
 *
 * Ways to look names up, between which dns.c chooses. All answer as hocket/dns.h says, suspend the
 * task, and after -ECANCELED the record is no longer the caller's.
 */
#ifndef HOCKET_IO_NAMES_H
#define HOCKET_IO_NAMES_H

#include <hocket/dns.h>

#include <stdbool.h>

/* Addresses of a name. */
struct hkt__lookup {
    const char *host, *service; /* or NULL; in text */
    struct addrinfo hints;
    struct addrinfo *list; /* found; as hkt_freeaddrinfo() takes it */
    char text[];
};

struct hkt__lookup *hkt__lookup_new(const char *host, const char *service,
                                    const struct addrinfo *hints);
void hkt__lookup_free(void *lookup);

/* Names of an address. */
struct hkt__naming {
    struct sockaddr_storage addr;
    socklen_t addr_size;
    int flags;
    socklen_t host_size, service_size; /* 0: not asked for */
    char host[NI_MAXHOST];
    char service[NI_MAXSERV];
};

/* The system's resolver, in the pool of threads. */
hkt_async int hkt__pool_lookup(struct hkt__lookup *l);
hkt_async int hkt__pool_naming(struct hkt__naming *n);

/* c-ares, in the loop. */
hkt_async int hkt__cares_lookup(struct hkt__lookup *l);
hkt_async int hkt__cares_naming(struct hkt__naming *n);
/* Whether it is to be used by this loop. */
bool hkt__cares_wanted(void);

/* The system's answers to what needs no look-up: numbers, or no host at all. */
int hkt__numbers(const char *host, const char *service, const struct addrinfo *hints,
                 struct addrinfo **list);
/* The code for EAI_*, right after the call that answered it. */
int hkt__eai_code(int eai);

/* Lists, of one block each, whoever found what is in them. */

/* Zeroed, linked, with room for any address; NULL without memory. canonname may be NULL. */
struct addrinfo *hkt__addresses_new(size_t count, const char *canonname);
/* Fills one in, but for its address, from what was asked and found. */
void hkt__addresses_set(struct addrinfo *a, const struct addrinfo *kind,
                        const struct sockaddr *addr, socklen_t size);
/* Turns one of the system's, which is given back, into one of ours. 0 or -ENOMEM. */
int hkt__addresses_take(struct addrinfo *from, struct addrinfo **list);

#endif
