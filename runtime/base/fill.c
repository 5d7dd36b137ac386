/* SPDX-License-Identifier: MIT
 *
 * How pages are written to before any thread has access to them.
 */
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__linux__)
/* In an emulator it may be the emulator's. */
static bool is_our_memory(int fd)
{
    static const uint64_t here = UINT64_C(0x7468656d656d6f72);
    static atomic_int is_ours; /* 0 not yet known, 1 yes, -1 no */
    uint64_t there = 0;

    if (atomic_load_explicit(&is_ours, memory_order_relaxed) == 0) {
        bool same = pread(fd, &there, sizeof there, (off_t)(uintptr_t)&here) == sizeof there &&
                    there == here;
        atomic_store_explicit(&is_ours, same ? 1 : -1, memory_order_relaxed);
    }
    return atomic_load_explicit(&is_ours, memory_order_relaxed) > 0;
}

/* Opened each time, as a descriptor that stays would be the parent's in a child. */
static bool write_from_outside(const void *addr, const void *bytes, size_t size)
{
    int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    bool written = fd >= 0 && is_our_memory(fd) &&
                   pwrite(fd, bytes, size, (off_t)(uintptr_t)addr) == (ssize_t)size;

    if (fd >= 0)
        close(fd);
    return written;
}

/* Others, made elsewhere, take their place in one step. It costs up to two mappings that stay. */
static int replace(void *addr, const void *bytes, size_t size)
{
    size_t page = hkt__os_page_size(), within = (uintptr_t)addr % page;
    size_t whole = (within + size + page - 1) / page * page;
    char *made = hkt__os.map(whole);

    if (!made)
        return -ENOMEM;
    memcpy(made + within, bytes, size);
    if (mremap(made, whole, whole, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)addr - within) ==
        MAP_FAILED) {
        int rc = -errno;
        hkt__os.unmap(made, whole);
        return rc;
    }
    return 0;
}

/* The file is missing without /proc, and for a process that must not be looked into or is out of
 * descriptors. */
int hkt__pages_fill(void *addr, const void *bytes, size_t size)
{
    return write_from_outside(addr, bytes, size) ? 0 : replace(addr, bytes, size);
}
#else
int hkt__pages_fill(void *addr, const void *bytes, size_t size)
{
    (void)addr;
    (void)bytes;
    (void)size;
    return -ENOTSUP;
}
#endif
