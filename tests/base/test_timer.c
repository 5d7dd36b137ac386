/* SPDX-License-Identifier: MIT
 *
 * Deadlines fire in order, those of one in the order of arming, and none early, wherever in the
 * structure they waited.
 */
#include "base/timer.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 300 };

static struct hkt__timers timers;
static struct hkt__timer nodes[MANY];

static const int64_t start = INT64_C(7000000000123); /* a clock that has run for two hours */

static void set_up(void)
{
    memset(&timers, 0xa5, sizeof timers); /* init owes nothing to what was there */
    hkt__timers_init(&timers);
    memset(nodes, 0, sizeof nodes);
    cr_assert_null(hkt__timers_pop_due(&timers, start));
}

static void arm(int i, int64_t when)
{
    hkt__timer_arm(&timers, &nodes[i], when);
}

static void cancel(int i)
{
    hkt__timer_cancel(&timers, &nodes[i]);
}

/* The number of the node that is due, or -1. */
static int pop(int64_t now)
{
    struct hkt__timer *n = hkt__timers_pop_due(&timers, now);

    cr_assert(!n || !hkt__timer_armed(n));
    return n ? (int)(n - nodes) : -1;
}

static int64_t next(void)
{
    int64_t when;

    cr_assert(hkt__timers_next(&timers, &when));
    return when;
}

static uint64_t seed = 88172645463325252u;

static uint64_t number_below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

/* Of about any magnitude from 1 ns to 2^62 ns. */
static int64_t some_delay(unsigned most_bits)
{
    return (int64_t)number_below(UINT64_C(1) << (1 + number_below(most_bits)));
}

static void shuffle(int *order, int count)
{
    for (int i = 0; i < count; i++)
        order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        int j = (int)number_below((uint64_t)i + 1);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

/* Distances between deadlines that put them into the heap, into one slot, and into many levels. */
static const int64_t strides[] = {1, 700, 20000, 1000000, 250000000, INT64_C(90000000000)};
enum { STRIDES = sizeof strides / sizeof strides[0] };

Test(timer, none_is_pending_at_first, .init = set_up)
{
    int64_t when;

    cr_assert_not(hkt__timers_next(&timers, &when));
    cr_assert_eq(hkt__timers_count(&timers), 0);
    cr_assert_eq(pop(INT64_MAX), -1);
}

Test(timer, zeroed_memory_is_a_node_that_is_not_armed, .init = set_up)
{
    cr_assert_not(hkt__timer_armed(&nodes[0]));
    cancel(0);
    cr_assert_eq(hkt__timers_count(&timers), 0);
    arm(0, start + 1);
    cr_assert(hkt__timer_armed(&nodes[0]));
    cr_assert_eq(nodes[0].when, start + 1);
    cr_assert_eq(hkt__timers_count(&timers), 1);
}

Test(timer, they_fire_in_the_order_of_deadlines, .init = set_up)
{
    int order[MANY];

    for (int s = 0; s < STRIDES; s++) {
        int64_t now = start * (s + 1);
        shuffle(order, MANY);
        for (int i = 0; i < MANY; i++)
            arm(order[i], now + strides[s] * order[i]);
        for (int i = 0; i < MANY; i++) {
            cr_assert_eq(next(), now + strides[s] * i);
            cr_assert_eq(pop(now + strides[s] * i), i, "node %d, stride %d", i, s);
        }
        cr_assert_eq(hkt__timers_count(&timers), 0);
    }
}

Test(timer, a_late_loop_gets_them_in_the_order_of_deadlines_too, .init = set_up)
{
    int order[MANY];

    for (int s = 0; s < STRIDES; s++) {
        int64_t now = start * (s + 1);
        shuffle(order, MANY);
        for (int i = 0; i < MANY; i++)
            arm(order[i], now + strides[s] * order[i]);
        for (int i = 0; i < MANY; i++)
            cr_assert_eq(pop(now + strides[s] * 5000), i, "node %d, stride %d", i, s);
        cr_assert_eq(pop(now + strides[s] * 5000), -1);
    }
}

Test(timer, those_of_one_deadline_fire_in_the_order_of_arming, .init = set_up)
{
    int order[MANY];

    for (int s = 0; s < STRIDES; s++) {
        int64_t when = start * (s + 1) + strides[s];
        shuffle(order, MANY);
        for (int i = 0; i < MANY; i++)
            arm(order[i], when);
        cr_assert_eq(pop(when - 1), -1);
        for (int i = 0; i < MANY; i++)
            cr_assert_eq(pop(when), order[i]);
    }
}

/* The nearer the clock is when a node is armed, the lower the level that it waits in. */
Test(timer, those_of_one_deadline_do_so_whenever_they_were_armed, .init = set_up)
{
    int64_t when = start + (INT64_C(1) << 50);
    int i = 0;

    for (int bits = 49; bits >= 0; bits--) {
        arm(i++, when);
        cr_assert_eq(pop(when - (INT64_C(1) << bits)), -1);
        arm(i++, when);
    }
    for (int fired = 0; fired < i; fired++)
        cr_assert_eq(pop(when), fired);
}

Test(timer, a_node_that_is_popped_may_be_armed_at_once, .init = set_up)
{
    arm(0, start + 10);
    arm(1, start + 20);
    cr_assert_eq(pop(start + 20), 0);
    arm(0, start + 15);
    cr_assert_eq(pop(start + 20), 0);
    arm(0, start + 20);
    cr_assert_eq(pop(start + 20), 1, "it is behind those that were armed before");
    cr_assert_eq(pop(start + 20), 0);
    arm(0, start + 21);
    cr_assert_eq(pop(start + 20), -1);
}

Test(timer, none_fires_early, .init = set_up)
{
    for (int bits = 0; bits < 62; bits++) {
        for (int off = -1; off <= 1; off++) {
            int64_t now = start + bits;
            int64_t when = now + (INT64_C(1) << bits) + off;
            hkt__timers_init(&timers);
            cr_assert_eq(pop(now), -1);
            arm(0, when);
            arm(1, when);
            cr_assert_eq(pop(when - 1), -1, "2^%d%+d", bits, off);
            cr_assert_eq(next(), when);
            cr_assert_eq(pop(when), 0);
            cr_assert_eq(pop(when), 1);
        }
    }
}

Test(timer, none_fires_early_when_the_clock_creeps_up, .init = set_up)
{
    for (int bits = 0; bits < 62; bits++) {
        int64_t when = start + (INT64_C(1) << bits);
        hkt__timers_init(&timers);
        arm(0, when);
        for (int left = bits - 1; left >= 0; left--)
            cr_assert_eq(pop(when - (INT64_C(1) << left)), -1);
        cr_assert_eq(pop(when), 0, "2^%d", bits);
    }
}

Test(timer, none_fires_early_when_the_clock_goes_back, .init = set_up)
{
    arm(0, start + 1000);
    cr_assert_eq(pop(start + 999), -1);
    cr_assert_eq(pop(start - 1000000000), -1);
    arm(1, start - 5000);
    cr_assert_eq(pop(start - 5001), -1);
    cr_assert_eq(pop(start - 5000), 1);
    cr_assert_eq(pop(start - 5000), -1);
    cr_assert_eq(pop(start + 1000), 0);
}

/* Arms `count`, pops the first `popped` so that the heap has some shape, cancels one. */
static void cancel_one(int64_t stride, int count, int popped, int which)
{
    hkt__timers_init(&timers);
    cr_assert_eq(pop(start), -1);
    for (int i = 0; i < count; i++)
        arm(i, start + stride * (i + 1));
    for (int i = 0; i < popped; i++)
        cr_assert_eq(pop(start + stride * popped), i);
    cancel(which);
    cr_assert_not(hkt__timer_armed(&nodes[which]));
    cr_assert_eq(hkt__timers_count(&timers), (size_t)(count - popped - 1));
    for (int i = popped; i < count; i++)
        if (i != which)
            cr_assert_eq(pop(start + stride * count), i);
    cr_assert_eq(pop(start + stride * count), -1);
}

Test(timer, cancelled_in_any_position, .init = set_up)
{
    for (int s = 0; s < STRIDES; s++)
        for (int count = 1; count <= 9; count++)
            for (int popped = 0; popped < count; popped++)
                for (int which = popped; which < count; which++)
                    cancel_one(strides[s], count, popped, which);
}

Test(timer, cancelled_in_any_order, .init = set_up)
{
    int order[MANY];

    for (int s = 0; s < STRIDES; s++) {
        for (int left = 0; left < MANY; left += 37) {
            bool gone[MANY] = {false};
            shuffle(order, MANY);
            for (int i = 0; i < MANY; i++)
                arm(order[i], start + strides[s] * (i / 3));
            shuffle(order, MANY);
            for (int i = left; i < MANY; i++) {
                cancel(order[i]);
                gone[order[i]] = true;
            }
            cr_assert_eq(hkt__timers_count(&timers), (size_t)left);
            for (int i = 0; i < left; i++)
                cr_assert_not(gone[pop(start + strides[s] * MANY)]);
            cr_assert_eq(pop(start + strides[s] * MANY), -1);
        }
    }
}

Test(timer, to_cancel_what_is_not_armed_is_nothing, .init = set_up)
{
    arm(0, start + 5);
    arm(1, start + 5);
    cancel(2);
    cancel(0);
    cancel(0);
    cr_assert_eq(hkt__timers_count(&timers), 1);
    cr_assert_eq(pop(start + 5), 1);
    cancel(1);
    cr_assert_eq(hkt__timers_count(&timers), 0);
}

/* From each distance to each other, in company and alone. */
Test(timer, an_armed_node_can_be_moved, .init = set_up)
{
    for (int company = 0; company < 2; company++) {
        for (int from = 0; from < STRIDES; from++) {
            for (int to = 0; to < STRIDES; to++) {
                set_up();
                for (int i = 0; company && i < STRIDES; i++) {
                    arm(1 + 2 * i, start + strides[i]);
                    arm(2 + 2 * i, start + strides[i]);
                }
                arm(0, start + strides[from]);
                arm(0, start + strides[to]);
                cr_assert_eq(hkt__timers_count(&timers), company ? 1 + 2 * STRIDES : 1);
                for (int i = 0; i < STRIDES; i++) {
                    for (int pair = 1; company && pair <= 2; pair++)
                        cr_assert_eq(pop(start + strides[i]), pair + 2 * i);
                    cr_assert_eq(pop(start + strides[i]), i == to ? 0 : -1);
                }
            }
        }
    }
}

Test(timer, moved_to_the_same_deadline_it_is_the_last_there, .init = set_up)
{
    for (int s = 0; s < STRIDES; s++) {
        int64_t when = start * (s + 1) + strides[s];
        for (int i = 0; i < 3; i++)
            arm(i, when);
        arm(0, when);
        cr_assert_eq(hkt__timers_count(&timers), 3);
        cr_assert_eq(pop(when), 1);
        cr_assert_eq(pop(when), 2);
        cr_assert_eq(pop(when), 0);
    }
}

Test(timer, what_is_past_is_due_at_once_in_order, .init = set_up)
{
    static const int64_t past[] = {INT64_MIN, INT64_MIN + 1, -1000000000000, -1, 0, 1, 1000, start};
    enum { COUNT = sizeof past / sizeof past[0] };

    for (int i = COUNT; i-- > 0;)
        arm(i, past[i]);
    cr_assert_eq(next(), INT64_MIN);
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(pop(start), i);
    cr_assert_eq(pop(start), -1);
}

Test(timer, the_end_of_time_is_a_deadline, .init = set_up)
{
    for (int i = 0; i < 4; i++)
        arm(i, INT64_MAX - i / 2);
    cr_assert_eq(next(), INT64_MAX - 1);
    cr_assert_eq(pop(INT64_MAX - 2), -1);
    cr_assert_eq(pop(INT64_MAX - 1), 2);
    cr_assert_eq(pop(INT64_MAX - 1), 3);
    cr_assert_eq(pop(INT64_MAX - 1), -1);
    cr_assert_eq(next(), INT64_MAX);
    cr_assert_eq(pop(INT64_MAX), 0);
    arm(0, INT64_MAX);
    cr_assert_eq(pop(INT64_MAX), 1);
    cr_assert_eq(pop(INT64_MAX), 0);
    cr_assert_eq(pop(INT64_MAX), -1);
    arm(2, 5);
    cr_assert_eq(pop(INT64_MAX), 2);
}

Test(timer, never_is_never_from_the_start_of_the_clock, .init = set_up)
{
    hkt__timers_init(&timers);
    arm(0, INT64_MAX);
    cr_assert_eq(next(), INT64_MAX);
    for (int bits = 0; bits < 63; bits++)
        cr_assert_eq(pop(INT64_C(1) << bits), -1);
    cr_assert_eq(pop(INT64_MAX), 0);
}

Test(timer, never_is_left_when_what_was_before_it_is_cancelled, .init = set_up)
{
    arm(0, INT64_MAX);
    arm(1, start + 1000000000);
    cancel(1);
    cr_assert_eq(next(), INT64_MAX);
    cr_assert_eq(pop(INT64_MAX), 0);
    cr_assert_eq(pop(INT64_MAX), -1);
}

Test(timer, a_clock_before_zero, .init = set_up)
{
    hkt__timers_init(&timers);
    arm(0, -50);
    arm(1, -100);
    arm(2, 7);
    cr_assert_eq(pop(-101), -1);
    cr_assert_eq(pop(-100), 1);
    cr_assert_eq(pop(-51), -1);
    cr_assert_eq(pop(6), 0);
    cr_assert_eq(pop(6), -1);
    cr_assert_eq(pop(7), 2);
}

Test(timer, the_next_deadline_after_a_cancel_is_not_later_than_the_earliest, .init = set_up)
{
    int64_t minute = INT64_C(60000000000);

    arm(0, start + minute);
    arm(1, start + minute + 10);
    arm(2, start + 2 * minute);
    cancel(0);
    cr_assert_leq(next(), start + minute + 10);
    cr_assert_eq(pop(next()), -1);
    cr_assert_eq(next(), start + minute + 10, "once the clock was there it is known");
    cancel(1);
    cr_assert_eq(next(), start + 2 * minute);
    cancel(2);
    cr_assert_not(hkt__timers_next(&timers, &minute));
}

/* The model: all nodes are looked at each time. */

static struct {
    bool armed;
    int64_t when;
    uint64_t order;
} model[MANY];
static uint64_t model_arms;

static int model_first(void)
{
    int first = -1;

    for (int i = 0; i < MANY; i++) {
        if (!model[i].armed)
            continue;
        if (first < 0 || model[i].when < model[first].when ||
            (model[i].when == model[first].when && model[i].order < model[first].order))
            first = i;
    }
    return first;
}

static void both_arm(int i, int64_t when)
{
    arm(i, when);
    model[i].armed = true;
    model[i].when = when;
    model[i].order = model_arms++;
}

static void both_cancel(int i)
{
    cancel(i);
    model[i].armed = false;
}

/* Whether one was due. */
static bool both_pop(int64_t now)
{
    int first = model_first();

    if (first < 0 || model[first].when > now) {
        cr_assert_eq(pop(now), -1);
        return false;
    }
    cr_assert_eq(pop(now), first);
    model[first].armed = false;
    return true;
}

static void compare_next(void)
{
    int first = model_first();
    int64_t when;

    cr_assert_eq(hkt__timers_next(&timers, &when), first >= 0);
    cr_assert(first < 0 || when <= model[first].when);
}

/* Sleeps as a loop does: either something is due at that time, or the next time is later. */
static int64_t both_sleep(int64_t now)
{
    int64_t when, later;

    if (!hkt__timers_next(&timers, &when) || when > start + (INT64_C(1) << 60))
        return now;
    if (when > now)
        now = when;
    if (!both_pop(now) && hkt__timers_next(&timers, &later))
        cr_assert_gt(later, when);
    return now;
}

static int64_t some_deadline(int64_t now)
{
    switch (number_below(8)) {
    case 0:
        return INT64_MAX - (int64_t)number_below(3);
    case 1:
        return now - some_delay(40);
    case 2: /* for ties */
        return (now / 1000000000 + (int64_t)number_below(4)) * 1000000000;
    case 3:
        return now + some_delay(58);
    default:
        return now + some_delay(34);
    }
}

Test(timer, as_a_naive_model_says, .init = set_up, .timeout = 100)
{
    int64_t now = start;

    for (int step = 0; step < 200000; step++) {
        int i = (int)number_below(MANY);
        switch (number_below(8)) {
        case 0:
        case 1:
        case 2:
            both_arm(i, some_deadline(now));
            break;
        case 3:
        case 4:
            both_cancel(i);
            break;
        case 5:
            now = both_sleep(now);
            break;
        case 6:
            both_pop(number_below(4) ? now : now - some_delay(40));
            break;
        case 7:
            if (now < INT64_C(1) << 60)
                now += some_delay(number_below(500) ? 30 : 50);
            while (number_below(20) && both_pop(now)) /* now and then not all of them */
                continue;
            break;
        }
        if (step % 16 == 0)
            compare_next();
    }
    while (both_pop(INT64_MAX))
        continue;
    cr_assert_eq(hkt__timers_count(&timers), 0);
}

/* No time limit would be kept if a call went through all of them. */
Test(timer, a_million_pending, .init = set_up, .timeout = 100)
{
    enum { MILLION = 1000000 };
    struct hkt__timer *all = calloc(MILLION, sizeof *all);
    int64_t minute = INT64_C(60000000000);
    int64_t last = start;
    size_t fired = 0;
    int64_t when;

    cr_assert_not_null(all);
    for (int i = 0; i < MILLION; i++)
        hkt__timer_arm(&timers, &all[i], start + 1 + (int64_t)number_below((uint64_t)minute));
    for (int i = 0; i < MILLION; i++) {
        if (i % 10 != 0)
            hkt__timer_cancel(&timers, &all[i]);
        cr_assert(hkt__timers_next(&timers, &when));
    }
    cr_assert_eq(hkt__timers_count(&timers), MILLION / 10);
    for (int64_t now = start; now <= start + minute; now += 1000000) {
        struct hkt__timer *n;
        while ((n = hkt__timers_pop_due(&timers, now)) != NULL) {
            cr_assert((n - all) % 10 == 0 && n->when >= last && n->when <= now);
            cr_assert_gt(n->when, now - 1000000);
            last = n->when;
            fired++;
        }
    }
    cr_assert_eq(fired, MILLION / 10);
    free(all);
}

/* Connections that came in one second, and of which nobody was heard for a minute. */
Test(timer, a_million_that_fire, .init = set_up, .timeout = 100)
{
    enum { MILLION = 1000000 };
    struct hkt__timer *all = calloc(MILLION, sizeof *all);
    int64_t minute = INT64_C(60000000000);
    int fired = 0;

    cr_assert_not_null(all);
    for (int i = 0; i < MILLION; i++)
        hkt__timer_arm(&timers, &all[i], start + i * 1000 + minute);
    for (int64_t now = start + minute; fired < MILLION; now += 10000) {
        struct hkt__timer *n;
        while ((n = hkt__timers_pop_due(&timers, now)) != NULL)
            cr_assert_eq(n, &all[fired++]);
        cr_assert_eq(fired, (now - start - minute) / 1000 + 1 < MILLION
                                ? (now - start - minute) / 1000 + 1
                                : MILLION);
    }
    free(all);
}

static void note_seen(void *seen, const struct hkt__timer *n)
{
    ((bool *)seen)[n - nodes] ^= true; /* twice is as bad as never */
}

static void expect_all_seen(const bool *armed)
{
    bool seen[MANY] = {false};

    hkt__timers_each(&timers, note_seen, seen);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(seen[i], armed[i], "%d", i);
}

Test(timer, each_that_is_armed_is_seen_once)
{
    bool armed[MANY] = {false};
    int64_t now = start;

    set_up();
    expect_all_seen(armed);
    for (int round = 0; round < 200; round++) {
        for (int k = 0; k < 20; k++) {
            int i = (int)number_below(MANY);
            if (number_below(3) == 0)
                cancel(i);
            else
                arm(i, now + some_delay(round % 40 + 2));
        }
        now += some_delay(24);
        if (round % 3 == 0)
            (void)pop(now); /* opens slots, and leaves a heap with many levels */
        for (int i = 0; i < MANY; i++)
            armed[i] = hkt__timer_armed(&nodes[i]);
        expect_all_seen(armed);
    }
}
