/* SPDX-License-Identifier: MIT */
#include "os.h"
#include "arch.h"

#include <hocket/base.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/random.h>
#endif
#ifdef HKT_HAVE_SINGLE_THREADED
#include <sys/single_threaded.h>
#endif
#ifdef HKT_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#endif

/* Linux 6.13. A guard installed so needs no mapping of its own. */
#if defined(__linux__) && !defined(MADV_GUARD_INSTALL)
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifndef MAP_STACK
#define MAP_STACK 0
#endif

size_t hkt__os_page_size(void)
{
    static atomic_size_t known;
    size_t size = atomic_load_explicit(&known, memory_order_relaxed);

    if (!size) {
        size = (size_t)sysconf(_SC_PAGESIZE);
        atomic_store_explicit(&known, size, memory_order_relaxed);
    }
    return size;
}

bool hkt__os_on_valgrind(void)
{
#ifdef HKT_HAVE_VALGRIND
    return RUNNING_ON_VALGRIND;
#else
    return false;
#endif
}

/* The C library keeps what small pieces it gets back at hand for malloc() alone, and calloc() saves
 * the zeroing of large ones. */
static void *os_alloc(size_t size)
{
    enum { SMALL = 1024 };

    if (size > SMALL)
        return calloc(1, size);
    void *memory = malloc(size);
    if (!memory)
        return NULL;
    __asm__("" : "+r"(memory)); /* or the compiler makes a calloc() of both */
    return memset(memory, 0, size);
}

static void *os_map(size_t size)
{
    void *addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (addr == MAP_FAILED)
        return NULL;
#ifdef MADV_NOHUGEPAGE
    /* A huge page would make each parked coroutine resident in full. A kernel without huge pages
     * refuses, which is as good. */
    madvise(addr, size, MADV_NOHUGEPAGE);
#endif
    return addr;
}

static void os_unmap(void *addr, size_t size)
{
    munmap(addr, size);
}

#ifdef MADV_GUARD_INSTALL
static atomic_int guard_advice; /* 0 not yet known, 1 works, -1 does not */

/* Emulators answer success to an advice that they do not know, and the guard would be lost without
 * a word. So the first one is put to the test: the kernel must refuse to write there. */
static bool guard_advice_works(void *addr, size_t size)
{
    if (atomic_load_explicit(&guard_advice, memory_order_relaxed) < 0)
        return false;
    if (madvise(addr, size, MADV_GUARD_INSTALL) != 0)
        return false;
    if (atomic_load_explicit(&guard_advice, memory_order_relaxed) == 0) {
        bool refused = getrandom(addr, 1, GRND_NONBLOCK) < 0 && errno == EFAULT;
        atomic_store_explicit(&guard_advice, refused ? 1 : -1, memory_order_relaxed);
        return refused;
    }
    return true;
}

/* Whether the stacks' own guards are made so. What was hidden in one way is shown in the same. */
static bool guards_by_advice(void)
{
    return atomic_load_explicit(&guard_advice, memory_order_relaxed) > 0;
}

static int advise(void *addr, size_t size, int advice)
{
    return madvise(addr, size, advice) == 0 ? 0 : -errno;
}

/* With protections, which take a mapping each: some thousand stacks, and then -ENOMEM. */
static int os_hide(void *addr, size_t size)
{
    if (guards_by_advice())
        return advise(addr, size, MADV_GUARD_INSTALL);
    int rc = mprotect(addr, size, PROT_NONE) == 0 ? 0 : -errno;
    return rc < 0 ? rc : advise(addr, size, MADV_DONTNEED);
}

static int os_show(void *addr, size_t size)
{
    if (guards_by_advice())
        return advise(addr, size, MADV_GUARD_REMOVE);
    return mprotect(addr, size, PROT_READ | PROT_WRITE) == 0 ? 0 : -errno;
}
#else
static bool guard_advice_works(void *addr, size_t size)
{
    (void)addr;
    (void)size;
    return false;
}

static int os_hide(void *addr, size_t size)
{
    if (madvise(addr, size, MADV_FREE) != 0)
        return -errno;
    return mprotect(addr, size, PROT_NONE) == 0 ? 0 : -errno;
}

static int os_show(void *addr, size_t size)
{
    return mprotect(addr, size, PROT_READ | PROT_WRITE) == 0 ? 0 : -errno;
}
#endif

static int os_guard(void *addr, size_t size)
{
    if (guard_advice_works(addr, size))
        return 0;
    return mprotect(addr, size, PROT_NONE) == 0 ? 0 : -errno;
}

static void os_release(void *addr, size_t size)
{
    madvise(addr, size, MADV_DONTNEED);
}

static int os_keep(void *addr, size_t size, enum hkt__access access)
{
    static const int prot[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};

    return mprotect(addr, size, prot[access]) == 0 ? 0 : -errno;
}

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
static int os_fill(void *addr, const void *bytes, size_t size)
{
    int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    bool filled = fd >= 0 && is_our_memory(fd) &&
                  pwrite(fd, bytes, size, (off_t)(uintptr_t)addr) == (ssize_t)size;

    if (fd >= 0)
        close(fd);
    return filled ? 0 : -ENOTSUP;
}
#else
static int os_fill(void *addr, const void *bytes, size_t size)
{
    (void)addr;
    (void)bytes;
    (void)size;
    return -ENOTSUP;
}
#endif

static bool os_alone(void)
{
#ifdef HKT_HAVE_SINGLE_THREADED
    return __libc_single_threaded;
#else
    return false;
#endif
}

static size_t os_resident(const void *addr, size_t size)
{
    size_t page = hkt__os_page_size();
    size_t pages = size / page;
    size_t used = 0;
#if defined(__linux__)
    unsigned char in_core[1];
#else
    char in_core[1];
#endif

    for (; used < pages; used++) {
        const char *p = (const char *)addr + size - (used + 1) * page;
        if (mincore((void *)(uintptr_t)p, page, in_core) != 0 || !(in_core[0] & 1))
            break;
    }
    return used;
}

static size_t os_resident_set(void)
{
    unsigned long long pages = 0;
#if defined(__linux__)
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%*u %llu", &pages) != 1)
        return 0;
#endif
    return (size_t)pages * hkt__os_page_size();
}

static bool os_shadow_stack(void)
{
    return hkt__arch_shadow_stack();
}

static int64_t os_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void os_write_stderr(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDERR_FILENO, text, size);
        if (n <= 0 && errno != EINTR)
            return;
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
}

struct hkt__os hkt__os = {
    .alloc = os_alloc,
    .map = os_map,
    .unmap = os_unmap,
    .guard = os_guard,
    .release = os_release,
    .hide = os_hide,
    .show = os_show,
    .keep = os_keep,
    .fill = os_fill,
    .alone = os_alone,
    .resident = os_resident,
    .resident_set = os_resident_set,
    .shadow_stack = os_shadow_stack,
    .now = os_now,
    .write_stderr = os_write_stderr,
};

static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static void (*_Atomic exit_fn)(void *);

static void make_exit_key(void)
{
    pthread_key_create(&exit_key, exit_fn);
}

void hkt__os_at_thread_exit(void (*fn)(void *), void *arg)
{
    atomic_store_explicit(&exit_fn, fn, memory_order_relaxed);
    pthread_once(&exit_once, make_exit_key);
    pthread_setspecific(exit_key, arg);
}

void *hkt_alloc(size_t size)
{
    return hkt__os.alloc(size ? size : 1);
}

void hkt_dealloc(void *memory)
{
    free(memory);
}
