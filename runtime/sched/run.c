/* SPDX-License-Identifier: MIT
 *
 * The whole life of a program.
 */
#include "loop.h"
#include "signals.h"

#include <signal.h>

struct interrupt {
    struct hkt_task *main;
    struct hkt_signal_watch watch[2];
    bool came;
};

static void on_interrupt(void *arg)
{
    struct interrupt *i = arg;

    i->came = true;
    /* The next one takes its default action. */
    (void)hkt_remove_signal(&i->watch[0]);
    (void)hkt_remove_signal(&i->watch[1]);
    (void)hkt_task_cancel(i->main);
}

/* Only where nobody else has an opinion on what the signal should do. */
static void watch_default(struct hkt_loop *loop, struct interrupt *i, int slot, int signum)
{
    struct sigaction now;

    if (sigaction(signum, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
        now.sa_handler == SIG_DFL)
        (void)hkt__watch_signal(loop, &i->watch[slot], signum, on_interrupt, i);
}

static int run_main(struct hkt_loop *loop, struct hkt_task *main)
{
    struct interrupt i = {.main = main};

    watch_default(loop, &i, 0, SIGINT);
    watch_default(loop, &i, 1, SIGTERM);
    int rc = hkt__loop_run_task(loop, main);
    (void)hkt_remove_signal(&i.watch[0]);
    (void)hkt_remove_signal(&i.watch[1]);
    /* Unless somebody else had asked as well. */
    return rc == -ECANCELED && i.came && hkt_task_uncancel(main) == 0 ? -EINTR : rc;
}

int hkt_run_opts(hkt_task_fn *fn, void *arg, const struct hkt_loop_opts *opts)
{
    if (hkt__loop)
        return -EBUSY;
    struct hkt_loop *loop = hkt_loop_new(opts);
    if (!loop)
        return -ENOMEM;
    struct hkt_task *main = hkt_ensure_future(loop, fn, arg);
    int rc = -ENOMEM;
    if (main) {
        hkt_task_set_name(main, "main");
        rc = run_main(loop, main);
        hkt__loop_finish(loop);
        hkt__task_unref(main);
    }
    (void)hkt_loop_free(loop);
    return rc;
}

int hkt_run(hkt_task_fn *fn, void *arg)
{
    return hkt_run_opts(fn, arg, NULL);
}
