/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "Errors, and throw".
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

/* Starts again when -ERANGE is thrown in, and fails with any other error. */
static int counter(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        int rc = ints_yield(self, i);
        if (rc == -ERANGE)
            i = -1;
        else if (rc < 0)
            return rc;
    }
    return 0;
}

int main(void)
{
    hkt_auto_gen g = hkt_gen_new(counter, NULL);
    int x = -1, rc;

    for (int i = 0; i < 3; i++)
        if (ints_next(g, &x) <= 0)
            return 1;
    printf("%d\n", x);
    rc = ints_throw(g, -ERANGE, &x);
    printf("%d: %d\n", rc, x);
    rc = ints_throw(g, -EIO, &x);
    printf("%s\n", hkt_strerror(rc));
    rc = ints_next(g, &x);
    printf("%d\n", rc);
    return rc < 0;
}
