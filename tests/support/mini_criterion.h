/* SPDX-License-Identifier: MIT
 *
 * The subset of Criterion's macros that our tests use, with the same meaning: each test is a
 * process of its own; an assertion ends it, an expectation lets it go on. The rest is in
 * mini_criterion.c, which has main().
 */
#ifndef TESTS_SUPPORT_MINI_CRITERION_H
#define TESTS_SUPPORT_MINI_CRITERION_H

/* As for any library's header: what its macros expand to is not held to the warnings of the file
 * that uses them. */
#pragma GCC system_header

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Designated by the user, so in Criterion's order, which C++ insists on. */
struct mini_options {
    void (*init)(void);
    void (*fini)(void);
    int signal;    /* that the test must die of */
    int exit_code; /* that it must exit with */
    bool disabled;
    const char *description;
    double timeout; /* seconds; 0: the default */
    int end;        /* an initialiser must not be empty */
};

struct mini_test {
    const char *suite, *name;
    void (*run)(void);
    const struct mini_options *options;
    struct mini_test *next;
};

/* What the tests of a suite have in common: its init runs before theirs, its fini after. */
struct mini_suite {
    const char *name;
    const struct mini_options *options;
    struct mini_suite *next;
};

#ifdef __cplusplus
extern "C" {
#endif

void mini_add_test(struct mini_test *test);
void mini_add_suite(struct mini_suite *suite);

/* A check failed: what, or the formatted text if there is any. The first one ends the test. */
void mini_assert_failed(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));
void mini_expect_failed(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void mini_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#ifdef __cplusplus
}
#endif

/* Tests and suites register themselves before main(): a constructor each asks nothing of the
 * linker. */
#define MINI_NAME(suite, name, what) suite##__##name##__##what

#define Test(...) MINI_TEST(__VA_ARGS__, .end = 0)
#define MINI_TEST(suite, name, ...)                                                                \
    static void MINI_NAME(suite, name, run)(void);                                                 \
    static const struct mini_options MINI_NAME(suite, name, options) = {__VA_ARGS__};              \
    static struct mini_test MINI_NAME(suite, name, test) = {                                       \
        #suite, #name, MINI_NAME(suite, name, run), &MINI_NAME(suite, name, options), NULL};       \
    __attribute__((constructor)) static void MINI_NAME(suite, name, add)(void)                     \
    {                                                                                              \
        mini_add_test(&MINI_NAME(suite, name, test));                                              \
    }                                                                                              \
    static void MINI_NAME(suite, name, run)(void)

#define TestSuite(...) MINI_SUITE(__VA_ARGS__, .end = 0)
#define MINI_SUITE(suite, ...)                                                                     \
    static const struct mini_options MINI_NAME(suite, all, options) = {__VA_ARGS__};               \
    static struct mini_suite MINI_NAME(suite, all,                                                 \
                                       suite) = {#suite, &MINI_NAME(suite, all, options), NULL};   \
    __attribute__((constructor)) static void MINI_NAME(suite, all, add)(void)                      \
    {                                                                                              \
        mini_add_suite(&MINI_NAME(suite, all, suite));                                             \
    }                                                                                              \
    struct mini_suite

#define MINI_ASSERT(what, cond, ...)                                                               \
    ((cond) ? (void)0 : mini_assert_failed(__FILE__, __LINE__, what, "" __VA_ARGS__))
#define MINI_EXPECT(what, cond, ...)                                                               \
    ((cond) ? (void)0 : mini_expect_failed(__FILE__, __LINE__, what, "" __VA_ARGS__))

#define cr_assert(cond, ...)         MINI_ASSERT(#cond, cond, __VA_ARGS__)
#define cr_expect(cond, ...)         MINI_EXPECT(#cond, cond, __VA_ARGS__)
#define cr_assert_not(cond, ...)     MINI_ASSERT("!(" #cond ")", !(cond), __VA_ARGS__)
#define cr_expect_not(cond, ...)     MINI_EXPECT("!(" #cond ")", !(cond), __VA_ARGS__)
#define cr_assert_eq(a, b, ...)      MINI_ASSERT(#a " == " #b, (a) == (b), __VA_ARGS__)
#define cr_expect_eq(a, b, ...)      MINI_EXPECT(#a " == " #b, (a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...)     MINI_ASSERT(#a " != " #b, (a) != (b), __VA_ARGS__)
#define cr_expect_neq(a, b, ...)     MINI_EXPECT(#a " != " #b, (a) != (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...)      MINI_ASSERT(#a " < " #b, (a) < (b), __VA_ARGS__)
#define cr_expect_lt(a, b, ...)      MINI_EXPECT(#a " < " #b, (a) < (b), __VA_ARGS__)
#define cr_assert_leq(a, b, ...)     MINI_ASSERT(#a " <= " #b, (a) <= (b), __VA_ARGS__)
#define cr_expect_leq(a, b, ...)     MINI_EXPECT(#a " <= " #b, (a) <= (b), __VA_ARGS__)
#define cr_assert_gt(a, b, ...)      MINI_ASSERT(#a " > " #b, (a) > (b), __VA_ARGS__)
#define cr_expect_gt(a, b, ...)      MINI_EXPECT(#a " > " #b, (a) > (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...)     MINI_ASSERT(#a " >= " #b, (a) >= (b), __VA_ARGS__)
#define cr_expect_geq(a, b, ...)     MINI_EXPECT(#a " >= " #b, (a) >= (b), __VA_ARGS__)
#define cr_assert_null(a, ...)       MINI_ASSERT(#a " == NULL", (a) == NULL, __VA_ARGS__)
#define cr_expect_null(a, ...)       MINI_EXPECT(#a " == NULL", (a) == NULL, __VA_ARGS__)
#define cr_assert_not_null(a, ...)   MINI_ASSERT(#a " != NULL", (a) != NULL, __VA_ARGS__)
#define cr_expect_not_null(a, ...)   MINI_EXPECT(#a " != NULL", (a) != NULL, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)  MINI_ASSERT(#a " eq " #b, strcmp((a), (b)) == 0, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)  MINI_EXPECT(#a " eq " #b, strcmp((a), (b)) == 0, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) MINI_ASSERT(#a " ne " #b, strcmp((a), (b)) != 0, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) MINI_EXPECT(#a " ne " #b, strcmp((a), (b)) != 0, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...)                                                          \
    MINI_ASSERT(#a " eq " #b, memcmp((a), (b), (size)) == 0, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, size, ...)                                                          \
    MINI_EXPECT(#a " eq " #b, memcmp((a), (b), (size)) == 0, __VA_ARGS__)
#define cr_assert_float_eq(a, b, eps, ...)                                                         \
    MINI_ASSERT(#a " == " #b, (a) - (b) <= (eps) && (b) - (a) <= (eps), __VA_ARGS__)
#define cr_expect_float_eq(a, b, eps, ...)                                                         \
    MINI_EXPECT(#a " == " #b, (a) - (b) <= (eps) && (b) - (a) <= (eps), __VA_ARGS__)
#define cr_assert_fail(...) mini_assert_failed(__FILE__, __LINE__, "reached", "" __VA_ARGS__)
#define cr_expect_fail(...) mini_expect_failed(__FILE__, __LINE__, "reached", "" __VA_ARGS__)
#define cr_skip_test(...)   mini_skip("" __VA_ARGS__)

#endif
