/* SPDX-License-Identifier: MIT */
/* Rows of text in aligned columns: what `log`, `scan` and `doctor` show. */
#ifndef SOCKADE_COMMAND_COLUMNS_H
#define SOCKADE_COMMAND_COLUMNS_H

#include "command/colour.h"

#include <stddef.h>

struct cell {
    char *text;
    enum colour colour;
};

struct columns {
    size_t width; /* cells a row */
    struct cell *cells;
    size_t count, room;
    const bool *right; /* `width` flags: numbers, which end at the same place; NULL: none */
};

/* Adds the next cell, from left to right, row after row: a printable copy of `text`; NULL is "". */
void columns_add(struct columns *columns, enum colour colour, const char *text);
void columns_print_cell(struct columns *columns, enum colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints all rows; the last column is not filled up. With `header` the first row is faint. The rows stay. */
void columns_print(const struct columns *columns, FILE *stream, bool header);

/* The same in steps, for rows between which something else stands: a width that is exceeded moves the rest of a row. */
void columns_measure(const struct columns *columns, size_t *widest); /* raises `width` numbers to what the cells need */
void columns_print_row(const struct columns *columns, size_t row, const size_t *widest, FILE *stream, bool coloured,
                       bool header);

void columns_free(struct columns *columns);

/* The columns that a text takes: its characters, each of which counts as one. */
size_t text_width(const char *text);

#endif
