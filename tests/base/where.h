/* SPDX-License-Identifier: MIT
 *
 * What a test runs under, for the few that cannot run everywhere and say so.
 */
#ifndef TESTS_BASE_WHERE_H
#define TESTS_BASE_WHERE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define WHERE_ASAN 1
#else
#define WHERE_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define WHERE_TSAN 1
#else
#define WHERE_TSAN 0
#endif

static inline bool where_sanitizer(void)
{
    return WHERE_ASAN || WHERE_TSAN;
}

static inline bool where_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload && strstr(preload, "vgpreload");
}

/* An emulator of user programs answers for /proc/self, but not for this other spelling. */
static inline bool where_emulator(void)
{
    char exe[256];
    ssize_t n = readlink("/proc/thread-self/exe", exe, sizeof exe - 1);

    if (n < 0)
        return false;
    exe[n] = '\0';
    return strstr(exe, "qemu") != NULL;
}

#endif
