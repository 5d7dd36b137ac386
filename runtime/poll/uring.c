/* SPDX-License-Identifier: MIT
 *
 * io_uring, through liburing. Readiness comes from multishot polls, edge triggered; bytes come from
 * multishot receives into buffers that all descriptors share; sends go out whole. One system call
 * submits what was asked for since the last and waits.
 *
 * A request holds its file: what is closed while a poll is armed sends no FIN until that poll is
 * cancelled. So remove() must come before close(), and goes by token, because the number may be
 * another file's by the time the kernel looks at it. For the same reason a poll that the kernel has
 * ended is not armed again here: only the loop knows whose the number is.
 */
#include "poller.h"
#include "uringfile.h"

#include "base/os.h"

#include <hocket/base.h>

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES = 512, COMPLETIONS = 8192, TRIES = 4, NAP_NS = 1000000 };

/* Tokens of our own; the loop's never have all of the upper half set. */
#define TOKEN_NOTIFY UINT64_MAX
#define TOKEN_IGNORE (UINT64_MAX - 1)
/* In one of a call on a file: it never went to the kernel. 0 is an answer there. */
#define TAKEN_BACK (UINT64_C(1) << 60)

/* Not POLLPRI: the kernel says it of any data that wakes a poll. */
#define EDGES (POLLIN | POLLOUT | POLLRDHUP)

/* Buffers for receives: pages of 4 KiB and a bit, so that their first lines, which are all that a
 * short message touches, do not compete for the same places in the cache. */
enum { BUFFERS = 256, BUFFER_SIZE = 4096, BUFFER_STRIDE = BUFFER_SIZE + 192, BUFFER_GROUP = 1 };

struct receiver {
    struct io_uring_buf_ring *ring;
    struct hkt__buffer buffers[BUFFERS];
    char data[BUFFERS][BUFFER_STRIDE];
};

struct uring {
    struct io_uring ring;
    struct receiver *receiver; /* made for the first receive */
    pid_t owner;               /* a fork()'s child shares the ring, and must not take from it */
    uint64_t words;            /* this kernel's; see uringfile.h */
    bool accepts;
    bool deaf;  /* the poll for notifications has ended */
    bool apart; /* it is not waited for in the call that submits: see wait_apart() */
};

static bool is_send(uint64_t token)
{
    return (token & HKT__POLL_SEND) == HKT__POLL_SEND;
}

static bool is_accept(uint64_t token)
{
    return !(token & HKT__POLL_ONCE) && token & HKT__POLL_ACCEPT;
}

static struct uring *self(struct hkt__poller *p)
{
    return p->impl;
}

static struct io_uring *ring_of(struct hkt__poller *p)
{
    return &((struct uring *)p->impl)->ring;
}

/* When the queue is full what is there goes to the kernel, which may have to get rid of completions
 * before it takes more. */
HKT__APART static struct io_uring_sqe *make_entry(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = NULL;

    (void)io_uring_submit(ring);
    for (int tries = 0; !(sqe = io_uring_get_sqe(ring)) && tries < TRIES; tries++)
        (void)io_uring_submit_and_get_events(ring);
    return sqe;
}

/* A free submission entry. */
static struct io_uring_sqe *entry(struct hkt__poller *p)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring_of(p));

    p->unsent = true;
    return HKT_LIKELY(sqe != NULL) ? sqe : make_entry(ring_of(p));
}

static int arm(struct hkt__poller *p, int fd, unsigned mask, uint64_t token)
{
    struct io_uring_sqe *sqe = entry(p);

    if (!sqe)
        return -ENOMEM;
    io_uring_prep_poll_multishot(sqe, fd, mask);
    io_uring_sqe_set_data64(sqe, token);
    return 0;
}

/* In vain now, it is tried again before the next wait. */
static int arm_notify(struct hkt__poller *p)
{
    int rc = arm(p, p->notify_fd, POLLIN, TOKEN_NOTIFY);

    self(p)->deaf = rc < 0;
    return rc;
}

/* The newest kernels run completions in the waiting thread only, without interrupting it. */
static int init_ring(struct io_uring *ring)
{
    static const unsigned flags[] = {
        IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN,
        IORING_SETUP_CQSIZE,
    };
    int rc = -ENOSYS;

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        struct io_uring_params params = {.flags = flags[i], .cq_entries = COMPLETIONS};
        rc = io_uring_queue_init_params(ENTRIES, ring, &params);
        if (rc != -EINVAL)
            break;
    }
    return rc;
}

static void free_receiver(struct receiver *r)
{
    if (!r)
        return;
    hkt__os.unmap(r->ring, BUFFERS * sizeof(struct io_uring_buf));
    hkt__os.unmap(r, sizeof *r);
}

/* What was accepted and nobody was told of yet, which would stay open for ever. All requests are
 * ended first, those that the kernel has not seen yet by never being sent. */
static void drop_accepted(struct io_uring *ring)
{
    struct io_uring_sync_cancel_reg all = {
        .fd = -1, .flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY};
    struct io_uring_cqe *cqe;
    unsigned head, seen;

    (void)io_uring_register_sync_cancel(ring, &all);
    do {
        (void)io_uring_get_events(ring);
        seen = 0;
        io_uring_for_each_cqe(ring, head, cqe)
        {
            seen++;
            if (is_accept(cqe->user_data) && cqe->res >= 0)
                close(cqe->res);
        }
        io_uring_cq_advance(ring, seen);
    } while (seen > 0);
}

static void uring_close(struct hkt__poller *p)
{
    if (self(p)->accepts && self(p)->owner == getpid())
        drop_accepted(ring_of(p));
    io_uring_queue_exit(ring_of(p));
    close(p->notify_fd);
    free_receiver(self(p)->receiver);
    free(p->impl);
    p->fd = p->notify_fd = -1;
}

static int uring_open(struct hkt__poller *p)
{
    struct uring *u = hkt__os.alloc(sizeof *u);

    if (!u)
        return -ENOMEM;
    p->impl = u;
    p->unsent = false;
    u->owner = getpid();
    u->apart = hkt__os_on_valgrind();
    p->notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rc = p->notify_fd < 0 ? -errno : init_ring(&u->ring);
    if (rc < 0) {
        if (p->notify_fd >= 0)
            close(p->notify_fd);
        free(u);
        return rc;
    }
    p->fd = u->ring.ring_fd;
    u->words = hkt__uring_words(&u->ring);
    rc = arm_notify(p);
    if (rc < 0)
        uring_close(p);
    return rc;
}

/* Multishot polls of files that are always ready would never stop. */
static int pollable(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -errno;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? -EPERM : 0;
}

static int uring_add(struct hkt__poller *p, int fd, uint32_t what, uint64_t token)
{
    int rc = pollable(fd);

    (void)what;
    return rc < 0 ? rc : arm(p, fd, EDGES, token);
}

static int uring_add_once(struct hkt__poller *p, int fd, uint32_t what, uint64_t token)
{
    unsigned mask =
        (what & HKT__POLL_READ ? POLLIN | POLLRDHUP : 0) | (what & HKT__POLL_WRITE ? POLLOUT : 0);
    int rc = pollable(fd);
    struct io_uring_sqe *sqe = rc < 0 ? NULL : entry(p);

    if (!sqe)
        return rc < 0 ? rc : -ENOMEM;
    io_uring_prep_poll_add(sqe, fd, mask);
    io_uring_sqe_set_data64(sqe, token);
    return 0;
}

static uint64_t taken_back(uint64_t token)
{
    return token & HKT__POLL_FILE ? TAKEN_BACK : 0;
}

/* What was asked for and has not gone to the kernel yet must not go: by then the number may be
 * another file's. So what it was shown and did not take counts too. A send still answers, because
 * its owner waits for that. */
static bool take_back(struct io_uring *ring, uint64_t token)
{
    struct io_uring_sq *sq = &ring->sq;

    for (unsigned i = io_uring_smp_load_acquire(sq->khead); i != sq->sqe_tail; i++) {
        struct io_uring_sqe *sqe = &sq->sqes[i & sq->ring_mask];
        if (sqe->user_data != token || sqe->opcode == IORING_OP_NOP)
            continue;
        io_uring_prep_nop(sqe);
        io_uring_sqe_set_data64(sqe, is_send(token) ? token | taken_back(token) : TOKEN_IGNORE);
        return true;
    }
    return false;
}

/* Past a queue that does not move. What is being carried out already is not waited for. */
HKT__APART static void cancel_now(struct io_uring *ring, uint64_t token)
{
    struct io_uring_sync_cancel_reg one = {.addr = token, .fd = -1};

    (void)io_uring_register_sync_cancel(ring, &one);
    (void)io_uring_get_events(ring);
}

static void cancel_later(struct hkt__poller *p, uint64_t token)
{
    struct io_uring_sqe *sqe = entry(p);

    if (HKT_UNLIKELY(!sqe)) {
        cancel_now(ring_of(p), token);
        return;
    }
    io_uring_prep_cancel64(sqe, token, 0);
    io_uring_sqe_set_data64(sqe, TOKEN_IGNORE);
}

/* A listener's port, or a bound one, is free only when no request holds the file any more, so the
 * kernel is told at once. A connection can wait for the loop's next call. */
static bool holds_a_port(uint64_t token)
{
    return !(token & (HKT__POLL_RECEIVE | HKT__POLL_ONCE));
}

static void uring_remove(struct hkt__poller *p, int fd, uint64_t token)
{
    (void)fd;
    if (take_back(ring_of(p), token))
        return;
    cancel_later(p, token);
    if (holds_a_port(token))
        io_uring_submit_and_get_events(ring_of(p));
}

/* Receiving and sending */

static void offer(struct receiver *r, struct hkt__buffer *b)
{
    const int mask = io_uring_buf_ring_mask(BUFFERS);
    unsigned short i = (unsigned short)(b - r->buffers);

    io_uring_buf_ring_add(r->ring, b->data, BUFFER_SIZE, i, mask, 0);
    io_uring_buf_ring_advance(r->ring, 1);
}

static int register_receiver(struct io_uring *ring, struct receiver *r)
{
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)r->ring, .ring_entries = BUFFERS, .bgid = BUFFER_GROUP};
    int rc = io_uring_register_buf_ring(ring, &reg, 0);

    if (rc < 0)
        return rc;
    io_uring_buf_ring_init(r->ring);
    for (int i = 0; i < BUFFERS; i++) {
        r->buffers[i].data = r->data[i];
        offer(r, &r->buffers[i]);
    }
    return 0;
}

static int make_receiver(struct uring *u)
{
    struct receiver *r = hkt__os.map(sizeof *r);
    int rc = -ENOMEM;

    if (!r)
        return rc;
    r->ring = hkt__os.map(BUFFERS * sizeof(struct io_uring_buf));
    if (r->ring)
        rc = register_receiver(&u->ring, r);
    if (rc == 0) {
        u->receiver = r;
        return 0;
    }
    if (r->ring)
        hkt__os.unmap(r->ring, BUFFERS * sizeof(struct io_uring_buf));
    hkt__os.unmap(r, sizeof *r);
    return rc;
}

static int uring_receive(struct hkt__poller *p, int fd, uint64_t token)
{
    int rc = self(p)->receiver ? 0 : make_receiver(self(p));
    struct io_uring_sqe *sqe = rc < 0 ? NULL : entry(p);

    if (!sqe)
        return rc < 0 ? rc : -ENOMEM;
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    io_uring_sqe_set_data64(sqe, token | HKT__POLL_RECEIVE);
    return 0;
}

static int uring_accept(struct hkt__poller *p, int fd, uint64_t token)
{
    struct io_uring_sqe *sqe = entry(p);

    if (!sqe)
        return -ENOMEM;
    io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, token | HKT__POLL_ACCEPT);
    self(p)->accepts = true;
    return 0;
}

static void uring_recycle(struct hkt__poller *p, struct hkt__buffer *b)
{
    offer(self(p)->receiver, b);
}

static int uring_send(struct hkt__poller *p, int fd, const void *data, size_t size, uint64_t token)
{
    struct io_uring_sqe *sqe = entry(p);

    if (!sqe)
        return -ENOMEM;
    io_uring_prep_send(sqe, fd, data, size, MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data64(sqe, token);
    return 0;
}

static int uring_file(struct hkt__poller *p, const struct hkt__poll_file *f, uint64_t token)
{
    if (!hkt__uring_file_known(self(p)->words, f))
        return -ENOSYS;
    struct io_uring_sqe *sqe = entry(p);
    if (!sqe)
        return -ENOMEM;
    hkt__uring_file_prepare(sqe, f);
    io_uring_sqe_set_data64(sqe, token);
    return 0;
}

/* Completions */

static struct hkt__buffer *filled(struct receiver *r, const struct io_uring_cqe *cqe)
{
    if (!(cqe->flags & IORING_CQE_F_BUFFER))
        return NULL;
    struct hkt__buffer *b = &r->buffers[cqe->flags >> IORING_CQE_BUFFER_SHIFT];
    b->start = 0;
    b->end = (uint32_t)cqe->res;
    return b;
}

static uint32_t translate(int res)
{
    uint32_t what = 0;

    if (res < 0)
        return HKT__POLL_ERROR;
    if (res & POLLIN)
        what |= HKT__POLL_READ;
    if (res & POLLOUT)
        what |= HKT__POLL_WRITE;
    if (res & (POLLRDHUP | POLLHUP))
        what |= HKT__POLL_HUP | HKT__POLL_READ;
    if (res & POLLERR)
        what |= HKT__POLL_ERROR;
    return what;
}

static void drain_notify(struct hkt__poller *p, bool more)
{
    uint64_t count;

    while (read(p->notify_fd, &count, sizeof count) > 0)
        ;
    if (!more)
        (void)arm_notify(p);
}

static bool is_operation(uint64_t token)
{
    if (token == TOKEN_NOTIFY)
        return false;
    if (token & HKT__POLL_ONCE)
        return is_send(token);
    return (token & (HKT__POLL_RECEIVE | HKT__POLL_ACCEPT)) != 0;
}

static void take_operation(struct uring *u, const struct io_uring_cqe *cqe,
                           struct hkt__event *event)
{
    if (is_send(event->token)) {
        event->what = HKT__POLL_SENT;
        if (event->token & HKT__POLL_FILE ? event->token & TAKEN_BACK : cqe->res == 0)
            event->result = -ECANCELED;
        event->token &= ~TAKEN_BACK;
        return;
    }
    event->what = cqe->flags & IORING_CQE_F_MORE ? 0 : HKT__POLL_LAST;
    if (is_accept(event->token)) {
        event->what |= HKT__POLL_ACCEPTED;
    } else {
        event->what |= HKT__POLL_DATA;
        event->buffer = filled(u->receiver, cqe);
    }
    event->token &= ~(HKT__POLL_RECEIVE | HKT__POLL_ACCEPT);
}

/* One completion. Whether it is an event for the loop. */
static bool take(struct hkt__poller *p, const struct io_uring_cqe *cqe, struct hkt__event *event)
{
    bool more = cqe->flags & IORING_CQE_F_MORE;

    if (cqe->user_data == TOKEN_IGNORE)
        return false;
    *event = (struct hkt__event){.token = cqe->user_data, .result = cqe->res};
    if (is_operation(cqe->user_data)) {
        take_operation(self(p), cqe, event);
        return true;
    }
    if (cqe->res == -ECANCELED)
        return false;
    if (cqe->user_data == TOKEN_NOTIFY) {
        drain_notify(p, more);
        *event = (struct hkt__event){.what = HKT__POLL_NOTIFY};
        return true;
    }
    event->what = translate(cqe->res);
    if (!more && !(cqe->user_data & HKT__POLL_ONCE))
        event->what |= HKT__POLL_LAST;
    return true;
}

/* Valgrind does not know that a thread may block in io_uring_enter(), and lets no other one run
 * meanwhile, among them those that this one waits for. So it sleeps elsewhere; and looks up every
 * now and then, because completions are deferred until it does. */
HKT__APART static int wait_apart(struct io_uring *ring, int64_t timeout_ns)
{
    const int64_t end = timeout_ns < 0 ? INT64_MAX : hkt__os.now() + timeout_ns;
    int rc = io_uring_submit_and_get_events(ring);

    while (rc >= 0 && !io_uring_cq_ready(ring)) {
        int64_t left = end - hkt__os.now();
        const struct timespec nap = {0, left < NAP_NS ? left : NAP_NS};
        if (left <= 0)
            return 0;
        rc = nanosleep(&nap, NULL) < 0 ? -errno : io_uring_get_events(ring);
    }
    return rc;
}

static int submit_and_wait(struct uring *u, int64_t timeout_ns)
{
    struct io_uring *ring = &u->ring;
    struct io_uring_cqe *cqe;

    if (timeout_ns == 0)
        return io_uring_submit_and_get_events(ring);
    if (HKT_UNLIKELY(u->apart))
        return wait_apart(ring, timeout_ns);
    if (timeout_ns < 0)
        return io_uring_submit_and_wait(ring, 1);
    struct __kernel_timespec ts = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    return io_uring_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL);
}

static int uring_wait(struct hkt__poller *p, struct hkt__event *events, int most,
                      int64_t timeout_ns)
{
    struct io_uring *ring = ring_of(p);
    unsigned head, seen = 0;
    struct io_uring_cqe *cqe;
    int n = 0;

    if (HKT_UNLIKELY(self(p)->deaf) && arm_notify(p) < 0)
        timeout_ns = 0;
    int rc = submit_and_wait(self(p), io_uring_cq_ready(ring) ? 0 : timeout_ns);
    p->unsent = io_uring_sq_ready(ring) > 0; /* it stops at one that fails, as a path that is "" */
    if (rc < 0 && rc != -ETIME && rc != -EINTR && rc != -EBUSY && rc != -EAGAIN)
        return rc;
    io_uring_for_each_cqe(ring, head, cqe)
    {
        if (n == most)
            break;
        seen++;
        n += take(p, cqe, &events[n]);
    }
    io_uring_cq_advance(ring, seen);
    return n;
}

static void uring_notify(struct hkt__poller *p)
{
    uint64_t one = 1;
    ssize_t n = write(p->notify_fd, &one, sizeof one);

    (void)n; /* full means that it is notified already */
}

const struct hkt__poller_ops hkt__poller_uring = {
    .name = "io_uring",
    .remove_before_close = true,
    .both_ways = true,
    .urgent_unseen = true,
    .open = uring_open,
    .close = uring_close,
    .add = uring_add,
    .add_once = uring_add_once,
    .remove = uring_remove,
    .wait = uring_wait,
    .notify = uring_notify,
    .receive = uring_receive,
    .recycle = uring_recycle,
    .accept = uring_accept,
    .send = uring_send,
    .file = uring_file,
    .told = hkt__uring_file_told,
};
