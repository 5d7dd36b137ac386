/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "Typed faces".
 */
#ifndef HKT_DEBUG
#define HKT_DEBUG /* a debug build of hocket defines it */
#endif
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);
HKT_GEN_OF(doubles, double);

static void report(void *ctx, const char *line)
{
    (void)ctx;
    printf("report: %s\n", line);
}

static int numbers(struct hkt_gen *self, void *arg)
{
    (void)arg;
    return ints_yield(self, 1);
}

int main(void)
{
    struct hkt_coro_opts opts = {.name = "numbers"};
    hkt_auto_gen g = hkt_gen_new_opts(numbers, NULL, &opts);
    double x;

    hkt_on_report(report, NULL);
    int rc = doubles_next(g, &x);
    printf("%s\n", hkt_strerror(rc));
    return rc != -EINVAL;
}
