/* SPDX-License-Identifier: MIT */
/* Rows of text in aligned columns. */
#include "command/columns.h"

#include "config/memory.h"
#include "config/messages.h"

#include <stdarg.h>
#include <stdlib.h>

size_t text_width(const char *text)
{
    size_t width = 0;

    /* Bytes that go on with a character of UTF-8 are 10xxxxxx (RFC 3629, section 3). */
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void columns_add(struct columns *columns, enum colour colour, const char *text)
{
    columns->cells = memory_grow(columns->cells, columns->count, &columns->room, sizeof(*columns->cells));
    columns->cells[columns->count++] = (struct cell){printable(text != NULL ? text : ""), colour};
}

void columns_print_cell(struct columns *columns, enum colour colour, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    columns_add(columns, colour, text);
    free(text);
}

static void print_blanks(FILE *stream, size_t count)
{
    fprintf(stream, "%*s", (int)count, "");
}

static void print_cell(const struct columns *columns, size_t at, size_t widest, FILE *stream, bool coloured,
                       enum colour colour, bool is_last)
{
    const struct cell *cell = &columns->cells[at];
    size_t width = text_width(cell->text);
    size_t blanks = width < widest ? widest - width : 0;
    bool right = columns->right != NULL && columns->right[at % columns->width];

    coloured = coloured && colour != COLOUR_NONE;
    if (right)
        print_blanks(stream, blanks);
    fprintf(stream, "%s%s%s", colour_code(coloured, colour), cell->text, colour_code(coloured, COLOUR_NONE));
    if (is_last)
        return;
    if (!right)
        print_blanks(stream, blanks);
    fputs("  ", stream);
}

void columns_measure(const struct columns *columns, size_t *widest)
{
    for (size_t i = 0; i < columns->count; i++) {
        size_t width = text_width(columns->cells[i].text);

        if (width > widest[i % columns->width])
            widest[i % columns->width] = width;
    }
}

void columns_print_row(const struct columns *columns, size_t row, const size_t *widest, FILE *stream, bool coloured,
                       bool header)
{
    size_t first = row * columns->width;
    size_t count = columns->count - first < columns->width ? columns->count - first : columns->width;

    /* No blanks at the end of a line. */
    while (count > 1 && columns->cells[first + count - 1].text[0] == '\0')
        count--;
    for (size_t i = 0; i < count; i++)
        print_cell(columns, first + i, widest[i], stream, coloured,
                   header ? COLOUR_FAINT : columns->cells[first + i].colour, i == count - 1);
    fputc('\n', stream);
}

void columns_print(const struct columns *columns, FILE *stream, bool header)
{
    size_t *widest = memory_new(columns->width * sizeof(*widest));
    bool coloured = colour_wanted(stream);

    columns_measure(columns, widest);
    for (size_t row = 0; row * columns->width < columns->count; row++)
        columns_print_row(columns, row, widest, stream, coloured, header && row == 0);
    free(widest);
}

void columns_free(struct columns *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        free(columns->cells[i].text);
    free(columns->cells);
    *columns = (struct columns){.width = columns->width, .right = columns->right};
}
