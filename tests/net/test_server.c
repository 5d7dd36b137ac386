/* SPDX-License-Identifier: MIT
 *
 * Servers.
 */
#include "net/streams.h"

#include "base/reports.h"
#include "base/where.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct reports reports;

static void take_reports(void)
{
    reports_to(&reports);
}

TestSuite(server, .init = take_reports);

#define ANY "tcp://127.0.0.1:0"

static void expect_echo(struct hkt_stream *s, const char *text)
{
    char buf[64];

    send_text(s, text);
    cr_assert_eq(hkt_stream_readexactly(s, buf, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(memcmp(buf, text, strlen(text)), 0);
}

static int serves(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL);
    struct hkt_stream *s[10];
    struct hkt_addr addr;

    (void)arg;
    for (int i = 0; i < 10; i++) {
        s[i] = connect_to(server);
        expect_echo(s[i], "hello");
    }
    cr_assert_eq(hkt_server_count(server), 10);
    for (int i = 0; i < 10; i++) {
        expect_echo(s[i], "again");
        hkt_stream_free(s[i]);
    }
    cr_assert_eq(hkt_server_addr(server, 1, &addr), -ENOENT);
    hkt_server_close(server);
    cr_assert_eq(hkt_server_wait_closed(server), 0);
    cr_assert_eq(hkt_server_count(server), 0);
    cr_assert_eq(hkt_server_addr(server, 0, &addr), -ESHUTDOWN);
    hkt_server_free(server);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    return 0;
}

Test(server, a_task_for_each_connection)
{
    on_each_backend(serves, NULL);
}

static int writes_and_returns(struct hkt_stream *s, void *arg)
{
    return hkt_stream_write(s, arg, strlen(arg));
}

static int flushes_at_return(void *arg)
{
    struct hkt_server *server = start_server(ANY, writes_and_returns, "goodbye", NULL);
    struct hkt_stream *s = connect_to(server);
    char buf[16];

    (void)arg;
    cr_assert_eq(hkt_stream_readexactly(s, buf, sizeof buf), 7, "and then the end");
    hkt_stream_free(s);
    hkt_server_free(server);
    return 0;
}

Test(server, what_a_handler_wrote_is_sent_when_it_returns)
{
    on_each_backend(flushes_at_return, NULL);
}

/* A handler that answers before it has heard all. */
static char long_answer[300000], long_question[200000];

static int answers_early(struct hkt_stream *s, void *arg)
{
    char c;

    (void)arg;
    HKT_TRY((int)hkt_stream_read(s, &c, 1));
    return hkt_stream_write(s, long_answer, sizeof long_answer);
}

static size_t read_to_end(struct hkt_stream *s)
{
    char buf[4096];
    size_t sum = 0;
    ssize_t n;

    while ((n = hkt_stream_read(s, buf, sizeof buf)) > 0)
        sum += (size_t)n;
    cr_assert_eq(n, 0, "the end, and no reset: %s after %zu", hkt_strerror((int)n), sum);
    return sum;
}

static int hears_out(void *arg)
{
    struct hkt_server *server = start_server(ANY, answers_early, NULL, NULL);
    struct hkt_stream *s = connect_to(server);

    (void)arg;
    cr_assert_eq(hkt_stream_write(s, long_question, sizeof long_question), 0);
    cr_assert_eq(hkt_stream_drain(s), 0);
    cr_assert_eq(hkt_sleep(HKT_MS(5)), 0);
    cr_assert_eq(hkt_stream_write(s, long_question, sizeof long_question), 0);
    cr_assert_eq(read_to_end(s), sizeof long_answer);
    hkt_stream_free(s);
    hkt_server_free(server);
    return 0;
}

Test(server, an_answer_arrives_although_the_question_was_not_read)
{
    on_each_backend(hears_out, NULL);
}

static int hears_for_a_while(void *arg)
{
    const struct hkt_server_opts opts = {.linger_ns = HKT_MS(20)};
    struct hkt_server *server = start_server(ANY, answers_early, NULL, &opts);
    struct hkt_stream *s = connect_to(server);

    (void)arg;
    cr_assert_eq(hkt_stream_write(s, long_question, sizeof long_question), 0);
    cr_assert_eq(read_to_end(s), sizeof long_answer);
    while (hkt_server_count(server) > 0) /* although the client goes on for ever */
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0);
    hkt_stream_free(s);
    hkt_server_free(server);
    return 0;
}

Test(server, a_client_that_is_not_read_is_heard_for_so_long)
{
    on_each_backend(hears_for_a_while, NULL);
}

static int fails_as_told(struct hkt_stream *s, void *arg)
{
    char c;

    (void)arg;
    ssize_t n = hkt_stream_read(s, &c, 1);
    return n < 0 ? (int)n : -(int)c;
}

static void ask_to_fail(struct hkt_server *server, char code)
{
    struct hkt_stream *s = connect_to(server);
    char c;

    cr_assert_eq(hkt_stream_write(s, &code, 1), 0);
    cr_assert_eq(hkt_stream_read(s, &c, 1), 0);
    hkt_stream_free(s);
}

static int reports_failures(void *arg)
{
    struct hkt_server *server = start_server(ANY, fails_as_told, NULL, NULL);

    (void)arg;
    reports_to(&reports);
    ask_to_fail(server, EPROTO);
    cr_assert_eq(reports.count, 1, "once");
    cr_assert(reports_say(&reports, "tcp://127.0.0.1:"), "%s", reports.last);
    cr_assert(reports_say(&reports, strerror(EPROTO)), "%s", reports.last);
    ask_to_fail(server, ECANCELED);
    ask_to_fail(server, ECONNRESET);
    ask_to_fail(server, EPIPE);
    cr_assert_eq(reports.count, 1, "these say nothing new");
    ask_to_fail(server, EPROTO);
    cr_assert_eq(reports.count, 2, "the server lives");
    hkt_server_free(server);
    return 0;
}

Test(server, a_failing_handler_is_reported_once)
{
    on_each_backend(reports_failures, NULL);
}

static int both_families(void *arg)
{
    struct hkt_server *server = start_server("tcp://localhost:0", echo, NULL, NULL);
    char text[HKT_ADDR_TEXT];
    struct hkt_addr addr;
    struct hkt_stream *s;

    (void)arg;
    for (size_t i = 0; hkt_server_addr(server, i, &addr) == 0; i++) {
        cr_assert_eq(hkt_open_connection(hkt_addr_format(&addr, text, sizeof text), NULL, &s), 0);
        expect_echo(s, "hello");
        hkt_stream_free(s);
        snprintf(text, sizeof text, "tcp://localhost:%d",
                 ntohs(((struct sockaddr_in *)&addr.sockaddr)->sin_port));
        cr_assert_eq(hkt_open_connection(text, NULL, &s), 0, "the same port for all");
        expect_echo(s, "hello");
        hkt_stream_free(s);
    }
    hkt_server_free(server);
    return 0;
}

Test(server, localhost_in_both_families)
{
    on_each_backend(both_families, NULL);
}

static int port_taken(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL), *second;
    char text[HKT_ADDR_TEXT];

    (void)arg;
    cr_assert_eq(hkt_start_server(url_of(server, text), echo, NULL, NULL, &second), -EADDRINUSE);
    cr_assert_null(second);
    cr_assert_eq(hkt_start_server("tcp://127.0.0.1", echo, NULL, NULL, &second), -EINVAL);
    cr_assert_eq(hkt_start_server(ANY, NULL, NULL, NULL, &second), -EINVAL);
    hkt_server_free(server);
    const struct hkt_server_opts share = {.reuse_port = true};
    server = start_server(ANY, echo, NULL, &share);
    cr_assert_eq(hkt_start_server(url_of(server, text), echo, NULL, &share, &second), 0);
    hkt_server_free(server);
    hkt_server_free(second);
    return 0;
}

Test(server, a_port_that_is_taken_or_shared)
{
    on_each_backend(port_taken, NULL);
}

#if defined(SO_INCOMING_CPU)
static int near_by(void *arg)
{
    const struct hkt_server_opts opts = {.reuse_port = true, .same_cpu = true};
    socklen_t size = sizeof(int);
    int fds[HKT_ADDRS_MAX], before = -1, after = -1, cpu = sched_getcpu();

    (void)arg;
    cr_assert_eq(hkt_listen(ANY, &opts, fds, HKT_ADDRS_MAX), 1);
    int rc = getsockopt(fds[0], SOL_SOCKET, SO_INCOMING_CPU, &before, &size);
    (void)hkt_close(fds[0]);
    if (rc != 0)
        cr_skip_test("this is no system that tells on which processor packets arrive");
    if (before == -1 && where_emulator())
        cr_skip_test("the emulator does not tell the kernel which processor is wanted");
    after = sched_getcpu();
    cr_assert(before == cpu || before == after || cpu != after, "%d", before);
    return 0;
}

Test(server, a_listener_may_take_what_arrives_on_its_processor)
{
    cr_assert_eq(hkt_run(near_by, NULL), 0);
}
#endif

static int grace(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL);
    struct hkt_stream *s[2] = {connect_to(server), connect_to(server)};
    char c;

    (void)arg;
    expect_echo(s[0], "x");
    expect_echo(s[1], "x");
    hkt_stream_free(s[0]);
    int64_t before = hkt_now();
    cr_assert_eq(hkt_server_shutdown(server, HKT_MS(30)), 1, "one was left and cancelled");
    cr_assert(hkt_now() - before >= HKT_MS(30));
    cr_assert_eq(hkt_server_count(server), 0);
    cr_assert_eq(hkt_stream_read(s[1], &c, 1), 0);
    cr_assert_eq(hkt_server_shutdown(server, HKT_SEC(9)), 0, "again");
    hkt_stream_free(s[1]);
    hkt_server_free(server);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    return 0;
}

Test(server, shutdown_gives_connections_time_and_then_cancels_them)
{
    on_each_backend(grace, NULL);
}

static int leave_later(void *s)
{
    HKT_TRY(hkt_sleep(HKT_MS(10)));
    return hkt_stream_close(s);
}

static int shutdown_in_time(void *arg)
{
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL);
    struct hkt_stream *s = connect_to(server);
    char text[HKT_ADDR_TEXT];
    struct hkt_stream *late;

    (void)arg;
    expect_echo(s, "x");
    url_of(server, text);
    struct hkt_task *t = hkt_spawn(leave_later, s);
    int64_t before = hkt_now();
    cr_assert_eq(hkt_server_shutdown(server, HKT_SEC(20)), 0);
    cr_assert(hkt_now() - before < HKT_SEC(10), "as soon as it has ended");
    cr_assert_eq(hkt_open_connection(text, NULL, &late), -ECONNREFUSED);
    cr_assert_eq(hkt_join(t), 0);
    hkt_stream_free(s);
    hkt_server_free(server);
    return 0;
}

Test(server, shutdown_ends_with_the_last_connection)
{
    on_each_backend(shutdown_in_time, NULL);
}

static int shut_down_by_client(struct hkt_stream *s, void *arg)
{
    char c;

    HKT_TRY(hkt_stream_read(s, &c, 1));
    return hkt_server_shutdown(*(struct hkt_server **)arg, HKT_MS(1));
}

static int shutdown_from_inside(void *arg)
{
    struct hkt_server *server;

    (void)arg;
    server = start_server(ANY, shut_down_by_client, &server, NULL);
    struct hkt_stream *s[2] = {connect_to(server), connect_to(server)};
    send_text(s[0], "x");
    cr_assert_eq(hkt_server_wait_closed(server), 0);
    hkt_stream_free(s[0]);
    hkt_stream_free(s[1]);
    hkt_server_free(server);
    return 0;
}

Test(server, a_connection_shuts_it_down)
{
    on_each_backend(shutdown_from_inside, NULL);
}

static int serve_forever(void *grace)
{
    const struct hkt_server_opts opts = {.grace_ns = *(int64_t *)grace};

    return hkt_serve("unix:@hocket-test-serve", echo, NULL, &opts);
}

static int cancelled_serve(void *arg)
{
    struct hkt_stream *s;
    int64_t grace = HKT_MS(20);
    struct hkt_task *t = hkt_spawn(serve_forever, &grace);

    (void)arg;
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(hkt_open_connection("unix:@hocket-test-serve", NULL, &s), 0);
    expect_echo(s, "x");
    int64_t before = hkt_now();
    hkt_task_cancel(t);
    cr_assert_eq(hkt_join(t), -ECANCELED);
    cr_assert(hkt_now() - before >= grace);
    hkt_stream_free(s);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    return 0;
}

Test(server, serve_until_cancelled)
{
    on_each_backend(cancelled_serve, NULL);
}

static int raise_later(void *arg)
{
    HKT_TRY(hkt_sleep(HKT_MS(10)));
    return raise((int)(intptr_t)arg);
}

static int serve_and_raise(void *signum)
{
    struct hkt_task *t = hkt_spawn(raise_later, signum);

    hkt_detach(t);
    return hkt_service_run(&(struct hkt_service){ANY, echo, NULL, NULL});
}

Test(server, signals_end_a_program_that_serves)
{
    cr_assert_eq(hkt_run(serve_and_raise, (void *)SIGINT), 0);
    cr_assert_eq(hkt_run(serve_and_raise, (void *)SIGTERM), 0);
    cr_assert_eq(reports.count, 0, "%s", reports.last);
    cr_assert_eq(hkt_run(HKT_SERVER("tcp://nowhere", echo)), -EINVAL);
    cr_assert(reports_say(&reports, "cannot serve on 'tcp://nowhere'"), "%s", reports.last);
}

/* Unix sockets */

#define DIR "/tmp/hocket-test-XXXXXX"

static void url_in(char url[64], char path[64], char dir[32])
{
    strcpy(dir, DIR);
    cr_assert(mkdtemp(dir));
    snprintf(path, 64, "%.40s/s", dir);
    snprintf(url, 64, "unix://%.40s/s", dir);
}

static int unix_sockets(void *arg)
{
    char url[64], path[64], dir[32];
    struct hkt_server *second;
    struct hkt_stream *s;
    struct stat st;

    (void)arg;
    url_in(url, path, dir);
    struct hkt_server *server = start_server(url, echo, NULL, NULL);
    cr_assert_eq(hkt_open_connection(url, NULL, &s), 0);
    expect_echo(s, "hello");
    hkt_stream_free(s);
    cr_assert_eq(hkt_start_server(url, echo, NULL, NULL, &second), -EADDRINUSE, "it is alive");
    hkt_server_free(server);
    cr_assert_eq(stat(path, &st), -1, "the path is removed");

    struct sockaddr_un un = {.sun_family = AF_UNIX};
    strcpy(un.sun_path, path);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(stale, (struct sockaddr *)&un, sizeof un), 0);
    close(stale);
    server = start_server(url, echo, NULL, NULL);
    cr_assert_eq(unlink(path), 0);
    second = start_server(url, echo, NULL, NULL);
    hkt_server_free(server);
    cr_assert_eq(stat(path, &st), 0, "another's by now: it stays");
    hkt_server_free(second);

    close(open(path, O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(hkt_start_server(url, echo, NULL, NULL, &server), -EADDRINUSE, "no socket");
    cr_assert_eq(unlink(path), 0, "left alone");
    cr_assert_eq(hkt_open_connection(url, NULL, &s), -ENOENT);
    return rmdir(dir);
}

Test(server, paths_of_unix_sockets)
{
    on_each_backend(unix_sockets, NULL);
}

/* Handed over. Each is a process of its own, because the descriptors have fixed numbers. */

static void take_number(const char *url, int number)
{
    int fd;

    if (hkt_listen(url, NULL, &fd, 1) == 1 && fd != number)
        dup2(fd, number);
}

static int run_in_child(hkt_task_fn *fn)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        char text[32];
        /* Before there is a loop, which has descriptors of its own. */
        take_number("unix:@hocket-test-web", 3);
        take_number("unix:@hocket-test-chat", 4);
        snprintf(text, sizeof text, "%d", (int)getpid());
        setenv("LISTEN_PID", text, 1);
        setenv("LISTEN_FDS", "2", 1);
        setenv("LISTEN_FDNAMES", "web:chat", 1);
        _exit(hkt_run(fn, NULL) == 0 ? 0 : 1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                \
            return -1;                                                                             \
        }                                                                                          \
    } while (0)

static int activated(void *arg)
{
    struct hkt_server *server;
    struct hkt_stream *s;
    int fds[8];
    char c = 'x';

    (void)arg;
    MUST(hkt_listen_fds(NULL, fds, 8) == 2 && fds[0] == 3 && fds[1] == 4);
    MUST(hkt_listen_fds("chat", fds, 8) == 1 && fds[0] == 4);
    MUST(hkt_listen_fds("cha", fds, 8) == 0);
    MUST(hkt_listen_fds("", fds, 1) == 1);
    MUST(fcntl(3, F_GETFD) == FD_CLOEXEC);
    MUST(hkt_listen("systemd://", NULL, fds, 1) == -E2BIG);
    MUST(hkt_listen("systemd://", NULL, fds, 2) == 2);
    MUST(hkt_start_server("systemd://mail", echo, NULL, NULL, &server) == -ENOENT);
    MUST(hkt_start_server("fd://77", echo, NULL, NULL, &server) == -EBADF);
    MUST(hkt_start_server("fd://x", echo, NULL, NULL, &server) == -EBADF);
    MUST(hkt_start_server("systemd://web", echo, NULL, NULL, &server) == 0);
    MUST(hkt_open_connection("unix:@hocket-test-web", NULL, &s) == 0);
    MUST(hkt_stream_write(s, &c, 1) == 0 && hkt_stream_read(s, &c, 1) == 1);
    hkt_stream_free(s);
    hkt_server_free(server);
    MUST(hkt_start_server("fd://4", echo, NULL, NULL, &server) == 0);
    MUST(hkt_open_connection("unix:@hocket-test-chat", NULL, &s) == 0);
    MUST(hkt_stream_write(s, &c, 1) == 0 && hkt_stream_read(s, &c, 1) == 1);
    hkt_stream_free(s);
    hkt_server_free(server);
    setenv("LISTEN_PID", "1", 1);
    MUST(hkt_listen_fds(NULL, fds, 8) == 0);
    return 0;
}

Test(server, sockets_handed_over_by_systemd)
{
    cr_assert_eq(run_in_child(activated), 0);
}

static int port_again(void *arg)
{
    char url[HKT_ADDR_TEXT], again[HKT_ADDR_TEXT];
    struct hkt_stream *client;

    (void)arg;
    struct hkt_server *server = start_server(ANY, echo, NULL, NULL);
    snprintf(url, sizeof url, "%s", url_of(server, again));
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(hkt_sleep(HKT_MS(1)), 0); /* so that it waits for connections */
        hkt_server_free(server);
        server = start_server(url, echo, NULL, NULL);
        cr_assert_str_eq(url_of(server, again), url);
    }
    cr_assert_eq(hkt_open_connection(url, NULL, &client), 0);
    send_text(client, "x");
    cr_assert_eq(hkt_stream_read(client, again, 1), 1);
    hkt_stream_free(client);
    hkt_server_free(server);
    return 0;
}

Test(server, a_port_can_be_used_again_at_once)
{
    on_each_backend(port_again, NULL);
}

/* Connections that are there before anybody takes them: those not taken are closed. */
static int not_taken(void *arg)
{
    struct hkt_addr addr;
    struct hkt_server_opts opts = {.backlog = 100};
    struct hkt_stream *s[20];
    char url[HKT_ADDR_TEXT], c;
    int fd;

    (void)arg;
    cr_assert_eq(hkt_listen(ANY, &opts, &fd, 1), 1);
    addr = (struct hkt_addr){.size = sizeof addr.sockaddr, .type = SOCK_STREAM};
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&addr.sockaddr, &addr.size), 0);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(hkt_open_connection(hkt_addr_format(&addr, url, sizeof url), NULL, &s[i]), 0);
    for (int i = 0; i < 5; i++) {
        int conn = hkt_accept(fd, NULL, NULL);
        cr_assert(conn >= 0);
        cr_assert_eq(hkt_close(conn), 0);
    }
    cr_assert_eq(hkt_sleep(HKT_MS(2)), 0);
    cr_assert_eq(hkt_close(fd), 0);
    for (int i = 0; i < 20; i++) {
        ssize_t n = hkt_stream_read(s[i], &c, 1);
        cr_assert(n == 0 || n == -ECONNRESET, "%d: %zd", i, n);
        hkt_stream_free(s[i]);
    }
    return 0;
}

Test(server, connections_that_nobody_took_end_with_the_listener)
{
    on_each_backend(not_taken, NULL);
}

static int nothing(void *arg)
{
    struct hkt_addr addr;

    (void)arg;
    cr_assert_eq(hkt_server_wait_closed(NULL), -ENOMEM);
    cr_assert_eq(hkt_server_shutdown(NULL, 0), -ENOMEM);
    cr_assert_eq(hkt_server_addr(NULL, 0, &addr), -ENOMEM);
    cr_assert_eq(hkt_server_count(NULL), 0);
    hkt_server_close(NULL);
    hkt_server_free(NULL);
    return 0;
}

Test(server, no_server_is_no_memory)
{
    struct hkt_server *server;
    struct hkt_stream *s;

    cr_assert_eq(hkt_run(nothing, NULL), 0);
    cr_assert_eq(hkt_start_server(ANY, echo, NULL, NULL, &server), -EPERM, "no loop runs");
    cr_assert_eq(hkt_open_connection(ANY, NULL, &s), -EPERM);
}
