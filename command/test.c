/* SPDX-License-Identifier: MIT */
/* `sockade test`: a policy against tables of decisions, one a line; cases.h has how a line reads. */
#include "command/cases.h"
#include "command/command.h"
#include "command/findings.h"
#include "command/layers.h"
#include "command/options.h"
#include "command/outcomes.h"
#include "command/question.h"
#include "command/wording.h"
#include "config/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
    const char *name;
    int line;
    const struct layer *layer;
    struct outcomes outcomes;
};

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

/* A rule was reached that decided, or that was passed on the way since it only audits. */
static void note_reached(struct table *table, const struct view *view, const struct verdict *verdict)
{
    if (verdict->source == BY_RULE && verdict->rule < view->rules.count)
        table->outcomes.reached[verdict->rule] = true;
    for (unsigned i = 0; i < verdict->note_count && i < VERDICT_NOTES; i++) {
        if (verdict->notes[i] < view->rules.count)
            table->outcomes.reached[verdict->notes[i]] = true;
    }
}

static void compare(struct table *table, const struct test_case *expected, const struct view *view,
                    const struct verdict *verdict, struct outcome *outcome)
{
    const char *got = verdict_outcome(verdict);
    bool has_error = verdict->action == ACTION_DENY;
    char *all = memory_print("%s%s%s", got, has_error ? " " : "", has_error ? error_text(verdict->error) : "");
    char *words = verdict_words(view, verdict);

    note_reached(table, view, verdict);
    outcome->got = all;
    outcome->why = words;
    outcome->place = expected->expected;
    outcome->passed = strcmp(got, expected->outcome) == 0 && is_by(expected, view, verdict) &&
                      (expected->error == 0 || (has_error && verdict->error == expected->error));
    outcomes_add(&table->outcomes, outcome);
    free(words);
    free(all);
}

/* A line that could not be judged. */
static void fail(struct table *table, struct outcome *outcome, const char *why)
{
    outcome->why = why;
    outcomes_add(&table->outcomes, outcome);
}

/* Holds one line against the policy. */
static void judge_case(struct table *table, const struct test_case *expected, struct outcome *outcome)
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
        fail(table, outcome, "name one protocol");
        return;
    }
    if (expected->exe != NULL && !exe_names_find(&names, expected->exe)) {
        fail(table, outcome, "no such path of a program can be");
        return;
    }
    if (image_open(&view, table->layer->base, table->layer->size, expected->exe != NULL ? &names.names : NULL) !=
        IMAGE_OK) {
        fail(table, outcome, "the image is damaged");
        return;
    }
    judgement = question_judge(question, protos, views, 1, false);
    if (judgement.needs != 0)
        fail(table, outcome, "it depends on the port; name one");
    else
        compare(table, expected, &view, &judgement.verdicts[0], outcome);
}

static void run_line(struct table *table, const char *text)
{
    struct outcome outcome = {.file = table->name, .line = ++table->line, .text = text};
    struct case_problem problem = {.text = ""};
    struct test_case expected;
    char *line = memory_text(text), *asked = NULL, *all = NULL;

    switch (case_read(&expected, line, &problem)) {
    case CASE_NONE:
        break;
    case CASE_WRONG:
        outcome.place = problem.place;
        fail(table, &outcome, problem.text);
        break;
    case CASE_READ:
        outcome.asked = asked = case_asked(&expected);
        outcome.expected = all = case_expected(&expected);
        judge_case(table, &expected, &outcome);
        break;
    }
    free(asked);
    free(all);
    free(line);
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

/* Runs all tables against the loaded policy. */
static int run_loaded(struct table *table, char **names, int count, bool strict)
{
    struct outcomes *outcomes = &table->outcomes;
    struct view view;
    size_t unreached;
    int code = EXIT_FINE;

    if (image_open(&view, table->layer->base, table->layer->size, NULL) != IMAGE_OK) {
        complain("'%s': the image is damaged", outcomes->policy);
        return EXIT_NEGATIVE;
    }
    outcomes->reached = memory_new(view.rules.count);
    for (int i = 0; i < count; i++) {
        table->name = names[i];
        if (!run_table(table))
            code = EXIT_NEGATIVE;
    }
    unreached = outcomes_end(outcomes, &view);
    free(outcomes->reached);
    if (outcomes->failed > 0 || outcomes->passed == 0 || (strict && unreached > 0))
        code = EXIT_NEGATIVE;
    return code;
}

static int run_tables(const char *file, char **names, int count, enum outcomes_format format, bool coverage,
                      bool strict)
{
    struct messages messages = {0};
    struct layer layer;
    struct table table = {.layer = &layer, .outcomes = {.format = format, .coverage = coverage, .policy = file}};
    int code = EXIT_NEGATIVE;

    if (!layer_load_file(&layer, file, &messages))
        findings_show(&messages, stderr);
    if (layer.outcome == LAYER_READY)
        code = run_loaded(&table, names, count, strict);
    layers_free(&layer, 1);
    messages_free(&messages);
    return code;
}

int command_test(int argc, char **argv)
{
    bool json = false, tap = false, coverage = false, strict = false;
    const struct option_row rows[] = {
        {"coverage", 0, NULL, "tell which rules no line reached", &coverage, NULL, NULL},
        {"strict", 0, NULL, "fail where a rule was not reached", &strict, NULL, NULL},
        {"tap", 0, NULL, "print Test Anything Protocol", &tap, NULL, NULL},
        {"json", 0, NULL, "print JSON", &json, NULL, NULL},
    };
    const struct usage usage = {
        .command = "test",
        .arguments = "[OPTION]... FILE CASES...",
        .what = "Holds the policy FILE (a text or an image) against tables of expected decisions.",
        .more = "A line of a table: DIRECTION ENDPOINT [as EXE] -> OUTCOME [ERRNO] [by RULE | by default]\n"
                "  DIRECTION  to, from, on, or family with a family's name as the ENDPOINT\n"
                "  ENDPOINT   ADDRESS[:PORT][/PROTO] (tcp where none is named), or unix:/PATH\n"
                "  OUTCOME    allow, deny, drop; would-deny and would-drop under mode \"audit\"\n"
                "Quotes hold spaces together, '#' begins a comment.\n\n"
                "Exit code: 0 all passed, 1 some failed or something could not be read (or, with --strict, a rule\n"
                "was not reached), 2 wrong usage, 125 our own failure.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands < 2)
        return usage_error(&usage, "name a policy and a table");
    if (json && tap)
        return usage_error(&usage, "--json and --tap do not go together");
    return run_tables(argv[0], argv + 1, operands - 1,
                      json  ? OUTCOMES_JSON
                      : tap ? OUTCOMES_TAP
                            : OUTCOMES_PLAIN,
                      coverage || strict, strict);
}
