/* SPDX-License-Identifier: MIT */
/* Patterns of Unix names: a table, random ones against the definition, and one that would never end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/address.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define RANDOM_ROUNDS 200000

/* The same numbers in each run, so that a failure can be seen again. */
static size_t random_below(size_t limit)
{
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % limit);
}

static bool matches(const char *pattern, const char *text)
{
    return pattern_matches(pattern, strlen(pattern), text, strlen(text));
}

static void patterns_match(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool match;
    } cases[] = {
        {"/run/docker.sock", "/run/docker.sock", true},
        {"/run/docker.sock", "/run/docker.sock2", false},
        {"/run/docker.sock", "/run/docker.soc", false},
        {"/run/*", "/run/a/b", true},
        {"/run/*", "/run/", true},
        {"/run/*", "/run", false},
        {"*", "", true},
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"**", "abc", true},
        {"*.sock", "/tmp/.sock.sock", true},
        {"*.sock", "/tmp/.sock.socket", false},
        {"a*b*c", "abc", true},
        {"a*b*c", "aXXbXXbYYc", true},
        {"a*b*c", "aXXcXXb", false},
        {"*ab*ab", "abab", true},
        {"*ab*ab", "aabab", true},
        {"*ab*ab", "ab", false},
        {"@/tmp/.X11-unix/*", "@/tmp/.X11-unix/X0", true},
        {"?", "a", false},
        {"[a]", "a", false},
        {"\\*", "*", false},
        {"*", "*", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (matches(cases[i].pattern, cases[i].text) != cases[i].match)
            fail_msg("\"%s\" on \"%s\"", cases[i].pattern, cases[i].text);
    }
    assert_true(pattern_matches("@a*c", 4, "@a\0b\0c", 6)); /* NULs are bytes as all others */
    assert_false(pattern_matches("@a\0b", 4, "@a\0c", 4));
}

/* By the definition: matched[p] says whether the pattern's first p bytes match the text so far. */
static bool matches_by_definition(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
    bool matched[16] = {true};
    for (size_t p = 0; p < pattern_length; p++)
        matched[p + 1] = matched[p] && pattern[p] == '*';
    for (size_t t = 0; t < text_length; t++) {
        bool next[16] = {false};
        for (size_t p = 0; p < pattern_length; p++)
            next[p + 1] = pattern[p] == '*' ? next[p] || matched[p + 1] : matched[p] && pattern[p] == text[t];
        memcpy(matched, next, sizeof(matched));
    }
    return matched[pattern_length];
}

static void random_patterns_match_by_definition(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        char pattern[12];
        char text[12];
        size_t pattern_length = random_below(sizeof(pattern));
        size_t text_length = random_below(sizeof(text));
        for (size_t j = 0; j < pattern_length; j++)
            pattern[j] = "ab*"[random_below(3)];
        for (size_t j = 0; j < text_length; j++)
            text[j] = "ab"[random_below(2)];
        assert_int_equal(pattern_matches(pattern, pattern_length, text, text_length),
                         matches_by_definition(pattern, pattern_length, text, text_length));
    }
}

/* Backtracking into every star would take longer than the sun will shine. */
static void hostile_pattern_ends(void **state)
{
    static char pattern[1000];
    static char text[1000];

    (void)state;
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof(pattern) - 1] = 'b';
    memset(text, 'a', sizeof(text));
    assert_false(pattern_matches(pattern, sizeof(pattern), text, sizeof(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(random_patterns_match_by_definition),
        cmocka_unit_test(hostile_pattern_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
