/* SPDX-License-Identifier: MIT
 *
 * Doors of the system that can be told to fail, and that count what went through them.
 */
#ifndef TESTS_BASE_DOORS_H
#define TESTS_BASE_DOORS_H

#include "base/os.h"

#include <errno.h>
#include <stdbool.h>

struct doors {
    struct hkt__os real;
    int fail_alloc, fail_map, fail_guard; /* how many of the next calls fail; -1: all */
    int allocs, maps, unmaps, guards, releases;
    size_t mapped, released; /* bytes */
};

static struct doors doors;

static inline bool doors_fails(int *budget)
{
    if (*budget > 0)
        return (*budget)-- > 0;
    return *budget < 0;
}

static inline void *doors_alloc(size_t size)
{
    doors.allocs++;
    return doors_fails(&doors.fail_alloc) ? NULL : doors.real.alloc(size);
}

static inline void *doors_map(size_t size)
{
    void *addr = doors_fails(&doors.fail_map) ? NULL : doors.real.map(size);

    doors.maps++;
    if (addr)
        doors.mapped += size;
    return addr;
}

static inline void doors_unmap(void *addr, size_t size)
{
    doors.unmaps++;
    doors.mapped -= size;
    doors.real.unmap(addr, size);
}

static inline int doors_guard(void *addr, size_t size)
{
    doors.guards++;
    return doors_fails(&doors.fail_guard) ? -ENOMEM : doors.real.guard(addr, size);
}

static inline void doors_release(const struct iovec *at, unsigned n)
{
    doors.releases++;
    for (unsigned i = 0; i < n; i++)
        doors.released += at[i].iov_len;
    doors.real.release(at, n);
}

/* From now on the library goes through these. Each test is a process, so nothing is put back. */
static inline void doors_install(void)
{
    doors.real = hkt__os;
    hkt__os.alloc = doors_alloc;
    hkt__os.map = doors_map;
    hkt__os.unmap = doors_unmap;
    hkt__os.guard = doors_guard;
    hkt__os.release = doors_release;
}

#endif
