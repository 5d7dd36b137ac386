/* SPDX-License-Identifier: MIT
 *
 * Connecting to a name that has several addresses: each is tried by a task of its own, some time
 * after the one before it or as soon as that one has failed. The first to be connected wins.
 */
#include <hocket/net.h>
#include <hocket/task.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

enum { STAGGER_MS = 250 };

struct attempt {
    struct hkt_addr addr;
    struct hkt_task *task;
    int rc; /* the descriptor, or why not */
};

struct race {
    struct attempt attempts[HKT_ADDRS_MAX];
    struct hkt_task *running[HKT_ADDRS_MAX]; /* NULL: failed */
    size_t n, started;
    int64_t stagger_ns;
};

static int connect_to(const struct hkt_addr *addr)
{
    const int on = 1;
    int fd = hkt_socket(addr->sockaddr.ss_family, addr->type, 0);

    if (fd < 0)
        return fd;
    if (addr->sockaddr.ss_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int rc = hkt_connect(fd, (const struct sockaddr *)&addr->sockaddr, addr->size);
    if (rc == 0)
        return fd;
    (void)hkt_close(fd);
    return rc;
}

static int attempt(void *arg)
{
    struct attempt *a = arg;

    a->rc = connect_to(&a->addr);
    return 0;
}

static int start_next(struct race *r)
{
    struct attempt *a = &r->attempts[r->started];
    const struct hkt_task_opts opts = {.name = "connect"};

    a->rc = -ECANCELED; /* unless it begins */
    a->task = hkt_spawn_opts(attempt, a, &opts);
    if (!a->task)
        return -ENOMEM;
    r->running[r->started++] = a->task;
    return 0;
}

/* The winner, if there is one; those that have failed are left out of the next wait. */
static struct attempt *winner(struct race *r)
{
    for (size_t i = 0; i < r->started; i++) {
        if (!r->running[i] || !hkt_task_done(r->running[i]))
            continue;
        if (r->attempts[i].rc >= 0)
            return &r->attempts[i];
        r->running[i] = NULL;
    }
    return NULL;
}

static size_t move_together(struct race *r, struct hkt_task **tasks)
{
    size_t n = 0;

    for (size_t i = 0; i < r->started; i++)
        if (r->running[i])
            tasks[n++] = r->running[i];
    return n;
}

/* 0: somebody won, or all have failed. */
static int run(struct race *r)
{
    struct hkt_task *tasks[HKT_ADDRS_MAX];
    size_t n;
    int rc = 0;

    do {
        if (r->started < r->n && (rc = start_next(r)) < 0)
            return rc;
        n = move_together(r, tasks);
        if (n > 0)
            rc = hkt_wait(tasks, n, HKT_FIRST_COMPLETED, r->started < r->n ? r->stagger_ns : -1);
        if (rc < 0)
            return rc;
    } while (!winner(r) && (n > 0 || r->started < r->n));
    return 0;
}

/* Waits for it, also when the caller is cancelled meanwhile: it works on the caller's stack. */
static int stop(struct attempt *a)
{
    int rc = 0, ignored;

    (void)hkt_task_cancel(a->task);
    while (!hkt_task_done(a->task)) {
        int waited = hkt_task_wait(a->task, &ignored);
        rc = waited < 0 ? waited : rc;
    }
    hkt_detach(a->task);
    return rc;
}

/* Ends everybody else's attempt. The descriptor of the winner; or why there is none. */
static int finish(struct race *r, int rc)
{
    struct attempt *won = rc == 0 ? winner(r) : NULL;

    for (size_t i = 0; i < r->started; i++) {
        int stopped = stop(&r->attempts[i]);
        rc = stopped < 0 ? stopped : rc;
    }
    for (size_t i = 0; i < r->started; i++)
        if (r->attempts[i].rc >= 0 && (&r->attempts[i] != won || rc < 0))
            (void)hkt_close(r->attempts[i].rc);
    if (rc < 0)
        return rc;
    return won ? won->rc : r->attempts[0].rc;
}

static int connect_any(const char *url, int64_t stagger_ns)
{
    struct hkt_addr list[HKT_ADDRS_MAX];
    struct race *r;
    int n = hkt_resolve(url, false, list, HKT_ADDRS_MAX);

    if (n < 0)
        return n;
    if (n == 1)
        return connect_to(&list[0]);
    r = hkt_alloc(sizeof *r);
    if (!r)
        return -ENOMEM;
    r->n = (size_t)n;
    r->stagger_ns = stagger_ns ? stagger_ns : HKT_MS(STAGGER_MS);
    for (int i = 0; i < n; i++)
        r->attempts[i].addr = list[i];
    int rc = finish(r, run(r));
    hkt_dealloc(r);
    return rc;
}

int hkt_open_connection(const char *url, const struct hkt_connect_opts *opts, struct hkt_stream **s)
{
    *s = NULL;
    if (!hkt_task_current())
        return -EPERM;
    int fd = connect_any(url, opts ? opts->stagger_ns : 0);
    if (fd < 0)
        return fd;
    *s = hkt_stream_of(fd, opts ? &opts->stream : NULL);
    if (*s)
        return 0;
    (void)hkt_close(fd);
    return -ENOMEM;
}
