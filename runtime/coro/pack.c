/* SPDX-License-Identifier: MIT
 *
 *      tags, two bits a word | bytes, as the tags say
 *
 *      ZERO    nothing
 *      AGAIN   one byte: how many words ago
 *      SHORT   three quarters of the word, the rest being zero
 *      WHOLE   the word
 */
#include "pack.h"

#include "cold.h"

enum { ZERO, AGAIN, SHORT, WHOLE };
enum {
    WORD = sizeof(uintptr_t),
    SHORT_BYTES = WORD * 3 / 4,
    NEAR = 64, /* how far back to look */
};

/* How many words ago the i-th was seen last; 0: not lately. */
HKT__UNSANITIZED static unsigned again(const uintptr_t *words, size_t i)
{
    for (unsigned ago = 1; ago <= NEAR && ago <= i; ago++)
        if (words[i - ago] == words[i])
            return ago;
    return 0;
}

HKT__UNSANITIZED static unsigned char *put(unsigned char *out, uintptr_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *out++ = (unsigned char)(value >> 8 * i);
    return out;
}

HKT__UNSANITIZED static uintptr_t get(const unsigned char *in, unsigned bytes)
{
    uintptr_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uintptr_t)in[i] << 8 * i;
    return value;
}

HKT__APART HKT__UNSANITIZED size_t hkt__pack(unsigned char *out, const uintptr_t *words, size_t n)
{
    unsigned char *tags = out, *at = out + (n + 3) / 4;

    for (size_t i = 0; i < n; i++) {
        unsigned ago = words[i] ? again(words, i) : 0;
        unsigned tag = !words[i]                        ? ZERO
                       : ago                            ? AGAIN
                       : !(words[i] >> 8 * SHORT_BYTES) ? SHORT
                                                        : WHOLE;
        if (i % 4 == 0)
            tags[i / 4] = 0;
        tags[i / 4] |= (unsigned char)(tag << i % 4 * 2);
        if (tag == AGAIN)
            at = put(at, ago, 1);
        else if (tag != ZERO)
            at = put(at, words[i], tag == SHORT ? SHORT_BYTES : WORD);
    }
    return (size_t)(at - out);
}

HKT__APART HKT__UNSANITIZED void hkt__unpack(uintptr_t *words, size_t n, const unsigned char *in)
{
    static const unsigned char bytes[] = {
        [ZERO] = 0, [AGAIN] = 1, [SHORT] = SHORT_BYTES, [WHOLE] = WORD};
    const unsigned char *tags = in, *at = in + (n + 3) / 4;

    for (size_t i = 0; i < n; i++) {
        unsigned tag = tags[i / 4] >> i % 4 * 2 & 3;
        uintptr_t value = get(at, bytes[tag]);
        words[i] = tag == AGAIN ? words[i - value] : value;
        at += bytes[tag];
    }
}
