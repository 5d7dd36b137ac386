/* SPDX-License-Identifier: MIT
 *
 * Addresses and the URLs that name them.
 */
#include <hocket/dns.h>
#include <hocket/net.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* A URL in its parts. */
struct parts {
    int type;
    bool local;     /* a unix socket, whose path is in host */
    bool bracketed; /* so the host is IPv6 */
    char host[256];
    uint16_t port;
};

static int wrong(const char *url, const char *why)
{
    hkt_report("'%s' is not an address: %s", url, why);
    return -EINVAL;
}

/* Splits host:port or [host]:port. NULL, or what is wrong. */
static const char *split_host(struct parts *p, const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end;

    if (!colon || colon[1] < '0' || colon[1] > '9')
        return "it has no port";
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end || port > 65535)
        return "its port is not a number up to 65535";
    p->port = (uint16_t)port;
    size_t size = (size_t)(colon - text);
    p->bracketed = *text == '[';
    if (p->bracketed) {
        if (size < 2 || text[size - 1] != ']')
            return "its bracket is not closed";
        text++;
        size -= 2;
    } else if (memchr(text, ':', size)) {
        return "IPv6 is written in brackets";
    }
    if (size >= sizeof p->host)
        return "its host is too long";
    memcpy(p->host, text, size);
    p->host[size] = '\0';
    return NULL;
}

static const char *split_path(struct parts *p, const char *text)
{
    const struct sockaddr_un *un = NULL;

    p->local = true;
    if (strncmp(text, "//", 2) == 0)
        text += 2;
    if (!*text)
        return "it has no path";
    if (strlen(text) >= sizeof un->sun_path)
        return "its path is too long";
    memcpy(p->host, text, strlen(text) + 1);
    return NULL;
}

static const char *split(struct parts *p, const char *url)
{
    memset(p, 0, sizeof *p);
    p->type = SOCK_STREAM;
    if (!url)
        return "there is none";
    if (strncmp(url, "unix:", 5) == 0)
        return split_path(p, url + 5);
    if (strncmp(url, "udp://", 6) == 0)
        p->type = SOCK_DGRAM;
    else if (strncmp(url, "tcp://", 6) != 0)
        return "it begins with none of tcp://, udp:// and unix:";
    return split_host(p, url + 6);
}

/* The parts as addresses */

static void set_un(struct hkt_addr *addr, const struct parts *p)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&addr->sockaddr;
    size_t size = strlen(p->host);

    memset(addr, 0, sizeof *addr);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, p->host, size);
    addr->type = p->type;
    addr->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (p->host[0] == '@') /* abstract: the name is as long as it is */
        un->sun_path[0] = '\0';
    else
        addr->size++;
}

static bool set_in(struct hkt_addr *addr, const struct parts *p, const char *host)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&addr->sockaddr;

    memset(addr, 0, sizeof *addr);
    in->sin_family = AF_INET;
    in->sin_port = htons(p->port);
    addr->type = p->type;
    addr->size = sizeof *in;
    return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

/* With an interface behind a percent sign, by name or number, if there is one. */
static bool set_in6(struct hkt_addr *addr, const struct parts *p, const char *host)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr->sockaddr;
    char text[sizeof p->host];

    memset(addr, 0, sizeof *addr);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(p->port);
    addr->type = p->type;
    addr->size = sizeof *in6;
    snprintf(text, sizeof text, "%s", host);
    char *zone = strchr(text, '%');
    if (zone) {
        char *end;
        *zone++ = '\0';
        in6->sin6_scope_id = if_nametoindex(zone);
        if (!in6->sin6_scope_id)
            in6->sin6_scope_id = (uint32_t)strtoul(zone, &end, 10);
        if (!in6->sin6_scope_id)
            return false;
    }
    return inet_pton(AF_INET6, text, &in6->sin6_addr) == 1;
}

static bool set_number(struct hkt_addr *addr, const struct parts *p)
{
    if (p->local) {
        set_un(addr, p);
        return true;
    }
    return p->bracketed ? set_in6(addr, p, p->host) : set_in(addr, p, p->host);
}

int hkt_addr_parse(struct hkt_addr *addr, const char *url)
{
    struct parts p;
    const char *why = split(&p, url);

    if (!why && !set_number(addr, &p))
        why = "its host is not a number";
    return why ? wrong(url ? url : "", why) : 0;
}

/* Looking up */

/* What needs no name server. */
static int look_up_own(const struct parts *p, bool any, struct hkt_addr *list)
{
    (void)set_in6(&list[0], p, any ? "::" : "::1");
    (void)set_in(&list[1], p, any ? "0.0.0.0" : "127.0.0.1");
    return 2;
}

/* The next one of that family, or of any other with `same` false. */
static const struct addrinfo *next_of(const struct addrinfo *a, int family, bool same)
{
    while (a &&
           (a->ai_addrlen > sizeof(struct sockaddr_storage) || (a->ai_family == family) != same))
        a = a->ai_next;
    return a;
}

static void set_found(struct hkt_addr *addr, const struct addrinfo *a, int type)
{
    memset(addr, 0, sizeof *addr);
    memcpy(&addr->sockaddr, a->ai_addr, a->ai_addrlen);
    addr->size = a->ai_addrlen;
    addr->type = type;
}

/* Families take turns, beginning with the one that the system prefers. */
static int take_turns(const struct addrinfo *found, int type, struct hkt_addr *list, size_t max)
{
    const int preferred = found->ai_family;
    const struct addrinfo *next[2] = {next_of(found, preferred, true),
                                      next_of(found, preferred, false)};
    size_t n = 0;

    for (int turn = 0; n < max && (next[0] || next[1]); turn = !turn) {
        if (!next[turn])
            continue;
        set_found(&list[n++], next[turn], type);
        next[turn] = next_of(next[turn]->ai_next, preferred, turn == 0);
    }
    return n > 0 ? (int)n : -ENOENT;
}

static int look_up(const struct parts *p, bool passive, struct hkt_addr *list, size_t max)
{
    const struct addrinfo hints = {.ai_socktype = p->type, .ai_flags = passive ? AI_PASSIVE : 0};
    const bool any = passive && !p->host[0];
    struct addrinfo *found;
    char port[8];

    if (p->bracketed || max < 2)
        return -ENOENT;
    if (any || strcmp(p->host, "localhost") == 0)
        return look_up_own(p, any, list);
    if (!p->host[0])
        return -ENOENT;
    snprintf(port, sizeof port, "%u", p->port);
    int rc = hkt_getaddrinfo(p->host, port, &hints, &found);
    if (rc < 0)
        return rc;
    rc = take_turns(found, p->type, list, max);
    hkt_freeaddrinfo(found);
    return rc;
}

int hkt_resolve(const char *url, bool passive, struct hkt_addr *list, size_t max)
{
    struct parts p;
    const char *why = split(&p, url);

    if (why)
        return wrong(url ? url : "", why);
    if (max > 0 && set_number(&list[0], &p))
        return 1;
    int n = look_up(&p, passive, list, max);
    if (n == -ENOENT)
        hkt_report("'%s': no address is known for its host", url);
    return n;
}

/* Text */

static void format_un(const struct hkt_addr *addr, char *buf, size_t size)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&addr->sockaddr;
    size_t head = offsetof(struct sockaddr_un, sun_path);
    int path = addr->size > head ? (int)(addr->size - head) : 0;

    if (path > 0 && !un->sun_path[0])
        snprintf(buf, size, "unix:@%.*s", path - 1, un->sun_path + 1);
    else
        snprintf(buf, size, "%s%.*s", path > 0 ? "unix://" : "unix:", path, un->sun_path);
}

static void format_in6(const struct sockaddr_in6 *in6, const char *scheme, char *buf, size_t size)
{
    char host[INET6_ADDRSTRLEN], zone[16] = "";

    (void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
    if (in6->sin6_scope_id)
        snprintf(zone, sizeof zone, "%%%u", (unsigned)in6->sin6_scope_id);
    snprintf(buf, size, "%s://[%s%s]:%u", scheme, host, zone, ntohs(in6->sin6_port));
}

const char *hkt_addr_format(const struct hkt_addr *addr, char *buf, size_t size)
{
    const char *scheme = addr->type == SOCK_DGRAM ? "udp" : "tcp";
    const struct sockaddr_in *in = (const struct sockaddr_in *)&addr->sockaddr;
    char host[INET_ADDRSTRLEN];

    switch (addr->sockaddr.ss_family) {
    case AF_UNIX:
        format_un(addr, buf, size);
        break;
    case AF_INET6:
        format_in6((const struct sockaddr_in6 *)&addr->sockaddr, scheme, buf, size);
        break;
    case AF_INET:
        (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(buf, size, "%s://%s:%u", scheme, host, ntohs(in->sin_port));
        break;
    default:
        snprintf(buf, size, "family %d", addr->sockaddr.ss_family);
    }
    return buf;
}
