/* SPDX-License-Identifier: MIT
 *
 * From a file to a socket. A thread of the pool makes the call, because it may have to wait for the
 * disk; the socket does not block, and when it is full the task waits for it in the loop. The
 * thread works on a duplicate of the socket: the number may be closed meanwhile, and be another's.
 */
#include "attempt.h"
#include "pool.h"

#include "base/sys.h"

#include <hocket/file.h>
#include <hocket/io.h>

#include <fcntl.h>
#include <unistd.h>

/* So much at a time, so that a cancelled task need not wait for a slow disk for long. */
enum { MOST = 1 << 20, COPIED = 1 << 16 };

struct piece {
    int socket, file;
    int64_t offset;
    size_t size, done;
    char *buf; /* where the system does not send files by itself */
    ssize_t n;
};

static size_t next_size(const struct piece *p, size_t most)
{
    return p->size - p->done < most ? p->size - p->done : most;
}

static int send_some(void *arg)
{
    struct piece *p = arg;

    do
        p->n = hkt__sys.sendfile(p->socket, p->file, &p->offset, next_size(p, MOST));
    while (p->n == -EINTR);
    return 0;
}

static int read_some(void *arg)
{
    struct piece *p = arg;

    do
        p->n = pread(p->file, p->buf, next_size(p, COPIED), (off_t)p->offset);
    while (p->n < 0 && errno == EINTR);
    if (p->n < 0)
        p->n = -errno;
    return 0;
}

/* The thread found the socket full, perhaps some time ago: since then it may have said that it is
 * not, so that is looked at anew, in the loop, where nothing comes between. */
static void note_full(struct hkt__attempt *a)
{
    if (!hkt__sys.poll_ready(a->number, true))
        a->fd->ready &= (uint8_t)~HKT__POLL_WRITE;
}

/* One piece. 1: more may follow; 0: the file ends; or the error. */
static int send_piece(struct piece *p, struct hkt__attempt *a)
{
    int rc = hkt__attempt_ready(a);

    if (rc == 0)
        rc = hkt__run_blocking(send_some, p, "sendfile");
    if (rc < 0)
        return rc;
    if (p->n > 0)
        p->done += (size_t)p->n;
    if (a->fd->generation != a->generation)
        return -ECANCELED;
    if (p->n == -EAGAIN)
        note_full(a);
    return p->n > 0 || p->n == -EAGAIN ? 1 : (int)p->n;
}

/* The same by way of memory. */
static int copy_piece(struct piece *p, struct hkt__attempt *a)
{
    size_t sent = 0;
    int rc = hkt__run_blocking(read_some, p, "sendfile");

    if (rc < 0)
        return rc;
    if (a->fd->generation != a->generation)
        return -ECANCELED;
    if (p->n <= 0)
        return (int)p->n;
    rc = hkt_write_all(a->number, p->buf, (size_t)p->n, &sent);
    p->done += sent;
    p->offset += (int64_t)sent;
    return rc < 0 ? rc : 1;
}

static int send_all(struct piece *p, struct hkt__attempt *a,
                    int (*one)(struct piece *p, struct hkt__attempt *a))
{
    int rc;

    do
        rc = p->done < p->size ? one(p, a) : 0;
    while (rc > 0);
    return rc;
}

static int copy_all(struct piece *p, struct hkt__attempt *a)
{
    p->buf = hkt_alloc(COPIED);
    if (!p->buf)
        return -ENOMEM;
    int rc = send_all(p, a, copy_piece);
    hkt_dealloc(p->buf);
    return rc;
}

int hkt_sendfile(int socket, int file, int64_t offset, size_t size, size_t *done)
{
    struct piece p = {.file = file, .offset = offset, .size = size};
    struct hkt__attempt a;

    if (done)
        *done = 0;
    int rc = hkt__attempt_begin(&a, socket, HKT__POLL_WRITE, "sendfile");
    if (rc < 0)
        return rc;
    p.socket = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (p.socket < 0)
        return -errno;
    rc = send_all(&p, &a, send_piece);
    (void)hkt__sys.close(p.socket);
    if (rc == -ENOSYS)
        rc = copy_all(&p, &a);
    if (done)
        *done = p.done;
    return rc;
}
