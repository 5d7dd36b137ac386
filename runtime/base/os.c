/* SPDX-License-Identifier: MIT */
#include "os.h"
#include "arch.h"
#include "pages.h"

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
#ifdef HKT_HAVE_SINGLE_THREADED
#include <sys/single_threaded.h>
#endif
#ifdef HKT_HAVE_VALGRIND
#include <valgrind/valgrind.h>
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
    .guard = hkt__pages_guard,
    .release = hkt__pages_release,
    .hide = hkt__pages_hide,
    .show = hkt__pages_show,
    .keep = hkt__pages_keep,
    .fill = hkt__pages_fill,
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
