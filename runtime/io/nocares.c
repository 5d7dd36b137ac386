/* SPDX-License-Identifier: MIT
 *
 * In place of c-ares, where the library is built without it.
 */
#include "names.h"

#include <errno.h>

bool hkt__cares_wanted(void)
{
    return false;
}

int hkt__cares_lookup(struct hkt__lookup *l)
{
    (void)l;
    return -ENOSYS;
}

int hkt__cares_naming(struct hkt__naming *n)
{
    (void)n;
    return -ENOSYS;
}
