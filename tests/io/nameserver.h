/* SPDX-License-Identifier: MIT
 *
 * A name server on loopback, in two tasks of the loop that asks it: UDP, and TCP for what was cut.
 * It knows:
 *
 *      one.test      127.0.0.7, ::7, and the other way round by address
 *      alias.test    an alias of one.test
 *      four.test     127.0.0.4 only
 *      cut.test      twenty addresses, of which UDP says only that they do not fit
 *      fail.test     it answers that it could not find out
 *      refused.test  it refuses
 *      silent.test   it does not answer
 *
 * and no other name.
 */
#ifndef TESTS_IO_NAMESERVER_H
#define TESTS_IO_NAMESERVER_H

#include "io/backends.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdlib.h>
#include <strings.h>

enum { NAME_SIZE = 128, MESSAGE_SIZE = 1024, CUT_COUNT = 20 };

struct nameserver {
    int udp, tcp;
    struct hkt_task *tasks[2];
    int asked;
};

struct message {
    unsigned char data[MESSAGE_SIZE];
    size_t size;
};

static inline void put16(struct message *m, unsigned n)
{
    m->data[m->size++] = (unsigned char)(n >> 8);
    m->data[m->size++] = (unsigned char)n;
}

static inline void put_record(struct message *m, unsigned type, const void *data, size_t size)
{
    put16(m, 0xc00c); /* the name that was asked for */
    put16(m, type);
    put16(m, ns_c_in);
    put16(m, 0);
    put16(m, 60); /* seconds that it may be kept */
    put16(m, (unsigned)size);
    memcpy(m->data + m->size, data, size);
    m->size += size;
}

/* The name in a question, with dots, and where it ends. */
static inline size_t read_name(const struct message *m, char *name)
{
    size_t at = 12, used = 0;

    while (at < m->size && m->data[at]) {
        size_t label = m->data[at];
        cr_assert(label < 64 && at + label < m->size && used + label + 1 < NAME_SIZE);
        if (used)
            name[used++] = '.';
        memcpy(name + used, m->data + at + 1, label);
        used += label;
        at += label + 1;
    }
    name[used] = '\0';
    return at + 1;
}

static inline unsigned put_addresses(struct message *m, unsigned type, int count, int last)
{
    const struct in6_addr in6 = {.s6_addr = {[15] = (unsigned char)last}};

    if (type == ns_t_aaaa && last == 7)
        put_record(m, ns_t_aaaa, &in6, sizeof in6);
    for (int i = 0; type == ns_t_a && i < count; i++) {
        const unsigned char in[] = {127, 0, 0, (unsigned char)(last + i)};
        put_record(m, ns_t_a, in, sizeof in);
    }
    return type == ns_t_a ? (unsigned)count : type == ns_t_aaaa && last == 7;
}

static inline bool is(const char *name, const char *other)
{
    return strcasecmp(name, other) == 0;
}

/* What the header says of an answer: flags, and how many records. */
static inline void finish(struct message *m, unsigned flags, unsigned records)
{
    struct message head = {.size = 2};

    put16(&head, 0x8180 | flags);
    put16(&head, 1);
    put16(&head, records);
    put16(&head, 0);
    put16(&head, 0);
    memcpy(m->data + 2, head.data + 2, 10);
}

/* Makes the answer of a question; false: there is to be none. */
static inline bool reply(struct message *m, bool may_cut)
{
    static const unsigned char one_test[] = "\3one\4test";
    char name[NAME_SIZE];
    size_t at = read_name(m, name);
    unsigned type = (unsigned)m->data[at] << 8 | m->data[at + 1], records = 0, flags = 0;

    m->size = at + 4;
    if (is(name, "silent.test"))
        return false;
    if (is(name, "one.test"))
        records = put_addresses(m, type, 1, 7);
    else if (is(name, "four.test"))
        records = put_addresses(m, type, 1, 4);
    else if (is(name, "cut.test") && may_cut)
        flags = 0x0200;
    else if (is(name, "cut.test"))
        records = put_addresses(m, type, CUT_COUNT, 100);
    else if (is(name, "fail.test"))
        flags = ns_r_servfail;
    else if (is(name, "refused.test"))
        flags = ns_r_refused;
    else if (is(name, "alias.test") && type == ns_t_a) {
        put_record(m, ns_t_cname, one_test, sizeof one_test);
        put_record(m, ns_t_a, "\x7f\0\0\7", 4);
        /* The second record is of the name that the first one names. */
        m->data[m->size - 16] = 0xc0;
        m->data[m->size - 15] = (unsigned char)(at + 4 + 12);
        records = 2;
    } else if (is(name, "alias.test"))
        records = 0;
    else if (is(name, "7.0.0.127.in-addr.arpa") && type == ns_t_ptr) {
        put_record(m, ns_t_ptr, one_test, sizeof one_test);
        records = 1;
    } else
        flags = ns_r_nxdomain;
    finish(m, flags, records);
    return true;
}

static inline int serve_udp(void *arg)
{
    struct nameserver *s = arg;
    struct sockaddr_storage from;
    struct message m;

    for (;;) {
        socklen_t size = sizeof from;
        ssize_t n = hkt_recvfrom(s->udp, m.data, sizeof m.data, 0, (struct sockaddr *)&from, &size);
        if (n < 0)
            return (int)n;
        m.size = (size_t)n;
        s->asked++;
        if (reply(&m, true))
            HKT_TRY((int)hkt_sendto(s->udp, m.data, m.size, 0, (struct sockaddr *)&from, size));
    }
}

/* Questions and answers come after their lengths. */
static inline int serve_tcp_connection(int fd)
{
    struct message m;
    unsigned char size[2];
    ssize_t n;

    while ((n = hkt_read_full(fd, size, 2)) == 2) {
        m.size = (size_t)size[0] << 8 | size[1];
        n = hkt_read_full(fd, m.data, m.size);
        if (n < 0)
            return (int)n;
        if (!reply(&m, false))
            continue;
        size[0] = (unsigned char)(m.size >> 8);
        size[1] = (unsigned char)m.size;
        HKT_TRY(hkt_write_all(fd, size, 2, NULL));
        HKT_TRY(hkt_write_all(fd, m.data, m.size, NULL));
    }
    return (int)n;
}

static inline int serve_tcp(void *arg)
{
    struct nameserver *s = arg;

    for (;;) {
        int fd = hkt_accept(s->tcp, NULL, NULL);
        if (fd < 0)
            return fd;
        int rc = serve_tcp_connection(fd);
        (void)hkt_close(fd);
        if (rc == -ECANCELED)
            return rc;
    }
}

/* On a free port, which the library is told. */
static inline void nameserver_start(struct nameserver *s)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;
    char url[64];

    s->asked = 0;
    s->tcp = hkt_socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(s->tcp, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(getsockname(s->tcp, (struct sockaddr *)&addr, &size), 0);
    cr_assert_eq(listen(s->tcp, 8), 0);
    s->udp = hkt_socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(bind(s->udp, (struct sockaddr *)&addr, sizeof addr), 0);
    snprintf(url, sizeof url, "127.0.0.1:%u", ntohs(addr.sin_port));
    cr_assert_eq(setenv("HKT_DNS_SERVERS", url, 1), 0);
    s->tasks[0] = hkt_spawn(serve_udp, s);
    s->tasks[1] = hkt_spawn(serve_tcp, s);
}

static inline void nameserver_stop(struct nameserver *s)
{
    for (int i = 0; i < 2; i++) {
        (void)hkt_task_cancel(s->tasks[i]);
        cr_assert_eq(hkt_join(s->tasks[i]), -ECANCELED);
    }
    (void)hkt_close(s->udp);
    (void)hkt_close(s->tcp);
}

#endif
