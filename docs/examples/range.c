/* SPDX-License-Identifier: MIT
 *
 * Ten million numbers in constant memory.
 *
 *      def numbers(stop):
 *          i = 0
 *          while i < stop:
 *              yield i
 *              i += 1
 *
 *      total = 0
 *      for x in numbers(10_000_000):
 *          total += x
 *      print(total)
 *
 * A list of them would take 40 MB in C. What the process takes is measured while they pass.
 */
#define _DEFAULT_SOURCE

#include <hocket/gen.h>

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

HKT_GEN_OF(ints, int);

static int numbers(struct hkt_gen *self, void *arg)
{
    const int *stop = arg;

    for (int i = 0; i < *stop; i++)
        HKT_TRY(ints_yield(self, i));
    return 0;
}

/* The most memory that the process has had so far: KiB on Linux, bytes on Darwin. */
static long peak_memory(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
    return usage.ru_maxrss / 1024;
#else
    return usage.ru_maxrss;
#endif
}

int main(void)
{
    int stop = 10 * 1000 * 1000, rc;
    int64_t total = 0;
    long at_first = 0;

    HKT_EACH(ints, x, hkt_gen_new(numbers, &stop), &rc) {
        if (x == 0)
            at_first = peak_memory();
        total += x;
    }
    if (rc < 0)
        return 1;
    printf("%" PRId64 "\n", total);

    long grown = peak_memory() - at_first;
    if (grown >= 4096) {
        printf("memory grew by %ld KiB from the first number to the last\n", grown);
        return 1;
    }
    puts("memory grew by less than 4 MiB from the first number to the last");
    return 0;
}
