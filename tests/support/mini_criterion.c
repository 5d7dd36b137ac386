/* SPDX-License-Identifier: MIT
 *
 * Runs the tests that registered themselves, each in a process of its own, and reports as Criterion
 * does: failures and a line of sums on standard error, and TAP in a file on request.
 *
 *      test_x [--tap=FILE] [--filter=SUITE/NAME] [--list]
 *
 * TEST_TIME_SCALE in the environment multiplies time limits, for emulators and checkers.
 */
#include "mini_criterion.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Seconds for a test that names no limit: a hang must end as one failure with a name. */
#define DEFAULT_TIMEOUT 30.0

/* What a test process tells its parent besides its exit status. */
struct verdict {
    int failures;
    bool skipped;
    char text[256]; /* why it was skipped, or what failed last */
};

static struct mini_test *tests, **last_test = &tests;
static struct mini_suite *suites;
static struct verdict *verdict; /* shared memory */
static const char *filter = "*";
static double time_scale = 1;
static FILE *tap;

void mini_add_test(struct mini_test *test)
{
    *last_test = test;
    last_test = &test->next;
}

void mini_add_suite(struct mini_suite *suite)
{
    suite->next = suites;
    suites = suite;
}

static void note_failure(const char *file, int line, const char *what, const char *format,
                         va_list args)
{
    verdict->failures++;
    vsnprintf(verdict->text, sizeof verdict->text, format, args);
    if (!*verdict->text)
        snprintf(verdict->text, sizeof verdict->text, "%s is false", what);
    fflush(stdout);
    fprintf(stderr, "[----] %s:%d: Assertion failed: %s\n", file, line, verdict->text);
}

/* _exit, because the failure may be on any stack, with anything half done. */
void mini_assert_failed(const char *file, int line, const char *what, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_failure(file, line, what, format, args);
    va_end(args);
    _exit(1);
}

void mini_expect_failed(const char *file, int line, const char *what, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_failure(file, line, what, format, args);
    va_end(args);
}

void mini_skip(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
    verdict->skipped = true;
    _exit(0);
}

/* What the test's suite says, which may be nothing. */
static const struct mini_options *common_to(const struct mini_test *test)
{
    static const struct mini_options none;
    const struct mini_suite *s = suites;

    while (s && strcmp(s->name, test->suite) != 0)
        s = s->next;
    return s ? s->options : &none;
}

static void call(void (*fn)(void))
{
    if (fn)
        fn();
}

/* exit, not _exit, so that a leak checker has its say. */
static void run_here(const struct mini_test *test)
{
    call(common_to(test)->init);
    call(test->options->init);
    test->run();
    call(test->options->fini);
    call(common_to(test)->fini);
    exit(verdict->failures > 0);
}

static double limit_of(const struct mini_test *test)
{
    const double own = test->options->timeout, common = common_to(test)->timeout;

    return (own > 0 ? own : common > 0 ? common : DEFAULT_TIMEOUT) * time_scale;
}

/* Waits for pid at most that long, then kills it. Returns false when it had to. SIGCHLD is
 * blocked, so none is missed between the look and the wait. */
static bool wait_for(pid_t pid, double seconds, int *status)
{
    struct timespec now, until;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)seconds + 1;
    while (waitpid(pid, status, WNOHANG) == 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec >= until.tv_sec) {
            kill(pid, SIGKILL);
            waitpid(pid, status, 0);
            return false;
        }
        sigtimedwait(&child, NULL, &(struct timespec){.tv_sec = until.tv_sec - now.tv_sec});
    }
    return true;
}

static bool as_expected(int status, const struct mini_options *o)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == o->signal;
    return o->signal == 0 && WEXITSTATUS(status) == o->exit_code;
}

static void explain(int status)
{
    if (verdict->failures > 0)
        return;
    if (WIFSIGNALED(status))
        snprintf(verdict->text, sizeof verdict->text, "died of signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(verdict->text, sizeof verdict->text, "exited with %d", WEXITSTATUS(status));
}

/* Runs the test in a child, and waits for it. Returns false when it had to be killed, or could not
 * be made. */
static bool run_child(const struct mini_test *test, int *status)
{
    sigset_t child, before;

    fflush(NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    pid_t pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        run_here(test);
    }
    bool ended = pid > 0 && wait_for(pid, limit_of(test), status);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return ended;
}

/* Returns whether the test passed or was skipped; verdict says more. */
static bool run_test(const struct mini_test *test)
{
    int status = 0;

    memset(verdict, 0, sizeof *verdict);
    if (test->options->disabled || common_to(test)->disabled) {
        verdict->skipped = true;
        strcpy(verdict->text, "disabled");
        return true;
    }
    if (!run_child(test, &status)) {
        strcpy(verdict->text, "timed out");
        return false;
    }
    if (verdict->failures == 0 && (verdict->skipped || as_expected(status, test->options)))
        return true;
    explain(status);
    return false;
}

static void report(const struct mini_test *test, bool ok)
{
    const char *tag = !ok ? "FAIL" : verdict->skipped ? "SKIP" : NULL;

    for (char *c = verdict->text; *c; c++)
        if (*c == '\n')
            *c = ' ';
    if (tag)
        fprintf(stderr, "[%s] %s::%s: %s\n", tag, test->suite, test->name, verdict->text);
    if (!tap)
        return;
    fprintf(tap, "%s - %s::%s", ok ? "ok" : "not ok", test->suite, test->name);
    if (tag)
        fprintf(tap, " %s%s", ok ? "# SKIP " : "", verdict->text);
    fputc('\n', tap);
    fflush(tap);
}

static bool wanted(const struct mini_test *test)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", test->suite, test->name);
    return fnmatch(filter, path, 0) == 0;
}

static int run_all(void)
{
    int reported = 0, skipped = 0, failed = 0;

    for (const struct mini_test *t = tests; t; t = t->next) {
        if (!wanted(t))
            continue;
        bool ok = run_test(t);
        report(t, ok);
        reported++;
        skipped += verdict->skipped;
        failed += !ok;
    }
    fprintf(stderr, "[====] Synthesis: Tested: %d | Passing: %d | Failing: %d\n",
            reported - skipped, reported - skipped - failed, failed);
    if (tap)
        fprintf(tap, "1..%d\n", reported);
    return failed > 0;
}

static int list(void)
{
    for (const struct mini_test *t = tests; t; t = t->next)
        if (wanted(t))
            printf("%s/%s\n", t->suite, t->name);
    return 0;
}

int main(int argc, char **argv)
{
    const char *scale = getenv("TEST_TIME_SCALE");
    bool only_list = false;

    if (scale)
        time_scale = atof(scale);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--tap=", 6) == 0)
            tap = fopen(argv[i] + 6, "w");
        else if (strncmp(argv[i], "--filter=", 9) == 0)
            filter = argv[i] + 9;
        else if (strcmp(argv[i], "--list") == 0)
            only_list = true;
    }
    if (only_list)
        return list();
    verdict =
        mmap(NULL, sizeof *verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (verdict == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    return run_all();
}
