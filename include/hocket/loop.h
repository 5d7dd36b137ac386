/* SPDX-License-Identifier: MIT
 *
 * hocket/loop.h: the event loop: running tasks, callbacks, timers, futures, and the ways into a
 * loop from other threads.
 *
 * A loop belongs to the thread that made it, and a thread runs at most one at a time. Unless a
 * comment says otherwise a function is called on the loop's own thread and never suspends.
 *
 * One iteration: poll (without waiting if anything is ready, else until the next timer); put what
 * the events and the due timers concern into the ready queue, in that order, timers by time and
 * then in the order of arming; run what is ready, first in, first out; make the calls that are to
 * come before the next poll. Tasks hand over to each other directly; after a bounded number of
 * turns the loop polls again.
 *
 * The child of a fork() has no running loop, whichever thread or task it came from: there calls
 * answer as outside of tasks, signals that loops watched do what they did before, and it may make a
 * loop of its own, call exec or _exit. The loops of the parent cannot be run in it (-ECHILD): a
 * forked task that returns is the last to run, and ends hkt_run() or whatever ran the loop.
 */
#ifndef HOCKET_LOOP_H
#define HOCKET_LOOP_H

#include <hocket/base.h>

#include <stdbool.h>
#include <sys/types.h>

struct hkt_loop;
struct hkt_task;

/* Where a hkt_handle or a watch waits; private. */
struct hkt__link {
    struct hkt__link *next;
};

struct hkt_loop_opts {
    /* "epoll", "io_uring" or "kqueue"; NULL: the environment's HKT_POLLER, else the system's best.
     * One that the kernel refuses falls back to the next, which is reported. */
    const char *poller;
    /* The clock, monotonic nanoseconds, for simulated time; NULL: the system's. */
    int64_t (*clock)(void *ctx);
    /* Called instead of waiting for time to pass when `clock` is set: it advances the clock to
     * `until`, or to whatever it likes. */
    void (*sleep_until)(void *ctx, int64_t until);
    void *clock_ctx;
    /* A task or callback that runs longer than this without giving up its turn is reported by name;
     * 0: not watched, because watching reads the clock at each turn. asyncio:
     * slow_callback_duration in debug mode. */
    int64_t slow_ns;
    /* Timers that follow one that has fired within this time wake the loop together, so that many
     * of them do not cost a system call each. One that comes by itself is on time, and none is
     * early. 0: 500 us, or none with a clock of one's own; negative: none; at most a second.
     */
    int64_t slack_ns;
    /* The stacks of tasks that have waited for so long are put aside: what is live of them, some
     * hundred bytes, is copied out, and their pages go back to the system; they come back before
     * the task runs. docs/guide/hibernation.md says what that costs, and what must not refer to
     * such a stack meanwhile. 0: the environment's HKT_HIBERNATE, in milliseconds, else never;
     * negative: never. */
    int64_t hibernate_after_ns;
    /* How many at a time, between two polls; 0: 256, which takes less than a millisecond. */
    unsigned hibernate_most;
    /* Only while the process has more bytes of memory than this; 0: always. Linux. */
    size_t hibernate_above;
    /* Who is told of what is reported while the loop runs, and at its end; NULL: who is told for
     * the process (hkt_on_report()). asyncio: set_exception_handler(). */
    hkt_report_fn *on_report;
    void *report_ctx;
    /* For finding mistakes; also by HKT_DEBUG=1 in the environment. It is reported what is left at
     * the loop's end, where tasks that are reported were made, cancellations that came to nothing,
     * and what belongs to another loop or thread and is used here (in builds with checks that
     * always is); slow_ns is 100 ms unless given. asyncio: debug=True. */
    bool debug;
};

typedef void hkt_call_fn(void *arg);
typedef int hkt_task_fn(void *arg);

/* A scheduled call. The caller owns it and keeps it in place until the call was made or cancelled;
 * static or zeroed is ready for use. Fields are private. asyncio: Handle, TimerHandle. */
struct hkt_handle {
    struct hkt__link ready;
    struct hkt__timer timer;
    struct hkt_loop *loop;
    hkt_call_fn *fn;
    void *arg;
    int state;
};

/* Where a hkt_prepare waits; private. */
struct hkt__ring {
    struct hkt__ring *next, *prev;
};

/* A call that comes before the loop polls. As hkt_handle. libuv: uv_prepare_t. */
struct hkt_prepare {
    struct hkt__ring ring; /* next NULL: not scheduled */
    hkt_call_fn *fn;
    void *arg;
};

/* Told of the end of a sending: how many bytes were sent, or the error. */
typedef void hkt_sent_fn(void *arg, ssize_t result);

/* Bytes on their way: hkt_send_begin() of hocket/io.h. Zeroed is ready for use; the fields are
 * private. */
struct hkt_sending {
    struct hkt_loop *loop;
    hkt_sent_fn *fn;
    void *arg;
    struct hkt_sending *prev, *next;
    int fd;
};

HKT_BEGIN_DECLS

/* The loop that runs on this thread; private. Inline code knows the first two fields of one: the
 * running task, and the number of tasks that it has made. */
extern HKT_API HKT__THREAD struct hkt_loop *hkt__loop HKT__TLS_FAST;

HKT_INLINE struct hkt_task *hkt__loop_task(const struct hkt_loop *loop)
{
    return *(struct hkt_task *const *)(const void *)loop;
}

HKT_INLINE uint64_t hkt__tasks_made(const struct hkt_loop *loop)
{
    return ((const uint64_t *)(const void *)loop)[1];
}

/* What: makes a loop on this thread. opts may be NULL. As long as there is a loop, SIGPIPE is
 * ignored if it had its default action, as it is in programs that are started meanwhile without
 * fork(), unless they are told otherwise (POSIX_SPAWN_SETSIGDEF).
 * Returns: the loop, or NULL when the system refuses (reported), which every call answers with
 * -ENOMEM. Owner: the caller. asyncio: new_event_loop(). */
HKT_API HKT_MUST_CHECK struct hkt_loop *hkt_loop_new(const struct hkt_loop_opts *opts);

/* What: drops what is queued, closes the poller, and frees the loop. Tasks that have not finished
 * are cancelled and run to their end first. NULL is fine.
 * Returns: 0; -EBUSY while it runs (nothing done). asyncio: loop.close(). */
HKT_API int hkt_loop_free(struct hkt_loop *loop);

/* What: spawns fn(arg) as a task and runs the loop until it has finished.
 * Returns: what it returned; -EBUSY: a loop already runs in this thread; -EINTR: hkt_loop_stop()
 * came first (the task stays, and can be run on by running the loop again); -EDEADLK: nothing was
 * left that could ever wake it: who waits for what has been reported, and the task was cancelled;
 * -ECHILD: this is a child of the process that made the loop.
 * asyncio: loop.run_until_complete(). */
HKT_API HKT_MUST_CHECK int hkt_loop_run(struct hkt_loop *loop, hkt_task_fn *fn, void *arg);

/* What: runs the loop until hkt_loop_stop(). Returns: 0; -EBUSY; -ECHILD.
 * asyncio: loop.run_forever(). */
HKT_API int hkt_loop_run_forever(struct hkt_loop *loop);

/* What: the running loop ends after this iteration; one that is not running makes one iteration,
 * without waiting, when run next. From another thread, use hkt_call_threadsafe(). asyncio:
 * loop.stop(). */
HKT_API void hkt_loop_stop(struct hkt_loop *loop);

/* What: the whole life of a program: makes a loop, runs fn(arg) in it as the main task, then
 * cancels all other tasks, waits for them, cancels those that they have made meanwhile and that are
 * still there (reported), and so on, reports errors, and frees the loop. A first SIGINT or SIGTERM
 * cancels the main task; a second one takes its default action.
 * Returns: what fn returned; -EINTR when it ended cancelled by such a signal and nobody else had
 * asked; else as hkt_loop_run(). asyncio: asyncio.run(). */
HKT_API HKT_MUST_CHECK int hkt_run(hkt_task_fn *fn, void *arg);
HKT_API HKT_MUST_CHECK int hkt_run_opts(hkt_task_fn *fn, void *arg,
                                        const struct hkt_loop_opts *opts);

/* What: the loop that runs on this thread, or NULL. asyncio: get_running_loop(). */
HKT_INLINE struct hkt_loop *hkt_loop_current(void)
{
    return hkt__loop;
}

/* What: replaces who is told of the loop's reports; fn NULL: who is told for the process.
 * asyncio: loop.set_exception_handler(). */
HKT_API void hkt_loop_on_report(struct hkt_loop *loop, hkt_report_fn *fn, void *ctx);

/* What: the name of the poller in use: "epoll", "io_uring", "kqueue". */
HKT_API const char *hkt_loop_poller(const struct hkt_loop *loop);

/* What: the running loop's clock, nanoseconds; outside a loop the system's monotonic clock. It is
 * read afresh. asyncio: loop.time(). */
HKT_API int64_t hkt_now(void);

/* What: calls fn(arg) in the next turn of the loop, after what is already ready; never from inside.
 * Returns: 0; -EBUSY: handle is scheduled already; -EINVAL: no fn; -EXDEV: another thread's loop.
 * asyncio: call_soon(). */
HKT_API int hkt_call_soon(struct hkt_loop *loop, struct hkt_handle *handle, hkt_call_fn *fn,
                          void *arg);

/* What: calls fn(arg) when delay_ns have passed, or at a time of hkt_now()'s clock; never early.
 * A negative delay is due at once. asyncio: call_later(), call_at(). */
HKT_API int hkt_call_later(struct hkt_loop *loop, struct hkt_handle *handle, int64_t delay_ns,
                           hkt_call_fn *fn, void *arg);
HKT_API int hkt_call_at(struct hkt_loop *loop, struct hkt_handle *handle, int64_t when,
                        hkt_call_fn *fn, void *arg);

/* What: calls fn(arg) before the loop next polls, after what is ready has had its turns: for work
 * that may wait until nothing else wants the processor, and that is often not needed any more by
 * then. Returns: 0; -EBUSY: it is scheduled already; -EINVAL: no fn. asyncio: none; libuv:
 * uv_prepare_start(), once. */
HKT_API int hkt_call_before_poll(struct hkt_loop *loop, struct hkt_prepare *prepare,
                                 hkt_call_fn *fn, void *arg);
/* What: withdraws it. Returns: 1; 0 when it was not scheduled: harmless. */
HKT_API int hkt_prepare_cancel(struct hkt_prepare *prepare);

/* What: withdraws a scheduled call. Returns: 1; 0 when it was not scheduled: harmless.
 * asyncio: Handle.cancel(). */
HKT_API int hkt_handle_cancel(struct hkt_handle *handle);

/* What: as hkt_call_soon(), and wakes the loop. It cannot be withdrawn.
 * Thread: any, while the loop exists. asyncio: call_soon_threadsafe(). */
HKT_API int hkt_call_threadsafe(struct hkt_loop *loop, struct hkt_handle *handle, hkt_call_fn *fn,
                                void *arg);

/* What: announces that something outside may yet call hkt_call_threadsafe(), so that a loop with
 * nothing else to wait for waits instead of answering -EDEADLK; and takes that back. They count.
 * Thread: any. */
HKT_API void hkt_loop_hold(struct hkt_loop *loop);
HKT_API void hkt_loop_release(struct hkt_loop *loop);

/* What: calls fn(arg) whenever fd becomes readable or writable, until removed. Adding again
 * replaces. Level triggered: it is called again while fd stays ready. For descriptors of other
 * libraries too: when both were removed nothing is remembered about fd, which may be closed then,
 * unless it was used in calls of io.h besides.
 * Returns: 0; -errno; -EXDEV: another thread's loop; remove: 1 when there was one, else 0.
 * asyncio: add_reader(). */
HKT_API int hkt_add_reader(struct hkt_loop *loop, int fd, hkt_call_fn *fn, void *arg);
HKT_API int hkt_add_writer(struct hkt_loop *loop, int fd, hkt_call_fn *fn, void *arg);
HKT_API int hkt_remove_reader(struct hkt_loop *loop, int fd);
HKT_API int hkt_remove_writer(struct hkt_loop *loop, int fd);

/* Futures */

/* A result that will come. By value, no allocation; static or zeroed is ready for use. It stays in
 * place while anything waits for it. Fields are private. asyncio: Future. */
struct hkt_future {
    struct hkt_watch *first;
    struct hkt_watch **last;
    struct hkt_loop *loop;
    void *value;
    int rc;
    int state;
};

/* A done callback; the caller's, kept in place until it was called or withdrawn. */
struct hkt_watch {
    struct hkt_watch *next, **at;
    struct hkt_future *future;
    struct hkt_task *task;
    struct hkt_handle handle;
};

enum hkt_future_state { HKT_PENDING, HKT_DONE, HKT_CANCELLED };

/* What: gives the future its result, wakes whoever awaits it and schedules its done callbacks, in
 * the order in which they came. rc: 0 or positive, or a negative error; value: a borrowed pointer
 * for hkt_future_value().
 * Returns: 0; -EALREADY: it had one; -EPERM: it is a task's, which alone sets it; -EXDEV: those who
 * wait are of another thread. asyncio: set_result(), set_exception(). */
HKT_API int hkt_future_set(struct hkt_future *f, int rc, void *value);

/* What: its result is -ECANCELED; a task's future is that of the task, which is asked to stop: see
 * hkt_task_cancel(). Returns: 1; 0 when it was done already; -EXDEV. asyncio: cancel(). */
HKT_API int hkt_future_cancel(struct hkt_future *f);

HKT_API enum hkt_future_state hkt_future_state(const struct hkt_future *f);

/* What: the result; -EAGAIN while there is none. asyncio: result(), exception(). */
HKT_API int hkt_future_result(const struct hkt_future *f);
HKT_API void *hkt_future_value(const struct hkt_future *f);

/* What: has fn(arg) called by hkt_call_soon() when f is done, or now if it is.
 * Returns: 0; -EBUSY: watch is in use; -EXDEV: f is waited for on another loop.
 * asyncio: add_done_callback(). */
HKT_API int hkt_future_watch(struct hkt_future *f, struct hkt_watch *watch, hkt_call_fn *fn,
                             void *arg);

/* What: withdraws it, also when it was scheduled already. Returns: 1; 0 when it was called or never
 * added. asyncio: remove_done_callback(). */
HKT_API int hkt_future_unwatch(struct hkt_watch *watch);

/* What: waits until f is done. Cancelling the task cancels f, if it is pending: see
 * hkt_future_cancel().
 * Returns: its result; -ECANCELED; -EPERM: not in a task; -EDEADLK: f is the caller's own end;
 * -EXDEV: f belongs to another loop.
 * Suspends: if f is not done. asyncio: await future. */
HKT_API hkt_async int hkt_await(struct hkt_future *f);

HKT_END_DECLS

#endif
