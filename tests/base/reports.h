/* SPDX-License-Identifier: MIT
 *
 * Catches what the library reports, so that a test can compare it.
 */
#ifndef TESTS_BASE_REPORTS_H
#define TESTS_BASE_REPORTS_H

#include <hocket/base.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct reports {
    int count;
    char last[512];
};

static inline void reports_take(void *ctx, const char *line)
{
    struct reports *r = (struct reports *)ctx;

    r->count++;
    snprintf(r->last, sizeof r->last, "%s", line);
}

/* From now on reports go to r. */
static inline void reports_to(struct reports *r)
{
    memset(r, 0, sizeof *r);
    hkt_on_report(reports_take, r);
}

static inline bool reports_say(const struct reports *r, const char *text)
{
    return strstr(r->last, text) != NULL;
}

#endif
