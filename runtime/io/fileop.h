/* SPDX-License-Identifier: MIT
 *
 * One call on a file, as data, so that it can be made elsewhere.
 */
#ifndef HOCKET_IO_FILEOP_H
#define HOCKET_IO_FILEOP_H

#include <hocket/file.h>

enum hkt__file_what {
    HKT__FILE_OPEN,
    HKT__FILE_READ,
    HKT__FILE_WRITE,
    HKT__FILE_PREAD,
    HKT__FILE_PWRITE,
    HKT__FILE_SYNC,
    HKT__FILE_TRUNCATE,
    HKT__FILE_STAT,
    HKT__FILE_PATH_STAT,
    HKT__FILE_PATH_LSTAT,
    HKT__FILE_RENAME,
    HKT__FILE_UNLINK,
    HKT__FILE_MKDIR,
    HKT__FILE_RMDIR,
};

struct hkt__fileop {
    enum hkt__file_what what;
    int fd;
    const char *path, *to;
    union {
        void *buf;
        const void *data;
        struct hkt_stat *st;
    };
    size_t size;
    int64_t offset; /* or length */
    int flags;
    unsigned mode;
    ssize_t result; /* a count, a descriptor, or -errno */
};

/* What stat(2) said, as hocket says it. */
struct stat;
void hkt__fileop_tell(const struct stat *from, struct hkt_stat *to);

/* Has the loop's poller make the call; the task waits. -ENOSYS: it makes no such calls. */
ssize_t hkt__fileop_await(const struct hkt__fileop *op, const char *why);

/* Makes the call, which blocks. */
void hkt__fileop_run(struct hkt__fileop *op);

#endif
