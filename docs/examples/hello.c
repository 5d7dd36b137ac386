/* SPDX-License-Identifier: MIT
 *
 * A coroutine that yields "Hello", is sent "World", and yields it back.
 *
 *      def coro():
 *          hello = yield "Hello"
 *          yield hello
 *
 *      c = coro()
 *      print(next(c), end=" ")
 *      print(c.send("World"))
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(strs, const char *);

static int coro(struct hkt_gen *self, void *arg)
{
    const char *hello = "nothing was sent";

    (void)arg;
    HKT_TRY(strs_yield_recv(self, "Hello", &hello));
    return strs_yield(self, hello);
}

int main(void)
{
    hkt_auto_gen c = hkt_gen_new(coro, NULL);
    const char *s;

    if (strs_next(c, &s) <= 0)
        return 1;
    printf("%s ", s);
    if (strs_send(c, "World", &s) <= 0)
        return 1;
    printf("%s\n", s);
    return 0;
}
