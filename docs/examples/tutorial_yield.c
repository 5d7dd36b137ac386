/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "yield and next".
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

static int countdown(struct hkt_gen *self, void *arg)
{
    const int *from = arg;

    puts("begin");
    for (int n = *from; n > 0; n--)
        HKT_TRY(ints_yield(self, n));
    puts("end");
    return 0;
}

int main(void)
{
    int from = 2, n = 0, rc;
    struct hkt_gen *g = hkt_gen_new(countdown, &from);

    puts("made");
    rc = ints_next(g, &n);
    printf("%d: %d\n", rc, n);
    rc = ints_next(g, &n);
    printf("%d: %d\n", rc, n);
    rc = ints_next(g, &n);
    printf("%d\n", rc);
    rc = ints_next(g, &n);
    printf("%d\n", rc);
    hkt_gen_free(g);
    return rc < 0;
}
