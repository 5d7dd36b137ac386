/* SPDX-License-Identifier: MIT
 *
 * Random use of fifty coroutines, by main and by each other, beside a model of what the header
 * promises. The model knows at each moment who runs, who waits for whom, and what each waiting call
 * is going to answer; a body is a loop that picks what to do next and compares.
 *
 * HKT_TEST_SEED in the environment replays one seed; HKT_TEST_STEPS runs longer.
 */
#include "base/reports.h"
#include "base/where.h"
#include "support/test.h"

#include <hocket/coro.h>

#include <stdalign.h>
#include <stdlib.h>

enum { COROS = 50, MAIN = COROS, STATIC = 4 };

enum call { NONE, RESUME, CLOSE, RESET, FREE, YIELD, TRANSFER };

/* Everyone who can make a call: the coroutines, and main. */
struct actor {
    struct hkt_coro *c;
    enum hkt_coro_state state;
    int resumer; /* while running: to whom its yield and its end go */
    int at;      /* while suspended: in whose frames, its own or another's on top of them */
    int result;
    bool adrift; /* in frames on a stack whose owner was freed: never to go on */
    int held;    /* how many calls are closing it */

    enum call call; /* that it waits in, */
    int target;     /* on whom, */
    int rc;         /* and what that will answer */
    void *value;
};

static struct actor actor[COROS + 1];
static int running; /* the actor whose turn it is */
static long steps, most;
static bool ending;
static uint64_t seed, state;
static struct reports reports;
static int expected_reports;
static int marks[COROS + 1]; /* values are the addresses of these */

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * below >> 32);
}

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            cr_expect(false, "seed %llu, step %ld: " #condition, (unsigned long long)seed, steps); \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static int body(struct hkt_coro *self, void *arg);

static void make(int i)
{
    static alignas(64) char memory[STATIC][32768];
    struct hkt_coro_opts opts = {.flags = draw(8) == 0 ? HKT_CORO_FPENV : 0};

    if (i < STATIC) {
        opts.stack = memory[i];
        opts.stack_size = sizeof memory[i];
    } else if (draw(8) == 0) {
        opts.stack_size = (size_t)32768 << draw(3);
    }
    actor[i] = (struct actor){
        .c = hkt_coro_new_opts(body, &actor[i], &opts), .state = HKT_CREATED, .adrift = false};
    CHECK(actor[i].c);
}

/* What the model says of each step */

/* Gives the turn to whoever goes on when t is resumed or handed over to. */
static void continue_in(int t, int resumer, int rc, void *in)
{
    struct actor *next;

    actor[t].resumer = resumer;
    if (actor[t].state == HKT_CREATED)
        actor[t].at = t;
    actor[t].state = HKT_RUNNING;
    running = actor[t].at;
    next = &actor[running];
    next->rc = rc;
    next->value = in;
}

/* What a close of t answers, when control is back with rc. */
static int closed(int t, int rc)
{
    if (actor[t].state != HKT_FINISHED)
        return -EPROTO;
    return rc == HKT_ECLOSE || rc > 0 ? 0 : rc;
}

/* Control goes back to r, whose call on some target has come to (rc, value). */
static void go_back(int r, int rc, void *value)
{
    struct actor *a = &actor[r];

    running = r;
    a->value = a->call == RESUME ? value : NULL;
    a->rc = a->call == RESUME ? rc : closed(a->target, rc);
    if (a->call != FREE && a->call != RESET)
        return;
    if (actor[a->target].state == HKT_FINISHED && a->rc < 0) /* an error that nobody asks for */
        expected_reports++;
    if (a->call == RESET && actor[a->target].state == HKT_FINISHED)
        a->rc = 0;
}

/* Frames of others lie on top of what t was suspended in; without t they go nowhere. */
static void set_adrift(int t)
{
    for (int i = actor[t].at; i != t; i = actor[i].resumer)
        actor[i].adrift = true;
}

/* Calls, by the actor a */

static void *some_value(void)
{
    uint32_t i = draw(2 * COROS);

    return i <= COROS ? &marks[i] : NULL;
}

/* Whether control came back as foreseen. */
static void expect_answer(int a, int rc, void *value)
{
    CHECK(running == a);
    CHECK(rc == actor[a].rc);
    CHECK(value == actor[a].value);
    CHECK(reports.count == expected_reports);
    actor[a].call = NONE;
}

static void resume_one(int a, int t)
{
    void *in = some_value(), *value = &marks[0];
    struct actor *me = &actor[a];
    enum hkt_coro_state was = actor[t].state;

    me->call = RESUME;
    me->target = t;
    me->value = NULL;
    if (was == HKT_RUNNING)
        me->rc = -EBUSY;
    else if (was == HKT_FINISHED)
        me->rc = -ESHUTDOWN;
    else if (was == HKT_CREATED && in)
        me->rc = -EINVAL;
    else
        continue_in(t, a, 0, in);
    int rc = hkt_coro_resume(actor[t].c, in, &value);
    expect_answer(a, rc, value);
}

/* close, and what begins with one. */
static void begin_close(int a, int t, enum call call)
{
    struct actor *me = &actor[a];

    me->call = call;
    me->target = t;
    me->value = NULL;
    actor[t].held++;
    if (actor[t].state == HKT_CREATED) {
        actor[t].state = HKT_FINISHED;
        actor[t].result = HKT_ECLOSE;
    }
    if (actor[t].state == HKT_RUNNING)
        me->rc = -EBUSY;
    else if (actor[t].state == HKT_FINISHED)
        me->rc = 0;
    else
        continue_in(t, a, HKT_ECLOSE, NULL);
}

static void close_one(int a, int t)
{
    begin_close(a, t, CLOSE);
    int rc = hkt_coro_close(actor[t].c);
    expect_answer(a, rc, NULL);
    actor[t].held--;
}

static void reset_one(int a, int t)
{
    begin_close(a, t, RESET);
    int rc = hkt_coro_reset(actor[t].c, body, &actor[t]);
    expect_answer(a, rc, NULL);
    actor[t].held--;
    if (actor[t].state == HKT_FINISHED)
        actor[t].state = HKT_CREATED;
}

static void free_one(int a, int t)
{
    begin_close(a, t, FREE);
    hkt_coro_free(actor[t].c);
    if (actor[t].state != HKT_FINISHED)
        expected_reports++; /* it ignored its close, or is running */
    expect_answer(a, actor[a].rc, NULL);
    actor[t].held--;
    if (actor[t].state == HKT_SUSPENDED)
        set_adrift(t);
    if (actor[t].state != HKT_RUNNING)
        make(t);
}

/* One of those that wait for a, or a itself: it is yielded, with all between. */
static int someone_below(int a)
{
    int o = a;

    while (draw(4) == 0 && actor[o].resumer != MAIN)
        o = actor[o].resumer;
    return o;
}

static void yield_one(int a, int o)
{
    void *value = some_value(), *in = &marks[0];

    actor[a].call = YIELD;
    if (actor[o].state != HKT_RUNNING) {
        actor[a].rc = -EPERM;
        actor[a].value = NULL;
    } else {
        actor[o].state = HKT_SUSPENDED;
        actor[o].at = a;
        go_back(actor[o].resumer, 1, value);
    }
    int rc = hkt_coro_yield(actor[o].c, value, &in);
    expect_answer(a, rc, in);
}

static void transfer_one(int a, int o, int t)
{
    void *in = some_value(), *back = &marks[0];

    actor[a].call = TRANSFER;
    actor[a].value = NULL;
    if (actor[t].state == HKT_RUNNING) {
        actor[a].rc = -EBUSY;
    } else if (actor[t].state == HKT_FINISHED) {
        actor[a].rc = -ESHUTDOWN;
    } else if (actor[t].state == HKT_CREATED && in) {
        actor[a].rc = -EINVAL;
    } else {
        actor[o].state = HKT_SUSPENDED;
        actor[o].at = a;
        continue_in(t, actor[o].resumer, 0, in);
    }
    int rc = hkt_coro_transfer(actor[o].c, actor[t].c, in, &back);
    expect_answer(a, rc, back);
}

static void look_at(int t)
{
    const struct actor *it = &actor[t];

    CHECK(hkt_coro_state(it->c) == it->state);
    CHECK(hkt_coro_result(it->c) == (it->state == HKT_FINISHED ? it->result : -EAGAIN));
}

/* One random call. Others may be closing t right now: then it is theirs to free or reset. */
static void act(int a)
{
    int t = (int)draw(COROS);
    uint32_t which = draw(100);

    steps++;
    if (actor[t].adrift)
        return;
    look_at(t);
    if (which < 35 || (a == MAIN && which < 75))
        resume_one(a, t);
    else if (which < 45 && a != MAIN)
        transfer_one(a, someone_below(a), t);
    else if (which < 70 && a != MAIN)
        yield_one(a, someone_below(a));
    else if (which < 72 && actor[t].state != HKT_RUNNING)
        yield_one(a, t);
    else if (which < 85)
        close_one(a, t);
    else if (which < 90 && actor[t].held == 0)
        reset_one(a, t);
    else if (which < 96 && actor[t].held == 0)
        free_one(a, t);
}

static int body(struct hkt_coro *self, void *arg)
{
    static const int ends[] = {0, 7, HKT_ECLOSE, -EIO, -EBUSY, -ECANCELED, -EPROTO};
    int a = (int)((struct actor *)arg - actor);

    CHECK(running == a && self == actor[a].c);
    CHECK(hkt_coro_current() == self);
    while (!ending && (steps >= most ? 0 : draw(25) != 0))
        act(a);
    int rc = ends[draw(7)];
    actor[a].state = HKT_FINISHED;
    actor[a].result = rc;
    go_back(actor[a].resumer, rc < 0 ? rc : 0, NULL);
    return rc;
}

static void run(uint64_t first_seed, long count)
{
    seed = first_seed;
    state = seed * 0x9e3779b97f4a7c15u + 1;
    steps = 0;
    most = count;
    ending = false;
    expected_reports = 0;
    running = MAIN;
    reports_to(&reports);
    for (int i = 0; i < COROS; i++)
        make(i);
    while (steps < most)
        act(MAIN);
    ending = true;
    for (int round = 0; round < COROS; round++)
        for (int i = 0; i < COROS; i++)
            if (!actor[i].adrift)
                close_one(MAIN, i);
    for (int i = 0; i < COROS; i++) {
        if (actor[i].adrift)
            continue;
        CHECK(actor[i].state == HKT_FINISHED);
        free_one(MAIN, i);
    }
}

static void run_seeds(uint64_t from, uint64_t to, long count)
{
    const char *wanted = getenv("HKT_TEST_SEED"), *longer = getenv("HKT_TEST_STEPS");

    if (longer)
        count = atol(longer);
    if (wanted)
        run(strtoull(wanted, NULL, 10), count);
    for (uint64_t i = from; !wanted && i < to; i++)
        run(i, count);
}

static bool slow(void)
{
    return where_sanitizer() || where_valgrind();
}

Test(model, short_lives)
{
    run_seeds(1, slow() ? 8 : 60, 1000);
}

Test(model, long_lives)
{
    run_seeds(100, 104, slow() ? 2000 : 25000);
}
