/* SPDX-License-Identifier: MIT
 *
 * An epoll for each direction, because filters of one descriptor are independent of each other, and
 * an eventfd for the user event. The first epoll is the queue's descriptor.
 *
 * Triggering the user event is safe in other threads and in signal handlers; the rest belongs to
 * the thread that made the queue.
 */
#include "fake_kqueue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUEUES = 4, IDENTS = 4096, BATCH = 64 };
enum { READS, WRITES, SIDES };

struct note {
    bool used;
    fake_flags flags;
    fake_udata udata;
};

struct queue {
    atomic_int name; /* its descriptor, 0 when there is none */
    int side[SIDES];
    int user;
    int turn; /* which side is asked first, so that none starves */
    struct note notes[SIDES][IDENTS];
    struct note user_note;
};

static struct queue queues[QUEUES];

static struct queue *find(int name)
{
    for (int i = 0; name > 0 && i < QUEUES; i++)
        if (atomic_load(&queues[i].name) == name)
            return &queues[i];
    return NULL;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

int kqueue(void)
{
    struct queue *q = queues;

    while (q < queues + QUEUES && atomic_load(&q->name))
        q++;
    if (q == queues + QUEUES) {
        errno = ENFILE;
        return -1;
    }
    memset(q, 0, sizeof *q);
    q->side[READS] = epoll_create1(0);
    q->side[WRITES] = epoll_create1(0);
    q->user = eventfd(0, EFD_NONBLOCK);
    if (q->side[READS] < 0 || q->side[WRITES] < 0 || q->user < 0) {
        int error = errno;
        close_if_open(q->side[READS]);
        close_if_open(q->side[WRITES]);
        close_if_open(q->user);
        errno = error;
        return -1;
    }
    atomic_store(&q->name, q->side[READS]);
    return q->side[READS];
}

static void forget(struct queue *q, int side, int ident)
{
    struct epoll_event none = {0};

    if (q->notes[side][ident].used)
        epoll_ctl(q->side[side], EPOLL_CTL_DEL, ident, &none);
    q->notes[side][ident].used = false;
}

void kqueue_closing(int fd)
{
    struct queue *q = find(fd);

    if (q) {
        atomic_store(&q->name, 0);
        close(q->side[WRITES]);
        close(q->user);
    }
    for (q = queues; q < queues + QUEUES; q++) {
        for (int side = 0; atomic_load(&q->name) && side < SIDES; side++)
            if (fd >= 0 && fd < IDENTS)
                forget(q, side, fd);
    }
}

/* Changes: 0 or an error number */

static bool is_fifo(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Nobody can be at the other end of this pipe again. */
static bool is_broken_pipe(int fd)
{
    struct pollfd p = {.fd = fd};

    return is_fifo(fd) && poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP);
}

static int add(struct queue *q, int side, const struct kevent *k)
{
    struct note *note = &q->notes[side][k->ident];
    struct epoll_event e = {.events = side == READS ? EPOLLIN | EPOLLRDHUP : EPOLLOUT,
                            .data.fd = (int)k->ident};

    if (side == WRITES && is_broken_pipe((int)k->ident))
        return EPIPE;
    if (k->flags & EV_CLEAR)
        e.events |= EPOLLET;
    int op = note->used ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    /* EPERM: a file, which has a filter. It is taken as standing at its end. */
    if (epoll_ctl(q->side[side], op, (int)k->ident, &e) != 0 && errno != EPERM)
        return errno;
    note->used = true;
    note->flags = (fake_flags)(k->flags & (EV_CLEAR | EV_ONESHOT));
    note->udata = k->udata;
    return 0;
}

static int change_side(struct queue *q, int side, const struct kevent *k)
{
    if (k->ident >= IDENTS || fcntl((int)k->ident, F_GETFD) < 0)
        return EBADF;
    if (k->flags & EV_ADD)
        return add(q, side, k);
    if (!q->notes[side][k->ident].used)
        return ENOENT;
    if (k->flags & EV_DELETE)
        forget(q, side, (int)k->ident);
    return 0;
}

#if defined(EVFILT_USER)
static int change_user(struct queue *q, const struct kevent *k)
{
    const uint64_t one = 1;

    if (k->flags & EV_ADD)
        q->user_note = (struct note){true, k->flags & EV_CLEAR, k->udata};
    if (!q->user_note.used)
        return ENOENT;
    if (k->flags & EV_DELETE)
        q->user_note.used = false;
    if (k->fflags & NOTE_TRIGGER && write(q->user, &one, sizeof one) < 0)
        return errno;
    return 0;
}
#endif

static int change(struct queue *q, const struct kevent *k)
{
    if (k->flags & ~(EV_ADD | EV_DELETE | EV_ONESHOT | EV_CLEAR | EV_RECEIPT))
        return EINVAL; /* exists, but not here */
#if defined(EVFILT_USER)
    if (k->filter == EVFILT_USER)
        return change_user(q, k);
#endif
    if (k->filter == EVFILT_READ)
        return change_side(q, READS, k);
    if (k->filter == EVFILT_WRITE)
        return change_side(q, WRITES, k);
    return EINVAL;
}

/* Makes the changes. How many answers there are; -1 when one has no room. */
static int make_changes(struct queue *q, const struct kevent *changes, int n,
                        struct kevent *answers, int room)
{
    int answered = 0;

    for (int i = 0; i < n; i++) {
        struct kevent k = changes[i]; /* both lists may be one */
        int error = change(q, &k);
        if (error == 0 && !(k.flags & EV_RECEIPT))
            continue;
        if (answered < room) {
            k.flags = EV_ERROR;
            k.data = error;
            answers[answered++] = k;
        } else if (error != 0) {
            errno = error;
            return -1;
        }
    }
    return answered;
}

/* Events */

static bool listens(int fd)
{
    int is = 0;
    socklen_t size = sizeof is;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &size) == 0 && is;
}

static fake_data bytes_to_read(int fd)
{
    int n = 0;

    if (listens(fd))
        return 1;
    return ioctl(fd, FIONREAD, &n) == 0 ? n : 0;
}

static void describe(struct queue *q, int side, const struct epoll_event *e, struct kevent *k)
{
    struct note *note = &q->notes[side][e->data.fd];
    const bool ended = e->events & (EPOLLHUP | (side == READS ? EPOLLRDHUP : EPOLLERR));

    memset(k, 0, sizeof *k);
    k->ident = (uintptr_t)e->data.fd;
    k->filter = side == READS ? EVFILT_READ : EVFILT_WRITE;
    k->flags = note->flags;
    k->udata = note->udata;
    k->data = side == READS ? bytes_to_read(e->data.fd) : 4096;
    if (ended)
        k->flags |= EV_EOF;
    /* Which error cannot be asked without taking it away from the owner. */
    if (ended && e->events & EPOLLERR && !is_fifo(e->data.fd))
        k->fflags = ECONNRESET;
    if (note->flags & EV_ONESHOT)
        forget(q, side, e->data.fd);
}

static int collect_side(struct queue *q, int side, struct kevent *events, int room)
{
    struct epoll_event e[BATCH];
    int n = room > 0 ? epoll_wait(q->side[side], e, room < BATCH ? room : BATCH, 0) : 0;

    for (int i = 0; i < n; i++)
        describe(q, side, &e[i], &events[i]);
    return n > 0 ? n : 0;
}

static int collect_user(struct queue *q, struct kevent *events, int room)
{
#if defined(EVFILT_USER)
    uint64_t count;

    if (room > 0 && q->user_note.used && read(q->user, &count, sizeof count) > 0) {
        memset(events, 0, sizeof *events);
        events->filter = EVFILT_USER;
        events->flags = q->user_note.flags;
        events->udata = q->user_note.udata;
        return 1;
    }
#endif
    (void)q, (void)events, (void)room;
    return 0;
}

static int collect(struct queue *q, struct kevent *events, int room)
{
    int n = collect_user(q, events, room);
    int first = q->turn++ % SIDES;

    n += collect_side(q, first, events + n, room - n);
    return n + collect_side(q, !first, events + n, room - n);
}

static struct timespec in(const struct timespec *timeout)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout->tv_sec;
    t.tv_nsec += timeout->tv_nsec;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static struct timespec left_until(const struct timespec *deadline)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec = deadline->tv_sec - t.tv_sec;
    t.tv_nsec = deadline->tv_nsec - t.tv_nsec;
    if (t.tv_nsec < 0) {
        t.tv_sec--;
        t.tv_nsec += 1000000000;
    }
    return t.tv_sec < 0 ? (struct timespec){0, 0} : t;
}

/* 1: something may be there; 0: time is up; -1 */
static int sleep_until(struct queue *q, const struct timespec *deadline)
{
    struct pollfd p[] = {
        {q->side[READS], POLLIN, 0}, {q->side[WRITES], POLLIN, 0}, {q->user, POLLIN, 0}};
    struct timespec left;

    if (deadline)
        left = left_until(deadline);
    return ppoll(p, sizeof p / sizeof *p, deadline ? &left : NULL, NULL);
}

static int wait_events(struct queue *q, struct kevent *events, int room,
                       const struct timespec *timeout)
{
    struct timespec deadline;
    int more = 1;

    if (timeout)
        deadline = in(timeout);
    for (;;) {
        int n = collect(q, events, room);
        if (n > 0 || more == 0)
            return n;
        more = sleep_until(q, timeout ? &deadline : NULL);
        if (more < 0)
            return -1;
    }
}

int kevent(int kq, const struct kevent *changes, int change_count, struct kevent *events,
           int event_count, const struct timespec *timeout)
{
    struct queue *q = find(kq);

    if (!q) {
        errno = EBADF;
        return -1;
    }
    int answered = make_changes(q, changes, change_count, events, event_count);
    if (answered != 0 || event_count == 0)
        return answered;
    return wait_events(q, events, event_count, timeout);
}
