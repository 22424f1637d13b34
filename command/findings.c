/* SPDX-License-Identifier: MIT */
/* Messages with the lines that they are about. */
#include "command/findings.h"

#include "command/colour.h"
#include "command/columns.h"
#include "command/command.h"
#include "config/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WIDEST 160 /* columns of a line that is shown */

bool findings_format_read(const char *text, enum findings_format *out)
{
    static const char *const names[] = {"full", "short", "json"};
    const char *near;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum findings_format)i;
            return true;
        }
    }
    near = nearest_name(text, names, sizeof(names) / sizeof(names[0]));
    complain("--format '%.80s': it is full, short or json%s%s%s", text, near != NULL ? "; did you mean '" : "",
             near != NULL ? near : "", near != NULL ? "'?" : "");
    return false;
}

struct findings_count findings_count(const struct messages *messages)
{
    struct findings_count count = {.errors = messages->errors};

    for (size_t i = 0; i < messages->count; i++) {
        count.warnings += messages->list[i].kind == MESSAGE_WARNING;
        count.notes += messages->list[i].kind == MESSAGE_NOTE;
    }
    return count;
}

/* ---- comments that silence ---- */

/* Whether the comment of a line says `sockade: ignore` with the id among its words. */
static bool comment_ignores(const char *line, size_t length, const char *id)
{
    static const char key[] = "sockade: ignore";
    size_t at = comment_start(line, length), size = strlen(id);
    const char *found = memmem(line + at, length - at, key, sizeof(key) - 1);
    const char *end = line + length;

    if (found == NULL)
        return false;
    for (found += sizeof(key) - 1; found < end;) {
        const char *word = found;

        while (found < end && (isalnum((unsigned char)*found) || *found == '-'))
            found++;
        if ((size_t)(found - word) == size && memcmp(word, id, size) == 0)
            return true;
        found += found == word;
    }
    return false;
}

static bool is_ignored(const struct message *message, struct sources *sources)
{
    size_t length;

    if (message->kind == MESSAGE_ERROR || message->id == NULL)
        return false;
    for (int line = message->line; line > 0 && line >= message->line - 1; line--) {
        const char *text = source_line(sources, message->file, line, &length);

        if (text == NULL || !comment_ignores(text, length, message->id))
            continue;
        /* In the line above it stands alone: one behind a rule is that rule's. */
        if (line == message->line || strspn(text, " \t") == comment_start(text, length))
            return true;
    }
    return false;
}

size_t findings_ignore(struct messages *messages, struct sources *sources)
{
    struct messages kept = {0};
    size_t ignored = 0;

    messages_sort(messages);
    for (size_t i = 0; i < messages->count; i++) {
        struct messages one = {.list = memory_new(sizeof(*one.list)), .count = 1};

        *one.list = messages->list[i];
        if (is_ignored(one.list, sources)) {
            messages_free(&one);
            ignored++;
        } else {
            messages_move(&kept, &one);
        }
    }
    kept.errors = messages->errors;
    free(messages->list);
    *messages = kept;
    return ignored;
}

/* ---- for people ---- */

static enum colour kind_colour(enum message_kind kind)
{
    return kind == MESSAGE_ERROR ? COLOUR_RED : kind == MESSAGE_WARNING ? COLOUR_YELLOW : COLOUR_BLUE;
}

/* A part of a line, fit for a terminal, tabs as blanks. The caller frees it. */
static char *shown(const char *line, size_t length)
{
    char *copy = memory_print("%.*s", (int)length, line), *text;

    for (char *s = copy; *s != '\0'; s++) {
        if (*s == '\t')
            *s = ' ';
    }
    text = printable(copy);
    free(copy);
    return text;
}

/* The line, and under it the place. A long line is shown from a little before the place on. */
static void print_caret(const struct message *message, const char *line, size_t length, bool coloured, FILE *stream)
{
    struct span span;
    size_t from = 0, more, end;
    char *before, *place, *rest;

    if (!message_span(message, line, length, &span))
        return;
    if (span.start > WIDEST / 2)
        from = span.start - WIDEST / 4;
    if (span.length > WIDEST / 2)
        span.length = WIDEST / 2;
    end = span.start + span.length;
    more = length - end;
    if (length - from > WIDEST)
        more = end - from < WIDEST ? WIDEST - (end - from) : 0;
    before = shown(line + from, span.start - from);
    place = shown(line + span.start, span.length);
    rest = shown(line + span.start + span.length, more);
    fprintf(stream, "    %s%s%s%s%s%s\n    %*s%s^", from > 0 ? "..." : "", before,
            colour_code(coloured, kind_colour(message->kind)), place, colour_code(coloured, COLOUR_NONE), rest,
            (int)(text_width(before) + (from > 0 ? 3 : 0)), "", colour_code(coloured, kind_colour(message->kind)));
    for (size_t i = 1; i < text_width(place); i++)
        fputc('~', stream);
    fprintf(stream, "%s\n", colour_code(coloured, COLOUR_NONE));
    free(before);
    free(place);
    free(rest);
}

static void print_full(const struct message *message, struct sources *sources, bool coloured, FILE *stream)
{
    size_t length;
    const char *line = source_line(sources, message->file, message->line, &length);

    fputs(colour_code(coloured, COLOUR_BOLD), stream);
    if (message->file != NULL && message->line > 0)
        fprintf(stream, "%s:%d: ", message->file, message->line);
    else if (message->file != NULL)
        fprintf(stream, "%s: ", message->file);
    fprintf(stream, "%s%s%s%s%s", colour_code(coloured, COLOUR_NONE), colour_code(coloured, kind_colour(message->kind)),
            message_prefix(message), colour_code(coloured, COLOUR_NONE), message->text);
    if (message->kind != MESSAGE_ERROR && message->id != NULL)
        fprintf(stream, " %s[%s]%s", colour_code(coloured, COLOUR_FAINT), message->id,
                colour_code(coloured, COLOUR_NONE));
    fputc('\n', stream);
    if (line != NULL)
        print_caret(message, line, length, coloured, stream);
}

static const char *kind_name(enum message_kind kind)
{
    return kind == MESSAGE_ERROR ? "error" : kind == MESSAGE_WARNING ? "warning" : "note";
}

/* Where the message is, from 1 on; false where no line is known. */
static bool find_columns(const struct message *message, struct sources *sources, struct span *span)
{
    size_t length;
    const char *line = source_line(sources, message->file, message->line, &length);

    return line != NULL && message_span(message, line, length, span);
}

/* As compilers write it, which editors can read. */
static void print_short(const struct message *message, struct sources *sources, FILE *stream)
{
    struct span span;

    fprintf(stream, "%s:", message->file != NULL ? message->file : "sockade");
    if (message->line > 0)
        fprintf(stream, "%d:", message->line);
    if (find_columns(message, sources, &span))
        fprintf(stream, "%zu:", span.start + 1);
    fprintf(stream, " %s: %s [%s]\n", kind_name(message->kind), message->text,
            message->id != NULL ? message->id : "error");
}

void findings_print(struct messages *messages, struct sources *sources, enum findings_format format, FILE *stream)
{
    bool coloured = colour_wanted(stream);

    messages_sort(messages);
    for (size_t i = 0; i < messages->count; i++) {
        if (format == FINDINGS_SHORT)
            print_short(&messages->list[i], sources, stream);
        else
            print_full(&messages->list[i], sources, coloured, stream);
    }
}

void findings_show(struct messages *messages, FILE *stream)
{
    struct sources sources = {0};

    findings_print(messages, &sources, FINDINGS_FULL, stream);
    sources_free(&sources);
}

/* ---- for programs ---- */

void findings_json(struct messages *messages, struct sources *sources, json_t *array)
{
    messages_sort(messages);
    for (size_t i = 0; i < messages->count; i++) {
        const struct message *message = &messages->list[i];
        json_t *object = json_pack("{s:s*, s:s, s:s, s:s}", "file", message->file, "severity", kind_name(message->kind),
                                   "id", message->id != NULL ? message->id : "error", "message", message->text);
        struct span span;

        if (message->line > 0)
            json_object_set_new(object, "line", json_integer(message->line));
        if (find_columns(message, sources, &span)) {
            json_object_set_new(object, "column", json_integer((json_int_t)span.start + 1));
            json_object_set_new(object, "end_column", json_integer((json_int_t)(span.start + span.length) + 1));
        }
        if (message->fix != NULL)
            json_object_set_new(object, "fix", json_string(message->fix));
        json_array_append_new(array, object);
    }
}
