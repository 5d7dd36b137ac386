/* SPDX-License-Identifier: MIT
 *
 * The numbers 1 to 100, each made when it is asked for.
 *
 *      def numbers():
 *          for i in range(1, 101):
 *              yield i
 *
 *      for n in numbers():
 *          print(n)
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

static int numbers(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (int i = 1; i <= 100; i++)
        HKT_TRY(ints_yield(self, i));
    return 0;
}

int main(void)
{
    int rc;

    HKT_EACH(ints, n, hkt_gen_new(numbers, NULL), &rc)
        printf("%d\n", n);
    return rc < 0;
}
