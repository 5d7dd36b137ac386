/* SPDX-License-Identifier: MIT
 *
 * hocket/file.h: files and directories, without blocking the loop.
 *
 * A file is always "ready", and yet reading it may take as long as a disk does. So these calls are
 * made where that stops nobody: over io_uring by the kernel, where it knows them, else by the pool
 * of hocket/work.h; results are the same. Always by the pool are hkt_file_truncate(), which
 * io_uring knows only since Linux 6.9, hkt_dir_list(), which it does not, and hkt_sendfile(). All
 * are for regular files, directories and disks; what can be waited for (pipes, terminals, sockets)
 * has hkt_read() and the like in io.h.
 *
 * Each answers like the system's call, with a negative error instead of errno, and besides
 * -ECANCELED: the task was cancelled, and nothing was done; -EPERM: not in a task; -EINVAL: no
 * path, or nowhere to tell of it; -EAGAIN: the system has no thread to give. A call that was begun
 * when the task is cancelled is waited for and gives its answer; the cancellation comes from the
 * next call that may suspend. Each suspends always, unless it fails before. A descriptor is not to
 * be closed while a call on it is going on.
 */
#ifndef HOCKET_FILE_H
#define HOCKET_FILE_H

#include <hocket/base.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What stat(2) tells, of the same size everywhere. */
struct hkt_stat {
    uint64_t dev, ino, nlink, rdev;
    uint32_t mode, uid, gid;              /* mode: the type, S_IFMT, and the permissions */
    int64_t size, blocks;                 /* bytes; pieces of 512 bytes */
    int64_t atime_ns, mtime_ns, ctime_ns; /* since 1970 */
};

HKT_BEGIN_DECLS

/* What: open(2), close-on-exec. mode: as there, for a file that is made.
 * Returns: the descriptor, to be closed by hkt_close(). Suspends: always. */
HKT_API hkt_async int hkt_file_open(const char *path, int flags, unsigned mode);

/* What: read(2) and write(2), at the file's position, which moves; one at a time.
 * Returns: the count; 0 at the end. Suspends: always. */
HKT_API hkt_async ssize_t hkt_file_read(int fd, void *buf, size_t size);
HKT_API hkt_async ssize_t hkt_file_write(int fd, const void *buf, size_t size);

/* What: pread(2) and pwrite(2). offset: bytes from the start. Suspends: always. */
HKT_API hkt_async ssize_t hkt_file_pread(int fd, void *buf, size_t size, int64_t offset);
HKT_API hkt_async ssize_t hkt_file_pwrite(int fd, const void *buf, size_t size, int64_t offset);

/* What: fsync(2); ftruncate(2). Suspends: always. */
HKT_API hkt_async int hkt_file_sync(int fd);
HKT_API hkt_async int hkt_file_truncate(int fd, int64_t size);

/* What: fstat(2); stat(2); lstat(2), which tells of a symbolic link itself. Suspends: always. */
HKT_API hkt_async int hkt_file_stat(int fd, struct hkt_stat *st);
HKT_API hkt_async int hkt_path_stat(const char *path, struct hkt_stat *st);
HKT_API hkt_async int hkt_path_lstat(const char *path, struct hkt_stat *st);

/* What: rename(2), unlink(2), mkdir(2), rmdir(2). Suspends: always. */
HKT_API hkt_async int hkt_path_rename(const char *from, const char *to);
HKT_API hkt_async int hkt_path_unlink(const char *path);
HKT_API hkt_async int hkt_path_mkdir(const char *path, unsigned mode);
HKT_API hkt_async int hkt_path_rmdir(const char *path);

/* A directory's list. */
struct hkt_dir_entry {
    const char *name;
    uint32_t type; /* S_IFREG, S_IFDIR and so on; 0: the file system does not say */
};

struct hkt_dir {
    size_t count;
    struct hkt_dir_entry *entries;
    char *names; /* private */
};

/* What: everything in a directory but "." and "..", in the system's order.
 * Returns: 0 with *dir, else *dir is NULL. Suspends: always. Owner: the caller, by hkt_dir_free().
 */
HKT_API hkt_async int hkt_dir_list(const char *path, struct hkt_dir **dir);

/* What: gives a list back; NULL is fine. Suspends: never. */
HKT_API void hkt_dir_free(struct hkt_dir *dir);

/* What: sends a piece of a file through a socket: size bytes from offset on, or up to the file's
 * end if that comes first. What it waits for, the disk or the socket, stops nobody. *done (which
 * may be NULL) is how much was sent, also on error. What is buffered for the socket goes out
 * before: hkt_stream_drain(). Returns: 0, or the error; -ECANCELED, having sent *done bytes: the
 * task was cancelled, or the socket closed by hkt_close(). Suspends: always. asyncio:
 * loop.sendfile(). */
HKT_API hkt_async int hkt_sendfile(int socket, int file, int64_t offset, size_t size, size_t *done);

HKT_END_DECLS

#endif
