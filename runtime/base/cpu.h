/* SPDX-License-Identifier: MIT
 *
 * Processors.
 */
#ifndef HOCKET_BASE_CPU_H
#define HOCKET_BASE_CPU_H

/* How many the process may use; at least 1. */
int hkt__cpu_count(void);

/* Keeps the calling thread on the i-th of them, counted on from the first after the last.
 * 0; -errno; -ENOSYS: there is no way to say so here. */
int hkt__cpu_pin(int i);

#endif
