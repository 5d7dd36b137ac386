/* SPDX-License-Identifier: MIT
 *
 * Callbacks on descriptors.
 */
#ifndef HOCKET_SCHED_FDCALL_H
#define HOCKET_SCHED_FDCALL_H

#include "sched.h"

struct hkt__fd;

struct hkt__fdcall {
    struct hkt_handle handle;
    hkt_call_fn *fn;
    void *arg;
    int fd;
    int side; /* 0 reader, 1 writer */
};

/* The descriptor may be ready. c may be NULL. */
void hkt__fdcall_event(struct hkt_loop *loop, struct hkt__fdcall *c);
/* 1 when there was one, else 0. */
int hkt__fdcall_drop(struct hkt_loop *loop, struct hkt__fd *e, int side);

#endif
