/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "send".
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(doubles, double);

static int average(struct hkt_gen *self, void *arg)
{
    double sum = 0, x = 0;

    (void)arg;
    for (int n = 0;; n++) {
        HKT_TRY(doubles_yield_recv(self, n ? sum / n : 0, &x));
        sum += x;
    }
}

int main(void)
{
    static const double data[] = {10, 20, 60};
    hkt_auto_gen g = hkt_gen_new(average, NULL);
    double mean;

    if (doubles_send(g, data[0], &mean) == -EINVAL)
        puts("it must be started before it can be sent a value");
    if (doubles_next(g, &mean) <= 0)
        return 1;
    for (int i = 0; i < 3; i++) {
        if (doubles_send(g, data[i], &mean) <= 0)
            return 1;
        printf("%g\n", mean);
    }
    return 0;
}
