/* SPDX-License-Identifier: MIT
 *
 * Iterate until a sentinel comes: once by the loop's condition, once by an iterator that can be
 * passed on.
 *
 *      def numbers():
 *          i = 1
 *          while True:
 *              yield i * i
 *              i += 1
 *
 *      nums = numbers()
 *      for x in iter(lambda: next(nums), 49):
 *          print(x, end=" ")
 *
 *      print(sum(iter(lambda: next(nums), 144)))
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

static int numbers(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (int i = 1;; i++)
        HKT_TRY(ints_yield(self, i * i));
}

static int next_number(void *nums, void *out)
{
    return ints_next(nums, out);
}

static int sum(struct hkt_iter *it, int *total)
{
    int x, rc;

    for (*total = 0; (rc = hkt_iter_next(it, &x)) > 0;)
        *total += x;
    return rc;
}

int main(void)
{
    hkt_auto_gen nums = hkt_gen_new(numbers, NULL);
    const int end = 144;
    int rc, total;

    for (int x; (rc = ints_next(nums, &x)) > 0 && x != 49;)
        printf("%d ", x);
    puts("");
    if (rc < 0)
        return 1;

    struct hkt_iter it = hkt_iter(next_number, nums, &end, sizeof end);
    if (sum(&it, &total) < 0)
        return 1;
    printf("%d\n", total);
    return 0;
}
