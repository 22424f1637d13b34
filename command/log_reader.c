/* SPDX-License-Identifier: MIT */
/* Events out of one open file: a buffer, the lines in it, and a count of those that are no events. */
#include "command/log_reader.h"

#include "command/command.h"
#include "config/memory.h"
#include "config/messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Faults */

static void fault_add(struct log_faults *faults, const struct log_reader *reader, const char *problem)
{
    if (faults->lines++ == 0)
        snprintf(faults->first, sizeof(faults->first), "%.300s:%zu: %s",
                 strcmp(reader->path, "-") == 0 ? "standard input" : reader->path, reader->number, problem);
}

void log_faults_tell(const struct log_faults *faults)
{
    char *first;

    if (faults->lines == 0)
        return;
    first = printable(faults->first);
    complain("%zu line%s left out; %s%s", faults->lines, faults->lines == 1 ? " was" : "s were",
             faults->lines == 1 ? "" : "the first is ", first);
    free(first);
}

/* Lines */

void log_reader_begin(struct log_reader *reader, int descriptor, const char *path)
{
    *reader = (struct log_reader){.descriptor = descriptor, .path = path, .buffer = memory_new(LOG_LINE_MAX)};
}

void log_reader_end(struct log_reader *reader)
{
    if (reader->descriptor > STDIN_FILENO)
        close(reader->descriptor);
    free(reader->buffer);
    *reader = (struct log_reader){.descriptor = -1};
}

/* Reads what there is room for; false at the end. */
static bool lines_fill(struct log_reader *reader)
{
    ssize_t got;

    memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
    reader->end -= reader->start;
    reader->start = 0;
    do
        got = read(reader->descriptor, reader->buffer + reader->end, LOG_LINE_MAX - reader->end);
    while (got < 0 && errno == EINTR);
    reader->ended = got <= 0;
    if (got < 0)
        reader->error = errno;
    reader->end += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* The next line without its newline; false where there is none (yet). */
static bool lines_next(struct log_reader *reader, bool whole, const char **line, size_t *length)
{
    char *newline;

    while ((newline = memchr(reader->buffer + reader->start, '\n', reader->end - reader->start)) == NULL) {
        /* A line that fills the buffer is read on in pieces, of which only the first is counted. */
        if (reader->start == 0 && reader->end == LOG_LINE_MAX) {
            reader->number += !reader->skipping;
            *length = reader->skipping ? 0 : LOG_LINE_MAX;
            *line = reader->buffer;
            reader->skipping = true;
            reader->start = reader->end;
            return true;
        }
        if (lines_fill(reader))
            continue;
        if (!whole || reader->start == reader->end)
            return false;
        newline = reader->buffer + reader->end;
        break;
    }
    *line = reader->buffer + reader->start;
    *length = reader->skipping ? 0 : (size_t)(newline - *line);
    reader->number += !reader->skipping;
    reader->start += (size_t)(newline - (reader->buffer + reader->start));
    reader->start += reader->start < reader->end;
    reader->skipping = false;
    return true;
}

bool log_reader_event(struct log_reader *reader, bool whole, struct event_record *event, const char **line,
                      size_t *length, struct log_faults *faults)
{
    char problem[300];

    while (lines_next(reader, whole, line, length)) {
        if (*length == 0) /* an empty line is no fault */
            continue;
        if (*length == LOG_LINE_MAX)
            fault_add(faults, reader, "a line that is longer than any event");
        else if (event_read(event, *line, *length, problem, sizeof(problem)))
            return true;
        else
            fault_add(faults, reader, problem);
    }
    return false;
}
