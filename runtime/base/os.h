/* SPDX-License-Identifier: MIT
 *
 * The one seam through which memory and the system are reached. Tests replace a door by storing
 * into hkt__os and restoring it afterwards; nothing else in the runtime calls the system.
 */
#ifndef HOCKET_BASE_OS_H
#define HOCKET_BASE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum hkt__access {
    HKT__NO_ACCESS,
    HKT__READ_ONLY,
    HKT__ALL_ACCESS,
    HKT__HIDDEN, /* of pages that are hidden: what they have if hidden while they had all access */
};

struct hkt__os {
    /* Zeroed memory that free() takes back; NULL when there is none. */
    void *(*alloc)(size_t size);
    /* Address space that costs memory only where it is touched, page aligned, zeroed. NULL when
     * there is none. */
    void *(*map)(size_t size);
    void (*unmap)(void *addr, size_t size);
    /* Makes pages fault on any access. 0 or -errno. */
    int (*guard)(void *addr, size_t size);
    /* Gives the memory of pages, in n places, back to the kernel; they read as zero, or as they
     * were, later. */
    void (*release)(const struct iovec *at, unsigned n);
    /* The same, so that any access faults: in how many of the places, from the first; -errno. Of
     * the next some pages are perhaps hidden, too. */
    int (*hide)(const struct iovec *at, unsigned n);
    /* Has pages that were hidden read as zero again, with that access; those that were not stay as
     * they are. 0 or -errno. */
    int (*show)(void *addr, size_t size, enum hkt__access access);
    /* Takes pages from other threads, if only for writing, and gives them back. 0 or -errno. */
    int (*keep)(void *addr, size_t size, enum hkt__access access);
    /* Writes to pages that read as zero else, whatever access there is to them, before any thread
     * finds them otherwise. 0; -ENOTSUP; -errno. */
    int (*fill)(void *addr, const void *bytes, size_t size);
    /* Whether the process has one thread only. */
    bool (*alone)(void);
    /* How many of the pages in [addr, addr + size) hold memory, counted from the top until the
     * first that does not. */
    size_t (*resident)(const void *addr, size_t size);
    /* The bytes of memory that the process has; 0: not known. */
    size_t (*resident_set)(void);
    /* Whether this thread runs on a hardware shadow stack. */
    bool (*shadow_stack)(void);
    /* The monotonic clock, nanoseconds. */
    int64_t (*now)(void);
    void (*write_stderr)(const char *text, size_t size);
};

extern struct hkt__os hkt__os;

size_t hkt__os_page_size(void);

/* Whether Valgrind runs the program: one thread at a time, and a fault may be told of when later
 * instructions have had their effects already. */
bool hkt__os_on_valgrind(void);

/* Calls fn(arg) when the calling thread ends; there is one such fn, the same each time. */
void hkt__os_at_thread_exit(void (*fn)(void *), void *arg);

#endif
