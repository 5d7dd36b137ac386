/* SPDX-License-Identifier: MIT
 *
 * A user's program, for tests/install and tests/subproject: prints the sum of 0 to 99, counted by a
 * generator. With TASKS it does so in a task, and needs the whole library, not the core alone; with
 * TLS also the one for that.
 */
#include <hocket/hocket.h>
#ifdef TLS
#include <hocket/tls.h>
#endif

#include <stdio.h>

HKT_GEN_OF(ints, int);

static int count(struct hkt_gen *self, void *stop)
{
    for (int i = 0; i < *(int *)stop; i++)
        HKT_TRY(ints_yield(self, i));
    return 0;
}

static int print_sum(void *stop)
{
    int sum = 0, rc;

#ifdef TASKS
    HKT_TRY(hkt_sleep(HKT_MS(1)));
#endif
#ifdef TLS
    struct hkt_tls *tls;
    HKT_TRY(hkt_tls_new(NULL, &tls));
    hkt_tls_free(tls);
#endif
    HKT_EACH(ints, x, hkt_gen_new(count, stop), &rc)
        sum += x;
    printf("%d\n", sum);
    return rc;
}

int main(void)
{
    int stop = 100;

#ifdef TASKS
    return hkt_run(print_sum, &stop);
#else
    return print_sum(&stop);
#endif
}
