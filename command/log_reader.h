/* SPDX-License-Identifier: MIT */
/*
 * Events out of one open file, whatever else it holds: lines that were torn by a full disk or that are nobody's events
 * are counted, told, and never a reason to stop.
 */
#ifndef SOCKADE_COMMAND_LOG_READER_H
#define SOCKADE_COMMAND_LOG_READER_H

#include "command/events.h"

/* What could not be read. */
struct log_faults {
    size_t lines;     /* that are no events of ours */
    char first[1024]; /* the first of them: "FILE:LINE: what is wrong", not yet fit to print */
    size_t files;     /* that could not be opened or read; said already */
};

/* Says in one line on stderr how many lines were left out, and why the first was; nothing where there are none. */
void log_faults_tell(const struct log_faults *faults);

/* Lines of one open file, whatever it holds: a line longer than LOG_LINE_MAX is none of ours. */
#define LOG_LINE_MAX 65536

struct log_reader {
    int descriptor;
    const char *path; /* for faults */
    char *buffer;     /* LOG_LINE_MAX bytes */
    size_t start, end;
    size_t number; /* of the line that was read last */
    bool skipping; /* the rest of a line that was too long */
    bool ended;    /* read(2) has told the end, or an error */
    int error;
};

void log_reader_begin(struct log_reader *reader, int descriptor, const char *path);
void log_reader_end(struct log_reader *reader); /* closes the descriptor, unless it is standard input */

/*
 * The next event. Lines that are none are counted. False at the end of what is there; what stands behind the last
 * newline counts as a line only with `whole`, and is kept otherwise, until more was written.
 */
bool log_reader_event(struct log_reader *reader, bool whole, struct event_record *event, const char **line,
                      size_t *length, struct log_faults *faults);

#endif
