/* SPDX-License-Identifier: MIT */
/*
 * Options by table: one row serves parsing, `--help` and "did you mean".
 *
 * Not argp(3): it would want a parser function with a switch for each subcommand beside the table, ends with its own
 * exit codes, and knows no nearest name; all of this file is shorter than those functions would be together.
 */
#ifndef SOCKADE_COMMAND_OPTIONS_H
#define SOCKADE_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* The uses of options that may stand several times and whose order matters. */
struct option_use {
    const char *name; /* as in the table, without dashes */
    const char *value;
};

struct option_uses {
    struct option_use *list;
    size_t count, room;
};

/* One option. Exactly one of `flag`, `text` and `uses` is where it goes. */
struct option_row {
    const char *name;     /* without dashes */
    char letter;          /* 0: none */
    const char *argument; /* what --help calls its value; NULL for a flag; "[=X]": "" where it stands without */
    const char *help;
    bool *flag;
    const char **text;
    struct option_uses *uses;
};

struct usage {
    const char *command;
    const char *arguments;
    const char *what; /* one line */
    const char *more; /* what --help says behind the options; NULL: nothing */
    int error_exit;   /* exit code for wrong usage */
    bool in_order;    /* options end at the first operand */
    const struct option_row *rows;
    size_t row_count;
};

/*
 * --help prints the table for programs in place of the text for people: what shells complete by and the manual is held
 * against.
 */
extern bool options_as_table;

/*
 * Parses argv[1] and on. Operands are moved to the front of `argv`, in their order. Returns their number, or -1 where
 * the command has to end with `*exit_code`: --help was asked for, or something is wrong and was said.
 */
int options_parse(const struct usage *usage, int argc, char **argv, int *exit_code);

/* Says what is wrong and how to ask for help; returns the usage's error_exit. */
int usage_error(const struct usage *usage, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
