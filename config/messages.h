/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a text, collected so that all of it is told at once.
 *
 * A message reads `file:line: what; hint`. Line 0 means the file as a whole. Beside its text it may know by which id
 * people silence it, what in the line it is about, and what would be right there: for carets, JSON and `check --fix`.
 */
#ifndef SOCKADE_CONFIG_MESSAGES_H
#define SOCKADE_CONFIG_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A note is worth a look and no more: `check --strict` does not count it. */
enum message_kind { MESSAGE_ERROR, MESSAGE_WARNING, MESSAGE_NOTE };

struct place {
    const char *file; /* lives as long as the policy */
    int line;
};

struct message {
    enum message_kind kind;
    char *file; /* own copy */
    int line;
    int column; /* of its first byte, from 1 on; 0: where the token stands */
    char *text;
    const char *id; /* a word, such as "shadowed"; NULL: none */
    char *token;    /* to the letter, without quotes; NULL: what the text quotes first */
    char *fix;      /* what is right in the token's place; "" takes an element out of its array; NULL: not known */
};

struct messages {
    struct message *list;
    size_t count, room;
    size_t errors;
};

void messages_add(struct messages *messages, enum message_kind kind, struct place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* More of the message that was added last; `id` lives on, NULL leaves what is there. */
void messages_detail(struct messages *messages, const char *id, const char *token, const char *fix);
void messages_column(struct messages *messages, int column);

/* Puts all of `more` behind the messages, and empties it. */
void messages_move(struct messages *messages, struct messages *more);

/* Writes what is wrong, for a caller who has a message to make of it; always false, to be returned. */
bool problem_say(char *problem, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A copy of `text` in which whatever is not fit for a terminal stands as \n, \t or \xHH. */
char *printable(const char *text);

/* By file, in the order of first mention, and line. */
void messages_sort(struct messages *messages);

/* "", "warning: " or "note: ". */
const char *message_prefix(const struct message *message);

/* Sorted, one a line, behind its prefix. */
void messages_print(struct messages *messages, FILE *stream);
void messages_free(struct messages *messages);

/*
 * The nearest of `count` names to `word` by edits, for "did you mean": NULL where none is near (more than a third of
 * the letters differ).
 */
const char *nearest_name(const char *word, const char *const *names, size_t count);

/* The same, but NULL where a second name is near too: what may be put in place of the word without asking. */
const char *only_near_name(const char *word, const char *const *names, size_t count);

#endif
