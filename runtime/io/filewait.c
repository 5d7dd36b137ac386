/* SPDX-License-Identifier: MIT
 *
 * Calls on files that the poller makes. It may be too late to stop one: then it has happened, and
 * says so, and the cancellation comes from the next call that may suspend.
 */
#include "fileop.h"
#include "sched/fdsend.h"

#include <sys/stat.h>

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

/* What the poller calls it. */
static const signed char words[] = {
    [HKT__FILE_OPEN] = HKT__POLL_OPEN,
    [HKT__FILE_READ] = HKT__POLL_PREAD,
    [HKT__FILE_WRITE] = HKT__POLL_PWRITE,
    [HKT__FILE_PREAD] = HKT__POLL_PREAD,
    [HKT__FILE_PWRITE] = HKT__POLL_PWRITE,
    [HKT__FILE_SYNC] = HKT__POLL_SYNC,
    [HKT__FILE_TRUNCATE] = -1,
    [HKT__FILE_STAT] = HKT__POLL_FSTAT,
    [HKT__FILE_PATH_STAT] = HKT__POLL_STAT,
    [HKT__FILE_PATH_LSTAT] = HKT__POLL_LSTAT,
    [HKT__FILE_RENAME] = HKT__POLL_RENAME,
    [HKT__FILE_UNLINK] = HKT__POLL_UNLINK,
    [HKT__FILE_MKDIR] = HKT__POLL_MKDIR,
    [HKT__FILE_RMDIR] = HKT__POLL_RMDIR,
};

/* false: it has no word for it. Offsets and descriptors below 0 are mistakes, and may mean
 * something else to it. */
static bool translate(const struct hkt__fileop *op, struct hkt__poll_file *f)
{
    if (words[op->what] < 0 || op->offset < 0 || op->fd < 0)
        return false;
    *f = (struct hkt__poll_file){.what = (enum hkt__poll_call)words[op->what],
                                 .fd = op->fd,
                                 .path = op->path,
                                 .to = op->to,
                                 .buf = op->buf,
                                 .size = op->size,
                                 .flags = op->flags,
                                 .mode = op->mode};
    f->offset = op->what == HKT__FILE_PREAD || op->what == HKT__FILE_PWRITE ? op->offset : -1;
    return true;
}

static ssize_t await_made(const struct hkt__poll_file *f, const char *why)
{
    struct hkt_task *self = hkt__task_self();
    struct wait_file w = {
        .wait = {.why = why, .kind = &file_kind, .detail = f->path ? -1 : f->fd, .keep = true},
        .task = self};

    if (self->coro.ctx.flags & HKT__CANCEL)
        return hkt__take_cancel(self);
    int rc = hkt__file_begin(&w.sending, f, on_made, &w);
    if (rc < 0)
        return -ENOSYS; /* for whatever reason: the pool can */
    (void)hkt__park(&w.wait);
    return w.result;
}

/* The system's form is larger than ours, and written while the task waits. Other calls do not have
 * it on their stacks. */
HKT__APART static ssize_t await_told(struct hkt__poll_file *f, struct hkt_stat *to, const char *why)
{
    struct hkt__poll_stat room = {{0}}; /* which checkers of memory do not see written */
    struct stat st;

    f->stat = &room;
    ssize_t rc = await_made(f, why);
    if (rc == 0) {
        hkt__loop->poller.ops->told(&room, &st);
        hkt__fileop_tell(&st, to);
    }
    return rc;
}

ssize_t hkt__fileop_await(const struct hkt__fileop *op, const char *why)
{
    struct hkt__poll_file f;

    if (!hkt__task_self())
        return -EPERM;
    if (!hkt__loop->poller.ops->file || !translate(op, &f))
        return -ENOSYS;
    if (f.what == HKT__POLL_FSTAT || f.what == HKT__POLL_STAT || f.what == HKT__POLL_LSTAT)
        return await_told(&f, op->st, why);
    return await_made(&f, why);
}
