/* SPDX-License-Identifier: MIT
 *
 * Each descriptor is registered once, when somebody first has to wait for it, edge triggered; for
 * writing, where that is not had for nothing, when somebody first has to wait for that. What is
 * known of its readiness is kept here, so that calls are tried first and wait only when they must.
 *
 * A number may be closed and used again while an event for its former owner is on its way: the
 * token of an event carries the generation of the number.
 */
#include "fdwait.h"
#include "fdaccept.h"
#include "fdcall.h"
#include "fdinbox.h"
#include "fdonce.h"
#include "fdsend.h"

#include "base/os.h"
#include "base/sys.h"

#include <fcntl.h>
#include <stdlib.h>

enum { GENERATION_MASK = 0x1fffffff };

static int side_of(unsigned direction)
{
    return direction == HKT__POLL_READ ? 0 : 1;
}

uint64_t hkt__fd_token(int fd, const struct hkt__fd *e)
{
    return (uint64_t)(e->generation & GENERATION_MASK) << 32 | (uint32_t)fd;
}

/* The table */

int hkt__fds_init(struct hkt_loop *loop)
{
    loop->fds = hkt__os.alloc(sizeof *loop->fds);
    return loop->fds ? 0 : -ENOMEM;
}

void hkt__fds_free(struct hkt_loop *loop)
{
    for (size_t i = 0; i < loop->fds->chunk_count; i++) {
        struct hkt__fd *chunk = loop->fds->chunks[i];
        for (int j = 0; chunk && j < HKT__FD_CHUNK; j++) {
            (void)hkt__fdcall_drop(loop, &chunk[j], 0);
            (void)hkt__fdcall_drop(loop, &chunk[j], 1);
            hkt__accepted_drop(&chunk[j]);
        }
        free(chunk);
    }
    free(loop->fds->chunks);
    free(loop->fds);
}

static int grow(struct hkt__fd_table *table, size_t need)
{
    size_t count = table->chunk_count ? table->chunk_count : 4;

    while (count <= need)
        count *= 2;
    struct hkt__fd **chunks = hkt__os.alloc(count * sizeof(*chunks));
    if (!chunks)
        return -ENOMEM;
    for (size_t i = 0; i < table->chunk_count; i++)
        chunks[i] = table->chunks[i];
    free(table->chunks);
    table->chunks = chunks;
    table->chunk_count = count;
    return 0;
}

int hkt__fd_entry(struct hkt_loop *loop, int fd, struct hkt__fd **entry)
{
    struct hkt__fd_table *table = loop->fds;
    size_t i = (unsigned)fd / HKT__FD_CHUNK;

    if (fd < 0)
        return -EBADF;
    if (HKT_LIKELY((*entry = hkt__fd_find(loop, fd)) != NULL))
        return 0;
    if (i >= table->chunk_count && grow(table, i) < 0)
        return -ENOMEM;
    struct hkt__fd *chunk = hkt__os.alloc(HKT__FD_CHUNK * sizeof *chunk);
    if (!chunk)
        return -ENOMEM;
    table->chunks[i] = chunk;
    *entry = &chunk[(unsigned)fd % HKT__FD_CHUNK];
    return 0;
}

static void now_known(struct hkt__fd *e, bool tcp)
{
    e->known = true;
    e->tcp = tcp;
    e->ready = HKT__POLL_READ | HKT__POLL_WRITE;
}

int hkt__fd_meet(struct hkt_loop *loop, int fd, struct hkt__fd **entry)
{
    int rc = hkt__fd_entry(loop, fd, entry);

    if (rc < 0)
        return rc;
    rc = hkt__sys.set_nonblock(fd);
    if (rc == 0)
        now_known(*entry, hkt__sys.is_tcp(fd));
    return rc;
}

int hkt__fd_adopt(int fd, bool tcp)
{
    struct hkt__fd *e;
    int rc = hkt__fd_entry(hkt__loop, fd, &e);

    if (rc < 0)
        return rc;
    if (HKT_UNLIKELY(e->known || e->onces)) /* the former owner was closed behind our back */
        hkt__fd_forget(hkt__loop, fd);
    now_known(e, tcp);
    return 0;
}

/* Waiting */

int hkt__fd_register(struct hkt_loop *loop, int fd, struct hkt__fd *e, unsigned direction)
{
    const struct hkt__poller_ops *ops = loop->poller.ops;

    if (e->told & direction || e->always)
        return 0;
    if (e->onces)
        return -EBUSY;
    uint32_t what = HKT__POLL_READ | direction;
    int rc = ops->add(&loop->poller, fd, what, hkt__fd_token(fd, e));
    if (rc == -EPERM) {
        e->always = true;
        return 0;
    }
    if (rc == 0) {
        e->told = ops->both_ways ? HKT__POLL_READ | HKT__POLL_WRITE : (uint8_t)what;
        if (ops->urgent_unseen)
            e->ready |= HKT__POLL_HUP; /* as after a hang-up, short reads mean nothing */
    }
    return rc;
}

static void unlink_wait(struct hkt_loop *loop, struct hkt__fdwait *w)
{
    w->entry->waiting[w->side] = NULL;
    loop->fd_waiters--;
}

static bool abort_fdwait(struct hkt__wait *w)
{
    struct hkt__fdwait *own = (struct hkt__fdwait *)(void *)w;

    /* Not the loop that runs: one that has stopped cancels what is left of its tasks. */
    unlink_wait(hkt__job(own->task)->loop, own);
    return true;
}

static void move_fdwait(void *from, void *to)
{
    struct hkt__fdwait *w = to;

    (void)from;
    w->entry->waiting[w->side] = w;
}

static const struct hkt__wait_kind fdwait_kind = {
    .record = {move_fdwait, sizeof(struct hkt__fdwait)}, .abort = abort_fdwait};

/* Parks in the caller's frame, which is one less on the stack of each connection that waits. */
static inline int park_here(struct hkt__fdwait *w)
{
    const struct hkt_msg none = {NULL, 0};
    const struct hkt_ctx *next = hkt__park_begin(&w->wait);

    if (HKT_UNLIKELY(!next))
        return hkt__park(&w->wait);
    (void)hkt_ctx_switch(&w->task->coro.ctx, next, none);
    return hkt__park_end(&w->wait);
}

int hkt__fd_park(int fd, struct hkt__fd *e, unsigned direction, const char *why)
{
    struct hkt_loop *loop = hkt__loop;
    int side = side_of(direction);

    if (!loop->current)
        return -EPERM;
    if (e->waiting[side])
        return -EBUSY;
    struct hkt__fdwait w = {.wait = {.why = why, .kind = &fdwait_kind, .detail = fd},
                            .task = loop->current,
                            .entry = e,
                            .side = side};
    e->waiting[side] = &w;
    loop->fd_waiters++;
    return park_here(&w);
}

int hkt__fd_wait(int fd, unsigned direction, const char *why)
{
    struct hkt__fd *e;
    int rc = hkt__fd_get(hkt__loop, fd, &e);

    return rc < 0 ? rc : hkt__fd_wait_entry(fd, e, direction, why);
}

int hkt__fd_wait_entry(int fd, struct hkt__fd *e, unsigned direction, const char *why)
{
    struct hkt_loop *loop = hkt__loop;

    if (!loop->current)
        return -EPERM;
    if (e->waiting[side_of(direction)] || (direction == HKT__POLL_READ && e->inbox.armed))
        return -EBUSY;
    if (HKT_UNLIKELY(!(e->told & direction))) {
        int rc = hkt__fd_register(loop, fd, e, direction);
        if (rc < 0 || e->always)
            return rc;
        e->ready &= (uint8_t)~direction; /* its state comes as the first event */
    }
    if (e->ready & direction)
        return 0;
    return hkt__fd_park(fd, e, direction, why);
}

/* It runs when all events of the poll were looked at. */
static inline void wake_fetched(struct hkt_loop *loop, struct hkt_task *t, int rc)
{
    hkt__wake_on(loop, t, rc);
    hkt__fetch_stack(t);
}

static inline void wake_side(struct hkt_loop *loop, struct hkt__fd *e, int side, int rc)
{
    struct hkt__fdwait *w = e->waiting[side];

    if (!w)
        return;
    e->waiting[side] = NULL;
    loop->fd_waiters--;
    if (HKT_UNLIKELY(w->fn != NULL))
        w->fn(w, rc);
    else
        wake_fetched(loop, w->task, rc);
}

bool hkt__fd_has_ahead(const struct hkt__fd *e)
{
    return e->inbox.first || e->inbox.ended || hkt__accepted_ready(e);
}

int hkt__fd_look(int fd, unsigned direction)
{
    struct hkt__fd *e;
    int rc = hkt__fd_get(hkt__loop, fd, &e);

    if (rc < 0)
        return rc;
    if (e->waiting[side_of(direction)])
        return -EBUSY;
    if (direction == HKT__POLL_READ && hkt__fd_has_ahead(e))
        return 1;
    bool known = e->told & direction;
    rc = hkt__fd_register(hkt__loop, fd, e, direction);
    if (rc < 0 || e->always)
        return rc < 0 ? rc : 1;
    if (known && !(e->ready & direction))
        return 0;
    /* The hint may be stale, and who waits must not be told of nothing again and again. */
    if (hkt__sys.poll_ready(fd, direction == HKT__POLL_WRITE))
        return 1;
    e->ready &= (uint8_t)~direction;
    return 0;
}

int hkt__fd_watch(struct hkt__fdwait *w, int fd, unsigned direction,
                  void (*fn)(struct hkt__fdwait *w, int rc))
{
    struct hkt__fd *e = hkt__fd_find(hkt__loop, fd);

    if (e->waiting[side_of(direction)])
        return -EBUSY;
    *w = (struct hkt__fdwait){.entry = e, .fn = fn, .side = side_of(direction)};
    e->waiting[w->side] = w;
    hkt__loop->fd_waiters++;
    return 0;
}

void hkt__fd_unwatch(struct hkt_loop *loop, struct hkt__fdwait *w)
{
    unlink_wait(loop, w);
}

/* What came for a descriptor that was closed meanwhile. */
static void drop_stale(struct hkt_loop *loop, const struct hkt__event *event)
{
    if (event->buffer)
        loop->poller.ops->recycle(&loop->poller, event->buffer);
    if (event->what & HKT__POLL_ACCEPTED && event->result >= 0)
        (void)hkt__sys.close(event->result);
}

static inline void side_event(struct hkt_loop *loop, struct hkt__fd *e, int side)
{
    wake_side(loop, e, side, 0);
    if (HKT_UNLIKELY(e->called))
        hkt__fdcall_event(loop, e->call[side]);
}

/* What brings something: connections, or bytes. */
HKT__APART static void bringing_event(struct hkt_loop *loop, struct hkt__fd *e,
                                      const struct hkt__event *event)
{
    if (event->what & HKT__POLL_ACCEPTED)
        hkt__accepted_event(loop, e, event);
    else
        hkt__inbox_event(loop, e, event);
    side_event(loop, e, 0);
}

static inline void readiness_event(struct hkt_loop *loop, struct hkt__fd *e, uint32_t what)
{
    if (what & HKT__POLL_ERROR)
        what |= HKT__POLL_READ | HKT__POLL_WRITE;
    if (what & HKT__POLL_HUP)
        what |= HKT__POLL_READ;
    /* While it is received from, what there is to read comes that way. */
    e->ready |= (uint8_t)(e->inbox.armed ? what & ~(unsigned)HKT__POLL_READ : what);
    if (what & HKT__POLL_READ)
        side_event(loop, e, 0);
    if (what & HKT__POLL_WRITE)
        side_event(loop, e, 1);
}

/* The system has ended the registration. Whoever waits gets another, whose first event says what is
 * so by then; else the next who waits makes it. */
HKT__APART static void last_event(struct hkt_loop *loop, struct hkt__fd *e,
                                  const struct hkt__event *event)
{
    readiness_event(loop, e, event->what & ~(uint32_t)HKT__POLL_LAST);
    e->told = 0;
    if (!e->waiting[0] && !e->waiting[1] && !e->called)
        return;
    unsigned direction = e->waiting[1] || e->call[1] ? HKT__POLL_WRITE : HKT__POLL_READ;
    int rc = hkt__fd_register(loop, (int)(uint32_t)event->token, e, direction);
    if (rc == 0)
        return;
    wake_side(loop, e, 0, rc);
    wake_side(loop, e, 1, rc);
}

void hkt__fd_fetch(const struct hkt_loop *loop, const struct hkt__event *far,
                   const struct hkt__event *near)
{
    const struct hkt__fd *e = hkt__fd_find(loop, (int)(uint32_t)far->token);

    __builtin_prefetch(e, 1);
    e = hkt__fd_find(loop, (int)(uint32_t)near->token);
    if (e && e->waiting[0])
        __builtin_prefetch(&e->waiting[0]->task);
}

void hkt__fd_event(struct hkt_loop *loop, const struct hkt__event *event)
{
    uint32_t what = event->what;

    if (HKT_UNLIKELY(what & HKT__POLL_SENT)) {
        hkt__send_event(loop, event);
        return;
    }
    if (HKT_UNLIKELY(event->token & HKT__POLL_ONCE)) {
        hkt__once_event(loop, event);
        return;
    }
    struct hkt__fd *e = hkt__fd_find(loop, (int)(uint32_t)event->token);
    if (HKT_UNLIKELY(!e || (e->generation & GENERATION_MASK) != event->token >> 32)) {
        drop_stale(loop, event);
        return;
    }
    if (!(what & (HKT__POLL_ACCEPTED | HKT__POLL_DATA | HKT__POLL_LAST)))
        readiness_event(loop, e, what);
    else if (what & (HKT__POLL_ACCEPTED | HKT__POLL_DATA))
        bringing_event(loop, e, event);
    else
        last_event(loop, e, event);
}

void hkt__fd_forget(struct hkt_loop *loop, int fd)
{
    struct hkt__fd *e = fd >= 0 ? hkt__fd_find(loop, fd) : NULL;

    if (!e)
        return;
    wake_side(loop, e, 0, -ECANCELED);
    wake_side(loop, e, 1, -ECANCELED);
    if (e->told && loop->poller.ops->remove_before_close)
        loop->poller.ops->remove(&loop->poller, fd, hkt__fd_token(fd, e));
    for (int side = 0; HKT_UNLIKELY(e->called) && side < 2; side++)
        (void)hkt__fdcall_drop(loop, e, side);
    if (HKT_UNLIKELY(e->inbox.used))
        hkt__inbox_forget(loop, fd, e);
    if (HKT_UNLIKELY(e->accepted != NULL))
        hkt__accepted_forget(loop, fd, e);
    if (HKT_UNLIKELY(e->onces != NULL))
        hkt__onces_forget(loop, e);
    e->generation++;
    e->ready = 0;
    e->told = 0;
    e->known = e->always = e->borrowed = false;
}

void hkt__fd_give_back(struct hkt_loop *loop, int fd, struct hkt__fd *e)
{
    if (!e->borrowed || e->waiting[0] || e->waiting[1] || e->inbox.used || e->accepted)
        return;
    if (e->onces) { /* so it is not registered, and not known but for this */
        e->known = e->borrowed = false;
        return;
    }
    if (e->told && !loop->poller.ops->remove_before_close)
        loop->poller.ops->remove(&loop->poller, fd, hkt__fd_token(fd, e));
    hkt__fd_forget(loop, fd);
}
