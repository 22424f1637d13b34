/* SPDX-License-Identifier: MIT */
/* Colours on a terminal, where they are wanted. */
#include "command/colour.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool colour_wanted(FILE *stream)
{
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return (refused == NULL || refused[0] == '\0') && terminal != NULL && strcmp(terminal, "dumb") != 0 &&
           isatty(fileno(stream));
}

const char *colour_code(bool wanted, enum colour colour)
{
    static const char *const codes[] = {
        [COLOUR_NONE] = "\033[0m",    [COLOUR_RED] = "\033[31m",  [COLOUR_GREEN] = "\033[32m",
        [COLOUR_YELLOW] = "\033[33m", [COLOUR_BLUE] = "\033[34m", [COLOUR_BOLD] = "\033[1m",
        [COLOUR_FAINT] = "\033[2m",
    };

    return wanted ? codes[colour] : "";
}

int terminal_columns(FILE *stream, int otherwise)
{
    struct winsize size;

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return otherwise;
}
