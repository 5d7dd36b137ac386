/* SPDX-License-Identifier: MIT
 *
 * In place of webd_h2.c where libnghttp2 is not to be had.
 */
#include "webd.h"

const char *const protocols[] = {"http/1.1", NULL};

int speaks_h2(struct client *c)
{
    (void)c;
    return 0;
}

int talk_h2(struct client *c)
{
    (void)c;
    return -ENOSYS;
}
