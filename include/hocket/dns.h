/* SPDX-License-Identifier: MIT
 *
 * hocket/dns.h: names of hosts and services, looked up while the task waits.
 *
 * They answer what the system's calls of the same names do, with these codes for theirs:
 *
 *      EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY, EAI_SERVICE   -ENOENT: no such name
 *      EAI_AGAIN                         -EAGAIN: no name server answered; later one may
 *      EAI_FAIL                          -EPROTO: it answered that it cannot
 *      EAI_FAMILY                        -EAFNOSUPPORT
 *      EAI_SOCKTYPE                      -EPROTONOSUPPORT
 *      EAI_BADFLAGS                      -EINVAL
 *      EAI_OVERFLOW                      -ENAMETOOLONG
 *      EAI_MEMORY                        -ENOMEM
 *      EAI_SYSTEM                        -errno
 *
 * and besides -ECANCELED: the task was cancelled, at once, whatever the look-up goes on to do;
 * -EPERM: not in a task; -EAGAIN, -ENOMEM: no thread, no memory. Numbers are read without a
 * look-up, and names that end in ".invalid" are known to have no address (RFC 6761).
 *
 * The system's resolver is asked in a thread of the pool. A library built with c-ares
 * (-Dcares=enabled) has it ask name servers from the loop instead, so that any number of look-ups
 * go on at once and none holds a thread; names then come from the hosts file and from DNS, and from
 * no other source that the system may have. There, HKT_RESOLVER=pool in the environment has the
 * system asked all the same, and HKT_DNS_SERVERS=HOST[:PORT],... names the servers, in place of
 * resolv.conf; each loop reads them when it first looks a name up.
 */
#ifndef HOCKET_DNS_H
#define HOCKET_DNS_H

#include <hocket/base.h>

#include <netdb.h>
#include <stddef.h>
#include <sys/socket.h>

struct addrinfo; /* which strict ISO C hides */

HKT_BEGIN_DECLS

/* What: getaddrinfo(3). host or service may be NULL, and hints.
 * Returns: 0 with *list, or as above with *list NULL. Suspends: if a name has to be looked up.
 * Owner: the caller frees *list by hkt_freeaddrinfo(), as a whole. asyncio: loop.getaddrinfo(). */
HKT_API hkt_async int hkt_getaddrinfo(const char *host, const char *service,
                                      const struct addrinfo *hints, struct addrinfo **list);

/* What: gives a list of hkt_getaddrinfo() back, and no other; NULL is fine. Suspends: never.
 * Thread: any. */
HKT_API void hkt_freeaddrinfo(struct addrinfo *list);

/* What: getnameinfo(3): the name of an address, and of its port. A buffer may be NULL.
 * Returns: 0, or as above. Suspends: unless flags ask for numbers. asyncio: loop.getnameinfo(). */
HKT_API hkt_async int hkt_getnameinfo(const struct sockaddr *addr, socklen_t addr_size, char *host,
                                      size_t host_size, char *service, size_t service_size,
                                      int flags);

HKT_END_DECLS

#endif
