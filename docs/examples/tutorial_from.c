/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "yield from".
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

static void adder_ends(void *arg)
{
    const int *sum = arg;

    printf("adder ends at %d\n", *sum);
}

/* Adds up what it is sent, until it is sent 0; its result is the sum. */
static int adder(struct hkt_gen *self, void *arg)
{
    int *sum = arg;

    HKT_DEFER(adder_ends, sum);
    for (int x = 1; x != 0; *sum += x)
        HKT_TRY(ints_yield_recv(self, *sum, &x));
    return hkt_gen_return(self, sum);
}

static void sums_ends(void *arg)
{
    const int *done = arg;

    printf("sums ends with %d done\n", *done);
}

/* One sum after the other. */
static int sums(struct hkt_gen *self, void *arg)
{
    int *done = arg;

    HKT_DEFER(sums_ends, done);
    for (;; ++*done) {
        int sum = 0;
        void *result;
        hkt_auto_gen sub = hkt_gen_new(adder, &sum);
        HKT_TRY(hkt_yield_from(self, sub, &result));
        const int *total = result;
        printf("the sum is %d\n", *total);
    }
}

int main(void)
{
    static const int data[] = {1, 2, 3, 0, 40, 50};
    int done = 0, so_far = 0;
    hkt_auto_gen g = hkt_gen_new(sums, &done);
    int rc = ints_next(g, &so_far);

    for (int i = 0; rc > 0 && i < 6; i++)
        rc = ints_send(g, data[i], &so_far);
    if (rc <= 0)
        return 1;
    printf("so far %d\n", so_far);
    return hkt_gen_close(g) < 0;
}
