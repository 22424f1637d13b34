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

static void fault_add(struct log_faults *faults, const struct log_lines *lines, const char *problem)
{
    if (faults->lines++ == 0)
        snprintf(faults->first, sizeof(faults->first), "%.300s:%zu: %s",
                 strcmp(lines->path, "-") == 0 ? "standard input" : lines->path, lines->number, problem);
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

void log_lines_begin(struct log_lines *lines, int descriptor, const char *path)
{
    *lines = (struct log_lines){.descriptor = descriptor, .path = path, .buffer = memory_new(LOG_LINE_MAX)};
}

void log_lines_end(struct log_lines *lines)
{
    if (lines->descriptor > STDIN_FILENO)
        close(lines->descriptor);
    free(lines->buffer);
    *lines = (struct log_lines){.descriptor = -1};
}

/* Reads what there is room for; false at the end. */
static bool lines_fill(struct log_lines *lines)
{
    ssize_t got;

    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    do
        got = read(lines->descriptor, lines->buffer + lines->end, LOG_LINE_MAX - lines->end);
    while (got < 0 && errno == EINTR);
    lines->ended = got <= 0;
    if (got < 0)
        lines->error = errno;
    lines->end += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* The next line without its newline; false where there is none (yet). */
static bool lines_next(struct log_lines *lines, bool whole, const char **line, size_t *length)
{
    char *newline;

    while ((newline = memchr(lines->buffer + lines->start, '\n', lines->end - lines->start)) == NULL) {
        /* A line that fills the buffer is read on in pieces, of which only the first is counted. */
        if (lines->start == 0 && lines->end == LOG_LINE_MAX) {
            lines->number += !lines->skipping;
            *length = lines->skipping ? 0 : LOG_LINE_MAX;
            *line = lines->buffer;
            lines->skipping = true;
            lines->start = lines->end;
            return true;
        }
        if (lines_fill(lines))
            continue;
        if (!whole || lines->start == lines->end)
            return false;
        newline = lines->buffer + lines->end;
        break;
    }
    *line = lines->buffer + lines->start;
    *length = lines->skipping ? 0 : (size_t)(newline - *line);
    lines->number += !lines->skipping;
    lines->start += (size_t)(newline - (lines->buffer + lines->start));
    lines->start += lines->start < lines->end;
    lines->skipping = false;
    return true;
}

bool log_lines_event(struct log_lines *lines, bool whole, struct event_record *event, const char **line, size_t *length,
                     struct log_faults *faults)
{
    char problem[300];

    while (lines_next(lines, whole, line, length)) {
        if (*length == 0) /* an empty line is no fault */
            continue;
        if (*length == LOG_LINE_MAX)
            fault_add(faults, lines, "a line that is longer than any event");
        else if (event_read(event, *line, *length, problem, sizeof(problem)))
            return true;
        else
            fault_add(faults, lines, problem);
    }
    return false;
}
