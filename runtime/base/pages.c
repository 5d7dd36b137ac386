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

/* Advice of Linux which not every C library has a name for. */
enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103 };

#if defined(__linux__)
enum { RELEASE = MADV_DONTNEED };

static atomic_int guard_advice; /* 0 not yet known, 1 works, -1 does not */
static atomic_int many_advice;  /* -1: does not work */

static bool know(atomic_int *fact, bool works)
{
    atomic_store_explicit(fact, works ? 1 : -1, memory_order_relaxed);
    return works;
}

/* What was hidden in one way must be shown in the same, so the first guard of the process decides.
 * Emulators answer success to an advice that they do not know, and the guard would be lost without
 * a word; so that one is put to the test: the kernel must refuse to write there. */
static bool guard_advice_works(const struct iovec *at)
{
    int known = atomic_load_explicit(&guard_advice, memory_order_relaxed);

    if (known < 0)
        return false;
    bool taken = advise(at, GUARD_INSTALL) == 0;
    if (known > 0)
        return taken;
    return know(&guard_advice,
                taken && getrandom(at->iov_base, 1, GRND_NONBLOCK) < 0 && errno == EFAULT);
}

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

/* How many places the call did as a whole, from the first; -errno. */
static int advise_many(const struct iovec *at, unsigned n, int advice)
{
    enum { SYS_PROCESS_MADVISE = 440, SELF = -10000 };
    long bytes = syscall(SYS_PROCESS_MADVISE, SELF, at, (unsigned long)n, (long)advice, 0L);
    unsigned done = 0;

    if (bytes < 0)
        return -errno;
    for (; done < n && bytes >= (long)at[done].iov_len; done++)
        bytes -= (long)at[done].iov_len;
    return (int)done;
}

static bool may_pass(int error)
{
    return error == -EINTR || error == -EAGAIN || error == -ENOMEM;
}

/* How many, from the first; -errno. What is refused in one call is tried by itself, which tells
 * why, or that the call is what this kernel lacks. */
static int advise_all(const struct iovec *at, unsigned n, int advice)
{
    int many = n > 1 && many_at_once() ? advise_many(at, n, advice) : 0;
    unsigned done = many > 0 ? (unsigned)many : 0;
    int rc = 0;

    while (done < n && (rc = advise(&at[done], advice)) == 0) {
        if (many < 0 && done == 0 && !may_pass(many))
            know(&many_advice, false);
        done++;
    }
    return done > 0 ? (int)done : rc;
}

#else
enum { RELEASE = MADV_FREE };

static bool guard_advice_works(const struct iovec *at)
{
    (void)at;
    return false;
}

static bool guards_by_advice(void)
{
    return false;
}

static int advise_all(const struct iovec *at, unsigned n, int advice)
{
    int rc = advise(at, advice);

    return rc < 0 || n == 0 ? rc : 1;
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
        int rc = advise_all(&at[done], n - done, RELEASE);
        done += rc > 0 ? (unsigned)rc : 1;
    }
}

/* With protections, for which mappings may run out: then -ENOMEM. Protected first, as what cannot
 * be must keep its memory. */
static int hide_by_protection(const struct iovec *at, unsigned n)
{
    unsigned done = 0;
    int rc = 0;

    while (done < n && (rc = protect(&at[done], PROT_NONE)) == 0 &&
           (rc = advise(&at[done], RELEASE)) == 0)
        done++;
    return done > 0 ? (int)done : rc;
}

int hkt__pages_hide(const struct iovec *at, unsigned n)
{
    return guards_by_advice() ? advise_all(at, n, GUARD_INSTALL) : hide_by_protection(at, n);
}

int hkt__pages_show(void *addr, size_t size, enum hkt__access access)
{
    bool advice = guards_by_advice();
    int rc = advice && access == HKT__ALL_ACCESS ? 0 : hkt__pages_keep(addr, size, access);

    return advice && rc == 0 ? advise(&(const struct iovec){addr, size}, GUARD_REMOVE) : rc;
}

int hkt__pages_keep(void *addr, size_t size, enum hkt__access access)
{
    const int prot[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
                        guards_by_advice() ? PROT_READ | PROT_WRITE : PROT_NONE};

    return protect(&(const struct iovec){addr, size}, prot[access]);
}
