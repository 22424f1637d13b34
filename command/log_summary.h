/* SPDX-License-Identifier: MIT */
/* Who talked to whom: events of one program, endpoint and verdict counted together. */
#ifndef SOCKADE_COMMAND_LOG_SUMMARY_H
#define SOCKADE_COMMAND_LOG_SUMMARY_H

#include "command/events.h"

#include <stdio.h>

struct log_row {
    char *exe, *direction, *endpoint, *verdict, *peer; /* not yet fit to print; "" where the events do not say */
    size_t count;
    double first, last; /* negative: not known */
};

struct log_summary {
    struct log_row *rows;
    size_t count, room;
    json_t *index; /* a row's number by what it has in common */
    json_t *names; /* what was looked up, by the address that was the answer: no row of its own */
    size_t events; /* in the rows */
    long left_out; /* events that the policy's limit swallowed, as far as the log says */
    double first, last;
};

void log_summary_add(struct log_summary *summary, const struct event_record *event);
void log_summary_sort(struct log_summary *summary); /* the most frequent first */
void log_summary_print(const struct log_summary *summary, FILE *stream);
void log_summary_json(const struct log_summary *summary, size_t unreadable, FILE *stream);
void log_summary_free(struct log_summary *summary);

#endif
