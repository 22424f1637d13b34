/* SPDX-License-Identifier: MIT */
/* The last events of logs that were read one after the other, put into the order of time. */
#ifndef SOCKADE_COMMAND_LOG_KEEP_H
#define SOCKADE_COMMAND_LOG_KEEP_H

#include "command/log_files.h"

struct log_kept;

struct log_keep {
    size_t most; /* so many are kept */
    struct log_kept *list;
    size_t count, room, added;
    double time;
};

/* Keeps a copy of the line of an event. */
void log_keep_add(struct log_keep *keep, double time, const char *line, size_t length);

/* Hands over what was kept, the oldest first, and forgets it. */
void log_keep_empty(struct log_keep *keep, log_taker *take, void *context);

#endif
