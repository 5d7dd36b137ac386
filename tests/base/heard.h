/* SPDX-License-Identifier: MIT
 *
 * What the library writes to standard error, from hear_stderr() on.
 */
#ifndef TESTS_BASE_HEARD_H
#define TESTS_BASE_HEARD_H

#include "base/os.h"

#include <string.h>

static char said[16384];

static inline void hear(const char *text, size_t size)
{
    size_t have = strlen(said);

    if (size > sizeof said - 1 - have)
        size = sizeof said - 1 - have;
    memcpy(said + have, text, size);
}

static inline void hear_stderr(void)
{
    hkt__os.write_stderr = hear;
}

#endif
