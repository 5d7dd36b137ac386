/* SPDX-License-Identifier: MIT
 *
 * Two loops of dates, side by side on one event loop, each sleeping for as long as it likes.
 *
 *      async def display_date(num, loop):
 *          end_time = loop.time() + 10.0
 *          while True:
 *              print(f"Loop: {num} Time: {datetime.datetime.now()}")
 *              if (loop.time() + 1.0) >= end_time:
 *                  break
 *              await asyncio.sleep(random.randint(0, 5))
 *
 *      asyncio.ensure_future(display_date(1, loop))
 *      asyncio.ensure_future(display_date(2, loop))
 *      loop.run_forever()
 *
 * Run as `display_date real` it takes ten seconds. Otherwise time is a property of the loop: the
 * clock jumps to where somebody wants to wake up, and ten seconds are over at once.
 */
#include <hocket/task.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int running = 2;

static void print_date(int num)
{
    time_t seconds = (time_t)(hkt_now() / HKT_SEC(1));
    char text[32];

    strftime(text, sizeof text, "%H:%M:%S", gmtime(&seconds));
    printf("Loop: %d Time: %s\n", num, text);
}

static int display_date(void *arg)
{
    int num = (int)(intptr_t)arg;
    int64_t end = hkt_now() + HKT_SEC(10);

    for (;;) {
        print_date(num);
        if (hkt_now() + HKT_SEC(1) >= end)
            break;
        HKT_TRY(hkt_sleep(HKT_SEC(rand() % 6)));
    }
    if (--running == 0)
        hkt_loop_stop(hkt_loop_current());
    return 0;
}

static int64_t simulated_now;

static int64_t simulated_clock(void *ctx)
{
    (void)ctx;
    return simulated_now;
}

static void simulated_sleep(void *ctx, int64_t until)
{
    (void)ctx;
    simulated_now = until;
}

int main(int argc, char **argv)
{
    const struct hkt_loop_opts simulated = {.clock = simulated_clock,
                                            .sleep_until = simulated_sleep};
    int real = argc > 1 && strcmp(argv[1], "real") == 0;
    struct hkt_loop *loop = hkt_loop_new(real ? NULL : &simulated);

    hkt_detach(hkt_ensure_future(loop, display_date, (void *)(intptr_t)1));
    hkt_detach(hkt_ensure_future(loop, display_date, (void *)(intptr_t)2));
    int rc = hkt_loop_run_forever(loop);
    if (rc < 0)
        fprintf(stderr, "display_date: %s\n", hkt_strerror(rc));
    return hkt_loop_free(loop) < 0 || rc < 0;
}
