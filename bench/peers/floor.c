/* SPDX-License-Identifier: MIT
 *
 * What sets the limit: no switch at all. A call and its return count as two ways, as a resume and
 * its yield do. And the system's call, with nothing around it.
 */
#include "../support/bench.h"
#include "../support/pipe.h"

struct side {
    struct side *next;
    void (*body)(void);
};

static inline void side_make(struct side *s)
{
    (void)s;
}

static inline void side_free(struct side *s)
{
    (void)s;
}

static inline void side_enter(struct side *s)
{
    struct side *at = s;

    do
        at->body();
    while ((at = at->next) != s);
}

static inline void side_switch(struct side *from, struct side *to)
{
    (void)from;
    (void)to;
    BENCH_BARRIER();
}

#include "../support/ring.h"

static BENCH_NOINLINE void nothing(void)
{
    BENCH_BARRIER();
}

static double time_direct(uint64_t n)
{
    double start = bench_now();

    for (uint64_t i = 0; i < n / 2; i++)
        nothing();
    return bench_now() - start - bench_loop(n / 2);
}

static double time_indirect(uint64_t n)
{
    void (*fn)(void) = nothing;
    double start = bench_now();

    for (uint64_t i = 0; i < n / 2; i++) {
        BENCH_OPAQUE(fn);
        fn();
    }
    return bench_now() - start - bench_loop(n / 2);
}

static double time_read(uint64_t n)
{
    struct bench_pipe p;
    double took = 0;

    bench_pipe_open(&p);
    for (uint64_t left = n; left > 0;) {
        uint64_t batch = bench_pipe_fill(&p, left);
        double start = bench_now();
        for (uint64_t i = 0; i < batch; i++)
            if (read(p.out, p.piece, sizeof p.piece) != sizeof p.piece)
                bench_fail("read() failed");
        took += bench_now() - start;
        left -= batch;
    }
    close(p.out);
    close(p.in);
    return took - bench_loop(n);
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("switch", "two_sites", "floor-direct", time_direct),
    BENCH_TIME("switch", "two_sites", "floor-indirect", time_indirect),
    BENCH_RINGS("floor-direct"),
    BENCH_TIME("read", "ready", "floor-syscall", time_read),
    BENCH_END,
};
