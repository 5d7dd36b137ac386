/* SPDX-License-Identifier: MIT
 *
 * Old and new coroutines in each other: a generator-based one that delegates to a native one, and
 * a native one that awaits it.
 *
 *      async def native_nap(ms):
 *          await asyncio.sleep(ms / 1000)
 *
 *      @types.coroutine
 *      def my_sleep_func():
 *          print("generator-based: begins")
 *          yield from native_nap(20)
 *          yield                      # one turn of the loop
 *          print("generator-based: ends")
 *          return "rested"
 *
 *      async def main():
 *          print("native: awaits")
 *          print("native:", await my_sleep_func())
 */
#include <hocket/task.h>

#include <stdint.h>
#include <stdio.h>

static int native_nap(void *ms)
{
    return hkt_sleep(HKT_MS((intptr_t)ms));
}

static int my_sleep_func(struct hkt_gen *self, void *arg)
{
    static char rested[] = "rested";

    (void)arg;
    puts("generator-based: begins");
    HKT_TRY(hkt_gen_call(self, native_nap, (void *)(intptr_t)20));
    HKT_TRY(hkt_yield(self, NULL, NULL));
    puts("generator-based: ends");
    return hkt_gen_return(self, rested);
}

static int native(void *arg)
{
    hkt_auto_gen g = hkt_gen_new(my_sleep_func, arg);

    puts("native: awaits");
    HKT_TRY(hkt_await_gen(g));
    printf("native: %s\n", (const char *)hkt_gen_result(g));
    return 0;
}

int main(void)
{
    int rc = hkt_run(native, NULL);

    if (rc < 0)
        fprintf(stderr, "await_both: %s\n", hkt_strerror(rc));
    return rc < 0;
}
