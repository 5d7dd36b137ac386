/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "Arguments".
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

struct span {
    int start, stop;
};

static int count(struct hkt_gen *self, void *arg)
{
    const struct span *span = arg;

    for (int i = span->start; i < span->stop; i++)
        HKT_TRY(ints_yield(self, i));
    return 0;
}

/* count(start, stop): the arguments are copied, so the generator may outlive this call. */
static struct hkt_gen *count_new(int start, int stop)
{
    struct span span = {start, stop};

    return hkt_gen_new_copy(count, &span, sizeof span);
}

int main(void)
{
    int rc;

    HKT_EACH(ints, x, count_new(5, 9), &rc)
        printf("%d ", x);
    puts("");
    return rc < 0;
}
