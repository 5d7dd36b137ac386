/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "Mistakes that are answered".
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

/* Steps the generator that it is. */
static int impatient(struct hkt_gen *self, void *arg)
{
    int x;

    (void)arg;
    printf("next from inside:  %s\n", hkt_strerror(ints_next(self, &x)));
    printf("close from inside: %s\n", hkt_strerror(hkt_gen_close(self)));
    HKT_TRY(ints_yield(self, 1));
    return -EIO;
}

int main(void)
{
    hkt_auto_gen g = hkt_gen_new(impatient, NULL);
    int x;

    printf("send too early:    %s\n", hkt_strerror(ints_send(g, 5, &x)));
    for (int rc = 1; rc > 0;) {
        rc = ints_next(g, &x);
        printf("next:              %d %s\n", rc, hkt_strerror(rc));
    }
    printf("after the end:     %d\n", ints_next(g, &x));
    printf("yield outside:     %s\n", hkt_strerror(ints_yield(g, 2)));
    printf("no generator:      %s\n", hkt_strerror(ints_next(NULL, &x)));
    return 0;
}
