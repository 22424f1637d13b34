/* SPDX-License-Identifier: MIT */
/*
 * Lines are printed in batches, whose columns are as wide as the widest cell so far: a long log begins to appear at
 * once. A cell that is out of all proportion is printed whole, and moves the rest of its line.
 */
#include "command/log_lines.h"

#include "command/log_time.h"
#include "command/log_words.h"
#include "config/memory.h"
#include "config/messages.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 256

static const size_t least[LOG_COLUMNS] = {19, 12, 7, 20, 4, 0};
static const size_t most[LOG_COLUMNS] = {19, 32, 12, 56, 12, 32};

void log_lines_begin(struct log_lines *lines, FILE *stream, bool brief)
{
    *lines = (struct log_lines){
        .stream = stream,
        .coloured = colour_wanted(stream),
        .brief = brief,
        .columns = {.width = LOG_COLUMNS},
    };
    memcpy(lines->widest, least, sizeof(least));
}

/* One line under a refusal: a faint word, and what it is about. Takes `text`, which may be NULL, from the caller. */
static char *note_add(char *note, const struct log_lines *lines, const char *word, char *text)
{
    char *shown, *longer;

    if (text == NULL)
        return note;
    shown = printable(text);
    longer = memory_print("%s    %s%-9s%s %s\n", note != NULL ? note : "", colour_code(lines->coloured, COLOUR_FAINT),
                          word, colour_code(lines->coloured, COLOUR_NONE), shown);
    free(shown);
    free(text);
    free(note);
    return longer;
}

static char *left_out_text(const struct event_record *event)
{
    if (event->left_out == 0)
        return NULL;
    return memory_print("%ld event%s of this process that the policy's log.limit left out", event->left_out,
                        event->left_out == 1 ? "" : "s");
}

/* What stands under the event; NULL: nothing. */
static char *notes_of(const struct log_lines *lines, const struct event_record *event)
{
    bool refused = event_is_refusal(event);
    bool system = event->layer != NULL && strcmp(event->layer, "system") == 0;
    char *note = NULL;

    if (lines->brief)
        return NULL;
    if (refused || event->reason != NULL || (event->verdict != NULL && strcmp(event->verdict, "error") == 0))
        note = note_add(note, lines, "because", event_because(event));
    if (refused)
        note = note_add(note, lines, system ? "allow (*)" : "to allow", event_remedy(event));
    if (refused && system)
        note = note_add(note, lines, "(*)", memory_text("in the system policy: its administrator alone can"));
    return note_add(note, lines, "after", left_out_text(event));
}

void log_lines_add(struct log_lines *lines, const struct event_record *event)
{
    enum colour colour = verdict_colour(event->verdict);
    char time[32];
    char *where = event_where(event);

    log_time_text(time, sizeof(time), "%Y-%m-%d %H:%M:%S", event->time);
    columns_add(&lines->columns, COLOUR_FAINT, time);
    columns_print_cell(&lines->columns, event_is_refusal(event) ? COLOUR_BOLD : COLOUR_NONE, "%s(%ld)",
                       event_program(event), event->pid);
    columns_add(&lines->columns, COLOUR_NONE, event->op);
    columns_add(&lines->columns, event_is_refusal(event) ? COLOUR_BOLD : COLOUR_NONE, where);
    columns_add(&lines->columns, colour, event->verdict);
    columns_add(&lines->columns, COLOUR_NONE, event->rule);
    free(where);
    lines->notes = memory_grow(lines->notes, lines->rows, &lines->room, sizeof(*lines->notes));
    lines->notes[lines->rows++] = notes_of(lines, event);
    if (lines->rows == BATCH)
        log_lines_flush(lines);
}

void log_lines_flush(struct log_lines *lines)
{
    columns_measure(&lines->columns, lines->widest);
    for (size_t i = 0; i < LOG_COLUMNS; i++)
        lines->widest[i] = lines->widest[i] < most[i] ? lines->widest[i] : most[i];
    for (size_t row = 0; row < lines->rows; row++) {
        columns_print_row(&lines->columns, row, lines->widest, lines->stream, lines->coloured, false);
        if (lines->notes[row] != NULL)
            fputs(lines->notes[row], lines->stream);
        free(lines->notes[row]);
    }
    columns_free(&lines->columns);
    lines->rows = 0;
}

void log_lines_end(struct log_lines *lines)
{
    log_lines_flush(lines);
    free(lines->notes);
    lines->notes = NULL;
    lines->room = 0;
}
