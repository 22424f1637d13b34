/* SPDX-License-Identifier: MIT */
/*
 * Lines and their diff. No longest common subsequence is looked for: a line knows which one it was, since nothing but
 * `check --fix` has changed it.
 */
#include "command/lines.h"

#include "command/colour.h"
#include "config/memory.h"
#include "config/messages.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONTEXT 3 /* lines around a change */

static void append(struct lines *lines, char *text, size_t origin)
{
    lines->list = memory_grow(lines->list, lines->count, &lines->room, sizeof(*lines->list));
    lines->list[lines->count++] = (struct text_line){text, origin};
}

struct lines lines_cut(const char *text)
{
    struct lines lines = {0};

    for (;;) {
        size_t length = strcspn(text, "\n");

        append(&lines, memory_print("%.*s", (int)length, text), lines.count + 1);
        if (text[length] == '\0')
            return lines; /* the last one is empty where the text ends with a newline */
        text += length + 1;
    }
}

struct lines lines_copy(const struct lines *lines)
{
    struct lines copy = {0};

    for (size_t i = 0; i < lines->count; i++)
        append(&copy, memory_text(lines->list[i].text), lines->list[i].origin);
    return copy;
}

char *lines_join(const struct lines *lines)
{
    size_t size = 1;
    char *text, *end;

    for (size_t i = 0; i < lines->count; i++)
        size += strlen(lines->list[i].text) + 1;
    text = end = memory_new(size);
    for (size_t i = 0; i < lines->count; i++) {
        end = stpcpy(end, lines->list[i].text);
        if (i + 1 < lines->count)
            *end++ = '\n';
    }
    return text;
}

void lines_free(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->list[i].text);
    free(lines->list);
    *lines = (struct lines){0};
}

void lines_replace(struct lines *lines, size_t at, char *text)
{
    free(lines->list[at].text);
    lines->list[at].text = text;
}

void lines_insert(struct lines *lines, size_t at, char *text)
{
    append(lines, text, 0);
    for (size_t i = lines->count - 1; i > at; i--) {
        struct text_line line = lines->list[i];

        lines->list[i] = lines->list[i - 1];
        lines->list[i - 1] = line;
    }
}

void lines_remove(struct lines *lines, size_t at)
{
    free(lines->list[at].text);
    memmove(&lines->list[at], &lines->list[at + 1], (lines->count - at - 1) * sizeof(*lines->list));
    lines->count--;
}

/* ---- the diff ---- */

struct edit {
    char mark; /* ' ', '-' or '+' */
    const char *text;
};

struct edits {
    struct edit *list;
    size_t count, room;
};

static void edit_add(struct edits *edits, char mark, const char *text)
{
    edits->list = memory_grow(edits->list, edits->count, &edits->room, sizeof(*edits->list));
    edits->list[edits->count++] = (struct edit){mark, text};
}

/* A text that ends with a newline has an empty line behind its last one, which is none. */
static size_t real_count(const struct lines *lines)
{
    return lines->count > 0 && lines->list[lines->count - 1].text[0] == '\0' ? lines->count - 1 : lines->count;
}

static struct edits compare(const struct lines *before, const struct lines *after)
{
    struct edits edits = {0};
    size_t old = 0, olds = real_count(before);

    for (size_t i = 0; i < real_count(after); i++) {
        const struct text_line *line = &after->list[i];

        for (; line->origin > 0 && old + 1 < line->origin; old++)
            edit_add(&edits, '-', before->list[old].text);
        if (line->origin > 0 && strcmp(before->list[old].text, line->text) == 0) {
            edit_add(&edits, ' ', line->text);
            old++;
            continue;
        }
        if (line->origin > 0)
            edit_add(&edits, '-', before->list[old++].text);
        edit_add(&edits, '+', line->text);
    }
    for (; old < olds; old++)
        edit_add(&edits, '-', before->list[old].text);
    return edits;
}

/* Where the hunk that begins before the change at `first` ends: behind the context of its last change. */
static size_t hunk_end(const struct edits *edits, size_t first)
{
    size_t last = first;

    for (size_t i = first; i < edits->count && i <= last + 2 * CONTEXT + 1; i++) {
        if (edits->list[i].mark != ' ')
            last = i;
    }
    return last + CONTEXT + 1 < edits->count ? last + CONTEXT + 1 : edits->count;
}

static size_t count_without(const struct edits *edits, size_t from, size_t to, char mark)
{
    size_t count = 0;

    for (size_t i = from; i < to; i++)
        count += edits->list[i].mark != mark;
    return count;
}

static void print_hunk(const struct edits *edits, size_t from, size_t to, FILE *stream)
{
    bool coloured = colour_wanted(stream), terminal = isatty(fileno(stream)) != 0;
    size_t olds = count_without(edits, from, to, '+'), news = count_without(edits, from, to, '-');

    fprintf(stream, "@@ -%zu,%zu +%zu,%zu @@\n", count_without(edits, 0, from, '+') + (olds > 0), olds,
            count_without(edits, 0, from, '-') + (news > 0), news);
    for (size_t i = from; i < to; i++) {
        const struct edit *edit = &edits->list[i];
        bool plain = edit->mark == ' ' || !coloured;
        char *shown = terminal ? printable(edit->text) : memory_text(edit->text); /* patch(1) wants every byte */

        fprintf(stream, "%s%c%s%s\n", colour_code(!plain, edit->mark == '-' ? COLOUR_RED : COLOUR_GREEN), edit->mark,
                shown, colour_code(!plain, COLOUR_NONE));
        free(shown);
    }
}

void lines_diff(const struct lines *before, const struct lines *after, const char *name, FILE *stream)
{
    struct edits edits = compare(before, after);
    char *shown = printable(name);
    bool headed = false;

    for (size_t i = 0; i < edits.count; i++) {
        size_t from = i > CONTEXT ? i - CONTEXT : 0, to;

        if (edits.list[i].mark == ' ')
            continue;
        if (!headed)
            fprintf(stream, "--- %s\n+++ %s\n", shown, shown);
        headed = true;
        to = hunk_end(&edits, i);
        print_hunk(&edits, from, to, stream);
        i = to - 1;
    }
    free(shown);
    free(edits.list);
}
