/* SPDX-License-Identifier: MIT
 *
 * A kqueue for tests on Linux. It behaves as the manuals of macOS and the BSDs have it in what
 * kqueue.c makes use of:
 *
 * - a filter is known by descriptor and direction; adding it again changes its flags and udata
 * - a filter reports while its condition holds, or with EV_CLEAR when something new came, or with
 *   EV_ONESHOT once
 * - EV_EOF with the number of bytes that are left to read, and the socket's error in fflags
 * - a change that fails, and with EV_RECEIPT each change, is answered in the list of events with
 *   EV_ERROR and the error, 0 for none; while there are answers no event is reported
 * - closing a descriptor ends its filters, also when another number keeps the file open
 *
 * A program that links it calls kqueue_closing() before each close().
 */
#ifndef TESTS_POLL_FAKE_KQUEUE_H
#define TESTS_POLL_FAKE_KQUEUE_H

#include <sys/event.h>

void kqueue_closing(int fd);

#endif
