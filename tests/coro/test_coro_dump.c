/* SPDX-License-Identifier: MIT
 *
 * Which coroutines there are, printed.
 */
#include "coro/bodies.h"
#include "support/test.h"

#include <hocket/gen.h>

#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What hkt_coro_dump() writes. */
static const char *dumped(void)
{
    static char text[8192];
    FILE *file = tmpfile();
    int saved = dup(2);

    cr_assert_not_null(file);
    dup2(fileno(file), 2);
    hkt_coro_dump();
    dup2(saved, 2);
    close(saved);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* The line that begins with name. */
static const char *line_of(const char *text, const char *name)
{
    static char line[512];
    const char *at = strstr(text, name);

    cr_assert_not_null(at, "%s in: %s", name, text);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

static void expect(const char *text, const char *name, const char *words)
{
    const char *line = line_of(text, name);

    cr_expect(strstr(line, words) != NULL, "'%s' in: %s", words, line);
}

static int dump_from_inside(struct hkt_coro *self, void *arg)
{
    (void)self;
    (void)arg;
    expect(dumped(), "  runner", "coroutine of ");
    expect(dumped(), "  runner", "running");
    return 0;
}

Test(coro_dump, names_each_with_its_state_and_stack)
{
    static alignas(64) char memory[16384];
    const struct hkt_coro_opts fresh = {.name = "fresh"}, waiting = {.name = "waiting"},
                               runner = {.name = "runner"},
                               own = {.name = "own", .stack = memory, .stack_size = sizeof memory};
    struct answer answer = {.rc = HKT_ECLOSE};
    struct hkt_coro *c[] = {
        hkt_coro_new_opts(must_not_run, NULL, &fresh),
        hkt_coro_new_opts(answer_close, &answer, &waiting),
        hkt_coro_new_opts(dump_from_inside, NULL, &runner),
        hkt_coro_new_opts(answer_close, &answer, &own),
    };

    cr_assert_eq(resume(c[1]), 1);
    cr_assert_eq(resume(c[2]), 0);
    cr_assert_eq(resume(c[3]), 1);
    const char *text = dumped();
    char size[64];
    snprintf(size, sizeof size, " of %zu", hkt_coro_stack_size(c[1]));
    expect(text, "hocket: ", "4 coroutines");
    expect(text, "  fresh", "not begun");
    expect(text, "  waiting", "coroutine of ");
    expect(text, "  waiting", "suspended");
    expect(text, "  waiting", size);
    expect(text, "  runner", "finished");
    expect(text, "  own", "suspended");
    for (int i = 0; i < 4; i++)
        hkt_coro_free(c[i]);
    expect(dumped(), "hocket: ", "0 coroutines");
}

static int count_for_ever(struct hkt_gen *self, void *arg)
{
    for (;;)
        HKT_TRY(hkt_yield(self, arg, NULL));
}

static int from_another(struct hkt_gen *self, void *sub)
{
    return hkt_yield_from(self, sub, NULL);
}

Test(coro_dump, says_what_a_generator_delegates_to)
{
    const struct hkt_coro_opts in = {.name = "inner"}, out = {.name = "outer"};
    struct hkt_gen *sub = hkt_gen_new_opts(count_for_ever, NULL, &in);
    struct hkt_gen *g = hkt_gen_new_opts(from_another, sub, &out);

    cr_assert_eq(hkt_gen_next(g, NULL), 1);
    const char *text = dumped();
    expect(text, "  outer", "generator of ");
    expect(text, "  outer", "suspended");
    expect(text, "  outer", "delegates to 'inner'");
    cr_assert_null(strstr(line_of(text, "  inner"), "delegates"));
    hkt_gen_free(g);
    hkt_gen_free(sub);
}

#if defined(__x86_64__) && defined(__GLIBC__)
/* Where it is suspended, and who called that. Not inlined, and no tail calls. */
static __attribute__((noinline)) int suspended_deep_inside(struct hkt_coro *self)
{
    int rc = yield_here(self);

    __asm__ volatile("" : "+r"(rc));
    return rc;
}

static int calls_somebody(struct hkt_coro *self, void *arg)
{
    (void)arg;
    return suspended_deep_inside(self);
}
#endif

Test(coro_dump, shows_the_calls_in_which_one_is_suspended)
{
#if defined(__x86_64__) && defined(__GLIBC__)
    struct hkt_coro *c = hkt_coro_new(calls_somebody, NULL);

    cr_assert_eq(resume(c), 1);
    const char *text = dumped();
    const char *trace = strstr(text, "      in ");
    if (!trace || !strstr(text, "suspended_deep_inside"))
        cr_skip_test("built without names or unwind tables");
    cr_assert_not_null(strstr(trace, "suspended_deep_inside < "), "%s", text);
    hkt_coro_free(c);
#else
    cr_skip_test("the C library of this machine does not walk from here");
#endif
}

static void *dump_there(void *arg)
{
    (void)arg;
    expect(dumped(), "hocket: ", "0 coroutines");
    return NULL;
}

Test(coro_dump, shows_those_of_the_calling_thread)
{
    struct hkt_coro *c = hkt_coro_new(must_not_run, NULL);
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, dump_there, NULL), 0);
    pthread_join(thread, NULL);
    hkt_coro_free(c);
}
