/* SPDX-License-Identifier: MIT
 *
 * What redis, postgres and multi have in common: each line of the standard input is a job for a
 * task of its own, so that a slow one holds up no other.
 */
#ifndef LINES_H
#define LINES_H

#include <hocket/hocket.h>

enum { LINE_SIZE = 4096 };

/* Does what a line asks for and prints it. Returns: 0; what hocket answered; another error, which
 * it has printed. */
typedef int line_fn(int number, char *line);

/* Calls fn for each line; it has so many seconds, 0: as many as it needs.
 * Returns: 0 when all are done, well or not; -ECANCELED. */
hkt_async int each_line(line_fn *fn, double seconds);

/* Prints one line, behind the number of the line that it belongs to. */
void answer(int number, const char *format, ...) HKT_PRINTF(2, 3);

#endif
