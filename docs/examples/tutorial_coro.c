/* SPDX-License-Identifier: MIT
 *
 * docs/tutorial.md, "Coroutines".
 */
#include <hocket/coro.h>

#include <stdio.h>

static int echo(struct hkt_coro *self, void *arg)
{
    const char *text = arg;
    void *in;

    for (;; text = in) {
        printf("%s has %s\n", hkt_coro_name(self), text);
        HKT_TRY(hkt_coro_yield(self, arg, &in));
    }
}

int main(void)
{
    char argument[] = "an argument", value[] = "a value", another[] = "another argument";
    struct hkt_coro_opts opts = {.name = "echo", .stack_size = 16384};
    hkt_auto_coro c = hkt_coro_new_opts(echo, argument, &opts);
    void *out;

    if (hkt_coro_resume(c, NULL, &out) <= 0)
        return 1;
    if (hkt_coro_resume(c, value, &out) <= 0)
        return 1;
    const char *text = out;
    printf("main has %s\n", text);
    if (hkt_coro_reset(c, echo, another) < 0)
        return 1;
    if (hkt_coro_resume(c, NULL, &out) <= 0)
        return 1;
    return hkt_coro_close(c) < 0;
}
