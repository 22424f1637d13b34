/* SPDX-License-Identifier: MIT */
/* Events as lines for people: aligned columns, and under each refusal why, and what to add if it was wanted. */
#ifndef SOCKADE_COMMAND_LOG_LINES_H
#define SOCKADE_COMMAND_LOG_LINES_H

#include "command/columns.h"
#include "command/events.h"

#define LOG_COLUMNS 6

struct log_lines {
    FILE *stream;
    bool coloured;
    bool brief; /* no lines under refusals */
    struct columns columns;
    char **notes; /* a row each; NULL: none */
    size_t rows, room;
    size_t widest[LOG_COLUMNS]; /* they only ever grow, so that lines stay under each other */
};

void log_lines_begin(struct log_lines *lines, FILE *stream, bool brief);
void log_lines_add(struct log_lines *lines, const struct event_record *event);

/* Prints what was added since; done by itself now and then. */
void log_lines_flush(struct log_lines *lines);
void log_lines_end(struct log_lines *lines);

#endif
