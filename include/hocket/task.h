/* SPDX-License-Identifier: MIT
 *
 * hocket/task.h: tasks: C functions that run concurrently on one loop, each on a stack of its own.
 * Any function that a task calls may suspend it, at any depth: such functions are marked hkt_async.
 *
 * Cancellation arrives as -ECANCELED from the call that was suspended, once for each request; the
 * task may clean up with calls that suspend. Unless a comment says otherwise a function is called
 * on the loop's own thread.
 */
#ifndef HOCKET_TASK_H
#define HOCKET_TASK_H

#include <hocket/base.h>
#include <hocket/gen.h>
#include <hocket/loop.h>

#include <stdbool.h>
#include <sys/types.h>

struct hkt_context; /* context.h */

/* Flags of struct hkt_task_opts. */
enum {
    /* Runs at once, up to its first suspension, before the spawning call returns.
     * asyncio: eager_start. */
    HKT_EAGER = 1,
    /* Its stack is never put aside: for a task whose stack others write to while it waits, or that
     * must go on without delay. */
    HKT_RESIDENT = 2,
};

struct hkt_task_opts {
    const char *name;      /* not copied; NULL: "task-N" */
    size_t stack_size;     /* bytes; 0: 65536, of which 61440 are for frames where a page has 4096;
                              what else one gets: see HKT_STACK_MIN in coro.h, but a task has at
                              least 4096 bytes and a guard page */
    struct hkt_loop *loop; /* NULL: the running one */
    unsigned flags;
    void *data; /* hkt_task_data() */
    /* The variables that it begins with a copy of; NULL: those of the task that makes it. */
    struct hkt_context *context;
};

HKT_BEGIN_DECLS

/* What: makes a task that will run fn(arg) and puts it into the ready queue. Runs nothing yet.
 * Returns: a handle, or NULL when out of memory or when no loop runs here (reported); every
 * function below accepts NULL and answers -ENOMEM. Suspends: never.
 * Owner: the loop owns the task until it has finished; the handle is a second reference, which
 * exactly one of hkt_join(), hkt_detach() or a group ends. asyncio: create_task(). */
HKT_API HKT_MUST_CHECK struct hkt_task *hkt_spawn(hkt_task_fn *fn, void *arg);
HKT_API HKT_MUST_CHECK struct hkt_task *hkt_spawn_opts(hkt_task_fn *fn, void *arg,
                                                       const struct hkt_task_opts *opts);

/* What: the same as hkt_spawn() on a loop that need not run yet. asyncio: ensure_future(). */
HKT_API HKT_MUST_CHECK struct hkt_task *hkt_ensure_future(struct hkt_loop *loop, hkt_task_fn *fn,
                                                          void *arg);

/* What: waits until t has finished and ends the handle. Cancelling the waiter cancels t; the waiter
 * goes on when t has ended.
 * Returns: what t returned, which may be a count; -ECANCELED when t was cancelled; -EDEADLK: t is
 * the caller; -EBUSY: another is joining it; -EPERM: not in a task. After -EDEADLK, -EBUSY and
 * -EPERM the handle stays. Suspends: if t has not finished. asyncio: await task. */
HKT_API hkt_async int hkt_join(struct hkt_task *t);

/* What: waits until t has finished, and tells the waiter's fate from t's: *rc is what t returned.
 * The handle stays. Returns: 0; -ECANCELED: the caller was cancelled, t goes on; -EDEADLK; -EPERM.
 * Suspends: if t has not finished. asyncio: asyncio.wait({task}). */
HKT_API hkt_async int hkt_task_wait(struct hkt_task *t, int *rc);

/* What: waits for t without passing a cancellation on to it. The handle stays.
 * Returns: as hkt_join(); -ECANCELED at once when the caller is cancelled.
 * Suspends: if t has not finished. asyncio: await shield(task). */
HKT_API hkt_async int hkt_await_shielded(struct hkt_task *t);

/* What: waits at most timeout_ns for t, then cancels it and waits for its clean-up. The handle
 * stays. Returns: t's result; -ETIMEDOUT when it was cancelled for that; zero or less: t is done,
 * or is cancelled before it began. Suspends: if t has not finished. asyncio: wait_for(). */
HKT_API hkt_async int hkt_wait_for(struct hkt_task *t, int64_t timeout_ns);

/* What: ends the handle. The task runs on, and its error, if it fails, is reported.
 * asyncio: dropping the last reference. */
HKT_API void hkt_detach(struct hkt_task *t);

/* What: asks t to stop: the call in which it is suspended, or the next one that may suspend,
 * answers -ECANCELED; a task that has not begun never runs. May be called more than once.
 * Returns: false when t has finished. asyncio: Task.cancel(). */
HKT_API bool hkt_task_cancel(struct hkt_task *t);

/* What: the number of requests not taken back; and takes one back, answering how many are left:
 * at none, one that was not delivered is withdrawn. asyncio: cancelling(), uncancel(). */
HKT_API int hkt_task_cancelling(const struct hkt_task *t);
HKT_API int hkt_task_uncancel(struct hkt_task *t);

HKT_API bool hkt_task_done(const struct hkt_task *t);
/* What: what t returned; -EAGAIN while it has not. asyncio: Task.result(). */
HKT_API int hkt_task_result(const struct hkt_task *t);
/* What: the future that is done when t is: to be awaited, watched and waited for with others. Who
 * cancels it, or is cancelled in hkt_await() of it, cancels t, and it is done when t has ended. */
HKT_API struct hkt_future *hkt_task_future(struct hkt_task *t);

/* What: the running task, or NULL. asyncio: current_task(). */
HKT_INLINE struct hkt_task *hkt_task_current(void)
{
    return HKT_LIKELY(hkt__loop != NULL) ? hkt__loop_task(hkt__loop) : NULL;
}

/* What: walks the tasks of loop that have not finished, in order of creation: t NULL gives the
 * first, and NULL ends the walk. asyncio: all_tasks(). */
HKT_API struct hkt_task *hkt_task_next(const struct hkt_loop *loop, const struct hkt_task *t);

/* What: the name, written into buf when it is a default one. Returns: a string. */
HKT_API const char *hkt_task_name(const struct hkt_task *t, char *buf, size_t size);
HKT_API void hkt_task_set_name(struct hkt_task *t, const char *name);
HKT_API void *hkt_task_data(const struct hkt_task *t);
HKT_API void hkt_task_set_data(struct hkt_task *t, void *data);

/* What: puts the stack of t, which waits, aside at once, as a loop with hibernate_after_ns does by
 * itself; and brings it back, for a debugger, or before the system is given an address in it.
 * Returns: 0; -EALREADY; -EBUSY: t does not wait, or in a call that needs its stack, or inside a
 * generator, or is HKT_RESIDENT; -E2BIG: more than 2,560 bytes of it are live; -ENOTSUP: under
 * Valgrind, or the program handles SIGSEGV itself; -ENOMEM or another error of the system. rouse:
 * 1; 0: it was not put aside. */
HKT_API int hkt_task_hibernate(struct hkt_task *t);
HKT_API int hkt_task_rouse(struct hkt_task *t);
HKT_API bool hkt_task_hibernates(const struct hkt_task *t);
/* What: the same for all tasks of the running loop that wait, at least for so long, and that may be
 * put aside; together they cost less than one by one. Also those whose stacks came back because
 * they were touched, and that wait still. Returns: how many; -EPERM: no loop runs; -ENOTSUP: under
 * Valgrind, or the program handles SIGSEGV itself; -ENOMEM or another error of the system: it
 * refused all of them. */
HKT_API ssize_t hkt_hibernate_all(int64_t after_ns);
/* What: how many stacks of this thread are put aside. */
HKT_API size_t hkt_hibernating(void);

/* hkt_sleep() for whatever is not simple; private. Suspends: always. */
HKT_API hkt_async int hkt__sleep(int64_t delay_ns);
/* A turn after which the loop has polled; private. -EPERM: not in a task. Suspends: always. */
HKT_API hkt_async int hkt__turn_polled(void);
/* Puts the running task at the end of the queue, and answers who runs next; NULL: that is not
 * simple. Private. */
HKT_API_FAST const struct hkt_ctx *hkt__turn_begin(struct hkt_loop *loop);
HKT_API int hkt__turn_cancelled(void);

/* A call that waits, and the switch that it has to make; private. */
struct hkt__parting {
    struct hkt_ctx *self;
    const struct hkt_ctx *next;
    uint64_t room[10];
};
enum { HKT__PARTS = 2 };
/* The answer of one that was cancelled meanwhile. */
HKT_API HKT_MUST_CHECK int hkt__parted(const struct hkt__parting *p);

/* Switches here and not below, so that nothing has to return when the task goes on: a return in
 * another task than the last one is mispredicted. */
HKT_INLINE int hkt__part(struct hkt__parting *p, int rc)
{
    const struct hkt_msg none = {NULL, 0};

    if (rc != HKT__PARTS)
        return rc;
    (void)hkt_ctx_switch(p->self, p->next, none);
    if (HKT_UNLIKELY(p->self->flags & HKT__CANCEL))
        return hkt__parted(p);
    return (int)p->self->aux;
}

/* Switches in the caller, which saves just what is live there. */
HKT_INLINE int hkt__turn_inline(void)
{
    const struct hkt_msg none = {NULL, 0};
    struct hkt_ctx *self = (struct hkt_ctx *)(void *)hkt_task_current();
    const struct hkt_ctx *next = self ? hkt__turn_begin(hkt__loop) : NULL;

    if (HKT_UNLIKELY(!next))
        return hkt__sleep(0);
    if (HKT_LIKELY(next != self))
        (void)hkt_ctx_switch(self, next, none);
    return HKT_LIKELY(!(self->flags & HKT__CANCEL)) ? 0 : hkt__turn_cancelled();
}

/* What: gives up the processor until delay_ns have passed, never less. Zero or negative: for one
 * turn of whatever else is ready.
 * Returns: 0; -ECANCELED; -EPERM: not in a task. Suspends: always. asyncio: sleep(). */
HKT_INLINE hkt_async int hkt_sleep(int64_t delay_ns)
{
#if defined(__GNUC__)
    if (__builtin_constant_p(delay_ns) && delay_ns <= 0)
        return hkt__turn_inline();
#endif
    return hkt__sleep(delay_ns);
}

/* What: prints every task of the loop to standard error: name, state, what it waits for and how
 * long, stack used; time limits; and the thread's coroutines that are no tasks, as hkt_coro_dump().
 * loop NULL: the running one. Thread: the loop's own. */
HKT_API void hkt_dump(struct hkt_loop *loop);

/* What: has signum print such a dump while the loop exists, from the loop, so a task that never
 * gives up its turn delays it: that one is named at once, if the signal comes to its thread.
 * Returns: 0, or as hkt_call_on_signal(). */
HKT_API int hkt_dump_on_signal(struct hkt_loop *loop, int signum);

/* Waiting for several */

enum hkt_wait_mode { HKT_ALL, HKT_FIRST_COMPLETED, HKT_FIRST_ERROR };

/* What: waits until as many of the n tasks have finished as mode says; a cancelled one is no error.
 * Cancels nobody, also when the caller is cancelled. timeout_ns negative: none. NULLs in the array
 * count as done.
 * Returns: how many have finished; -ECANCELED; -EINVAL: n is 0; -EPERM. Suspends: unless mode is
 * satisfied. asyncio: asyncio.wait(). */
HKT_API hkt_async int hkt_wait(struct hkt_task *const *tasks, size_t n, enum hkt_wait_mode mode,
                               int64_t timeout_ns);

/* What: waits for all n tasks. With results NULL it ends at the first failure (or cancelled task)
 * with that code, the others going on; else each task's code is stored. The same task may be there
 * several times. Cancelling the caller cancels all. The handles stay.
 * Returns: 0; the first failure; -ECANCELED; -EPERM. Suspends: if any has not finished.
 * asyncio: gather(), with results as return_exceptions=True. */
HKT_API hkt_async int hkt_gather(struct hkt_task *const *tasks, size_t n, int *results);

struct hkt__waiting;

/* Tasks in the order in which they finish. The caller's, zeroed before use but for the first two
 * fields, and kept in place with its array, to which nothing is added meanwhile.
 * asyncio: as_completed(). */
struct hkt_wait_set {
    struct hkt_task **tasks; /* those already handed out become NULL */
    size_t n;
    int64_t deadline; /* private from here */
    int has_deadline;
    struct hkt__waiting *waiting;
};

/* What: the next task of the set that has finished. timeout_ns, negative for none, counts from the
 * first call. Who does not go on until it answers 0 or an error calls hkt_wait_set_end().
 * Returns: 1 with *t; 0 when all were handed out; -ETIMEDOUT; -ECANCELED; -ENOMEM; -EDEADLK;
 * -EPERM. After an error it may be called again. Suspends: if none has finished. */
HKT_API hkt_async int hkt_wait_next(struct hkt_wait_set *set, struct hkt_task **t,
                                    int64_t timeout_ns);

/* What: ends a set of which not all were handed out. It is not needed after 0 or an error, and
 * harmless. The tasks and their handles stay as they are. Suspends: never. */
HKT_API void hkt_wait_set_end(struct hkt_wait_set *set);

/* Scopes */

/* A time limit on what a task does between enter and exit. By value; nests. Fields are private.
 * asyncio: asyncio.timeout(). */
struct hkt_timeout {
    struct hkt_handle handle;
    struct hkt_task *task;
    int64_t when;
    int cancelling;
    int state;
};

/* What: from now on the task is cancelled when timeout_ns have passed; negative: never. Zero: the
 * first call that suspends fails.
 * Returns: 0; -EPERM: not in a task; -EBUSY: entered already. */
HKT_API int hkt_timeout_enter(struct hkt_timeout *t, int64_t timeout_ns);
HKT_API int hkt_timeout_enter_at(struct hkt_timeout *t, int64_t when);
/* What: moves the limit; negative: none; in the past: as one of zero.
 * Returns: 0; -EINVAL: not entered; -ETIMEDOUT: expired. */
HKT_API int hkt_timeout_reschedule(struct hkt_timeout *t, int64_t when);
/* What: whether it has cancelled its task; still known after exit, until it is entered again. */
HKT_API bool hkt_timeout_expired(const struct hkt_timeout *t);
/* What: ends the limit. rc: what the work between answered, which may be a count.
 * Returns: -ETIMEDOUT when rc is -ECANCELED because of this limit and no other request is pending;
 * else rc: an outer limit or another's cancellation passes through. */
HKT_API int64_t hkt_timeout_exit(struct hkt_timeout *t, int64_t rc);

/* Tasks that live no longer than a scope. By value. Fields are private. asyncio: TaskGroup. */
struct hkt_group {
    /* May be set before entering: called for each member that fails, as it ends. */
    void (*on_error)(void *ctx, struct hkt_task *t, int rc);
    void *ctx;
    /* All errors, in order: of error_count the first HKT_GROUP_ERRORS are kept. */
    size_t error_count;
    int errors[8];

    struct hkt_task *parent; /* private from here */
    struct hkt_task *first;  /* members, in order of creation */
    struct hkt_task *last;
    int cancelling;
    int state;
};

#define HKT_GROUP_ERRORS 8

/* What: opens the group in the running task. Returns: 0; -EPERM: not in a task; -EBUSY: open. */
HKT_API int hkt_group_enter(struct hkt_group *g);
/* What: spawns a member; the group owns it. Members may add members.
 * Returns: 0; -ESHUTDOWN: the group is not open, or being cancelled; -ENOMEM. Suspends: never. */
HKT_API HKT_MUST_CHECK int hkt_group_spawn(struct hkt_group *g, hkt_task_fn *fn, void *arg);
HKT_API HKT_MUST_CHECK int hkt_group_spawn_opts(struct hkt_group *g, hkt_task_fn *fn, void *arg,
                                                const struct hkt_task_opts *opts);
/* What: waits for all members and closes the group. The first failure of a member, or rc when it is
 * negative, cancels the others. rc: what the body answered.
 * Returns: rc when nothing failed; the first error, the others being in errors[]; -ECANCELED when
 * the parent was cancelled and nothing failed. Suspends: if a member has not finished. */
HKT_API hkt_async int hkt_group_exit(struct hkt_group *g, int rc);

/* Generators and tasks */

/* What: in a generator: calls fn(arg), a function that may suspend, from a body whose driver is a
 * task; the task waits, through all generators between.
 * Returns: what fn returns; -EPERM: no task is at the end of the chain. Suspends: if fn does.
 * Python: yield from native_coroutine(). */
HKT_API hkt_async int hkt_gen_call(struct hkt_gen *self, hkt_task_fn *fn, void *arg);

/* What: in a generator: waits for f, as hkt_gen_call() of hkt_await(). Without a task the future
 * itself is yielded to the driver. Returns: its result; what was thrown in.
 * Suspends: if f is not done. Python: yield from future. */
HKT_API hkt_async int hkt_gen_await(struct hkt_gen *self, struct hkt_future *f);

/* What: drives a generator-based coroutine to its end: each value that it yields is a struct
 * hkt_future to wait for, or NULL for one turn. g stays the caller's.
 * Returns: 0; g's error; what the futures and a cancellation answer is thrown into g first.
 * Suspends: if g yields. Python: await of a types.coroutine. */
HKT_API hkt_async int hkt_await_gen(struct hkt_gen *g);

HKT_END_DECLS

#endif
