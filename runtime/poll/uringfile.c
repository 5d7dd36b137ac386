/* SPDX-License-Identifier: MIT */
#include "uringfile.h"

#include <fcntl.h>
#include <liburing.h>
#include <sys/sysmacros.h>

enum { MOST_OF_FILE = 1 << 30, WORDS = 64 };

static const uint8_t opcodes[] = {
    [HKT__POLL_OPEN] = IORING_OP_OPENAT,     [HKT__POLL_PREAD] = IORING_OP_READ,
    [HKT__POLL_PWRITE] = IORING_OP_WRITE,    [HKT__POLL_SYNC] = IORING_OP_FSYNC,
    [HKT__POLL_FSTAT] = IORING_OP_STATX,     [HKT__POLL_STAT] = IORING_OP_STATX,
    [HKT__POLL_LSTAT] = IORING_OP_STATX,     [HKT__POLL_RENAME] = IORING_OP_RENAMEAT,
    [HKT__POLL_UNLINK] = IORING_OP_UNLINKAT, [HKT__POLL_RMDIR] = IORING_OP_UNLINKAT,
    [HKT__POLL_MKDIR] = IORING_OP_MKDIRAT,
};
_Static_assert((int)IORING_OP_MKDIRAT < WORDS, "the last of them has a bit");
_Static_assert(sizeof(struct statx) <= sizeof(struct hkt__poll_stat), "there is room for it");

uint64_t hkt__uring_words(struct io_uring *ring)
{
    union {
        struct io_uring_probe probe;
        char room[sizeof(struct io_uring_probe) + WORDS * sizeof(struct io_uring_probe_op)];
    } u = {.room = ""};
    uint64_t words = 0;

    if (io_uring_register_probe(ring, &u.probe, WORDS) < 0)
        return 0;
    for (unsigned i = 0; i < u.probe.ops_len && i < WORDS; i++)
        if (u.probe.ops[i].flags & IO_URING_OP_SUPPORTED)
            words |= UINT64_C(1) << i;
    return words;
}

bool hkt__uring_file_known(uint64_t words, const struct hkt__poll_file *f)
{
    return words >> opcodes[f->what] & 1;
}

/* As stat(2), which mounts nothing. */
static void prepare_stat(struct io_uring_sqe *sqe, int dir, const char *path, int flags,
                         struct hkt__poll_stat *room)
{
    io_uring_prep_statx(sqe, dir, path, flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
                        (struct statx *)(void *)room);
}

void hkt__uring_file_prepare(struct io_uring_sqe *sqe, const struct hkt__poll_file *f)
{
    const unsigned size = f->size < MOST_OF_FILE ? (unsigned)f->size : MOST_OF_FILE;

    switch (f->what) {
    case HKT__POLL_OPEN:
        io_uring_prep_openat(sqe, AT_FDCWD, f->path, f->flags | O_CLOEXEC, (mode_t)f->mode);
        break;
    case HKT__POLL_PREAD:
        io_uring_prep_read(sqe, f->fd, f->buf, size, (__u64)f->offset);
        break;
    case HKT__POLL_PWRITE:
        io_uring_prep_write(sqe, f->fd, f->buf, size, (__u64)f->offset);
        break;
    case HKT__POLL_SYNC:
        io_uring_prep_fsync(sqe, f->fd, 0);
        break;
    case HKT__POLL_FSTAT:
        prepare_stat(sqe, f->fd, "", AT_EMPTY_PATH, f->stat);
        break;
    case HKT__POLL_STAT:
        prepare_stat(sqe, AT_FDCWD, f->path, 0, f->stat);
        break;
    case HKT__POLL_LSTAT:
        prepare_stat(sqe, AT_FDCWD, f->path, AT_SYMLINK_NOFOLLOW, f->stat);
        break;
    case HKT__POLL_RENAME:
        io_uring_prep_renameat(sqe, AT_FDCWD, f->path, AT_FDCWD, f->to, 0);
        break;
    case HKT__POLL_UNLINK:
        io_uring_prep_unlinkat(sqe, AT_FDCWD, f->path, 0);
        break;
    case HKT__POLL_RMDIR:
        io_uring_prep_unlinkat(sqe, AT_FDCWD, f->path, AT_REMOVEDIR);
        break;
    case HKT__POLL_MKDIR:
        io_uring_prep_mkdirat(sqe, AT_FDCWD, f->path, (mode_t)f->mode);
        break;
    }
}

static struct timespec time_of(struct statx_timestamp t)
{
    return (struct timespec){.tv_sec = (time_t)t.tv_sec, .tv_nsec = (long)t.tv_nsec};
}

void hkt__uring_file_told(const struct hkt__poll_stat *from, struct stat *to)
{
    const struct statx *x = (const struct statx *)(const void *)from;

    *to = (struct stat){
        .st_dev = makedev(x->stx_dev_major, x->stx_dev_minor),
        .st_ino = (ino_t)x->stx_ino,
        .st_nlink = x->stx_nlink,
        .st_rdev = makedev(x->stx_rdev_major, x->stx_rdev_minor),
        .st_mode = x->stx_mode,
        .st_uid = x->stx_uid,
        .st_gid = x->stx_gid,
        .st_size = (off_t)x->stx_size,
        .st_blocks = (blkcnt_t)x->stx_blocks,
        .st_atim = time_of(x->stx_atime),
        .st_mtim = time_of(x->stx_mtime),
        .st_ctim = time_of(x->stx_ctime),
    };
}
