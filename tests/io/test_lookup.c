/* SPDX-License-Identifier: MIT
 *
 * Look-ups over a resolver of the tests' own: slow, failing, and with many answers.
 */
#include "base/reports.h"
#include "base/sys.h"
#include "io/pooled.h"

#include <hocket/dns.h>
#include <hocket/net.h>
#include <stdlib.h>

static struct gate gate = GATE_INIT;
static int answer; /* EAI_* */
static int answer_errno;

/* "many": two IPv6 and three IPv4 addresses in the order of a system that prefers IPv6. */
static const char *const many[] = {"::1", "::ffff:127.0.0.9", "127.0.0.1", "127.0.0.2",
                                   "127.0.0.3"};

static int many_answers(const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
    struct addrinfo numeric = *hints, **at = list;

    numeric.ai_flags |= AI_NUMERICHOST;
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        cr_assert_eq(getaddrinfo(many[i], service, &numeric, at), 0);
        at = &(*at)->ai_next;
    }
    return 0;
}

static int slow(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    if (hints->ai_flags & AI_NUMERICHOST)
        return getaddrinfo(host, service, hints, list);
    (void)pass_gate(&gate);
    errno = answer_errno;
    return answer ? answer : many_answers(service, hints, list);
}

static int slow_name(const struct sockaddr *addr, socklen_t addr_size, char *host,
                     socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    (void)addr;
    (void)addr_size;
    (void)service;
    (void)service_size;
    (void)flags;
    (void)pass_gate(&gate);
    snprintf(host, host_size, "name");
    return answer;
}

static void set_up(void)
{
    cr_assert_eq(setenv("HKT_RESOLVER", "pool", 1), 0); /* whatever else there is */
    hkt__sys.getaddrinfo = slow;
    hkt__sys.getnameinfo = slow_name;
}

TestSuite(lookup, .init = set_up);

static int look_up_many(void *arg)
{
    const struct addrinfo stream = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int rc = hkt_getaddrinfo("many", "80", &stream, &list);

    (void)arg;
    hkt_freeaddrinfo(list);
    return rc;
}

static int the_loop_goes_on(void *arg)
{
    (void)arg;
    set_gate(&gate, false);
    struct hkt_task *t = hkt_spawn(look_up_many, NULL);
    await_inside(&gate, 1);
    cr_assert_not(hkt_task_done(t));
    open_gate(&gate);
    return hkt_join(t);
}

Test(lookup, does_not_stop_the_loop)
{
    on_each_backend(the_loop_goes_on, NULL);
}

static int name_host(void *arg)
{
    const struct sockaddr_in in = {.sin_family = AF_INET};
    char host[32];
    int rc =
        hkt_getnameinfo((const struct sockaddr *)&in, sizeof in, host, sizeof host, NULL, 0, 0);

    (void)arg;
    cr_assert(rc < 0 || strcmp(host, "name") == 0);
    return rc;
}

static void cancel_one(hkt_task_fn *fn)
{
    const int passed = gate_count(&gate, &gate.passed);

    set_gate(&gate, false);
    struct hkt_task *t = hkt_spawn(fn, NULL);
    await_inside(&gate, 1);
    cr_assert(hkt_task_cancel(t));
    cr_assert_eq(hkt_join(t), -ECANCELED, "at once");
    open_gate(&gate);
    while (gate_count(&gate, &gate.passed) == passed)
        cr_assert_eq(hkt_sleep(HKT_US(100)), 0);
    cr_assert_eq(hkt_join(hkt_spawn(fn, NULL)), 0, "and the next one");
}

static int cancels(void *arg)
{
    (void)arg;
    cancel_one(look_up_many);
    cancel_one(name_host);
    return 0;
}

Test(lookup, cancelled_is_left_to_the_pool)
{
    on_each_backend(cancels, NULL);
}

static int times_out(void *arg)
{
    struct hkt_timeout limit = {0};
    struct hkt_stream *s;

    (void)arg;
    set_gate(&gate, false);
    cr_assert_eq(hkt_timeout_enter(&limit, HKT_MS(2)), 0);
    int rc = hkt_open_connection("tcp://many:1", NULL, &s);
    cr_assert_eq(hkt_timeout_exit(&limit, rc), -ETIMEDOUT);
    cr_assert_null(s);
    open_gate(&gate);
    return 0;
}

Test(lookup, of_a_connection_ends_with_its_time_limit)
{
    on_each_backend(times_out, NULL);
}

static int all_codes(void *arg)
{
    static const int codes[][2] = {
        {EAI_NONAME, -ENOENT},   {EAI_SERVICE, -ENOENT},        {EAI_AGAIN, -EAGAIN},
        {EAI_FAIL, -EPROTO},     {EAI_FAMILY, -EAFNOSUPPORT},   {EAI_SOCKTYPE, -EPROTONOSUPPORT},
        {EAI_BADFLAGS, -EINVAL}, {EAI_OVERFLOW, -ENAMETOOLONG}, {EAI_MEMORY, -ENOMEM},
        {EAI_SYSTEM, -EMFILE},
    };

    (void)arg;
    open_gate(&gate);
    answer_errno = EMFILE;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        answer = codes[i][0];
        int rc = look_up_many(NULL);
        cr_assert_eq(rc, codes[i][1], "%s: %d", gai_strerror(answer), rc);
        cr_assert_eq(name_host(NULL), codes[i][1]);
    }
    answer = EAI_SYSTEM;
    answer_errno = ECANCELED;
    cr_assert_eq(look_up_many(NULL), -EIO, "which is no cancellation");
    return 0;
}

Test(lookup, errors_of_the_resolver)
{
    on_each_backend(all_codes, NULL);
}

static int resolves(void *arg)
{
    static const char *const expected[] = {"tcp://[::1]:80", "tcp://127.0.0.1:80",
                                           "tcp://[::ffff:127.0.0.9]:80", "tcp://127.0.0.2:80",
                                           "tcp://127.0.0.3:80"};
    struct hkt_addr list[8];
    char text[HKT_ADDR_TEXT];
    struct reports reports;

    (void)arg;
    reports_to(&reports);
    open_gate(&gate);
    cr_assert_eq(hkt_resolve("tcp://many:80", false, list, 8), 5);
    for (int i = 0; i < 5; i++)
        cr_assert_str_eq(hkt_addr_format(&list[i], text, sizeof text), expected[i]);
    cr_assert_eq(hkt_resolve("udp://many:80", true, list, 3), 3);
    cr_assert_str_eq(hkt_addr_format(&list[2], text, sizeof text), "udp://[::ffff:127.0.0.9]:80");
    cr_assert_eq(reports.count, 0);
    answer = EAI_NONAME;
    cr_assert_eq(hkt_resolve("tcp://many:80", false, list, 8), -ENOENT);
    cr_assert_eq(reports.count, 1);
    answer = EAI_AGAIN;
    cr_assert_eq(hkt_resolve("tcp://many:80", false, list, 8), -EAGAIN);
    answer = 0;
    hkt_on_report(NULL, NULL);
    return 0;
}

Test(lookup, gives_families_their_turns)
{
    on_each_backend(resolves, NULL);
}

static int serve_one(struct hkt_stream *s, void *arg)
{
    (void)arg;
    HKT_TRY(hkt_stream_write(s, "hello", 5));
    return hkt_stream_drain(s);
}

/* To a name whose first address nobody listens on. */
static int connects(void *arg)
{
    struct hkt_server *server;
    struct hkt_stream *s;
    struct hkt_addr addr;
    char url[HKT_ADDR_TEXT], hello[5];

    (void)arg;
    open_gate(&gate);
    cr_assert_eq(hkt_start_server("tcp://127.0.0.1:0", serve_one, NULL, NULL, &server), 0);
    cr_assert_eq(hkt_server_addr(server, 0, &addr), 0);
    const struct sockaddr_in *in = (const struct sockaddr_in *)&addr.sockaddr;
    snprintf(url, sizeof url, "tcp://many:%u", ntohs(in->sin_port));
    cr_assert_eq(hkt_open_connection(url, NULL, &s), 0);
    cr_assert_eq(hkt_stream_readexactly(s, hello, 5), 5);
    hkt_stream_free(s);
    hkt_server_free(server);
    return 0;
}

Test(lookup, leads_to_a_connection)
{
    on_each_backend(connects, NULL);
}
