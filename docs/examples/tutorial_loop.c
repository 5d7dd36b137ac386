/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "for x in g".
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

static int squares(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (int i = 1;; i++)
        HKT_TRY(ints_yield(self, i * i));
}

static int by_macro(void)
{
    int rc;

    HKT_EACH(ints, x, hkt_gen_new(squares, NULL), &rc) {
        if (x > 50)
            break;
        printf("%d ", x);
    }
    puts("");
    return rc;
}

static int by_hand(void)
{
    hkt_auto_gen g = hkt_gen_new(squares, NULL);
    int rc;

    for (int x; (rc = ints_next(g, &x)) > 0 && x < 20;)
        printf("%d ", x);
    printf("| ");
    for (int x; rc > 0 && (rc = ints_next(g, &x)) > 0 && x < 90;)
        printf("%d ", x);
    puts("");
    return rc;
}

int main(void)
{
    return by_macro() < 0 || by_hand() < 0;
}
