/* SPDX-License-Identifier: MIT
 *
 * What is said of a task beside its name, of loops that are made for debugging.
 */
#ifndef HOCKET_SCHED_ORIGIN_H
#define HOCKET_SCHED_ORIGIN_H

#include "sched.h"

enum { HKT__ORIGIN_SIZE = 192 };

/* ", made in f+0x1f", written into buf; or "": it was not noted. */
const char *hkt__origin_text(const struct hkt_task *t, char buf[HKT__ORIGIN_SIZE]);

/* The result of a task that was cancelled, which says rc: reported when that is another. */
int hkt__cancelled_result(const struct hkt_task *t, int rc);

#endif
