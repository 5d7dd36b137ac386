/* SPDX-License-Identifier: MIT
 *
 * Calls on files, in io_uring's words.
 */
#ifndef HOCKET_POLL_URINGFILE_H
#define HOCKET_POLL_URINGFILE_H

#include "poller.h"

#include <sys/stat.h>

struct io_uring;
struct io_uring_sqe;

/* What a kernel has words for, a bit an opcode. One that cannot say so has none. */
uint64_t hkt__uring_words(struct io_uring *ring);

/* Whether the call has one of these words. */
bool hkt__uring_file_known(uint64_t words, const struct hkt__poll_file *f);

void hkt__uring_file_prepare(struct io_uring_sqe *sqe, const struct hkt__poll_file *f);

void hkt__uring_file_told(const struct hkt__poll_stat *from, struct stat *to);

#endif
