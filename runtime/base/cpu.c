/* SPDX-License-Identifier: MIT */
#include "cpu.h"

#include <errno.h>
#include <unistd.h>

static int configured(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n > 0 ? (int)n : 1;
}

#if defined(__linux__)
#include <sched.h>

int hkt__cpu_count(void)
{
    cpu_set_t set;

    /* Fails where there are more than fit. */
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return configured();
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

int hkt__cpu_pin(int i)
{
    cpu_set_t set, one;
    int cpu = -1;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return -errno;
    for (i %= CPU_COUNT(&set); i >= 0; i--)
        do
            cpu++;
        while (!CPU_ISSET(cpu, &set));
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0 ? 0 : -errno;
}

#else

int hkt__cpu_count(void)
{
    return configured();
}

int hkt__cpu_pin(int i)
{
    (void)i;
    return -ENOSYS;
}

#endif
