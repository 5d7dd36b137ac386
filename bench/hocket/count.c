/* SPDX-License-Identifier: MIT
 *
 * Does one thing as often as it is told to, and nothing else: for tests/instructions, which counts
 * the instructions of it.
 */
#include <hocket/hocket.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

HKT_GEN_OF(numbers, long);
HKT_CHANNEL_OF(words, long);

enum { MESSAGE = 64, SLEEPERS = 100, BATCH = 100, FIRST = 800, PIECE = 16, MOST = 4096 };

static long times;

/* Coroutines */

static void switch_always(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (;;)
        msg = hkt_ctx_switch(self, self, msg);
}

static int bare_switch(void *arg)
{
    static _Alignas(16) char stack[16384];
    const struct hkt_msg none = {NULL, 0};
    struct hkt_ctx other;

    (void)arg;
    hkt_ctx_init(&other, stack, sizeof stack, switch_always);
    for (long i = 0; i < times / 2; i++)
        (void)hkt_ctx_switch(&other, &other, none);
    return 0;
}

static int yield_always(struct hkt_coro *self, void *arg)
{
    (void)arg;
    for (;;)
        HKT_TRY(hkt_coro_yield(self, NULL, NULL));
}

static int resume(void *arg)
{
    struct hkt_coro *c = hkt_coro_new(yield_always, arg);
    int rc = 0;

    for (long i = 0; i < times && rc >= 0; i++)
        rc = hkt_coro_resume(c, NULL, NULL);
    hkt_coro_free(c);
    return rc < 0 ? rc : 0;
}

static int finish(struct hkt_coro *self, void *arg)
{
    (void)self, (void)arg;
    return 0;
}

static int create(void *arg)
{
    for (long i = 0; i < times; i++) {
        struct hkt_coro *c = hkt_coro_new(finish, arg);
        if (hkt_coro_resume(c, NULL, NULL) < 0)
            return -EPROTO;
        hkt_coro_free(c);
    }
    return 0;
}

static int count_up(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (long i = 0; i < times; i++)
        HKT_TRY(numbers_yield(self, i));
    return 0;
}

static int generator(void *arg)
{
    long sum = 0;
    int rc;

    HKT_EACH(numbers, x, hkt_gen_new(count_up, arg), &rc)
        sum += x;
    return rc < 0 || sum != times * (times - 1) / 2 ? -EPROTO : 0;
}

/* Tasks */

static int take_turns(void *arg)
{
    (void)arg;
    for (long i = 0; i < times / 2; i++)
        HKT_TRY(hkt_sleep(0));
    return 0;
}

static int yield(void *arg)
{
    struct hkt_task *t = hkt_spawn(take_turns, arg);

    HKT_TRY(take_turns(arg));
    return hkt_join(t);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int spawn_join(void *arg)
{
    for (long i = 0; i < times; i++)
        HKT_TRY(hkt_join(hkt_spawn(nothing, arg)));
    return 0;
}

/* Each is made, runs and ends, and nobody waits for it. The first ones, a fixed number, bring the
 * memory that the others use again. */
static int spawn(void *arg)
{
    for (long i = -FIRST; i < times; i += BATCH) {
        for (int j = 0; j < BATCH; j++)
            hkt_detach(hkt_spawn(nothing, arg));
        HKT_TRY(hkt_sleep(0));
    }
    return 0;
}

static struct hkt_event turn_of[2];
static int parts;

static int take_part(void *arg)
{
    struct hkt_event *own = &turn_of[parts++], *other = &turn_of[parts & 1];

    (void)arg;
    for (long i = 0; i < times / 2; i++) {
        HKT_TRY(hkt_event_set(other));
        HKT_TRY(hkt_event_wait(own));
        hkt_event_clear(own);
    }
    return hkt_event_set(other);
}

/* A wait for what another task does, which is ready. */
static int park(void *arg)
{
    struct hkt_task *t = hkt_spawn(take_part, arg);

    HKT_TRY(take_part(arg));
    return hkt_join(t);
}

static struct hkt_channel there = HKT_CHANNEL_INIT(long), back = HKT_CHANNEL_INIT(long);

static int answer(void *arg)
{
    (void)arg;
    for (long x, i = 0; i < times; i++) {
        if (words_recv(&there, &x) <= 0)
            return -EPROTO;
        HKT_TRY(words_send(&back, x));
    }
    return 0;
}

static int channel(void *arg)
{
    struct hkt_task *t = hkt_spawn(answer, arg);

    for (long x, i = 0; i < times; i++) {
        HKT_TRY(words_send(&there, i));
        if (words_recv(&back, &x) <= 0)
            return -EPROTO;
    }
    return hkt_join(t);
}

enum { CHANNELS = 4 };

static struct hkt_channel four[CHANNELS] = {HKT_CHANNEL_INIT(long), HKT_CHANNEL_INIT(long),
                                            HKT_CHANNEL_INIT(long), HKT_CHANNEL_INIT(long)};

static int send_in_turn(void *arg)
{
    (void)arg;
    for (long i = 0; i < times; i++)
        HKT_TRY(words_send(&four[i % CHANNELS], i));
    return 0;
}

static int select_any(void *arg)
{
    struct hkt_task *t = hkt_spawn(send_in_turn, arg);
    struct hkt_case cases[CHANNELS];
    long x;

    for (int i = 0; i < CHANNELS; i++)
        cases[i] = words_recv_case(&four[i], &x);
    for (long i = 0; i < times; i++)
        HKT_TRY(hkt_select(cases, CHANNELS));
    return hkt_join(t);
}

static int lock(void *arg)
{
    struct hkt_lock l = {0};

    (void)arg;
    for (long i = 0; i < times; i++) {
        HKT_TRY(hkt_lock_acquire(&l));
        HKT_TRY(hkt_lock_release(&l));
    }
    return 0;
}

static int timeout(void *arg)
{
    (void)arg;
    for (long i = 0; i < times; i++) {
        struct hkt_timeout limit = {0};
        HKT_TRY(hkt_timeout_enter(&limit, HKT_SEC(10)));
        HKT_TRY((int)hkt_timeout_exit(&limit, 0));
    }
    return 0;
}

static void never(void *arg)
{
    (void)arg;
    abort();
}

/* Armed and cancelled, of a hundred. */
static int timer(void *arg)
{
    static struct hkt_handle handle[BATCH];
    struct hkt_loop *loop = hkt_loop_current();

    for (long i = 0; i < times; i += BATCH) {
        for (int j = 0; j < BATCH; j++)
            HKT_TRY(hkt_call_later(loop, &handle[j], HKT_SEC(1) + HKT_MS(j * 7 % BATCH * 10), never,
                                   arg));
        for (int j = 0; j < BATCH; j++)
            HKT_TRY(hkt_handle_cancel(&handle[j]));
    }
    return 0;
}

static int sleep_often(void *number)
{
    for (long i = 0; i < times / SLEEPERS; i++)
        HKT_TRY(hkt_sleep(HKT_US(100) * (1 + ((intptr_t)number + i * 7) % 100)));
    return 0;
}

static int sleeps(void *arg)
{
    struct hkt_task *t[SLEEPERS];
    int rc = 0;

    (void)arg;
    for (int i = 0; i < SLEEPERS; i++)
        t[i] = hkt_spawn(sleep_often, (void *)(intptr_t)i);
    for (int i = 0; i < SLEEPERS; i++)
        rc |= hkt_join(t[i]);
    return rc;
}

/* Descriptors */

static int read_ready(void *arg)
{
    static char pieces[MOST * PIECE], piece[PIECE];
    int fd[2];

    (void)arg;
    if (times > MOST || pipe(fd) < 0 ||
        write(fd[1], pieces, (size_t)times * PIECE) != times * PIECE)
        return -EPIPE;
    for (long i = 0; i < times; i++)
        if (hkt_read(fd[0], piece, PIECE) != PIECE)
            return -EPROTO;
    close(fd[1]);
    return hkt_close(fd[0]);
}

/* Streams */

static int echo(struct hkt_stream *s, void *arg)
{
    const char *data;
    ssize_t n;

    (void)arg;
    while ((n = hkt_stream_peek(s, 1, &data)) > 0) {
        HKT_TRY(hkt_stream_write(s, data, (size_t)n));
        hkt_stream_consume(s, (size_t)n);
    }
    return (int)n;
}

/* A message there and back: two writes, two reads. */
static int talk(struct hkt_stream *s)
{
    char message[MESSAGE] = {0};

    for (long i = 0; i < times; i++) {
        HKT_TRY(hkt_stream_write(s, message, sizeof message));
        if (hkt_stream_readexactly(s, message, sizeof message) != sizeof message)
            return -EPROTO;
    }
    return hkt_stream_close(s);
}

static int stream(void *arg)
{
    char url[HKT_ADDR_TEXT];
    struct hkt_server *server;
    struct hkt_stream *s = NULL;
    struct hkt_addr addr;

    HKT_TRY(hkt_start_server("tcp://127.0.0.1:0", echo, arg, NULL, &server));
    HKT_TRY(hkt_server_addr(server, 0, &addr));
    HKT_TRY(hkt_open_connection(hkt_addr_format(&addr, url, sizeof url), NULL, &s));
    HKT_TRY(talk(s));
    hkt_stream_free(s);
    hkt_server_free(server);
    return 0;
}

static int echo_and_free(void *s)
{
    int rc = echo(s, NULL);

    hkt_stream_free(s);
    return rc;
}

/* The other ends of idle connections, which ask by nothing but system calls, each in its turn. */
static struct asker {
    struct hkt_prepare prepare;
    int fd[BATCH];
    long asked;
    struct hkt_future done;
} asker;

/* All that was asked for was answered before the loop polls again. */
static void ask_next(void *arg)
{
    char message[MESSAGE] = {0};
    int before = asker.fd[(asker.asked - 1) % BATCH], next = asker.fd[asker.asked % BATCH];

    if (asker.asked > 0 && recv(before, message, MESSAGE, MSG_DONTWAIT) != MESSAGE)
        abort();
    if (asker.asked == times)
        (void)hkt_future_set(&asker.done, 0, NULL);
    else if (asker.asked++,
             send(next, message, MESSAGE, 0) != MESSAGE ||
                 hkt_call_before_poll(hkt_loop_current(), &asker.prepare, ask_next, arg) < 0)
        abort();
}

static int open_idle(int i, struct hkt_task **t)
{
    int fd[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
        return -EMFILE;
    asker.fd[i] = fd[0];
    *t = hkt_spawn(echo_and_free, hkt_stream_of(fd[1], NULL));
    return 0;
}

/* An idle connection is asked: the loop polls, its task reads, answers and waits again. */
static int wake(void *arg)
{
    struct hkt_task *t[BATCH];

    for (int i = 0; i < BATCH; i++)
        HKT_TRY(open_idle(i, &t[i]));
    HKT_TRY(hkt_sleep(HKT_MS(1)));
    HKT_TRY(hkt_call_before_poll(hkt_loop_current(), &asker.prepare, ask_next, arg));
    HKT_TRY(hkt_await(&asker.done));
    for (int i = 0; i < BATCH; i++) {
        close(asker.fd[i]);
        HKT_TRY(hkt_join(t[i]));
    }
    return 0;
}

/* What is counted */

/* Time passes when there is nothing else to do. */
static int64_t now = HKT_SEC(1);

static int64_t clock_now(void *ctx)
{
    (void)ctx;
    return now;
}

static void clock_advance(void *ctx, int64_t until)
{
    (void)ctx;
    now = until;
}

static const struct {
    const char *name;
    hkt_task_fn *fn;
    bool tasks;
} cases[] = {
    {"switch", bare_switch, false}, {"resume", resume, false},
    {"create", create, false},      {"generator", generator, false},
    {"yield", yield, true},         {"park", park, true},
    {"spawn", spawn, true},         {"spawn_join", spawn_join, true},
    {"channel", channel, true},     {"select", select_any, true},
    {"lock", lock, true},           {"timer", timer, true},
    {"timeout", timeout, true},     {"sleep", sleeps, true},
    {"read", read_ready, true},     {"stream", stream, true},
    {"wake", wake, true},
};

int main(int argc, char **argv)
{
    const struct hkt_loop_opts opts = {
        .poller = "epoll", .clock = clock_now, .sleep_until = clock_advance};

    times = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases && argc == 3; i++)
        if (!strcmp(cases[i].name, argv[1]))
            return -(cases[i].tasks ? hkt_run_opts(cases[i].fn, NULL, &opts) : cases[i].fn(NULL));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        puts(cases[i].name);
    return argc == 1 ? 0 : 2;
}
