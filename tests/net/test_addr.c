/* SPDX-License-Identifier: MIT
 *
 * Addresses and their URLs.
 */
#include "support/test.h"

#include "base/reports.h"

#include <hocket/hocket.h>

#include <string.h>
#include <sys/un.h>

static struct reports reports;

static void quiet(void)
{
    reports_to(&reports);
}

TestSuite(addr, .init = quiet);

static const char *const good[] = {
    "tcp://127.0.0.1:7000", "tcp://0.0.0.0:0",   "tcp://[::1]:65535",    "tcp://[2001:db8::7]:80",
    "udp://10.1.2.3:53",    "udp://[fe80::1]:1", "unix:///run/x.socket", "unix:@abstract",
};

Test(addr, what_is_read_is_written_again)
{
    struct hkt_addr addr;
    char text[HKT_ADDR_TEXT];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(hkt_addr_parse(&addr, good[i]), 0, "%s", good[i]);
        cr_assert_str_eq(hkt_addr_format(&addr, text, sizeof text), good[i]);
    }
    cr_assert_eq(reports.count, 0);
}

Test(addr, types_and_sizes)
{
    struct hkt_addr addr;
    struct sockaddr_un un;

    cr_assert_eq(hkt_addr_parse(&addr, "udp://127.0.0.1:1"), 0);
    cr_assert_eq(addr.type, SOCK_DGRAM);
    cr_assert_eq(hkt_addr_parse(&addr, "unix:@ab"), 0);
    cr_assert_eq(addr.type, SOCK_STREAM);
    cr_assert_eq(addr.size, offsetof(struct sockaddr_un, sun_path) + 3, "the name alone counts");
    memcpy(&un, &addr.sockaddr, sizeof un);
    cr_assert_eq(memcmp(un.sun_path, "\0ab", 3), 0);
}

Test(addr, an_interface_of_ipv6)
{
    struct hkt_addr addr;
    char text[HKT_ADDR_TEXT];

    cr_assert_eq(hkt_addr_parse(&addr, "tcp://[fe80::1%lo]:9"), 0);
    cr_assert_str_eq(hkt_addr_format(&addr, text, sizeof text), "tcp://[fe80::1%1]:9");
    cr_assert_eq(hkt_addr_parse(&addr, "tcp://[fe80::1%7]:9"), 0, "by number");
    cr_assert_eq(hkt_addr_parse(&addr, "tcp://[fe80::1%nowhere]:9"), -EINVAL);
}

static const char *const bad[] = {
    "",
    "127.0.0.1:7000",
    "http://127.0.0.1:7000",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:",
    "tcp://127.0.0.1:65536",
    "tcp://127.0.0.1:7x",
    "tcp://127.0.0.1:-1",
    "tcp://127.0.0.1: 1",
    "tcp://127.0.0.256:1",
    "tcp://::1:1",
    "tcp://[::1:1",
    "tcp://[127.0.0.1]:1",
    "tcp://localhost:1",
    "tcp://:1",
    "unix:",
    "unix://",
    ("unix:///01234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890"),
};

Test(addr, what_is_wrong_is_reported_with_the_url)
{
    struct hkt_addr addr;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(hkt_addr_parse(&addr, bad[i]), -EINVAL, "%s", bad[i]);
        cr_assert_eq(reports.count, (int)i + 1, "%s", bad[i]);
        cr_assert(reports_say(&reports, bad[i]), "%s", reports.last);
    }
    cr_assert_eq(hkt_addr_parse(&addr, NULL), -EINVAL);
}

Test(addr, text_is_cut_to_its_room)
{
    struct hkt_addr addr;
    char text[8];

    cr_assert_eq(hkt_addr_parse(&addr, "tcp://127.0.0.1:1"), 0);
    cr_assert_str_eq(hkt_addr_format(&addr, text, sizeof text), "tcp://1");
}

static void expect(const char *url, bool passive, int n, const char *first, const char *second)
{
    struct hkt_addr list[4];
    char text[HKT_ADDR_TEXT];
    int rc = hkt_resolve(url, passive, list, 4);

    cr_assert_eq(rc, n, "%s: %d", url, rc);
    if (n > 0)
        cr_assert_str_eq(hkt_addr_format(&list[0], text, sizeof text), first);
    if (n > 1)
        cr_assert_str_eq(hkt_addr_format(&list[1], text, sizeof text), second);
}

static int resolves(void *arg)
{
    (void)arg;
    expect("tcp://127.0.0.1:80", false, 1, "tcp://127.0.0.1:80", NULL);
    expect("tcp://localhost:80", false, 2, "tcp://[::1]:80", "tcp://127.0.0.1:80");
    expect("udp://localhost:53", false, 2, "udp://[::1]:53", "udp://127.0.0.1:53");
    expect("tcp://:80", true, 2, "tcp://[::]:80", "tcp://0.0.0.0:80");
    expect("unix:@x", true, 1, "unix:@x", NULL);
    cr_assert_eq(reports.count, 0);
    expect("tcp://:80", false, -ENOENT, NULL, NULL);
    expect("tcp://no.such.host.invalid:80", false, -ENOENT, NULL, NULL);
    cr_assert_eq(reports.count, 2);
    expect("nonsense", false, -EINVAL, NULL, NULL);
    return 0;
}

Test(addr, resolving)
{
    cr_assert_eq(hkt_run(resolves, NULL), 0);
}
