/* SPDX-License-Identifier: MIT */
/* Findings as a screen, on which the marks are words, and as JSON. */
#include "command/diagnosis.h"

#include "command/colour.h"
#include "config/memory.h"
#include "config/messages.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION "unreleased"
#endif

#define CHECK_COLUMNS 12
#define INDENT 25 /* where the sentences begin */

static const char *const mark_words[] = {[MARK_OK] = "ok", [MARK_WARNING] = "warning", [MARK_PROBLEM] = "problem"};

static char *text_of(const char *format, va_list arguments)
{
    char *raw = NULL;
    char *clean;

    if (vasprintf(&raw, format, arguments) < 0)
        return memory_text("");
    clean = printable(raw);
    free(raw);
    return clean;
}

void diagnosis_add(struct diagnosis *diagnosis, enum mark mark, const char *check, const char *format, ...)
{
    va_list arguments;

    diagnosis->list = memory_grow(diagnosis->list, diagnosis->count, &diagnosis->room, sizeof(*diagnosis->list));
    va_start(arguments, format);
    diagnosis->list[diagnosis->count++] = (struct finding){
        .mark = mark, .check = check, .text = text_of(format, arguments)};
    va_end(arguments);
    diagnosis->warnings += mark == MARK_WARNING;
    diagnosis->problems += mark == MARK_PROBLEM;
}

void diagnosis_remedy(struct diagnosis *diagnosis, enum remedy kind, const char *format, ...)
{
    struct finding *last = &diagnosis->list[diagnosis->count - 1];
    va_list arguments;

    va_start(arguments, format);
    free(last->remedy);
    last->kind = kind;
    last->remedy = text_of(format, arguments);
    va_end(arguments);
}

static enum colour mark_colour(enum mark mark)
{
    return mark == MARK_OK ? COLOUR_GREEN : mark == MARK_WARNING ? COLOUR_YELLOW : COLOUR_RED;
}

/* Prints a sentence, broken at blanks so that it ends before the last column; 0 columns: in one line. */
static void print_wrapped(const char *text, int columns, FILE *stream)
{
    int room = columns - INDENT - 1;
    int used = 0;

    for (const char *at = text; *at != '\0';) {
        int word = (int)strcspn(at, " ");

        if (used > 0 && columns > 0 && used + 1 + word > room) {
            fprintf(stream, "\n%*s", INDENT, "");
            used = 0;
        } else if (used > 0) {
            fputc(' ', stream);
            used++;
        }
        fprintf(stream, "%.*s", word, at);
        used += word;
        at += word;
        at += *at == ' ';
    }
    fputc('\n', stream);
}

static void print_remedy(const struct finding *finding, bool coloured, FILE *stream)
{
    static const char *const heads[] = {
        [REMEDY_COMMAND] = "run:", [REMEDY_ROOT_COMMAND] = "run as root:", [REMEDY_ADVICE] = "do:"};

    if (finding->kind != REMEDY_NONE)
        fprintf(stream, "%*s%s %s%s%s\n", INDENT, "", heads[finding->kind], colour_code(coloured, COLOUR_BOLD),
                finding->remedy, colour_code(coloured, COLOUR_NONE));
}

void diagnosis_print(const struct diagnosis *diagnosis, FILE *stream)
{
    bool coloured = colour_wanted(stream);
    int columns = terminal_columns(stream, 0);

    if (columns < INDENT + 40)
        columns = 0;
    for (size_t i = 0; i < diagnosis->count; i++) {
        const struct finding *finding = &diagnosis->list[i];

        fprintf(stream, "  %s%-7s%s  %-*s  ", colour_code(coloured, mark_colour(finding->mark)),
                mark_words[finding->mark], colour_code(coloured, COLOUR_NONE), CHECK_COLUMNS, finding->check);
        print_wrapped(finding->text, columns, stream);
        print_remedy(finding, coloured, stream);
    }
}

void diagnosis_print_json(const struct diagnosis *diagnosis, FILE *stream)
{
    static const char *const kinds[] = {[REMEDY_COMMAND] = "command", [REMEDY_ROOT_COMMAND] = "root", "advice"};
    json_t *checks = json_array();
    json_t *all;

    for (size_t i = 0; i < diagnosis->count; i++) {
        const struct finding *finding = &diagnosis->list[i];
        json_t *check = json_pack("{s:s, s:s, s:s}", "check", finding->check, "mark", mark_words[finding->mark], "text",
                                  finding->text);

        if (check != NULL && finding->kind != REMEDY_NONE) {
            json_object_set_new(check, "remedy", json_string(finding->remedy));
            json_object_set_new(check, "remedy_kind", json_string(kinds[finding->kind]));
        }
        json_array_append_new(checks, check);
    }
    all = json_pack("{s:i, s:s, s:o, s:I, s:I}", "v", 1, "version", VERSION, "checks", checks, "warnings",
                    (json_int_t)diagnosis->warnings, "problems", (json_int_t)diagnosis->problems);
    json_dumpf(all, stream, JSON_COMPACT);
    fputc('\n', stream);
    json_decref(all);
}

void diagnosis_free(struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->count; i++) {
        free(diagnosis->list[i].text);
        free(diagnosis->list[i].remedy);
    }
    free(diagnosis->list);
    *diagnosis = (struct diagnosis){0};
}

char *shell_word(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+,:@%=";
    size_t size = 3, at = 0;
    char *out;

    if (text[0] != '\0' && text[strspn(text, plain)] == '\0')
        return memory_text(text);
    for (const char *c = text; *c != '\0'; c++)
        size += *c == '\'' ? 4 : 1;
    out = memory_new(size);
    out[at++] = '\'';
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'') {
            memcpy(out + at, "'\\''", 4);
            at += 4;
        } else {
            out[at++] = *c;
        }
    }
    out[at] = '\'';
    return out;
}
