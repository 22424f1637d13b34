/* SPDX-License-Identifier: MIT */
/*
 * The lines that messages are about, read again from their files: for carets, for comments that silence, and for
 * `check --fix`. A file may have changed or gone since; then there is no line to show, or no place in it.
 */
#ifndef SOCKADE_COMMAND_SOURCE_H
#define SOCKADE_COMMAND_SOURCE_H

#include "config/messages.h"

/* Files read so far. A zeroed one holds none. */
struct sources {
    struct source_file *files;
    size_t count, room;
};

/* Bytes of a line, from column `start` on, both counted from 0; `length` 0: no place in it. */
struct span {
    size_t start, length;
};

/* One line of a file without its newline, numbered from 1; NULL where there is none. It lives until sources_free. */
const char *source_line(struct sources *sources, const char *file, int line, size_t *length);
void sources_free(struct sources *sources);

/*
 * Where in its line a message points to: its column, else its token, else what it quotes first, else the line's first
 * word. False where the line is blank.
 */
bool message_span(const struct message *message, const char *line, size_t length, struct span *out);

/*
 * The `nth` place where `token` stands as a whole in a line, outside of comments. False behind the last one.
 */
bool token_find(const char *line, size_t length, const char *token, size_t nth, struct span *out);

/* Where the line's comment begins, or its length. Strings are known, comments of many lines are not. */
size_t comment_start(const char *line, size_t length);

#endif
