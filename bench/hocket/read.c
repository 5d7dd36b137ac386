/* SPDX-License-Identifier: MIT
 *
 * A read of what has come, which does not wait: what it costs more than the system's call.
 */
#include "../support/bench.h"
#include "../support/pipe.h"

#include <hocket/io.h>
#include <hocket/task.h>

struct run {
    uint64_t n;
    struct bench_pipe pipe;
    double took;
};

static int read_all(void *arg)
{
    struct run *r = arg;
    struct bench_pipe *p = &r->pipe;

    for (uint64_t left = r->n; left > 0;) {
        uint64_t batch = bench_pipe_fill(p, left);
        double start = bench_now();
        for (uint64_t i = 0; i < batch; i++)
            if (hkt_read(p->out, p->piece, sizeof p->piece) != sizeof p->piece)
                return -EPROTO;
        r->took += bench_now() - start;
        left -= batch;
    }
    return hkt_close(p->out);
}

static double time_read(uint64_t n)
{
    struct run r = {.n = n};

    bench_pipe_open(&r.pipe);
    if (hkt_run(read_all, &r) < 0)
        bench_fail("the run failed");
    close(r.pipe.in);
    return r.took - bench_loop(n);
}

const struct bench_entry bench_table[] = {
    BENCH_TIME("read", "ready", BENCH_IMPL, time_read),
    BENCH_END,
};
