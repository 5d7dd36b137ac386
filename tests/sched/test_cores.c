/* SPDX-License-Identifier: MIT
 *
 * Several cores: a loop on each of several threads.
 */
#include "base/os.h"
#include "base/reports.h"
#include "base/sys.h"
#include "support/test.h"

#include <hocket/hocket.h>

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

enum { CORES = 3 };

static struct reports reports;

static void take_reports(void)
{
    reports_to(&reports);
}

TestSuite(cores, .init = take_reports);

/* Each runs it */

static atomic_int calls, seen;

static int note(void *arg)
{
    atomic_fetch_add(&calls, 1);
    atomic_fetch_or(&seen, 1 << hkt_core_index());
    cr_assert_eq(hkt_core_count(), CORES);
    cr_assert_eq(hkt_core_loop(hkt_core_index()), hkt_loop_current());
    for (int i = 0; i < CORES; i++)
        cr_assert_not_null(hkt_core_loop(i));
    cr_assert_null(hkt_core_loop(-1));
    cr_assert_null(hkt_core_loop(CORES));
    cr_assert_str_eq(hkt_task_name(hkt_task_current(), NULL, 0), "main");
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    return (int)(intptr_t)arg;
}

Test(cores, each_runs_the_function)
{
    cr_assert_eq(hkt_run_cores(CORES, note, (void *)5, NULL), 0);
    cr_assert_eq(calls, CORES);
    cr_assert_eq(seen, (1 << CORES) - 1);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
}

static int count_cores(void *arg)
{
    (void)arg;
    atomic_fetch_add(&calls, 1);
    seen = hkt_core_count();
    return 0;
}

Test(cores, as_many_as_there_are_processors_pinned)
{
    const struct hkt_cores_opts opts = {.pin = true, .loop.poller = "epoll"};

    cr_assert_eq(hkt_run_cores(0, count_cores, NULL, &opts), 0);
    cr_assert(seen >= 1);
    cr_assert_eq(seen, calls);
}

static int nested(void *arg)
{
    (void)arg;
    return hkt_run_cores(1, count_cores, NULL, NULL);
}

Test(cores, what_is_refused)
{
    cr_assert_eq(hkt_run_cores(1, NULL, NULL, NULL), -EINVAL);
    cr_assert_eq(hkt_run_cores(-1, count_cores, NULL, NULL), -EINVAL);
    cr_assert_eq(hkt_run(nested, NULL), -EBUSY);
    cr_assert_eq(hkt_run_cores(2, nested, NULL, NULL), -EBUSY);
    cr_assert_eq(calls, 0);
    cr_assert_eq(hkt_core_index(), 0);
    cr_assert_eq(hkt_core_count(), 1);
    cr_assert_null(hkt_core_loop(0));
}

/* Ends */

static int sleeper(void *arg)
{
    (void)arg;
    int rc = hkt_sleep(HKT_SEC(1000));
    atomic_fetch_add(&calls, rc == -ECANCELED);
    return rc;
}

static int one_fails(void *arg)
{
    if (hkt_core_index() != 1)
        return sleeper(arg);
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    return -EIO;
}

Test(cores, a_failure_cancels_the_others_and_is_the_result)
{
    cr_assert_eq(hkt_run_cores(CORES, one_fails, NULL, NULL), -EIO);
    cr_assert_eq(calls, CORES - 1);
}

static int one_cancels_itself(void *arg)
{
    if (hkt_core_index() == 0)
        return -ECANCELED;
    (void)sleeper(arg);
    return -EIO;
}

Test(cores, an_error_counts_more_than_a_cancellation)
{
    cr_assert_eq(hkt_run_cores(2, one_cancels_itself, NULL, NULL), -EIO);
    cr_assert_eq(calls, 1);
}

static int last_one_raises(void *arg)
{
    if (atomic_fetch_add(&seen, 1) == CORES - 1)
        raise(SIGTERM);
    return sleeper(arg);
}

Test(cores, a_signal_cancels_all)
{
    struct sigaction after;

    cr_assert_eq(hkt_run_cores(CORES, last_one_raises, NULL, NULL), -EINTR);
    cr_assert_eq(calls, CORES);
    sigaction(SIGTERM, NULL, &after);
    cr_assert_eq((void *)(uintptr_t)after.sa_handler, (void *)(uintptr_t)SIG_DFL, "put back");
}

/* The first core ends before the signal comes: the others are stopped nevertheless. */
static int first_one_leaves(void *arg)
{
    if (hkt_core_index() == 0)
        return 0;
    if (hkt_core_index() == 1) {
        HKT_TRY(hkt_sleep(HKT_MS(1)));
        raise(SIGINT);
    }
    (void)sleeper(arg);
    return 0;
}

Test(cores, one_that_ends_well_ends_only_its_own)
{
    cr_assert_eq(hkt_run_cores(CORES, first_one_leaves, NULL, NULL), 0, "what they made of it");
    cr_assert_eq(calls, CORES - 1);
}

/* Lack */

static int threads_left;
static int (*real_begin)(pthread_t *thread, void *(*fn)(void *), void *arg);

static int few_threads(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    return threads_left-- > 0 ? real_begin(thread, fn, arg) : -EAGAIN;
}

Test(cores, without_enough_threads_none_runs)
{
    real_begin = hkt__sys.thread_begin;
    hkt__sys.thread_begin = few_threads;
    for (int n = 0; n < CORES; n++) {
        threads_left = n;
        cr_assert_eq(hkt_run_cores(CORES, count_cores, NULL, NULL), -EAGAIN);
    }
    hkt__sys.thread_begin = real_begin;
    cr_assert_eq(calls, 0);
    cr_assert_eq(hkt_run_cores(CORES, count_cores, NULL, NULL), 0);
    cr_assert_eq(calls, CORES);
}

static atomic_int allocs_left;
static void *(*real_alloc)(size_t size);

static void *few_allocs(size_t size)
{
    return atomic_fetch_sub(&allocs_left, 1) > 0 ? real_alloc(size) : NULL;
}

static void ignore(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

Test(cores, without_enough_memory_none_runs)
{
    int rc = -ENOMEM;

    hkt_on_report(ignore, NULL);
    real_alloc = hkt__os.alloc;
    hkt__os.alloc = few_allocs;
    for (int n = 0; rc == -ENOMEM; n++) {
        calls = 0;
        allocs_left = n;
        rc = hkt_run_cores(2, count_cores, NULL, NULL);
        cr_assert(rc == -ENOMEM || rc == 0, "%d", rc);
        cr_assert(rc == 0 || calls == 0, "all or none");
    }
    hkt__os.alloc = real_alloc;
    cr_assert_eq(calls, 2);
}

/* Messages */

HKT_MAILBOX_OF(ints, int);

static struct hkt_mailbox *box[CORES];

/* A number goes round, and each adds one. */
static int pass_round(void *arg)
{
    int me = hkt_core_index(), x = 0;

    if (me == 0)
        HKT_TRY(ints_send(box[0], 0));
    for (int i = 0; i < 100; i++) {
        HKT_TRY(ints_recv(box[me], &x));
        if (me != CORES - 1 || i < 99)
            HKT_TRY(ints_send(box[(me + 1) % CORES], x + 1));
    }
    if (me == CORES - 1)
        *(int *)arg = x;
    return 0;
}

Test(cores, send_messages)
{
    int last = 0;

    for (int i = 0; i < CORES; i++)
        cr_assert_not_null(box[i] = ints_mailbox_new(1));
    cr_assert_eq(hkt_run_cores(CORES, pass_round, &last, NULL), 0);
    cr_assert_eq(last, 100 * CORES - 1);
    for (int i = 0; i < CORES; i++)
        cr_assert_eq(hkt_mailbox_free(box[i]), 0);
}

/* Servers */

static struct hkt_addr addrs[CORES];
static atomic_int listening, served;

static int answer(struct hkt_stream *s, void *arg)
{
    int me = hkt_core_index();

    (void)arg;
    atomic_fetch_add(&served, 1);
    return hkt_stream_write(s, &me, sizeof me);
}

static int ask_all(const char *url)
{
    for (int i = 0; i < 20; i++) {
        struct hkt_stream *s;
        int who = -1;
        HKT_TRY(hkt_open_connection(url, NULL, &s));
        cr_assert_eq(hkt_stream_readexactly(s, &who, sizeof who), (ssize_t)sizeof who);
        cr_assert(who >= 0 && who < CORES);
        hkt_stream_free(s);
    }
    return 0;
}

static int serve_on_one_port(void *arg)
{
    const struct hkt_server_opts opts = {.reuse_port = true};
    int me = hkt_core_index();
    struct hkt_server *server;
    char url[HKT_ADDR_TEXT];

    HKT_TRY(hkt_start_server(arg, answer, NULL, &opts, &server));
    HKT_TRY(hkt_server_addr(server, 0, &addrs[me]));
    int first = atomic_fetch_add(&listening, 1) == 0;
    while (listening < CORES)
        HKT_TRY(hkt_sleep(HKT_MS(1)));
    if (first) {
        HKT_TRY(ask_all(hkt_addr_format(&addrs[me], url, sizeof url)));
        raise(SIGTERM);
    }
    int rc = hkt_server_wait_closed(server);
    hkt_server_free(server);
    return rc == -ECANCELED ? 0 : rc;
}

static void one_port(const char *url)
{
    listening = served = 0;
    cr_assert_eq(hkt_run_cores(CORES, serve_on_one_port, (void *)(uintptr_t)url, NULL), 0);
    cr_assert_eq(served, 20);
    for (int i = 1; i < CORES; i++)
        cr_assert_eq(memcmp(&addrs[i].sockaddr, &addrs[0].sockaddr, addrs[0].size), 0);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
}

Test(cores, servers_share_a_port_that_the_system_chose)
{
    one_port("tcp://127.0.0.1:0");
    one_port("tcp://localhost:0");
}

static int no_memory_to_agree(void *arg)
{
    const struct hkt_server_opts opts = {.reuse_port = true};
    int fds[HKT_ADDRS_MAX], rc;

    (void)arg;
    allocs_left = 0;
    hkt__os.alloc = few_allocs;
    rc = hkt_listen("tcp://127.0.0.1:0", &opts, fds, HKT_ADDRS_MAX);
    hkt__os.alloc = real_alloc;
    return rc;
}

Test(cores, a_port_that_cannot_be_agreed_on_is_not_used)
{
    real_alloc = hkt__os.alloc;
    cr_assert_eq(hkt_run_cores(1, no_memory_to_agree, NULL, NULL), -ENOMEM);
}
