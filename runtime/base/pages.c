/* SPDX-License-Identifier: MIT
 *
 * Where the kernel can (Linux 6.13), guards are made by advice, which needs no mapping for each;
 * and advice is given for many places in one call, of which most of the cost is that it is one.
 */
#include "pages.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/random.h>
#endif

static int advise(const struct iovec *at, int advice)
{
    return madvise(at->iov_base, at->iov_len, advice) == 0 ? 0 : -errno;
}

static int protect(const struct iovec *at, int prot)
{
    return mprotect(at->iov_base, at->iov_len, prot) == 0 ? 0 : -errno;
}

/* How many, from the first; -errno. */
static int each(const struct iovec *at, unsigned n, int (*fn)(const struct iovec *at))
{
    for (unsigned i = 0; i < n; i++) {
        int rc = fn(&at[i]);
        if (rc < 0)
            return i > 0 ? (int)i : rc;
    }
    return (int)n;
}

#if defined(__linux__)
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

static atomic_int guard_advice; /* 0 not yet known, 1 works, -1 does not */
static atomic_int many_advice;  /* -1: does not work */

/* Emulators answer success to an advice that they do not know, and the guard would be lost without
 * a word. So the first one is put to the test: the kernel must refuse to write there. */
static bool guard_advice_works(const struct iovec *at)
{
    if (atomic_load_explicit(&guard_advice, memory_order_relaxed) < 0)
        return false;
    if (advise(at, MADV_GUARD_INSTALL) < 0)
        return false;
    if (atomic_load_explicit(&guard_advice, memory_order_relaxed) == 0) {
        bool refused = getrandom(at->iov_base, 1, GRND_NONBLOCK) < 0 && errno == EFAULT;
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

/* The kernel that knows guards takes any advice for many places of the caller's own; Valgrind does
 * not know the call, and says so loudly. */
static bool many_at_once(void)
{
    return guards_by_advice() && atomic_load_explicit(&many_advice, memory_order_relaxed) == 0 &&
           !hkt__os_on_valgrind();
}

/* How many places the call did as a whole, from the first. */
static unsigned advise_many(const struct iovec *at, unsigned n, int advice)
{
    enum { SYS_PROCESS_MADVISE = 440, SELF = -10000 };
    long bytes = syscall(SYS_PROCESS_MADVISE, SELF, at, (unsigned long)n, (long)advice, 0L);
    unsigned done = 0;

    for (; done < n && bytes >= (long)at[done].iov_len; done++)
        bytes -= (long)at[done].iov_len;
    return done;
}

/* How many, from the first; -errno. What is refused in one call is tried by itself, which tells
 * why, or that the call is what this kernel lacks. */
static int advise_all(const struct iovec *at, unsigned n, int advice)
{
    bool many = n > 1 && many_at_once();
    unsigned done = many ? advise_many(at, n, advice) : 0;
    int rc = 0;

    if (many && done == 0 && (rc = advise(at, advice)) == 0) {
        atomic_store_explicit(&many_advice, -1, memory_order_relaxed);
        done = 1;
    }
    while (rc == 0 && done < n && (rc = advise(&at[done], advice)) == 0)
        done++;
    return done > 0 ? (int)done : rc;
}

/* With protections, which take a mapping each: some thousand stacks, and then -ENOMEM. */
static int protect_and_release(const struct iovec *at)
{
    int rc = protect(at, PROT_NONE);

    if (rc == 0 && (rc = advise(at, MADV_DONTNEED)) < 0)
        (void)protect(at, PROT_READ | PROT_WRITE);
    return rc;
}

int hkt__pages_hide(const struct iovec *at, unsigned n)
{
    return guards_by_advice() ? advise_all(at, n, MADV_GUARD_INSTALL)
                              : each(at, n, protect_and_release);
}

int hkt__pages_show(void *addr, size_t size)
{
    const struct iovec at = {addr, size};

    return guards_by_advice() ? advise(&at, MADV_GUARD_REMOVE)
                              : protect(&at, PROT_READ | PROT_WRITE);
}
#else
static bool guard_advice_works(const struct iovec *at)
{
    (void)at;
    return false;
}

static int advise_all(const struct iovec *at, unsigned n, int advice)
{
    (void)advise(at, advice);
    return n > 0;
}

static int release_and_protect(const struct iovec *at)
{
    int rc = advise(at, MADV_FREE);

    return rc < 0 ? rc : protect(at, PROT_NONE);
}

int hkt__pages_hide(const struct iovec *at, unsigned n)
{
    return each(at, n, release_and_protect);
}

int hkt__pages_show(void *addr, size_t size)
{
    const struct iovec at = {addr, size};

    return protect(&at, PROT_READ | PROT_WRITE);
}
#endif

int hkt__pages_guard(void *addr, size_t size)
{
    const struct iovec at = {addr, size};

    return guard_advice_works(&at) ? 0 : protect(&at, PROT_NONE);
}

void hkt__pages_release(const struct iovec *at, unsigned n)
{
    for (unsigned done = 0; done < n;) {
        int rc = advise_all(&at[done], n - done, MADV_DONTNEED);
        done += rc > 0 ? (unsigned)rc : 1;
    }
}

int hkt__pages_keep(void *addr, size_t size, enum hkt__access access)
{
    static const int prot[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};

    return protect(&(const struct iovec){addr, size}, prot[access]);
}
