/* SPDX-License-Identifier: MIT
 *
 * What must be done around a switch when something watches stacks or keeps state by thread:
 * AddressSanitizer, ThreadSanitizer, Valgrind, the C++ runtime's handled exceptions, an FP
 * environment of one's own, a canary. Where nothing does, no coroutine is HKT__SLOW, and none of
 * this is reached.
 *
 * All state that a coroutine has by thread is put in place by the coroutine's own half: on arrival
 * it notes the resumer's in its peer record and installs its own, on leaving it does the reverse.
 * So a resumer needs to know nothing of it, and a transfer moves the peer record along with the
 * resumer.
 */
#ifndef HOCKET_CORO_SIDE_H
#define HOCKET_CORO_SIDE_H

#include "cold.h"

/* What a suspended side keeps in its own frame. */
struct hkt__side {
    void *fake_stack;
    struct hkt__fpenv fpenv;
    uintptr_t eh[3];
};

/* HKT__SLOW if all switches of this process must be watched, else 0. */
uint32_t hkt__side_process_watched(void);

/* Prepares a control block whose switches must be watched for its next use. */
void hkt__side_watch(struct hkt_coro *c);
void hkt__side_unwatch(struct hkt_coro *c);

/* Around a switch from a resumer to c and back. */
void hkt__side_resume_leave(struct hkt__side *me, struct hkt_coro *c);
void hkt__side_resume_arrive(struct hkt__side *me);

/* Around a switch of self away from its stack and back: to its resumer, or straight to another
 * coroutine. me NULL: for ever; or arriving for the first time. */
void hkt__side_leave(struct hkt__side *me, struct hkt_coro *self, struct hkt_coro *to);
void hkt__side_arrive(struct hkt__side *me, struct hkt_coro *self);

/* Before we write to a stack outside its frames. */
void hkt__side_open(void *addr, size_t size);
/* Around our reading of a stack outside its frames. */
void hkt__side_look(bool begin);

/* Whether something looks for pointers in stacks: LeakSanitizer. */
bool hkt__side_scans_memory(void);
/* The stack is not there meanwhile, and what it holds is at image. */
void hkt__side_hide(const struct hkt_coro *c, const void *image, size_t size);
void hkt__side_show(const struct hkt_coro *c, const void *image, size_t size);

void hkt__side_note_stack(struct hkt_coro *c);
/* The memory is its owner's again, whatever frames lay there. */
void hkt__side_forget_stack(struct hkt_coro *c);

#endif
