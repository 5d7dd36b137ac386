/* SPDX-License-Identifier: MIT
 *
 * Words packed and unpacked are the same, whatever they are.
 */
#include "coro/pack.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 300 };

static uintptr_t word(unsigned kind)
{
    static uintptr_t last;
    uintptr_t all = ((uintptr_t)rand() << 20 << 12) ^ (uintptr_t)rand();

    switch (kind % 5) {
    case 0:
        return 0;
    case 1:
        return last;
    case 2:
        return last = all & (UINTPTR_MAX >> sizeof all * 2); /* three quarters */
    case 3:
        return all & 0xff;
    default:
        return all | ~(UINTPTR_MAX >> 1);
    }
}

static size_t expect_the_same(const uintptr_t *words, size_t n)
{
    unsigned char packed[HKT__PACKED_MOST(MOST) + 1];
    uintptr_t out[MOST + 1];
    size_t size;

    memset(packed, 0xee, sizeof packed);
    out[n] = 77;
    size = hkt__pack(packed, words, n);
    cr_assert_leq(size, HKT__PACKED_MOST(n));
    cr_assert_eq(packed[size], 0xee, "wrote more than it said");
    hkt__unpack(out, n, packed);
    cr_assert_eq(memcmp(out, words, n * sizeof *words), 0);
    cr_assert_eq(out[n], 77);
    return size;
}

Test(pack, any_words_come_back)
{
    uintptr_t words[MOST];

    srand(1);
    for (int round = 0; round < 2000; round++) {
        size_t n = (size_t)rand() % MOST;
        unsigned only = (unsigned)rand() % 8;
        for (size_t i = 0; i < n; i++)
            words[i] = word(only < 5 ? only : (unsigned)rand());
        (void)expect_the_same(words, n);
    }
}

Test(pack, none_take_nothing)
{
    uintptr_t words[1] = {1};

    cr_assert_eq(expect_the_same(words, 0), 0);
}

Test(pack, zeros_and_repetitions_take_little)
{
    uintptr_t words[80] = {0};

    cr_assert_eq(expect_the_same(words, 80), 20);
    for (int i = 0; i < 80; i++)
        words[i] = UINTPTR_MAX;
    cr_assert_eq(expect_the_same(words, 80), 20 + sizeof *words + 79);
}

Test(pack, what_was_long_ago_is_written_again)
{
    uintptr_t words[MOST];

    for (uintptr_t i = 0; i < MOST; i++)
        words[i] = 1 + i % 65;
    cr_assert_gt(expect_the_same(words, MOST), MOST * sizeof *words / 2);
}
