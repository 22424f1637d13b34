/* SPDX-License-Identifier: MIT */
/* One line on the terminal that counts, while the program runs; it is taken away when the program has ended. */
#include "command/learn.h"

#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "command/colour.h"
#include "command/command.h"

#define FIRST_SECONDS 1.0 /* what is quicker needs no word */
#define NEXT_SECONDS 1.0

#define ERASE "\r\033[K"

static double shown_at;
static bool stands;

/*
 * A terminal that can erase a line, of whose foreground we are; a job in the background leaves it to others. One that
 * takes each key by itself, or does not show them, belongs to a program that draws on it or asks for a password.
 */
static bool can_show(void)
{
    const char *terminal = getenv("TERM");
    struct termios modes;
    pid_t foreground;

    if (!isatty(STDERR_FILENO) || terminal == NULL || terminal[0] == '\0' || strcmp(terminal, "dumb") == 0)
        return false;
    if (tcgetattr(STDERR_FILENO, &modes) != 0 || (modes.c_lflag & (ICANON | ECHO)) != (ICANON | ECHO))
        return false;
    foreground = tcgetpgrp(STDERR_FILENO);
    return foreground <= 0 || foreground == getpgrp();
}

static void put(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));

    (void)written; /* a terminal that is gone needs no line */
}

/* How many addresses were met, in whatever direction. */
static size_t count_peers(const struct needs *needs)
{
    size_t count = 0;

    for (size_t i = 0; i < needs->count; i++)
        count += needs->list[i].direction != DIRECTION_ON;
    return count;
}

void live_show(const struct needs *needs, double seconds)
{
    size_t peers = count_peers(needs);
    char line[200], text[256];
    int columns;

    if (seconds < FIRST_SECONDS || seconds - shown_at < NEXT_SECONDS || !can_show())
        return;
    shown_at = seconds;
    columns = terminal_columns(stderr, 80);
    snprintf(line, sizeof(line), "sockade learn: %ld call%s, %zu peer%s, %.0f seconds", needs->calls,
             plural((size_t)needs->calls), peers, plural(peers), seconds);
    if (columns > 1 && (size_t)columns <= strlen(line))
        line[columns - 1] = '\0';
    snprintf(text, sizeof(text), ERASE "%s", line);
    put(text);
    stands = true;
}

void live_end(void)
{
    if (stands && can_show())
        put(ERASE);
    stands = false;
}
