/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "range, and sources without a stack".
 */
#include <hocket/gen.h>

#include <inttypes.h>
#include <stdio.h>

HKT_GEN_OF(chars, char);

/* An iterator: 1 and a value, 0 at the end. It needs no stack, for it keeps its place in *ctx. */
static int next_char(void *ctx, void **value)
{
    char **at = ctx;

    if (**at == '\0')
        return 0;
    *value = (*at)++;
    return 1;
}

static int quoted(struct hkt_gen *self, void *text)
{
    char *at = text;

    HKT_TRY(chars_yield(self, '<'));
    HKT_TRY(hkt_yield_from_iter(self, next_char, &at));
    return chars_yield(self, '>');
}

int main(void)
{
    char word[] = "word";
    int rc;

    HKT_EACH(hkt_ints, i, hkt_range(10, 0, -3), &rc)
        printf("%" PRId64 " ", i);
    puts("");
    if (rc < 0)
        return 1;
    HKT_EACH(chars, c, hkt_gen_new(quoted, word), &rc)
        putchar(c);
    puts("");
    return rc < 0;
}
