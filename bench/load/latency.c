/* SPDX-License-Identifier: MIT
 *
 * A histogram: 64 parts of each power of two.
 */
#include "load.h"

#include <string.h>

enum { BITS = 6, PARTS = 1 << BITS, POWERS = 40 };

static uint32_t count[POWERS * PARTS];
static uint64_t total;

void latency_reset(void)
{
    memset(count, 0, sizeof count);
    total = 0;
}

static int power_of(uint64_t ns)
{
    int power = 63 - __builtin_clzll(ns | PARTS) - BITS;

    return power < POWERS - 1 ? power : POWERS - 2;
}

void latency_add(uint64_t ns)
{
    int power = power_of(ns);
    uint64_t part = ns >> power;

    count[power * PARTS + (int)(part < 2 * PARTS ? part : 2 * PARTS - 1)]++;
    total++;
}

/* The index has run over a power's lower half where the one before it ended. */
static double value_of(int i)
{
    int power = i < 2 * PARTS ? 0 : i / PARTS - 1;

    return (double)((uint64_t)(i - power * PARTS) << power);
}

double latency_quantile(double part)
{
    uint64_t before = (uint64_t)((double)total * part), seen = 0;

    for (int i = 0; i < POWERS * PARTS; i++) {
        seen += count[i];
        if (seen > before)
            return value_of(i) / 1e3;
    }
    return 0;
}
