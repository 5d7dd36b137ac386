/* SPDX-License-Identifier: MIT
 *
 * The doors of hkt__os that have the kernel do something to pages: see os.h.
 */
#ifndef HOCKET_BASE_PAGES_H
#define HOCKET_BASE_PAGES_H

#include "os.h"

int hkt__pages_guard(void *addr, size_t size);
void hkt__pages_release(const struct iovec *at, unsigned n);
int hkt__pages_hide(const struct iovec *at, unsigned n);
int hkt__pages_show(void *addr, size_t size, enum hkt__access access);
int hkt__pages_keep(void *addr, size_t size, enum hkt__access access);
int hkt__pages_fill(void *addr, const void *bytes, size_t size);

#endif
