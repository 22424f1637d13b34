/* SPDX-License-Identifier: MIT */
/* One small parser for the options of all subcommands. */
#include "command/options.h"

#include "command/command.h"
#include "config/memory.h"
#include "config/messages.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HELP_WIDTH 100 /* columns of --help */
#define OPTION_LEFT 64 /* bytes of an option with its value's name */

bool options_as_table;

int usage_error(const struct usage *usage, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "sockade %s: ", usage->command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "; see 'sockade %s --help'\n", usage->command);
    return usage->error_exit;
}

/* The option that every command has. */
static const struct option_row help_row = {"help", 'h', NULL, "show this", NULL, NULL, NULL};

/* "-o, --output OUT" */
static void option_left(char out[OPTION_LEFT], const struct option_row *row)
{
    char dashed[8] = "    ";

    if (row->letter != '\0')
        snprintf(dashed, sizeof(dashed), "-%c, ", row->letter);
    snprintf(out, OPTION_LEFT, "%s--%s%s%s", dashed, row->name,
             row->argument == NULL || row->argument[0] == '[' ? "" : " ", row->argument != NULL ? row->argument : "");
}

/* A text behind `indent` columns that stand already, its lines broken between words. */
static void print_wrapped(const char *text, size_t indent)
{
    size_t column = indent;

    while (*text != '\0') {
        size_t word = strcspn(text, " ");

        if (column > indent && column + 1 + word > HELP_WIDTH) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)word, text);
        column += word;
        text += word + strspn(text + word, " ");
    }
    putchar('\n');
}

/* The options in two columns, of which the first is as wide as it must be. */
static void print_options(const struct usage *usage)
{
    char left[OPTION_LEFT];
    size_t width = 0;

    for (size_t i = 0; i <= usage->row_count; i++) {
        option_left(left, i < usage->row_count ? &usage->rows[i] : &help_row);
        if (strlen(left) > width)
            width = strlen(left);
    }
    for (size_t i = 0; i <= usage->row_count; i++) {
        const struct option_row *row = i < usage->row_count ? &usage->rows[i] : &help_row;

        option_left(left, row);
        printf("  %-*s  ", (int)width, left);
        print_wrapped(row->help, width + 4);
    }
}

static void print_option_row(const char *command, const struct option_row *row)
{
    char letter[3] = {'-', row->letter, '\0'};

    printf("option\t%s\t%s\t--%s\t%s\t%s\n", command, letter, row->name, row->argument != NULL ? row->argument : "-",
           row->help);
}

/* For programs: fields between tabs, none of them empty. */
static void print_table(const struct usage *usage)
{
    printf("operands\t%s\t%s\n", usage->command, usage->arguments);
    for (size_t i = 0; i < usage->row_count; i++)
        print_option_row(usage->command, &usage->rows[i]);
    print_option_row(usage->command, &help_row);
}

static void print_help(const struct usage *usage)
{
    if (options_as_table) {
        print_table(usage);
        return;
    }
    printf("Usage: sockade %s ", usage->command);
    print_wrapped(usage->arguments, strlen("Usage: sockade ") + strlen(usage->command) + 1);
    print_wrapped(usage->what, 0);
    puts("\nOptions:");
    print_options(usage);
    if (usage->more != NULL)
        printf("\n%s\n", usage->more);
    printf("\nThe manual: man sockade-%s\n", usage->command);
}

/* The row of `--NAME`, where `name` has `length` bytes; NULL: there is none. */
static const struct option_row *row_by_name(const struct usage *usage, const char *name, size_t length)
{
    for (size_t i = 0; i < usage->row_count; i++) {
        if (strlen(usage->rows[i].name) == length && memcmp(usage->rows[i].name, name, length) == 0)
            return &usage->rows[i];
    }
    return NULL;
}

static const struct option_row *row_by_letter(const struct usage *usage, char letter)
{
    for (size_t i = 0; i < usage->row_count; i++) {
        if (letter != '\0' && usage->rows[i].letter == letter)
            return &usage->rows[i];
    }
    return NULL;
}

/* An option that the table does not hold. */
static int unknown_option(const struct usage *usage, const char *argument)
{
    const char *names[32];
    char word[64];
    const char *near = NULL;
    size_t count = 0;

    if (argument[1] == '-') {
        snprintf(word, sizeof(word), "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
        for (; count < usage->row_count && count < sizeof(names) / sizeof(names[0]) - 1; count++)
            names[count] = usage->rows[count].name;
        names[count++] = "help";
        near = nearest_name(word, names, count);
    }
    if (near != NULL)
        return usage_error(usage, "unknown option '%s'; did you mean '--%s'", argument, near);
    return usage_error(usage, "unknown option '%s'", argument);
}

static void row_store(const struct option_row *row, const char *value)
{
    if (row->flag != NULL) {
        *row->flag = true;
    } else if (row->text != NULL) {
        *row->text = value;
    } else {
        struct option_uses *uses = row->uses;

        uses->list = memory_grow(uses->list, uses->count, &uses->room, sizeof(*uses->list));
        uses->list[uses->count++] = (struct option_use){row->name, value != NULL ? value : ""};
    }
}

/*
 * Takes the option argv[*at], and the argument behind it where the option wants a value that is not attached. Returns
 * EXIT_FINE, or what the command has to end with.
 */
static int take_option(const struct usage *usage, int argc, char **argv, int *at)
{
    const char *argument = argv[*at];
    bool is_long = argument[1] == '-';
    size_t length = is_long ? strcspn(argument + 2, "=") : 0;
    const struct option_row *row = is_long ? row_by_name(usage, argument + 2, length)
                                           : row_by_letter(usage, argument[1]);
    const char *value = NULL;

    if (row == NULL)
        return unknown_option(usage, argument);
    if (is_long && argument[2 + length] == '=')
        value = argument + 2 + length + 1;
    else if (!is_long && argument[2] != '\0')
        value = argument + 2;
    if (row->argument == NULL && value != NULL)
        return usage_error(usage, "'%s': this option takes no value", argument);
    if (row->argument != NULL && row->argument[0] == '[' && value == NULL) {
        value = ""; /* it may stand without one */
    } else if (row->argument != NULL && value == NULL) {
        if (*at + 1 >= argc)
            return usage_error(usage, "'%s' needs a value, %s", argument, row->argument);
        value = argv[++*at];
    }
    row_store(row, value);
    return EXIT_FINE;
}

int options_parse(const struct usage *usage, int argc, char **argv, int *exit_code)
{
    int operands = 0;
    bool options_end = false;

    for (int at = 1; at < argc; at++) {
        const char *argument = argv[at];

        if (options_end || argument[0] != '-' || argument[1] == '\0') {
            argv[operands++] = argv[at];
            options_end = options_end || usage->in_order;
        } else if (strcmp(argument, "--") == 0) {
            options_end = true;
        } else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            print_help(usage);
            *exit_code = EXIT_FINE;
            return -1;
        } else {
            *exit_code = take_option(usage, argc, argv, &at);
            if (*exit_code != EXIT_FINE)
                return -1;
        }
    }
    argv[operands] = NULL;
    return operands;
}
