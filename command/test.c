/* SPDX-License-Identifier: MIT */
/*
 * `sockade test`: a policy against a table of decisions, one a line:
 *
 *     DIRECTION ENDPOINT [as EXE] -> OUTCOME [ERRNO] [by RULE]
 *
 * DIRECTION is to, from, on or family; OUTCOME is allow, deny, drop, would-deny or would-drop (the last two of a policy
 * in audit mode); RULE is a rule's name, or `default`. Quotes hold spaces together, `#` begins a comment. Where no
 * protocol is named, it is tcp.
 */
#include "command/command.h"
#include "command/layers.h"
#include "command/options.h"
#include "command/question.h"
#include "command/wording.h"
#include "config/memory.h"
#include "config/names.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16

/* One line cut into words. */
struct words {
    const char *list[WORDS_MAX];
    bool quoted[WORDS_MAX]; /* a quoted word is never one of the language's own */
    int count;
};

/* What a line says. */
struct test_case {
    struct question question;
    const char *exe; /* NULL: no program's own rules */
    const char *outcome;
    int error;        /* 0: any */
    const char *rule; /* NULL: any */
    bool by_default;
};

struct table {
    const char *name;
    int line;
    const struct layer *layer;
    size_t passed, failed;
};

/* A failure of the present line. */
static void fail(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct table *table, const char *format, ...)
{
    va_list arguments;

    printf("%s:%d: ", table->name, table->line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    table->failed++;
}

/* Cuts a line in place; false where a quote is not closed or there are too many words. */
static bool words_split(char *line, struct words *words)
{
    static const char space[] = " \t\r\n";

    words->count = 0;
    for (line += strspn(line, space); *line != '\0' && *line != '#'; line += strspn(line, space)) {
        bool quoted = *line == '"';
        char *end;

        if (words->count == WORDS_MAX)
            return false;
        line += quoted;
        end = line + strcspn(line, quoted ? "\"" : space);
        if (quoted && *end == '\0')
            return false;
        words->quoted[words->count] = quoted;
        words->list[words->count++] = line;
        line = *end == '\0' ? end : end + 1;
        *end = '\0';
    }
    return true;
}

static bool word_is(const struct words *words, int i, const char *word)
{
    return i < words->count && !words->quoted[i] && strcmp(words->list[i], word) == 0;
}

/* What stands behind the arrow; `at` is its first word. */
static bool read_expected(struct table *table, const struct words *words, int at, struct test_case *out)
{
    static const char *const outcomes[] = {"allow", "deny", "drop", "would-deny", "would-drop"};

    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (word_is(words, at, outcomes[i]))
            out->outcome = outcomes[i];
    }
    if (out->outcome == NULL) {
        fail(table, "behind '->' stands allow, deny, drop, would-deny or would-drop");
        return false;
    }
    at++;
    if (at < words->count && !word_is(words, at, "by")) {
        out->error = errno_by_name(words->list[at]);
        if (out->error == 0) {
            fail(table, "unknown errno '%s'", words->list[at]);
            return false;
        }
        at++;
    }
    if (word_is(words, at, "by") && at + 1 < words->count) {
        out->by_default = word_is(words, at + 1, "default");
        out->rule = words->list[at + 1];
        at += 2;
    }
    if (at < words->count) {
        fail(table, "'%s' is not understood; a line reads 'DIRECTION ENDPOINT [as EXE] -> OUTCOME [ERRNO] [by RULE]'",
             words->list[at]);
        return false;
    }
    return true;
}

static bool read_case(struct table *table, const struct words *words, struct test_case *out)
{
    char problem[512];
    int at = 2;

    memset(out, 0, sizeof(*out));
    if (word_is(words, at, "as") && at + 1 < words->count) {
        out->exe = words->list[at + 1];
        at += 2;
    }
    if (!word_is(words, at, "->")) {
        fail(table, "a line reads 'DIRECTION ENDPOINT [as EXE] -> OUTCOME [ERRNO] [by RULE]'");
        return false;
    }
    if (!question_read(&out->question, words->list[0], words->list[1], problem, sizeof(problem))) {
        fail(table, "%s", problem);
        return false;
    }
    return read_expected(table, words, at + 1, out);
}

/* Whether the verdict comes from where the line says. */
static bool is_by(const struct test_case *expected, const struct view *view, const struct verdict *verdict)
{
    if (expected->rule == NULL)
        return true;
    if (expected->by_default)
        return verdict->source == BY_NOTHING || verdict->source == BY_DEFAULT;
    return verdict->source == BY_RULE &&
           strcmp(view_string(view, view_rule_text(view, verdict->rule).name), expected->rule) == 0;
}

static void compare(struct table *table, const struct test_case *expected, const char *asked, const struct view *view,
                    const struct verdict *verdict)
{
    const char *got = verdict_outcome(verdict);
    bool has_error = verdict->action == ACTION_DENY;
    char *words;

    if (strcmp(got, expected->outcome) == 0 && is_by(expected, view, verdict) &&
        (expected->error == 0 || (has_error && verdict->error == expected->error))) {
        table->passed++;
        return;
    }
    words = verdict_words(view, verdict);
    fail(table, "%s: expected %s%s%s%s%s, got %s%s%s: it %s", asked, expected->outcome, expected->error != 0 ? " " : "",
         expected->error != 0 ? errno_name(expected->error) : "", expected->rule != NULL ? " by " : "",
         expected->rule != NULL ? expected->rule : "", got, has_error ? " " : "",
         has_error ? error_text(verdict->error) : "", words);
    free(words);
}

/* Holds one line against the policy. */
static void judge_case(struct table *table, const struct test_case *expected, const char *asked)
{
    const struct question *question = &expected->question;
    unsigned protos = question_protos(question);
    struct exe_names names;
    struct view view;
    const struct view *views[] = {&view};
    struct judgement judgement;

    if (protos == (PROTO_TCP | PROTO_UDP))
        protos = PROTO_TCP;
    if (protos & (protos - 1)) {
        fail(table, "%s: name one protocol", asked);
        return;
    }
    if (expected->exe != NULL && !exe_names_find(&names, expected->exe)) {
        fail(table, "'%s': no such path can be", expected->exe);
        return;
    }
    if (image_open(&view, table->layer->base, table->layer->size, expected->exe != NULL ? &names.names : NULL) !=
        IMAGE_OK) {
        fail(table, "%s: the image is damaged", asked);
        return;
    }
    judgement = question_judge(question, protos, views, 1, false);
    if (judgement.needs != 0)
        fail(table, "%s: it depends on the port; name one", asked);
    else
        compare(table, expected, asked, &view, &judgement.verdicts[0]);
}

static void run_line(struct table *table, char *line)
{
    struct test_case expected;
    struct words words;
    char *asked;

    table->line++;
    if (!words_split(line, &words)) {
        fail(table, "a quote is not closed, or the line has more than %d words", WORDS_MAX);
        return;
    }
    if (words.count == 0)
        return;
    if (words.count < 4) {
        fail(table, "a line reads 'DIRECTION ENDPOINT [as EXE] -> OUTCOME [ERRNO] [by RULE]'");
        return;
    }
    if (!read_case(table, &words, &expected))
        return;
    asked = memory_print("%s %s%s%s", words.list[0], words.list[1], expected.exe != NULL ? " as " : "",
                         expected.exe != NULL ? expected.exe : "");
    judge_case(table, &expected, asked);
    free(asked);
}

/* Runs a whole table; false where it cannot be read. */
static bool run_table(struct table *table)
{
    FILE *file = fopen(table->name, "re");
    char *line = NULL;
    size_t room = 0;
    bool read;

    if (file == NULL) {
        complain("open '%s': %s", table->name, strerror(errno));
        return false;
    }
    table->line = 0;
    while (getline(&line, &room, file) >= 0)
        run_line(table, line);
    read = !ferror(file);
    if (!read)
        complain("read '%s': %s", table->name, strerror(errno));
    fclose(file);
    free(line);
    return read;
}

/* Runs all tables against the policy `file`. */
static int run_tables(const char *file, char **names, int count)
{
    struct messages messages = {0};
    struct layer layer;
    struct table table = {.layer = &layer};
    int code = EXIT_FINE;

    if (!layer_load_file(&layer, file, &messages)) {
        messages_print(&messages, stderr);
        code = EXIT_NEGATIVE;
    }
    for (int i = 0; i < count && layer.outcome == LAYER_READY; i++) {
        table.name = names[i];
        if (!run_table(&table))
            code = EXIT_NEGATIVE;
    }
    if (layer.outcome == LAYER_READY) {
        printf("%zu passed, %zu failed\n", table.passed, table.failed);
        if (table.failed > 0 || table.passed == 0)
            code = EXIT_NEGATIVE;
    }
    layers_free(&layer, 1);
    messages_free(&messages);
    return code;
}

int command_test(int argc, char **argv)
{
    const struct usage usage = {
        .command = "test",
        .arguments = "FILE CASES...",
        .what = "Holds the policy FILE (a text or an image) against tables of expected decisions.",
        .more = "A line of a table: DIRECTION ENDPOINT [as EXE] -> OUTCOME [ERRNO] [by RULE | by default]\n"
                "  DIRECTION  to, from, on, or family with a family's name as the ENDPOINT\n"
                "  ENDPOINT   ADDRESS[:PORT][/PROTO] (tcp where none is named), or unix:/PATH\n"
                "  OUTCOME    allow, deny, drop; would-deny and would-drop under mode \"audit\"\n"
                "Quotes hold spaces together, '#' begins a comment.\n\n"
                "Exit code: 0 all passed, 1 some failed or something could not be read, 2 wrong usage.",
        .error_exit = EXIT_USAGE,
    };
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands < 2)
        return usage_error(&usage, "name a policy and a table");
    return run_tables(argv[0], argv + 1, operands - 1);
}
