/* SPDX-License-Identifier: MIT
 *
 * Telling the user what no return code can carry, before the end. Else: hkt_report().
 */
#ifndef HOCKET_BASE_REPORT_H
#define HOCKET_BASE_REPORT_H

#include <hocket/base.h>

/* Who is told of reports. */
struct hkt__reporter {
    hkt_report_fn *fn;
    void *ctx;
};

/* Who is told of this thread's; NULL: the process's. */
extern HKT__THREAD const struct hkt__reporter *hkt__reporter;

/* One line to standard error, then abort: for what would corrupt memory if it went on. */
HKT_NORETURN void hkt__fatal(const char *format, ...) HKT_PRINTF(1, 2);

#endif
