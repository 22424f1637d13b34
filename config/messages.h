/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a text, collected so that all of it is told at once.
 *
 * A message reads `file:line: what; hint`. Line 0 means the file as a whole.
 */
#ifndef SOCKADE_CONFIG_MESSAGES_H
#define SOCKADE_CONFIG_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum message_kind { MESSAGE_ERROR, MESSAGE_WARNING };

struct place {
    const char *file; /* lives as long as the policy */
    int line;
};

struct message {
    enum message_kind kind;
    char *file; /* own copy */
    int line;
    char *text;
};

struct messages {
    struct message *list;
    size_t count, room;
    size_t errors;
};

void messages_add(struct messages *messages, enum message_kind kind, struct place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A copy of `text` in which whatever is not fit for a terminal stands as \n, \t or \xHH. */
char *printable(const char *text);

/* Sorted by file (in the order of first mention) and line; one a line, warnings with the word "warning: ". */
void messages_print(struct messages *messages, FILE *stream);
void messages_free(struct messages *messages);

/*
 * The nearest of `count` names to `word` by edits, for "did you mean": NULL where none is near (more than a third of
 * the letters differ).
 */
const char *nearest_name(const char *word, const char *const *names, size_t count);

#endif
