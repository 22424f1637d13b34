/* SPDX-License-Identifier: MIT */
/* Lines of a table of decisions, word by word. */
#include "command/cases.h"

#include "config/memory.h"
#include "config/messages.h"
#include "config/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM "a line reads 'DIRECTION ENDPOINT [as EXE] -> OUTCOME [ERRNO] [by RULE]'"

static const char *const outcomes[] = {"allow", "deny", "drop", "would-deny", "would-drop"};
#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

/* Tells what is wrong with word `at`, or with the line where it has no such word. */
static enum case_outcome wrong(struct case_problem *problem, const struct words *words, int at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static enum case_outcome wrong(struct case_problem *problem, const struct words *words, int at, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
    problem->place = (struct span){0};
    if (at < words->count)
        problem->place = (struct span){words->starts[at], words->ends[at] - words->starts[at]};
    return CASE_WRONG;
}

/* Cuts a line in place; false where a quote is not closed or there are too many words. */
static bool words_split(char *line, struct words *words)
{
    static const char space[] = " \t\r\n";
    char *at = line;

    words->count = 0;
    for (at += strspn(at, space); *at != '\0' && *at != '#'; at += strspn(at, space)) {
        bool quoted = *at == '"';
        char *end;

        if (words->count == CASE_WORDS)
            return false;
        words->starts[words->count] = (size_t)(at - line);
        at += quoted;
        end = at + strcspn(at, quoted ? "\"" : space);
        if (quoted && *end == '\0')
            return false;
        words->ends[words->count] = (size_t)(end - line) + quoted;
        words->quoted[words->count] = quoted;
        words->list[words->count++] = at;
        at = *end == '\0' ? end : end + 1;
        *end = '\0';
    }
    return true;
}

static bool word_is(const struct words *words, int i, const char *word)
{
    return i < words->count && !words->quoted[i] && strcmp(words->list[i], word) == 0;
}

static enum case_outcome wrong_outcome(struct case_problem *problem, const struct words *words, int at)
{
    const char *near = at < words->count ? nearest_name(words->list[at], outcomes, OUTCOMES) : NULL;

    if (near != NULL)
        return wrong(problem, words, at, "unknown outcome '%.80s'; did you mean '%s'?", words->list[at], near);
    return wrong(problem, words, at, "behind '->' stands allow, deny, drop, would-deny or would-drop");
}

static enum case_outcome wrong_errno(struct case_problem *problem, const struct words *words, int at)
{
    const char *near = nearest_name(words->list[at], errno_names, errno_name_count);

    if (near != NULL)
        return wrong(problem, words, at, "unknown errno '%.80s'; did you mean '%s'?", words->list[at], near);
    return wrong(problem, words, at, "unknown errno '%.80s'", words->list[at]);
}

/* What stands behind the arrow; `at` is its first word. */
static enum case_outcome read_expected(struct test_case *out, int at, struct case_problem *problem)
{
    const struct words *words = &out->words;

    for (size_t i = 0; i < OUTCOMES; i++) {
        if (word_is(words, at, outcomes[i]))
            out->outcome = outcomes[i];
    }
    if (out->outcome == NULL)
        return wrong_outcome(problem, words, at);
    out->expected = (struct span){words->starts[at], words->ends[words->count - 1] - words->starts[at]};
    at++;
    if (at < words->count && !word_is(words, at, "by")) {
        out->error = errno_by_name(words->list[at]);
        if (out->error == 0)
            return wrong_errno(problem, words, at);
        at++;
    }
    if (word_is(words, at, "by") && at + 1 < words->count) {
        out->by_default = word_is(words, at + 1, "default");
        out->rule = words->list[at + 1];
        at += 2;
    }
    if (at < words->count)
        return wrong(problem, words, at, "'%.80s' is not understood; " FORM, words->list[at]);
    return CASE_READ;
}

enum case_outcome case_read(struct test_case *out, char *line, struct case_problem *problem)
{
    struct words *words = &out->words;
    char why[480];
    int at = 2;

    memset(out, 0, sizeof(*out));
    if (!words_split(line, words)) {
        words->count = 0;
        return wrong(problem, words, 0, "a quote is not closed, or the line has more than %d words", CASE_WORDS);
    }
    if (words->count == 0)
        return CASE_NONE;
    if (word_is(words, at, "as") && at + 1 < words->count) {
        out->exe = words->list[at + 1];
        at += 2;
    }
    if (words->count < 4 || !word_is(words, at, "->"))
        return wrong(problem, words, at, FORM);
    if (!question_read(&out->question, words->list[0], words->list[1], why, sizeof(why)))
        return wrong(problem, words, strcmp(words->list[0], "family") != 0 && strstr(why, "none of to") != NULL ? 0 : 1,
                     "%s", why);
    return read_expected(out, at + 1, problem);
}

char *case_asked(const struct test_case *test)
{
    return memory_print("%s %s%s%s", test->words.list[0], test->words.list[1], test->exe != NULL ? " as " : "",
                        test->exe != NULL ? test->exe : "");
}

char *case_expected(const struct test_case *test)
{
    return memory_print("%s%s%s%s%s", test->outcome, test->error != 0 ? " " : "",
                        test->error != 0 ? errno_name(test->error) : "", test->rule != NULL ? " by " : "",
                        test->rule != NULL ? test->rule : "");
}
