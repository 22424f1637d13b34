/* SPDX-License-Identifier: MIT */
/*
 * Messages about a policy as people and programs want to see them: with the line they are about and a caret under the
 * place, one a line as compilers write them, or as JSON.
 */
#ifndef SOCKADE_COMMAND_FINDINGS_H
#define SOCKADE_COMMAND_FINDINGS_H

#include "command/source.h"
#include "config/messages.h"

#include <jansson.h>

enum findings_format { FINDINGS_FULL, FINDINGS_SHORT, FINDINGS_JSON };

/* Reads "full", "short" or "json"; false, and said, where it is none. */
bool findings_format_read(const char *text, enum findings_format *out);

/* How many there are of each kind. */
struct findings_count {
    size_t errors, warnings, notes, ignored;
};
struct findings_count findings_count(const struct messages *messages);

/*
 * Takes out the warnings and notes that `# sockade: ignore ID...` silences, in their line or the one above it; returns
 * how many.
 */
size_t findings_ignore(struct messages *messages, struct sources *sources);

/* Sorts and prints them; not as JSON. */
void findings_print(struct messages *messages, struct sources *sources, enum findings_format format, FILE *stream);

/* The same with lines and carets, for whoever has nothing but the messages. */
void findings_show(struct messages *messages, FILE *stream);

/* Adds an object for each of them to the array. */
void findings_json(struct messages *messages, struct sources *sources, json_t *array);

#endif
