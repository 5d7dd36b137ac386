/* SPDX-License-Identifier: MIT
 *
 * Calls on files that the poller makes. It may be too late to stop one: then it has happened, and
 * says so, and the cancellation comes from the next call that may suspend.
 */
#include "fileop.h"
#include "sched/fdsend.h"

struct wait_file {
    struct hkt__wait wait;
    struct hkt_sending sending;
    struct hkt_task *task;
    ssize_t result;
    bool cancelled;
};

/* What has not happened, for whatever reason: then the pool is to do it, unless nobody wants it. A
 * file that is marked as non-blocking is answered -EAGAIN where a disk would have to be waited for.
 */
static ssize_t undone(const struct wait_file *w, ssize_t result)
{
    if (result != -EINTR && result != -EAGAIN)
        return result;
    return w->cancelled ? -ECANCELED : -ENOSYS;
}

static void on_made(void *arg, ssize_t result)
{
    struct wait_file *w = arg;

    result = undone(w, result);
    w->result = result;
    if (w->cancelled && result != -ECANCELED)
        w->task->coro.ctx.flags |= HKT__CANCEL;
    hkt__wake(w->task, 0);
}

static bool abort_file(struct hkt__wait *wait)
{
    struct wait_file *w = (struct wait_file *)(void *)wait;

    w->cancelled = true;
    hkt__send_cancel(&w->sending);
    return false;
}

static const struct hkt__wait_kind file_kind = {.abort = abort_file, .pinned = true};

/* false: the poller has no word for it. */
static bool translate(const struct hkt__fileop *op, struct hkt__poll_file *f)
{
    if (op->offset < 0)
        return false; /* which means something else to it */
    *f = (struct hkt__poll_file){.fd = op->fd, .path = op->path, .buf = op->buf, .size = op->size};
    f->offset = op->what == HKT__FILE_PREAD || op->what == HKT__FILE_PWRITE ? op->offset : -1;
    f->flags = op->flags;
    f->mode = op->mode;
    switch (op->what) {
    case HKT__FILE_OPEN:
        f->what = HKT__POLL_OPEN;
        return true;
    case HKT__FILE_READ:
    case HKT__FILE_PREAD:
        f->what = HKT__POLL_PREAD;
        return true;
    case HKT__FILE_WRITE:
    case HKT__FILE_PWRITE:
        f->what = HKT__POLL_PWRITE;
        return true;
    case HKT__FILE_SYNC:
        f->what = HKT__POLL_SYNC;
        return true;
    default:
        return false;
    }
}

ssize_t hkt__fileop_await(const struct hkt__fileop *op, const char *why)
{
    struct hkt_task *self = hkt__task_self();
    struct hkt__poll_file f;

    if (!self)
        return -EPERM;
    if (!hkt__loop->poller.ops->file || !translate(op, &f))
        return -ENOSYS;
    if (self->coro.ctx.flags & HKT__CANCEL)
        return hkt__take_cancel(self);
    struct wait_file w = {.wait = {.why = why, .kind = &file_kind, .detail = op->fd, .keep = true},
                          .task = self};
    int rc = hkt__file_begin(&w.sending, &f, on_made, &w);
    if (rc < 0)
        return -ENOSYS; /* for whatever reason: the pool can */
    (void)hkt__park(&w.wait);
    return w.result;
}
