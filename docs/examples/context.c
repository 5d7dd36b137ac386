/* SPDX-License-Identifier: MIT
 *
 * The context switch alone, on a static array: no allocator, no thread, no system. Of hocket it
 * needs arch/arch.c and the assembly of the ISA. Two contexts count together:
 *
 *      def odd():
 *          for n in range(1, 10, 2):
 *              yield n
 *
 *      for n, m in zip(odd(), range(2, 11, 2)):
 *          print(n, m, end=" ")
 */
#include <hocket/switch.h>

#include <stdio.h>

static char stack[16384];
static struct hkt_ctx other; /* always the side that does not run */

static void odd(struct hkt_ctx *self, struct hkt_msg msg)
{
    for (intptr_t n = 1;; n += 2) {
        msg.code = n;
        msg = hkt_ctx_switch(self, self, msg);
    }
}

int main(void)
{
    struct hkt_msg msg = {NULL, 0};

    hkt_ctx_init(&other, stack, sizeof stack, odd);
    for (int i = 2; i <= 10; i += 2) {
        msg = hkt_ctx_switch(&other, &other, msg);
        printf("%d %d ", (int)msg.code, i);
    }
    puts("");
    return 0;
}
