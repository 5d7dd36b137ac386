/* SPDX-License-Identifier: MIT
 *
 * swapcontext and its family. It passes no values: they go through memory that both sides see.
 */
#include "../support/bench.h"

#include <sys/mman.h>
#include <ucontext.h>

struct side {
    struct side *next;
    void (*body)(void);
    ucontext_t context;
    void *stack;
};

static ucontext_t home;
static struct side *entering;

static inline void side_leave(struct side *s)
{
    swapcontext(&s->context, &home);
}

static void side_main(void)
{
    struct side *self = entering;

    self->body();
    side_leave(self);
}

static void prepare(ucontext_t *context, void *stack, void (*fn)(void))
{
    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = BENCH_STACK;
    context->uc_link = &home;
    makecontext(context, fn, 0);
}

static inline void side_make(struct side *s)
{
    if (!s->stack)
        s->stack = bench_stack();
    prepare(&s->context, s->stack, side_main);
}

static inline void side_free(struct side *s)
{
    (void)s;
}

static inline void side_enter(struct side *s)
{
    entering = s;
    swapcontext(&home, &s->context);
}

static inline void side_switch(struct side *from, struct side *to)
{
    entering = to;
    swapcontext(&from->context, &to->context);
}

#include "../support/ring.h"

static struct side other;
static uint64_t message;

static void begin(void (*body)(void))
{
    other.body = body;
    side_make(&other);
}

static void yield_forever(void)
{
    for (;;)
        swapcontext(&other.context, &home);
}

static double time_two_sites(uint64_t n)
{
    double start;

    begin(yield_forever);
    side_enter(&other);
    start = bench_now();
    for (uint64_t i = 0; i < n / 2; i++)
        swapcontext(&home, &other.context);
    return bench_now() - start - bench_loop(n / 2);
}

static void answer_forever(void)
{
    for (;;) {
        message++;
        swapcontext(&other.context, &home);
    }
}

static double time_resume(uint64_t n)
{
    double start;

    begin(answer_forever);
    side_enter(&other);
    start = bench_now();
    for (uint64_t i = 0; i < n / 2; i++) {
        message = i;
        swapcontext(&home, &other.context);
        if (message != i + 1)
            bench_fail("a value was lost");
    }
    return bench_now() - start - bench_loop(n / 2);
}

static void count_up(void)
{
    for (uint64_t i = 0;; i++) {
        message = i;
        swapcontext(&other.context, &home);
    }
}

static double time_generator(uint64_t n)
{
    double start = bench_now(), took;
    uint64_t sum = 0;

    begin(count_up);
    entering = &other;
    for (uint64_t i = 0; i < n; i++) {
        swapcontext(&home, &other.context);
        sum += message;
    }
    took = bench_now() - start;
    bench_check_sum(sum, n);
    return took;
}

static void finish(void)
{
    message++;
}

static double time_create(uint64_t n)
{
    void *stack = bench_stack();
    double start = bench_now(), took;

    message = 0;
    for (uint64_t i = 0; i < n; i++) {
        ucontext_t context;
        prepare(&context, stack, finish);
        swapcontext(&home, &context);
    }
    took = bench_now() - start;
    munmap(stack, BENCH_STACK);
    if (message != n)
        bench_fail("%llu ran", (unsigned long long)message);
    return took;
}

static ucontext_t *parking;

static void park_here(void)
{
    ucontext_t *self = parking;
    char locals[BENCH_LOCALS];

    bench_touch(locals, sizeof locals);
    swapcontext(self, &home);
    bench_touch(locals, sizeof locals);
}

/* The library leaves it to its user where a stack comes from: here one mapping for each, without a
 * guard, and the context at its lower end would touch a second page, so it is apart. */
static void park(void **slot, size_t n)
{
    ucontext_t *all = mmap(NULL, n * sizeof *all, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (all == MAP_FAILED)
        bench_fail("no memory for %zu contexts", n);
    for (size_t i = 0; i < n; i++) {
        slot[i] = parking = &all[i];
        prepare(parking, bench_stack(), park_here);
        swapcontext(&home, parking);
    }
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("switch", "two_sites", "ucontext", time_two_sites),
    BENCH_RINGS("ucontext"),
    BENCH_TIME("resume", "value", "ucontext", time_resume),
    BENCH_GENERATOR("ucontext", time_generator),
    BENCH_TIME("create", "run_finish", "ucontext", time_create),
    BENCH_MEMORY("ucontext", park),
    BENCH_END,
};
