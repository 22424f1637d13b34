/* SPDX-License-Identifier: MIT */
/* Colours on a terminal, where they are wanted: by ECMA-48's SGR sequences. */
#ifndef SOCKADE_COMMAND_COLOUR_H
#define SOCKADE_COMMAND_COLOUR_H

#include <stdbool.h>
#include <stdio.h>

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BLUE, COLOUR_BOLD, COLOUR_FAINT };

/*
 * Whether a stream gets colours: it is a terminal, TERM is not "dumb", and NO_COLOR (no-color.org) is absent or empty.
 */
bool colour_wanted(FILE *stream);

/* The sequence that begins a colour, or ends it (COLOUR_NONE); "" unless `wanted`. */
const char *colour_code(bool wanted, enum colour colour);

/* The columns of the terminal behind a stream; `otherwise` where it is none or does not know. */
int terminal_columns(FILE *stream, int otherwise);

#endif
