/* SPDX-License-Identifier: MIT
 *
 * A generator whose stack and control block are in an array of the program's, for boards on which
 * memory is handed out when the program is linked.
 *
 *      def numbers():
 *          for i in range(1, 6):
 *              yield i
 *
 *      for n in numbers():
 *          print(n, end=" ")
 */
#include <hocket/gen.h>

#include <stdio.h>

HKT_GEN_OF(ints, int);

static int numbers(struct hkt_gen *self, void *arg)
{
    (void)arg;
    for (int i = 1; i <= 5; i++)
        HKT_TRY(ints_yield(self, i));
    return 0;
}

int main(void)
{
    static char memory[8192];
    struct hkt_coro_opts opts = {
        .name = "numbers",
        .stack = memory,
        .stack_size = sizeof memory,
    };
    int rc;

    HKT_EACH(ints, n, hkt_gen_new_opts(numbers, NULL, &opts), &rc)
        printf("%d ", n);
    puts("");
    return rc < 0;
}
