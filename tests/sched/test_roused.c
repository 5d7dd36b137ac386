/* SPDX-License-Identifier: MIT
 *
 * Stacks that are put aside, and touched meanwhile: by other tasks, by the system, by other
 * threads, by who only looks. Whoever it is finds what was there, and the task what was written.
 */
#include "base/os.h"
#include "base/refuse.h"
#include "sched/resting.h"
#include "sched/simulated.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

static struct hkt_future future;

/* Pointers into such a stack */

static char *shared;

static int show_local(void *arg)
{
    char local[64] = "before";

    (void)arg;
    shared = local;
    int rc = hkt_await(&future);
    return rc < 0 ? rc : strcmp(local, "after") == 0 ? 0 : -EIO;
}

static int touch_local(void *how)
{
    struct hkt_task *t = hkt_spawn(show_local, NULL);
    int pair[2];

    future = (struct hkt_future){0};
    HKT_TRY(hkt_sleep(0));
    put_aside(t);
    cr_assert_eq(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
    if (!how) {
        cr_assert_str_eq(shared, "before");
        strcpy(shared, "after");
    } else {
        cr_assert_eq(write(pair[1], shared, 1), -1);
        cr_assert_eq(errno, EFAULT);
        cr_assert_eq(hkt_write(pair[1], "after", 6), 6);
        cr_assert_eq(hkt_read(pair[0], shared, 6), 6);
    }
    cr_assert(!hkt_task_hibernates(t));
    (void)hkt_close(pair[0]);
    (void)hkt_close(pair[1]);
    (void)hkt_future_set(&future, 0, NULL);
    return hkt_join(t);
}

/* AddressSanitizer keeps locals elsewhere. */
static void need_locals_on_the_stack(void)
{
    need_hibernation();
    if (WHERE_ASAN)
        cr_skip_test("locals are not on the stack");
}

Test(roused, a_pointer_into_the_stack_is_as_good_as_before)
{
    need_locals_on_the_stack();
    cr_assert_eq(hkt_run(touch_local, NULL), 0);
}

Test(roused, bytes_may_be_read_into_it)
{
    need_locals_on_the_stack();
    on_each_backend(touch_local, "by the system");
}

/* Other threads */

static bool never(void)
{
    return false;
}

struct errand {
    struct hkt_loop *loop;
    struct hkt_handle handle;
    struct hkt_future done;
    char text[32];
};

static void errand_is_done(void *arg)
{
    struct errand *e = arg;

    (void)hkt_future_set(&e->done, (int)strlen(e->text), NULL);
}

static void *run_errand(void *arg)
{
    struct errand *e = arg;

    strcpy(e->text, "from elsewhere");
    (void)hkt_call_threadsafe(e->loop, &e->handle, errand_is_done, e);
    return NULL;
}

static struct errand *errand;

/* The thread that a task waits for writes to the task's stack. */
static int send_on_errand(void *arg)
{
    struct errand e = {.loop = hkt_loop_current()};

    (void)arg;
    errand = &e;
    hkt_loop_hold(e.loop);
    int rc = hkt_await(&e.done);
    hkt_loop_release(e.loop);
    return rc == 14 && strcmp(e.text, "from elsewhere") == 0 ? 0 : -EIO;
}

static int errands(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        struct hkt_task *t = hkt_spawn(send_on_errand, NULL);
        pthread_t thread;
        HKT_TRY(hkt_sleep(0));
        put_aside(t);
        cr_assert_eq(pthread_create(&thread, NULL, run_errand, errand), 0);
        if (i % 2)
            (void)hkt_task_rouse(t);
        cr_assert_eq(hkt_join(t), 0);
        pthread_join(thread, NULL);
    }
    return hkt_hibernating() == 0 ? 0 : -EIO;
}

/* An emulator may not write to memory that it has protected, nor tell the threads' faults apart. */
static void need_faults_of_threads(void)
{
    need_hibernation();
    if (where_emulator())
        cr_skip_test("an emulator has no memory of its own to write to from beside");
}

Test(roused, another_thread_may_write_to_it)
{
    need_faults_of_threads();
    on_each_backend(errands, NULL);
}

/* So that no file can be opened. */
static int without_descriptors(hkt_task_fn *fn, void *arg)
{
    struct rlimit was;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, was.rlim_max}), 0);
    int rc = fn(arg);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    return rc;
}

static int errands_without_descriptors(void *arg)
{
    return without_descriptors(errands, arg);
}

Test(roused, another_thread_may_write_to_it_when_descriptors_have_run_out)
{
    need_faults_of_threads();
    on_each_backend(errands_without_descriptors, NULL);
}

/* As where the kernel knows no guards by advice. */
static void need_protections(void)
{
    enum { GUARD_INSTALL = 102 };

    need_faults_of_threads();
    if (!refuse_advice(GUARD_INSTALL, EINVAL))
        cr_skip_test("system calls cannot be refused here");
}

Test(roused, another_thread_may_write_to_it_where_guards_are_protections)
{
    need_protections();
    on_each_backend(errands, NULL);
}

/* Whoever could read while a stack is hidden, or before it is filled, would find zeroes. */
static struct hkt__os real;
static int asked;

static void must_be_out_of_reach(const void *addr)
{
    int pair[2];

    cr_assert_eq(pipe2(pair, O_CLOEXEC), 0);
    cr_assert_eq(write(pair[1], addr, 1), -1);
    cr_assert_eq(errno, EFAULT);
    close(pair[0]);
    close(pair[1]);
    asked++;
}

static int hide_what_is_out_of_reach(const struct iovec *at, unsigned n)
{
    cr_assert_eq(n, 1u);
    must_be_out_of_reach(at->iov_base);
    return real.hide(at, n);
}

static int fill_what_is_out_of_reach(void *addr, const void *bytes, size_t size)
{
    must_be_out_of_reach(addr);
    return real.fill(addr, bytes, size);
}

/* As if there were other threads. */
static void go_through(int (*hide)(const struct iovec *at, unsigned n),
                       int (*fill)(void *addr, const void *bytes, size_t size))
{
    real = hkt__os;
    hkt__os.alone = never;
    hkt__os.hide = hide;
    hkt__os.fill = fill;
}

static int out_of_reach(void *arg)
{
    struct hkt_task *t = hkt_spawn(nap, MS(10));

    (void)arg;
    go_through(hide_what_is_out_of_reach, fill_what_is_out_of_reach);
    HKT_TRY(hkt_sleep(0));
    put_aside(t);
    cr_assert_eq(hkt_task_rouse(t), 1);
    cr_assert_eq(asked, 2);
    hkt__os = real;
    return hkt_join(t);
}

static const struct hkt_loop_opts by_hand = {.hibernate_after_ns = -1};

Test(roused, other_threads_do_not_find_it_on_its_way)
{
    need_hibernation();
    cr_assert_eq(hkt_run_opts(out_of_reach, NULL, &by_hand), 0);
}

static int hide_nothing(const struct iovec *at, unsigned n)
{
    (void)at, (void)n;
    return -EINVAL;
}

static int fill_nothing(void *addr, const void *bytes, size_t size)
{
    (void)addr, (void)bytes, (void)size;
    asked++;
    return -ENOTSUP;
}

static int refused(void *arg)
{
    struct hkt_task *t = hkt_spawn(nap, MS(10));

    (void)arg;
    go_through(hide_nothing, fill_nothing);
    HKT_TRY(hkt_sleep(0));
    cr_assert_eq(hkt_task_hibernate(t), -EINVAL);
    cr_assert_eq(asked, 0, "its page, which may be locked, stays");
    hkt__os = real;
    return hkt_join(t);
}

Test(roused, one_that_is_refused_keeps_its_page)
{
    need_hibernation();
    cr_assert_eq(hkt_run_opts(refused, NULL, &by_hand), 0);
}

/* Awake and at rest again and again, while another thread counts in it, and looks. */
static volatile int *counter;
static atomic_bool begun, over;

static void *count(void *arg)
{
    int *total = arg;

    atomic_store(&begun, true);
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        ++*counter;
        ++*total;
        for (int i = 0; i < 100; i++)
            if (*counter != *total) {
                *total = -1;
                return NULL;
            }
    }
    return NULL;
}

static int show_counter(void *arg)
{
    volatile int own = 0;

    (void)arg;
    counter = &own;
    int rc = hkt_await(&future);
    return rc < 0 ? rc : own;
}

static int counted(void *arg)
{
    struct hkt_task *t = hkt_spawn(show_counter, NULL);
    pthread_t thread;
    int total = 0;

    (void)arg;
    future = (struct hkt_future){0};
    atomic_store(&begun, false);
    atomic_store(&over, false);
    HKT_TRY(hkt_sleep(0));
    cr_assert_eq(pthread_create(&thread, NULL, count, &total), 0);
    while (!atomic_load(&begun))
        HKT_TRY(hkt_sleep(0));
    for (int i = 0; i < 2000; i++) {
        int rc = hkt_task_hibernate(t);
        cr_assert(rc == 0 || rc == -EALREADY, "the loop may have done it by itself");
        if (i % 2)
            HKT_TRY(hkt_sleep(0));
        cr_assert_geq(hkt_task_rouse(t), 0);
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    (void)hkt_future_set(&future, 0, NULL);
    cr_assert_eq(hkt_join(t), total);
    return 0;
}

Test(roused, nothing_that_it_writes_is_lost)
{
    need_faults_of_threads();
    cr_assert_eq(hkt_run(counted, NULL), 0);
}

static int counted_without_descriptors(void *arg)
{
    return without_descriptors(counted, arg);
}

Test(roused, nothing_that_it_writes_is_lost_when_descriptors_have_run_out)
{
    need_faults_of_threads();
    cr_assert_eq(hkt_run(counted_without_descriptors, NULL), 0);
}

/* Whoever touches a stack may be about to look at errno. */
static int errno_is_kept(void *arg)
{
    struct hkt_task *t = hkt_spawn(show_local, NULL);

    (void)arg;
    hkt__os.alone = never;
    future = (struct hkt_future){0};
    HKT_TRY(hkt_sleep(0));
    put_aside(t);
    errno = EAGAIN;
    strcpy(shared, "after");
    cr_assert_eq(errno, EAGAIN);
    (void)hkt_future_set(&future, 0, NULL);
    return hkt_join(t);
}

static int errno_is_kept_without_descriptors(void *arg)
{
    return without_descriptors(errno_is_kept, arg);
}

Test(roused, errno_is_that_of_who_touched_it)
{
    need_locals_on_the_stack();
    cr_assert_eq(hkt_run(errno_is_kept_without_descriptors, NULL), 0);
}

Test(roused, nothing_that_it_writes_is_lost_where_guards_are_protections)
{
    need_protections();
    cr_assert_eq(hkt_run(counted, NULL), 0);
}

/* Faults that go elsewhere */

static char said[400];

static void hear(void *ctx, const char *text)
{
    (void)ctx;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

static int take_the_signal(void *arg)
{
    struct hkt_task *t = hkt_spawn(nap, MS(100000));

    (void)arg;
    HKT_TRY(hkt_sleep(HKT_SEC(5)));
    cr_assert_eq(hkt_hibernating(), 1);
    signal(SIGSEGV, SIG_DFL);
    HKT_TRY(hkt_sleep(HKT_SEC(5)));
    (void)hkt_task_rouse(t);
    HKT_TRY(hkt_sleep(HKT_SEC(5)));
    cr_assert_eq(hkt_hibernating(), 0);
    cr_assert_eq(hkt_task_hibernate(t), -ENOTSUP);
    (void)hkt_task_cancel(t);
    return hkt_join(t) == -ECANCELED ? 0 : -EIO;
}

Test(roused, ends_where_another_handler_takes_the_faults)
{
    struct hkt_loop_opts opts = simulated;

    need_hibernation();
    opts.hibernate_after_ns = HKT_SEC(1);
    opts.on_report = hear;
    cr_assert_eq(hkt_run_opts(take_the_signal, NULL, &opts), 0);
    cr_assert_not_null(strstr(said, "handler of its own for SIGSEGV"), "%s", said);
}

/* What others see */

static int dumped(void *arg)
{
    struct hkt_task *t = hkt_spawn(nap, MS(100000));
    static char text[8192];
    FILE *file = tmpfile();
    int saved = dup(2);

    (void)arg;
    HKT_TRY(hkt_sleep(0));
    put_aside(t);
    dup2(fileno(file), 2);
    hkt_dump(NULL);
    dup2(saved, 2);
    close(saved);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    cr_assert_not_null(strstr(text, ", hibernates"), "%s", text);
    cr_assert_not_null(strstr(text, "1 of this thread hibernate"), "%s", text);
    cr_assert(hkt_task_hibernates(t), "it is put aside again");
#if !defined(__arm__) /* whose unwinder ends at a coroutine's first frame */
    cr_assert_not_null(strstr(text, "task_main"), "%s", text);
#endif
    (void)hkt_task_cancel(t);
    return hkt_join(t) == -ECANCELED ? 0 : -EIO;
}

Test(roused, a_dump_shows_it_and_where_it_waits)
{
    need_hibernation();
    cr_assert_eq(hkt_run(dumped, NULL), 0);
}
