/* SPDX-License-Identifier: MIT
 *
 * What every test file includes: Criterion, or the small runner that stands in for it where
 * Criterion cannot go: under an emulator, Valgrind or ThreadSanitizer, or linked statically.
 */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

#ifdef TEST_MINI
#include "mini_criterion.h"
#else
#include <criterion/criterion.h>
#endif

#endif
