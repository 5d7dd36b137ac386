/* SPDX-License-Identifier: MIT
 *
 * Names that this machine knows by itself; no packet leaves it.
 */
#include "base/where.h"
#include "io/pooled.h"

#include <arpa/inet.h>
#include <hocket/dns.h>

/* The addresses of a list, in order, as text. */
static void format_list(const struct addrinfo *list, char *text, size_t size)
{
    char host[64], port[16];

    *text = '\0';
    for (; list; list = list->ai_next) {
        int n = getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof host, port, sizeof port,
                            NI_NUMERICHOST | NI_NUMERICSERV);
        cr_assert_eq(n, 0);
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s %s", used ? ", " : "", host, port);
    }
}

static const struct addrinfo stream = {.ai_socktype = SOCK_STREAM};
static const struct addrinfo stream4 = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

static void expect(const char *host, const char *service, const struct addrinfo *hints,
                   const char *what)
{
    struct addrinfo *list;
    char text[512];
    int rc = hkt_getaddrinfo(host, service, hints, &list);

    cr_assert_eq(rc, 0, "%s: %d", host ? host : "NULL", rc);
    format_list(list, text, sizeof text);
    cr_assert_str_eq(text, what);
    hkt_freeaddrinfo(list);
}

static void expect_error(const char *host, const char *service, const struct addrinfo *hints,
                         int code)
{
    struct addrinfo *list = (struct addrinfo *)(uintptr_t)1;
    int rc = hkt_getaddrinfo(host, service, hints, &list);

    cr_assert_eq(rc, code, "%s: %d", host ? host : "NULL", rc);
    cr_assert_null(list);
}

static int numbers(void *arg)
{
    const struct addrinfo passive = {
        .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};

    (void)arg;
    expect("127.0.0.1", "80", &stream, "127.0.0.1 80");
    expect("::1", NULL, &stream, "::1 0");
    expect(NULL, "80", &stream4, "127.0.0.1 80");
    expect(NULL, "80", &passive, "0.0.0.0 80");
    cr_assert_eq(hkt_work_threads(), 0u, "no thread is needed for that");
    return 0;
}

Test(dns, numbers_are_read_at_once)
{
    on_each_backend(numbers, NULL);
}

static int names(void *arg)
{
    const struct sockaddr_in in = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char host[NI_MAXHOST] = "";

    (void)arg;
    expect("localhost", "80", &stream4, "127.0.0.1 80");
    cr_assert_eq(hkt_getnameinfo((const struct sockaddr *)&in, sizeof in, host, sizeof host, NULL,
                                 0, NI_NUMERICSERV),
                 0);
    cr_assert(strlen(host) > 0);
    return 0;
}

Test(dns, localhost_is_known)
{
    if (where_valgrind())
        cr_skip_test("the resolver of the C library keeps memory for each thread that asked it");
    on_each_backend(names, NULL);
}

static int errors(void *arg)
{
    const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST};
    const struct addrinfo bad_flags = {.ai_flags = 1 << 30};
    const struct addrinfo bad_family = {.ai_family = 200};
    const struct addrinfo wrong_family = {.ai_family = AF_INET6, .ai_flags = AI_NUMERICHOST};

    (void)arg;
    expect_error("host.invalid", "80", NULL, -ENOENT);
    expect_error("HOST.INVALID.", NULL, NULL, -ENOENT);
    expect_error("localhost", NULL, &numeric, -ENOENT);
    expect_error(NULL, NULL, NULL, -ENOENT);
    expect_error("127.0.0.1", NULL, &bad_flags, -EINVAL);
    expect_error("127.0.0.1", NULL, &bad_family, -EAFNOSUPPORT);
    expect_error("127.0.0.1", NULL, &wrong_family, -ENOENT);
    return 0;
}

Test(dns, what_there_is_not)
{
    struct addrinfo *list;

    on_each_backend(errors, NULL);
    cr_assert_eq(hkt_getaddrinfo("127.0.0.1", NULL, NULL, &list), -EPERM, "not in a task");
    hkt_freeaddrinfo(NULL);
}

static int reverse(void *arg)
{
    const struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(1)};
    const struct sockaddr *addr = (const struct sockaddr *)&in;
    const int numbers_only = NI_NUMERICHOST | NI_NUMERICSERV;
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "", small[2];

    (void)arg;
    cr_assert_eq(
        hkt_getnameinfo(addr, sizeof in, host, sizeof host, service, sizeof service, numbers_only),
        0);
    cr_assert(strcmp(host, "127.0.0.1") == 0 && strcmp(service, "1") == 0, "%s %s", host, service);
    cr_assert_eq(hkt_getnameinfo(addr, sizeof in, small, sizeof small, NULL, 0, numbers_only),
                 -ENAMETOOLONG);
    cr_assert_eq(hkt_getnameinfo(addr, 1, host, sizeof host, NULL, 0, 0), -EAFNOSUPPORT);
    cr_assert_eq(hkt_getnameinfo(addr, 100000, host, sizeof host, NULL, 0, 0), -EINVAL);
    return 0;
}

Test(dns, names_of_addresses)
{
    on_each_backend(reverse, NULL);
}
