/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "close, and cleaning up".
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

struct resource {
    const char *name;
};

static void release(void *arg)
{
    const struct resource *r = arg;

    printf("released %s\n", r->name);
}

static int holder(struct hkt_gen *self, void *arg)
{
    struct resource first = {"the first"}, second = {"the second"};

    (void)arg;
    HKT_DEFER(release, &first);
    HKT_DEFER(release, &second);
    for (int i = 0; i < 100; i++)
        HKT_TRY(ints_yield(self, i));
    return 0;
}

/* Yields again when it is asked to end. */
static int deaf(struct hkt_gen *self, void *arg)
{
    (void)arg;
    if (ints_yield(self, 1) == HKT_ECLOSE)
        return ints_yield(self, 2);
    return 0;
}

static int close_twice(hkt_gen_fn *body)
{
    hkt_auto_gen g = hkt_gen_new(body, NULL);
    int x;

    if (ints_next(g, &x) <= 0)
        return -1;
    int rc = hkt_gen_close(g);
    printf("close: %s\n", hkt_strerror(rc));
    rc = hkt_gen_close(g);
    printf("again: %s\n", hkt_strerror(rc));
    return rc;
}

int main(void)
{
    return close_twice(holder) < 0 || close_twice(deaf) < 0;
}
