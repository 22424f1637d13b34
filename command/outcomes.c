/* SPDX-License-Identifier: MIT */
/* How `sockade test` shows what it found. */
#include "command/outcomes.h"

#include "command/colour.h"
#include "command/columns.h"
#include "command/command.h"
#include "command/wording.h"
#include "config/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_VERSION 1

/* ---- one line ---- */

/* The line, and a caret under what was expected. */
static void print_line(const struct outcome *outcome, bool coloured)
{
    size_t length = strcspn(outcome->text, "\r\n");
    char *line = memory_print("%.*s", (int)length, outcome->text), *shown, *before, *place;

    for (char *s = line; *s != '\0'; s++) {
        if (*s == '\t')
            *s = ' ';
    }
    shown = printable(line);
    printf("    %s\n", shown);
    if (outcome->place.length > 0) {
        place = memory_print("%.*s", (int)outcome->place.length, line + outcome->place.start);
        line[outcome->place.start] = '\0';
        before = printable(line);
        printf("    %*s%s^", (int)text_width(before), "", colour_code(coloured, COLOUR_RED));
        for (size_t i = 1; i < text_width(place); i++)
            putchar('~');
        printf("%s\n", colour_code(coloured, COLOUR_NONE));
        free(place);
        free(before);
    }
    free(shown);
    free(line);
}

static void print_plain(const struct outcome *outcome)
{
    bool coloured = colour_wanted(stdout);
    char *asked, *why;

    if (outcome->passed)
        return;
    asked = printable(outcome->asked != NULL ? outcome->asked : "");
    why = printable(outcome->why);
    printf("%s%s:%d:%s ", colour_code(coloured, COLOUR_BOLD), outcome->file, outcome->line,
           colour_code(coloured, COLOUR_NONE));
    if (outcome->got != NULL)
        printf("%s: expected %s, got %s: it %s\n", asked, outcome->expected, outcome->got, why);
    else
        printf("%s%s%s\n", asked, outcome->asked != NULL ? ": " : "", why);
    free(asked);
    free(why);
    print_line(outcome, coloured);
}

/* A text as a YAML scalar in quotes. */
static void print_yaml(const char *key, const char *text)
{
    json_t *string = text != NULL ? json_string(text) : NULL;
    char *shown = string != NULL ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

    if (shown != NULL)
        printf("  %s: %s\n", key, shown);
    free(shown);
    json_decref(string);
}

/* Test Anything Protocol 13; what stands behind # would be a directive. */
static void print_tap(const struct outcomes *outcomes, const struct outcome *outcome)
{
    char *name = memory_print("%s:%d: %s", outcome->file, outcome->line,
                              outcome->asked != NULL ? outcome->asked : "unreadable line");
    char *shown = printable(name), *at = memory_print("%s:%d", outcome->file, outcome->line);

    for (char *s = shown; *s != '\0'; s++) {
        if (*s == '#')
            *s = '.';
    }
    printf("%sok %zu - %s\n", outcome->passed ? "" : "not ", outcomes->passed + outcomes->failed, shown);
    if (!outcome->passed) {
        puts("  ---");
        print_yaml("at", at);
        print_yaml("expected", outcome->expected);
        print_yaml("got", outcome->got);
        print_yaml("message", outcome->why);
        puts("  ...");
    }
    free(at);
    free(name);
    free(shown);
}

static json_t *printable_json(const char *text)
{
    char *shown = text != NULL ? printable(text) : NULL;
    json_t *string = shown != NULL ? json_string(shown) : NULL;

    free(shown);
    return string;
}

static void keep_json(struct outcomes *outcomes, const struct outcome *outcome)
{
    json_t *object = json_object();

    json_object_set_new(object, "file", printable_json(outcome->file));
    json_object_set_new(object, "line", json_integer(outcome->line));
    json_object_set_new(object, "passed", json_boolean(outcome->passed));
    json_object_set_new(object, "case", printable_json(outcome->asked));
    json_object_set_new(object, "expected", printable_json(outcome->expected));
    json_object_set_new(object, "got", printable_json(outcome->got));
    json_object_set_new(object, "message", printable_json(outcome->why));
    if (!outcome->passed && outcome->place.length > 0)
        json_object_set_new(object, "column", json_integer((json_int_t)outcome->place.start + 1));
    json_array_append_new(outcomes->cases, object);
}

void outcomes_add(struct outcomes *outcomes, const struct outcome *outcome)
{
    outcomes->passed += outcome->passed;
    outcomes->failed += !outcome->passed;
    switch (outcomes->format) {
    case OUTCOMES_PLAIN:
        print_plain(outcome);
        break;
    case OUTCOMES_TAP:
        if (outcomes->passed + outcomes->failed == 1)
            puts("TAP version 13");
        print_tap(outcomes, outcome);
        break;
    case OUTCOMES_JSON:
        if (outcomes->cases == NULL)
            outcomes->cases = json_array();
        keep_json(outcomes, outcome);
        break;
    }
}

/* ---- the end ---- */

static size_t count_unreached(const struct outcomes *outcomes, const struct view *view)
{
    size_t count = 0;

    for (uint32_t i = 0; i < view->rules.count; i++)
        count += !outcomes->reached[i];
    return count;
}

/* Which rules no line reached, each with its place; `before` begins each line. */
static void print_coverage(const struct outcomes *outcomes, const struct view *view, const char *before)
{
    size_t unreached = count_unreached(outcomes, view);

    printf("%s%zu of %u rule%s reached\n", before, view->rules.count - unreached, view->rules.count,
           plural(view->rules.count));
    for (uint32_t i = 0; i < view->rules.count; i++) {
        char *words, *shown;

        if (outcomes->reached[i])
            continue;
        words = rule_words(view, i);
        shown = printable(words);
        printf("%snot reached: %s\n", before, shown);
        free(words);
        free(shown);
    }
}

static json_t *coverage_json(const struct outcomes *outcomes, const struct view *view)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < view->rules.count; i++) {
        struct image_rule_text text = view_rule_text(view, i);
        json_t *rule;

        if (outcomes->reached[i])
            continue;
        rule = json_object();
        json_object_set_new(rule, "rule", printable_json(view_string(view, text.name)));
        json_object_set_new(rule, "file", printable_json(view_string(view, text.file)));
        json_object_set_new(rule, "line", json_integer(text.line));
        json_array_append_new(list, rule);
    }
    return json_pack("{s:i, s:i, s:o}", "rules", (int)view->rules.count, "reached",
                     (int)(view->rules.count - count_unreached(outcomes, view)), "not_reached", list);
}

static void end_json(struct outcomes *outcomes, const struct view *view)
{
    json_t *whole = json_pack("{s:i}", "v", JSON_VERSION);

    json_object_set_new(whole, "policy", printable_json(outcomes->policy));
    json_object_set_new(whole, "passed", json_integer((json_int_t)outcomes->passed));
    json_object_set_new(whole, "failed", json_integer((json_int_t)outcomes->failed));
    json_object_set_new(whole, "cases", outcomes->cases != NULL ? outcomes->cases : json_array());
    if (outcomes->coverage)
        json_object_set_new(whole, "coverage", coverage_json(outcomes, view));
    json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(whole);
}

size_t outcomes_end(struct outcomes *outcomes, const struct view *view)
{
    switch (outcomes->format) {
    case OUTCOMES_PLAIN:
        if (outcomes->coverage)
            print_coverage(outcomes, view, "");
        printf("%zu passed, %zu failed\n", outcomes->passed, outcomes->failed);
        break;
    case OUTCOMES_TAP:
        if (outcomes->coverage)
            print_coverage(outcomes, view, "# ");
        printf("1..%zu\n", outcomes->passed + outcomes->failed);
        break;
    case OUTCOMES_JSON:
        end_json(outcomes, view);
        break;
    }
    return count_unreached(outcomes, view);
}
