/* SPDX-License-Identifier: MIT
 *
 * What /proc says of memory.
 */
#ifndef BENCH_PROCFS_H
#define BENCH_PROCFS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number after key in a file of "Key:  number kB" lines, in bytes. Negative: it is not there.
 */
static inline double procfs_bytes(const char *file, const char *key)
{
    FILE *f = fopen(file, "r");
    double kib = -1;
    char line[256];

    while (f && kib < 0 && fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)))
            kib = atof(line + strlen(key));
    if (f)
        fclose(f);
    return kib * 1024;
}

#endif
