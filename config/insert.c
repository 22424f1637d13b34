/* SPDX-License-Identifier: MIT */
/*
 * The text is read as libconfig's scanner reads it (strings, comments, brackets, words), only to find where the list
 * ends and whether a comma is due. What comes out is to be compiled before it takes anything's place.
 */
#include "config/insert.h"

#include "config/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* One pass over the text. */
struct look {
    const char *text;
    size_t at;
    int depth;
    bool named;       /* the last words were `rules` and = or : on the outermost level */
    bool is_rules;    /* and the last one was `rules` */
    size_t list_open; /* behind the opening bracket; 0: not found yet */
    size_t last_end;  /* behind the last token in the list */
    size_t list_end;  /* of the closing bracket; 0: not found yet */
};

static size_t comment_end(const char *text, size_t at)
{
    const char *end;

    if (text[at] == '#' || (text[at] == '/' && text[at + 1] == '/'))
        return at + strcspn(text + at, "\n");
    if (text[at] != '/' || text[at + 1] != '*')
        return at;
    end = strstr(text + at + 2, "*/");
    return end != NULL ? (size_t)(end - text) + 2 : strlen(text);
}

static size_t string_end(const char *text, size_t at)
{
    for (at++; text[at] != '\0' && text[at] != '"'; at++) {
        if (text[at] == '\\' && text[at + 1] != '\0')
            at++;
    }
    return text[at] == '"' ? at + 1 : at;
}

static size_t word_end(const char *text, size_t at)
{
    while (isalnum((unsigned char)text[at]) || (text[at] != '\0' && strchr("_-+.*@", text[at]) != NULL))
        at++;
    return at;
}

/* Takes the token from look->at to `end` into account. */
static void token(struct look *look, size_t end)
{
    char c = look->text[look->at];
    bool in_list = look->list_open != 0 && look->list_end == 0;

    if (c == ')' && in_list && look->depth == 1) {
        look->list_end = look->at;
        in_list = false;
    }
    if (strchr(")]}", c) != NULL)
        look->depth--;
    if (c == '(' && look->depth == 0 && look->named && look->list_open == 0)
        look->list_open = look->last_end = end;
    if (strchr("([{", c) != NULL)
        look->depth++;
    look->named = look->is_rules && (c == '=' || c == ':');
    look->is_rules = look->depth == 0 && end - look->at == 5 && memcmp(look->text + look->at, "rules", 5) == 0;
    if (in_list)
        look->last_end = end;
}

/* Walks over the whole text; false where brackets do not match. */
static bool walk(struct look *look)
{
    const char *text = look->text;

    while (text[look->at] != '\0' && look->depth >= 0) {
        size_t end = comment_end(text, look->at);

        if (end == look->at && !isspace((unsigned char)text[end])) {
            end = text[end] == '"' ? string_end(text, end) : word_end(text, end);
            if (end == look->at)
                end++;
            token(look, end);
        } else if (end == look->at) {
            end++;
        }
        look->at = end;
    }
    return look->depth == 0;
}

/*
 * Where in front of the list's end whole lines can be put; `*alone`: nothing else stands in front of it in its line.
 */
static size_t line_start(const struct look *look, bool *alone)
{
    size_t at = look->list_end;

    while (at > look->last_end && (look->text[at - 1] == ' ' || look->text[at - 1] == '\t'))
        at--;
    *alone = at > look->last_end && look->text[at - 1] == '\n';
    return *alone ? at : look->list_end;
}

/* `lines` with \r\n where the text has such. */
static char *lines_like(const char *text, const char *lines)
{
    const char *newline = strchr(text, '\n');
    char *out = memory_new(2 * strlen(lines) + 1);
    size_t length = 0;

    for (const char *c = lines; *c != '\0'; c++) {
        if (*c == '\n' && newline != NULL && newline > text && newline[-1] == '\r')
            out[length++] = '\r';
        out[length++] = *c;
    }
    out[length] = '\0';
    return out;
}

/* A list of its own behind all else. */
static char *list_add(const char *text, const struct insertion *insertion)
{
    size_t size = strlen(text);
    const char *newline = size == 0 || text[size - 1] == '\n' ? "" : "\n";
    char *list = memory_print("%s\nrules = (\n%s%s);\n", newline, insertion->rules, insertion->comments);
    char *like = lines_like(text, list);
    char *out = memory_print("%s%s", text, like);

    free(list);
    free(like);
    return out;
}

char *rules_insert(const char *text, const struct insertion *insertion)
{
    struct look look = {.text = text};
    char *lines, *like, *out;
    size_t start;
    bool comma, alone;

    if (!walk(&look) || (look.list_open != 0 && look.list_end == 0))
        return NULL;
    if (look.list_open == 0)
        return list_add(text, insertion);
    start = line_start(&look, &alone);
    comma = look.last_end > look.list_open && insertion->rules[0] != '\0';
    lines = memory_print("%s%s%s", alone ? "" : "\n", insertion->rules, insertion->comments);
    like = lines_like(text, lines);
    out = memory_print("%.*s%s%.*s%s%s", (int)look.last_end, text, comma ? "," : "", (int)(start - look.last_end),
                       text + look.last_end, like, text + start);
    free(lines);
    free(like);
    return out;
}
