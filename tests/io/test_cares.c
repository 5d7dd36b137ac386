/* SPDX-License-Identifier: MIT
 *
 * Look-ups by c-ares, of a name server in the same loop.
 */
#include "base/child.h"
#include "base/os.h"
#include "base/reports.h"
#include "base/where.h"
#include "io/nameserver.h"
#include "io/pooled.h"

#include <hocket/dns.h>
#include <hocket/net.h>

static const struct addrinfo stream = {.ai_socktype = SOCK_STREAM};
static const struct addrinfo stream4 = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

/* Runs each with a name server, over each poller. */
static void with_server(hkt_task_fn *fn)
{
    on_each_backend(fn, NULL);
}

/* The addresses that a name has, as text; or what the look-up answers. */
static int look_up(const char *host, const char *service, const struct addrinfo *hints, char *text)
{
    struct addrinfo *list;
    char addr[64], port[16];
    int rc = hkt_getaddrinfo(host, service, hints, &list);

    *text = '\0';
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        cr_assert_eq(getnameinfo(a->ai_addr, a->ai_addrlen, addr, sizeof addr, port, sizeof port,
                                 NI_NUMERICHOST | NI_NUMERICSERV),
                     0);
        text += sprintf(text, "%s%s %s %d", a == list ? "" : ", ", addr, port, a->ai_socktype);
    }
    hkt_freeaddrinfo(list);
    return rc;
}

static void expect(const char *host, const char *service, const struct addrinfo *hints,
                   const char *what)
{
    char text[2048];
    int rc = look_up(host, service, hints, text);

    cr_assert_eq(rc, 0, "%s: %d", host, rc);
    cr_assert_str_eq(text, what);
}

static void expect_error(const char *host, const char *service, int code)
{
    char text[2048];
    int rc = look_up(host, service, &stream4, text);

    cr_assert_eq(rc, code, "%s: %d", host, rc);
    cr_assert_str_eq(text, "");
}

static int finds_addresses(void *arg)
{
    const struct addrinfo stream6 = {.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM};
    const struct addrinfo any = {.ai_family = AF_INET};
    const unsigned threads = hkt_work_threads();
    struct nameserver s;
    char text[2048];

    (void)arg;
    nameserver_start(&s);
    expect("one.test", "80", &stream4, "127.0.0.7 80 1");
    expect("ONE.test.", NULL, &stream4, "127.0.0.7 0 1");
    expect("one.test", "80", &stream6, "::7 80 1");
    expect("alias.test", "443", &stream4, "127.0.0.7 443 1");
    cr_assert_eq(look_up("one.test", "80", &stream, text), 0);
    cr_assert(strstr(text, "127.0.0.7 80 1") && strstr(text, "::7 80 1"), "%s", text);
    cr_assert_eq(hkt_work_threads(), threads, "no thread is needed for that");
    expect("four.test", "domain", &stream4, "127.0.0.4 53 1");
    expect("one.test", "80", &any, "127.0.0.7 80 1, 127.0.0.7 80 2, 127.0.0.7 80 3");
    nameserver_stop(&s);
    return 0;
}

Test(cares, finds_addresses)
{
    with_server(finds_addresses);
}

static int finds_the_canonical_name(void *arg)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_flags = AI_CANONNAME};
    struct nameserver s;
    struct addrinfo *list;

    (void)arg;
    nameserver_start(&s);
    cr_assert_eq(hkt_getaddrinfo("alias.test", NULL, &hints, &list), 0);
    cr_assert_str_eq(list->ai_canonname, "one.test");
    cr_assert_null(list->ai_next->ai_canonname);
    hkt_freeaddrinfo(list);
    cr_assert_eq(hkt_getaddrinfo("one.test", NULL, &hints, &list), 0);
    cr_assert_str_eq(list->ai_canonname, "one.test");
    hkt_freeaddrinfo(list);
    nameserver_stop(&s);
    return 0;
}

Test(cares, finds_the_canonical_name)
{
    with_server(finds_the_canonical_name);
}

static int says_why_not(void *arg)
{
    const struct addrinfo four6 = {.ai_family = AF_INET6};
    struct nameserver s;
    char text[2048];

    (void)arg;
    nameserver_start(&s);
    expect_error("none.test", NULL, -ENOENT);
    expect_error("fail.test", NULL, -EAGAIN);
    expect_error("refused.test", NULL, -EAGAIN);
    expect_error("one.test", "no-such-service", -ENOENT);
    cr_assert_eq(look_up("four.test", NULL, &four6, text), -ENOENT);
    const int asked = s.asked;
    expect_error("host.invalid", NULL, -ENOENT);
    cr_assert_eq(s.asked, asked, "nobody is asked for that");
    nameserver_stop(&s);
    return 0;
}

Test(cares, says_why_not)
{
    with_server(says_why_not);
}

static int what_is_cut(void *arg)
{
    struct nameserver s;
    char text[2048];

    (void)arg;
    nameserver_start(&s);
    cr_assert_eq(look_up("cut.test", NULL, &stream4, text), 0);
    for (int i = 0; i < CUT_COUNT; i++) {
        char addr[32];
        sprintf(addr, "127.0.0.%d 0 1", 100 + i);
        cr_assert_not_null(strstr(text, addr), "%s: %s", addr, text);
    }
    nameserver_stop(&s);
    return 0;
}

Test(cares, asks_again_by_tcp_for_what_was_cut)
{
    with_server(what_is_cut);
}

static int finds_names(void *arg)
{
    const struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000007), .sin_port = htons(53)};
    const struct sockaddr *addr = (const struct sockaddr *)&in;
    const struct sockaddr_in none = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000008)};
    const struct sockaddr *nobody = (const struct sockaddr *)&none;
    struct nameserver s;
    char host[NI_MAXHOST], service[NI_MAXSERV], small[4];

    (void)arg;
    nameserver_start(&s);
    cr_assert_eq(hkt_getnameinfo(addr, sizeof in, host, sizeof host, service, sizeof service, 0),
                 0);
    cr_assert(strcmp(host, "one.test") == 0 && strcmp(service, "domain") == 0, "%s %s", host,
              service);
    cr_assert_eq(hkt_getnameinfo(addr, sizeof in, small, sizeof small, NULL, 0, 0), -ENAMETOOLONG);
    cr_assert_eq(hkt_getnameinfo(addr, sizeof in, NULL, 0, NULL, 0, 0), -ENOENT);
    cr_assert_eq(hkt_getnameinfo(nobody, sizeof none, host, sizeof host, NULL, 0, 0), 0);
    cr_assert_str_eq(host, "127.0.0.8");
    cr_assert_eq(hkt_getnameinfo(nobody, sizeof none, host, sizeof host, NULL, 0, NI_NAMEREQD),
                 -ENOENT);
    nameserver_stop(&s);
    return 0;
}

Test(cares, finds_names_of_addresses)
{
    with_server(finds_names);
}

static int look_up_one(void *arg)
{
    char text[2048];

    (void)arg;
    HKT_TRY(look_up("one.test", "80", &stream4, text));
    return strcmp(text, "127.0.0.7 80 1");
}

static int many(void *arg)
{
    struct hkt_task *tasks[100];
    struct nameserver s;

    (void)arg;
    nameserver_start(&s);
    for (int i = 0; i < 100; i++)
        tasks[i] = hkt_spawn(look_up_one, NULL);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(hkt_join(tasks[i]), 0);
    cr_assert_eq(hkt_work_threads(), 0u);
    nameserver_stop(&s);
    return 0;
}

Test(cares, many_at_once_need_no_thread)
{
    with_server(many);
}

static int look_up_silent(void *arg)
{
    char text[2048];

    (void)arg;
    return look_up("silent.test", NULL, &stream4, text);
}

static int name_silent(void *arg)
{
    /* Whatever its number: the answer does not come, because the server has been stopped. */
    const struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000009)};
    char host[NI_MAXHOST];

    (void)arg;
    return hkt_getnameinfo((const struct sockaddr *)&in, sizeof in, host, sizeof host, NULL, 0, 0);
}

static void cancel_after_turns(hkt_task_fn *fn, int turns)
{
    struct hkt_task *t = hkt_spawn(fn, NULL);

    for (int i = 0; i < turns; i++)
        cr_assert_eq(hkt_sleep(0), 0);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED, "at once, after %d turns", turns);
}

static int cancelled(void *arg)
{
    struct nameserver s;
    struct hkt_timeout limit = {0};

    (void)arg;
    nameserver_start(&s);
    for (int turns = 0; turns < 6; turns++)
        cancel_after_turns(look_up_silent, turns);
    for (int turns = 0; turns < 3; turns++)
        cancel_after_turns(look_up_one, turns);
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(2)), 0);
    cr_assert_eq(hkt_timeout_exit(&limit, look_up_silent(NULL)), -ETIMEDOUT);
    cr_assert_eq(look_up_one(NULL), 0, "and the next one");
    nameserver_stop(&s);
    for (int turns = 0; turns < 3; turns++)
        cancel_after_turns(name_silent, turns);
    return 0; /* with queries that go on */
}

Test(cares, cancelled_leaves_at_once)
{
    with_server(cancelled);
}

/* Whoever waits is cancelled when the main task has ended, and the loop ends under the query. */
static int leaves_one_waiting(void *arg)
{
    struct nameserver s;

    (void)arg;
    nameserver_start(&s);
    struct hkt_task *t = hkt_spawn(look_up_silent, NULL);
    cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    cr_assert_not(hkt_task_done(t));
    hkt_detach(t);
    nameserver_stop(&s);
    return 0;
}

Test(cares, ends_with_its_loop)
{
    with_server(leaves_one_waiting);
}

static int serve_hello(struct hkt_stream *s, void *arg)
{
    (void)arg;
    HKT_TRY(hkt_stream_write(s, "hello", 5));
    return hkt_stream_drain(s);
}

static int connects(void *arg)
{
    struct nameserver s;
    struct hkt_server *server;
    struct hkt_stream *stream;
    struct hkt_addr addr;
    char url[HKT_ADDR_TEXT], hello[5];

    (void)arg;
    nameserver_start(&s);
    cr_assert_eq(hkt_start_server("tcp://127.0.0.4:0", serve_hello, NULL, NULL, &server), 0);
    cr_assert_eq(hkt_server_addr(server, 0, &addr), 0);
    snprintf(url, sizeof url, "tcp://four.test:%u",
             ntohs(((const struct sockaddr_in *)&addr.sockaddr)->sin_port));
    cr_assert_eq(hkt_open_connection(url, NULL, &stream), 0);
    cr_assert_eq(hkt_stream_readexactly(stream, hello, 5), 5);
    hkt_stream_free(stream);
    hkt_server_free(server);
    nameserver_stop(&s);
    return 0;
}

Test(cares, leads_to_a_connection)
{
    with_server(connects);
}

static int fail_at, allocations;
static bool failed;
static void *(*real_alloc)(size_t size);

static void *failing_alloc(size_t size)
{
    if (allocations++ != fail_at)
        return real_alloc(size);
    failed = true;
    return NULL;
}

/* Once with the loop's first look-up, and once with a later one. */
static int without_memory(void *arg)
{
    struct nameserver s;
    bool *hit = arg;

    nameserver_start(&s);
    cr_assert_eq(hkt_sleep(0), 0); /* its tasks wait now */
    allocations = 0;
    failed = false;
    hkt__os.alloc = failing_alloc;
    int rc = look_up_one(NULL);
    hkt__os.alloc = real_alloc;
    /* Without memory for a socket's record no answer is heard: that is a time limit's affair. */
    cr_assert(rc == 0 || rc == -ENOMEM || rc == -EAGAIN, "%d", rc);
    cr_assert(failed || rc == 0);
    cr_assert_eq(look_up_one(NULL), 0, "the next one");
    *hit = failed;
    nameserver_stop(&s);
    return 0;
}

Test(cares, each_allocation_may_fail, .timeout = 120)
{
    bool hit = true;

    real_alloc = hkt__os.alloc;
    cr_assert_eq(setenv("RES_OPTIONS", "retrans:300 retry:1", 1), 0); /* milliseconds */
    for (fail_at = 0; hit; fail_at++)
        cr_assert_eq(hkt_run(without_memory, &hit), 0);
    cr_assert_gt(fail_at, 4);
}

static int the_pool(void *arg)
{
    struct nameserver s;

    (void)arg;
    nameserver_start(&s);
    expect("localhost", "80", &stream4, "127.0.0.1 80 1");
    cr_assert_gt(hkt_work_threads(), 0u);
    cr_assert_eq(s.asked, 0);
    nameserver_stop(&s);
    return 0;
}

Test(cares, is_left_alone_when_the_pool_is_asked_for)
{
    if (where_valgrind())
        cr_skip_test("the resolver of the C library keeps memory for each thread that asked it");
    cr_assert_eq(setenv("HKT_RESOLVER", "pool", 1), 0);
    with_server(the_pool);
}

static int any_resolver(void *arg)
{
    struct nameserver s;

    (void)arg;
    nameserver_start(&s);
    expect("one.test", "80", &stream4, "127.0.0.7 80 1");
    nameserver_stop(&s);
    return 0;
}

Test(cares, of_an_unknown_name_is_said)
{
    struct reports reports;

    reports_to(&reports);
    cr_assert_eq(setenv("HKT_RESOLVER", "oracle", 1), 0);
    with_server(any_resolver);
    cr_assert_eq(reports.count, 1);
    cr_assert_str_eq(reports.last, "there is no resolver 'oracle' here");
    hkt_on_report(NULL, NULL);
}

static int bad_servers(void *arg)
{
    (void)arg;
    cr_assert_eq(setenv("HKT_DNS_SERVERS", "not a server", 1), 0);
    expect_error("one.test", NULL, -EIO);
    return 0;
}

Test(cares, that_cannot_be_made_is_said)
{
    struct reports reports;

    reports_to(&reports);
    cr_assert_eq(hkt_run(bad_servers, NULL), 0);
    cr_assert_eq(reports.count, 1);
    hkt_on_report(NULL, NULL);
}
