/* SPDX-License-Identifier: MIT
 *
 * A fault in a guard page is reported as what it is, then takes its normal course.
 */
#ifndef HOCKET_CORO_OVERFLOW_H
#define HOCKET_CORO_OVERFLOW_H

#include <stdbool.h>
#include <stddef.h>

/* The signal stack of a thread, on which the handler runs: the thread's stack is the one that
 * overflowed. */
struct hkt__altstack {
    void *memory; /* NULL: the thread had one already */
    size_t size;
};

/* Whether faults still come to us, and no handler was installed over ours. */
bool hkt__faults_come(void);

void hkt__overflow_watch(struct hkt__altstack *alt);
void hkt__overflow_unwatch(struct hkt__altstack *alt);

/* The first signal whose handler runs on the stack that it interrupts; 0: there is none. */
int hkt__signal_on_stack(void);
/* The bytes that a signal's handler needs of a stack at least. */
size_t hkt__signal_frame(void);

#endif
