/* SPDX-License-Identifier: MIT
 *
 * Calls on files and paths.
 */
#include "fileop.h"
#include "pool.h"

#include <hocket/file.h>

static int run(void *op)
{
    hkt__fileop_run(op);
    return 0;
}

/* By the poller, or else in the pool. The task waits also when it is cancelled, once the call has
 * begun: what it works on may be on the task's stack. */
static ssize_t await(struct hkt__fileop *op, const char *why)
{
    ssize_t rc = hkt__fileop_await(op, why);

    if (rc != -ENOSYS)
        return rc;
    rc = hkt__run_blocking(run, op, why);
    return rc < 0 ? rc : op->result;
}

/* What names its file. */
static ssize_t await_path(struct hkt__fileop *op, const char *why)
{
    return op->path ? await(op, why) : -EINVAL;
}

int hkt_file_open(const char *path, int flags, unsigned mode)
{
    struct hkt__fileop op = {.what = HKT__FILE_OPEN, .path = path, .flags = flags, .mode = mode};

    return (int)await_path(&op, "open");
}

ssize_t hkt_file_read(int fd, void *buf, size_t size)
{
    struct hkt__fileop op = {.what = HKT__FILE_READ, .fd = fd, .buf = buf, .size = size};

    return await(&op, "file read");
}

ssize_t hkt_file_write(int fd, const void *buf, size_t size)
{
    struct hkt__fileop op = {.what = HKT__FILE_WRITE, .fd = fd, .data = buf, .size = size};

    return await(&op, "file write");
}

ssize_t hkt_file_pread(int fd, void *buf, size_t size, int64_t offset)
{
    struct hkt__fileop op = {
        .what = HKT__FILE_PREAD, .fd = fd, .buf = buf, .size = size, .offset = offset};

    return await(&op, "file read");
}

ssize_t hkt_file_pwrite(int fd, const void *buf, size_t size, int64_t offset)
{
    struct hkt__fileop op = {
        .what = HKT__FILE_PWRITE, .fd = fd, .data = buf, .size = size, .offset = offset};

    return await(&op, "file write");
}

int hkt_file_sync(int fd)
{
    struct hkt__fileop op = {.what = HKT__FILE_SYNC, .fd = fd};

    return (int)await(&op, "fsync");
}

int hkt_file_truncate(int fd, int64_t size)
{
    struct hkt__fileop op = {.what = HKT__FILE_TRUNCATE, .fd = fd, .offset = size};

    return (int)await(&op, "truncate");
}

int hkt_file_stat(int fd, struct hkt_stat *st)
{
    struct hkt__fileop op = {.what = HKT__FILE_STAT, .fd = fd, .st = st};

    return st ? (int)await(&op, "stat") : -EINVAL;
}

int hkt_path_stat(const char *path, struct hkt_stat *st)
{
    struct hkt__fileop op = {.what = HKT__FILE_PATH_STAT, .path = path, .st = st};

    return st ? (int)await_path(&op, "stat") : -EINVAL;
}

int hkt_path_lstat(const char *path, struct hkt_stat *st)
{
    struct hkt__fileop op = {.what = HKT__FILE_PATH_LSTAT, .path = path, .st = st};

    return st ? (int)await_path(&op, "stat") : -EINVAL;
}

int hkt_path_rename(const char *from, const char *to)
{
    struct hkt__fileop op = {.what = HKT__FILE_RENAME, .path = from, .to = to};

    return to ? (int)await_path(&op, "rename") : -EINVAL;
}

int hkt_path_unlink(const char *path)
{
    struct hkt__fileop op = {.what = HKT__FILE_UNLINK, .path = path};

    return (int)await_path(&op, "unlink");
}

int hkt_path_mkdir(const char *path, unsigned mode)
{
    struct hkt__fileop op = {.what = HKT__FILE_MKDIR, .path = path, .mode = mode};

    return (int)await_path(&op, "mkdir");
}

int hkt_path_rmdir(const char *path)
{
    struct hkt__fileop op = {.what = HKT__FILE_RMDIR, .path = path};

    return (int)await_path(&op, "rmdir");
}
