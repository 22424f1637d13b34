/* SPDX-License-Identifier: MIT */
/* A text as lines that know where they came from, for `check --fix` to change and to show as a diff. */
#ifndef SOCKADE_COMMAND_LINES_H
#define SOCKADE_COMMAND_LINES_H

#include <stddef.h>
#include <stdio.h>

struct text_line {
    char *text;    /* without its newline */
    size_t origin; /* its number in the text before, from 1 on; 0: it is new */
};

struct lines {
    struct text_line *list;
    size_t count, room;
};

/* Cuts a text, which ends with a newline or not; `lines_join` gives it back. */
struct lines lines_cut(const char *text);
struct lines lines_copy(const struct lines *lines);
char *lines_join(const struct lines *lines);
void lines_free(struct lines *lines);

/* Puts `text` in place of line `at`, counted from 0; or in front of it; or takes it out. */
void lines_replace(struct lines *lines, size_t at, char *text);
void lines_insert(struct lines *lines, size_t at, char *text);
void lines_remove(struct lines *lines, size_t at);

/* What became of `before` in `after`, as a unified diff of the file `name`. */
void lines_diff(const struct lines *before, const struct lines *after, const char *name, FILE *stream);

#endif
