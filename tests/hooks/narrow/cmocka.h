/* SPDX-License-Identifier: MIT */
/*
 * In place of cmocka for the 32-bit copies of these programs: few systems have a 32-bit one beside their own. What the
 * programs use of it, and its TAP lines.
 */
#ifndef SOCKADE_TESTS_NARROW_CMOCKA_H
#define SOCKADE_TESTS_NARROW_CMOCKA_H

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
};

enum narrow_end { NARROW_RUNS, NARROW_FAILED, NARROW_SKIPPED };

static sigjmp_buf narrow_way_out;

__attribute__((unused, noreturn)) static void narrow_fail(const char *file, int line, const char *text)
{
    printf("# %s:%d: %s\n", file, line, text);
    siglongjmp(narrow_way_out, NARROW_FAILED);
}

__attribute__((unused, noreturn)) static void narrow_differs(const char *file, int line, long long got, long long want)
{
    char text[64];

    snprintf(text, sizeof(text), "%lld and %lld", got, want);
    narrow_fail(file, line, text);
}

#define narrow_holds(condition, text) ((condition) ? (void)0 : narrow_fail(__FILE__, __LINE__, text))
#define narrow_compares(a, relation, b)                                                                                \
    do {                                                                                                               \
        long long narrow_a = (long long)(a), narrow_b = (long long)(b);                                                \
        if (!(narrow_a relation narrow_b))                                                                             \
            narrow_differs(__FILE__, __LINE__, narrow_a, narrow_b);                                                    \
    } while (0)

#define assert_true(value) narrow_holds(value, "not true: " #value)
#define assert_false(value) narrow_holds(!(value), "not false: " #value)
#define assert_null(value) narrow_holds((value) == NULL, "not NULL: " #value)
#define assert_non_null(value) narrow_holds((value) != NULL, "NULL: " #value)
#define assert_ptr_equal(a, b) narrow_holds((const void *)(a) == (const void *)(b), #a " is not " #b)
#define assert_int_equal(a, b) narrow_compares(a, ==, b)
#define assert_int_not_equal(a, b) narrow_compares(a, !=, b)
#define assert_string_equal(a, b) narrow_holds(strcmp(a, b) == 0, #a " is not " #b)
#define assert_memory_equal(a, b, size) narrow_holds(memcmp(a, b, size) == 0, #a " is not " #b)
#define assert_in_range(value, least, most)                                                                            \
    do {                                                                                                               \
        narrow_compares(value, >=, least);                                                                             \
        narrow_compares(value, <=, most);                                                                              \
    } while (0)
#define fail_msg(...) (printf("# " __VA_ARGS__), narrow_fail(__FILE__, __LINE__, ""))
#define fail() narrow_fail(__FILE__, __LINE__, "")
#define skip() siglongjmp(narrow_way_out, NARROW_SKIPPED)
#define print_message(...) printf("# " __VA_ARGS__)

#define cmocka_unit_test(function)                                                                                     \
    {                                                                                                                  \
#function, function, NULL, NULL                                                                                \
    }
#define cmocka_unit_test_setup_teardown(function, begin, end)                                                          \
    {                                                                                                                  \
#function, function, begin, end                                                                                \
    }
#define cmocka_run_group_tests(tests, begin, end) narrow_run(tests, sizeof(tests) / sizeof((tests)[0]), begin, end)

static int narrow_run(const struct CMUnitTest *tests, size_t count, int (*begin)(void **), int (*end_all)(void **))
{
    volatile int failed = 0;
    void *group = NULL;

    printf("1..%zu\n", count);
    if (begin != NULL && (sigsetjmp(narrow_way_out, 1) != NARROW_RUNS || begin(&group) != 0))
        return 1;
    for (volatile size_t i = 0; i < count; i++) {
        void *state = group;
        int end = sigsetjmp(narrow_way_out, 1);

        if (end == NARROW_RUNS) {
            if (tests[i].setup != NULL && tests[i].setup(&state) != 0)
                narrow_fail(__FILE__, __LINE__, "setup");
            tests[i].test(&state);
        }
        if (tests[i].teardown != NULL)
            tests[i].teardown(&state);
        failed += end == NARROW_FAILED;
        printf("%s %zu %s%s\n", end == NARROW_RUNS ? "ok" : "not ok", i + 1, end == NARROW_SKIPPED ? "# SKIP " : "- ",
               tests[i].name);
        fflush(stdout);
    }
    if (end_all != NULL && (sigsetjmp(narrow_way_out, 1) != NARROW_RUNS || end_all(&group) != 0))
        failed++;
    return failed;
}

#endif
