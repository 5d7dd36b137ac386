/* SPDX-License-Identifier: MIT */
#include "fileop.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__APPLE__)
#define ATIM st_atimespec
#define MTIM st_mtimespec
#define CTIM st_ctimespec
#else
#define ATIM st_atim
#define MTIM st_mtim
#define CTIM st_ctim
#endif

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void hkt__fileop_tell(const struct stat *from, struct hkt_stat *to)
{
    *to = (struct hkt_stat){
        .dev = (uint64_t)from->st_dev,
        .ino = (uint64_t)from->st_ino,
        .nlink = (uint64_t)from->st_nlink,
        .rdev = (uint64_t)from->st_rdev,
        .mode = (uint32_t)from->st_mode,
        .uid = (uint32_t)from->st_uid,
        .gid = (uint32_t)from->st_gid,
        .size = (int64_t)from->st_size,
        .blocks = (int64_t)from->st_blocks,
        .atime_ns = nanoseconds(from->ATIM),
        .mtime_ns = nanoseconds(from->MTIM),
        .ctime_ns = nanoseconds(from->CTIM),
    };
}

static int tell(int rc, const struct stat *from, struct hkt_stat *to)
{
    if (rc == 0)
        hkt__fileop_tell(from, to);
    return rc;
}

static ssize_t on_file(const struct hkt__fileop *op)
{
    struct stat st;

    switch (op->what) {
    case HKT__FILE_READ:
        return read(op->fd, op->buf, op->size);
    case HKT__FILE_WRITE:
        return write(op->fd, op->data, op->size);
    case HKT__FILE_PREAD:
        return pread(op->fd, op->buf, op->size, (off_t)op->offset);
    case HKT__FILE_PWRITE:
        return pwrite(op->fd, op->data, op->size, (off_t)op->offset);
    case HKT__FILE_SYNC:
        return fsync(op->fd);
    case HKT__FILE_TRUNCATE:
        return ftruncate(op->fd, (off_t)op->offset);
    default:
        return tell(fstat(op->fd, &st), &st, op->st);
    }
}

static ssize_t on_path(const struct hkt__fileop *op)
{
    struct stat st;

    switch (op->what) {
    case HKT__FILE_OPEN:
        return open(op->path, op->flags | O_CLOEXEC, (mode_t)op->mode);
    case HKT__FILE_PATH_STAT:
        return tell(stat(op->path, &st), &st, op->st);
    case HKT__FILE_PATH_LSTAT:
        return tell(lstat(op->path, &st), &st, op->st);
    case HKT__FILE_RENAME:
        return rename(op->path, op->to);
    case HKT__FILE_UNLINK:
        return unlink(op->path);
    case HKT__FILE_MKDIR:
        return mkdir(op->path, (mode_t)op->mode);
    default:
        return rmdir(op->path);
    }
}

void hkt__fileop_run(struct hkt__fileop *op)
{
    do {
        ssize_t rc = op->path ? on_path(op) : on_file(op);
        op->result = rc < 0 ? -errno : rc;
    } while (op->result == -EINTR);
}
