/* SPDX-License-Identifier: MIT */
/* What `doctor` found: a list of checks, each with its mark, a sentence, and what to do. */
#ifndef SOCKADE_COMMAND_DIAGNOSIS_H
#define SOCKADE_COMMAND_DIAGNOSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum mark { MARK_OK, MARK_WARNING, MARK_PROBLEM };

/* How a remedy is to be understood. */
enum remedy {
    REMEDY_NONE,
    REMEDY_COMMAND,      /* a line for a shell, of the user's own */
    REMEDY_ROOT_COMMAND, /* the same for the administrator's shell */
    REMEDY_ADVICE,       /* no command does it */
};

struct finding {
    enum mark mark;
    const char *check; /* one word or two; lives as long as the program */
    char *text;
    enum remedy kind;
    char *remedy; /* NULL with REMEDY_NONE */
};

struct diagnosis {
    struct finding *list;
    size_t count, room;
    size_t warnings, problems;
};

/* Adds one; what `diagnosis_remedy` says next belongs to it. */
void diagnosis_add(struct diagnosis *diagnosis, enum mark mark, const char *check, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diagnosis_remedy(struct diagnosis *diagnosis, enum remedy kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One screen: a line a check with its mark, and the remedy below it. */
void diagnosis_print(const struct diagnosis *diagnosis, FILE *stream);

/* One line of JSON: {"v": 1, "version": ..., "checks": [...], "warnings": N, "problems": N}. */
void diagnosis_print_json(const struct diagnosis *diagnosis, FILE *stream);
void diagnosis_free(struct diagnosis *diagnosis);

/* A copy of `text` as one word for a shell, in quotes where it needs them. */
char *shell_word(const char *text);

#endif
